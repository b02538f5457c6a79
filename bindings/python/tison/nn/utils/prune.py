"""torch.nn.utils.prune: methods as classes, and the functions that apply them. A method of one's own is a subclass of BasePruningMethod
with compute_mask and PRUNING_TYPE, as in torch."""
import ctypes
import numbers

from ..._api import Scope, check, constants, fail, hold, options, raw, scalar, struct
from ..._call import call, handle, wrap

_MASK = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
_global = raw("tn_nn_utils_prune_global_unstructured")
_running = {}  # number: the method of one's own whose apply is going on


@_MASK
def _compute_mask(t, default_mask, number):
    try:
        mask = _running[number].compute_mask(wrap(t), default_mask=wrap(default_mask))
        return hold(mask._handle)
    except BaseException as e:
        fail(e)
        return None


class BasePruningMethod:
    """torch.nn.utils.prune.BasePruningMethod."""
    PRUNING_TYPE = "unstructured"
    _method, _tensor_name = "CUSTOM", None

    def compute_mask(self, t, default_mask):
        """The mask for t over default_mask."""
        return self._with_row(lambda row: call("tn_nn_utils_prune_compute_mask", row, t, default_mask, False))

    def _row(self):
        """The method as the library's struct of arguments."""
        row = struct("tn_nn_pruning")()
        row.size, row.method = ctypes.sizeof(row), constants["TN_PRUNE_" + self._method]
        amount, mask = getattr(self, "amount", 0), getattr(self, "mask", None)
        if not isinstance(amount, numbers.Real):
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        row.amount = scalar(amount)
        row.dim, row.mask = getattr(self, "dim", 0), handle(mask)
        n = getattr(self, "n", 0.0)
        row.n, row.norm = (0.0, n.encode()) if isinstance(n, str) else (n, None)
        if self._method == "CUSTOM":
            if type(self).compute_mask is BasePruningMethod.compute_mask:
                raise NotImplementedError(f"{type(self).__name__} has no compute_mask")
            if self.PRUNING_TYPE not in ("unstructured", "structured", "global"):
                raise ValueError(f"Unrecognized PRUNING_TYPE {self.PRUNING_TYPE}")
            row.type = constants["TN_PRUNE_" + self.PRUNING_TYPE.upper()]
            row.compute_mask, row.data = ctypes.cast(_compute_mask, ctypes.c_void_p).value, id(self)
        return row

    def _with_row(self, use):
        """use(address of the struct)"""
        row = self._row()
        before = _running.get(id(self))
        _running[id(self)] = self
        try:
            with Scope():
                return use(ctypes.addressof(row))
        finally:
            _running.pop(id(self)) if before is None else None

    @classmethod
    def apply(cls, module, name, *args, importance_scores=None, **keywords):
        method = cls(*args, **keywords)
        method._with_row(lambda row: call("tn_nn_utils_prune_apply", module, name, row, importance_scores=importance_scores))
        return _note(module, name, method)

    def prune(self, t, default_mask=None, importance_scores=None):
        return self._with_row(lambda row: call("tn_nn_utils_prune_prune", row, t, default_mask=default_mask,
                                               importance_scores=importance_scores))


class Identity(BasePruningMethod):
    _method = "IDENTITY"


class RandomUnstructured(BasePruningMethod):
    _method = "RANDOM_UNSTRUCTURED"

    def __init__(self, amount):
        self.amount = amount


class L1Unstructured(RandomUnstructured):
    _method = "L1_UNSTRUCTURED"


class RandomStructured(BasePruningMethod):
    PRUNING_TYPE, _method = "structured", "RANDOM_STRUCTURED"

    def __init__(self, amount, dim=-1):
        self.amount, self.dim = amount, dim


class LnStructured(BasePruningMethod):
    PRUNING_TYPE, _method = "structured", "LN_STRUCTURED"

    def __init__(self, amount, n, dim=-1):
        self.amount, self.n, self.dim = amount, n, dim


class CustomFromMask(BasePruningMethod):
    PRUNING_TYPE, _method = "global", "CUSTOM_FROM_MASK"

    def __init__(self, mask):
        self.mask = mask


class PruningContainer(BasePruningMethod):
    """The methods that have pruned a tensor, in their order; its mask is the last one's, chosen among what the ones before have left."""

    def __init__(self, *args):
        self._pruning_methods = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method):
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to PruningContainer "
                             f"{self}. Found '{method._tensor_name}'")
        self._pruning_methods += (method,)

    def __len__(self):
        return len(self._pruning_methods)

    def __iter__(self):
        return iter(self._pruning_methods)

    def __getitem__(self, index):
        return self._pruning_methods[index]

    def compute_mask(self, t, default_mask):
        return self[-1]._with_row(lambda row: call("tn_nn_utils_prune_compute_mask", row, t, default_mask, True))


def _note(module, name, method):
    """What has pruned module.name now: the method, or a container of it and those before."""
    method._tensor_name = name
    noted = module.__dict__.setdefault("_pruned", {})
    before = noted.pop(name, None)
    if before is not None:
        method = PruningContainer(*(before if isinstance(before, PruningContainer) else (before,)), method)
    noted[name] = method
    return method


def identity(module, name):
    Identity.apply(module, name)
    return module


def random_unstructured(module, name, amount):
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module, name, amount, importance_scores=None):
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module, name, amount, dim):
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module, name, amount, n, dim, importance_scores=None):
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module, name, mask):
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(parameters, pruning_method, importance_scores=None, **keywords):
    parameters = list(parameters)
    if not isinstance(importance_scores or {}, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    n = len(parameters)
    rows, scores = (struct("tn_nn_prune_parameter") * (n + 1))(), (ctypes.c_void_p * (n + 1))()
    for i, (module, name) in enumerate(parameters):
        rows[i].module, rows[i].name = handle(module), name.encode()
        scores[i] = handle((importance_scores or {}).get((module, name)))
    o, _ = options("tn_nn_utils_prune_global_unstructured", {})
    o.importance_scores = ctypes.addressof(scores)

    def use(row):
        _global(ctypes.addressof(rows), n, row, ctypes.addressof(o))
        check()
    pruning_method(**keywords)._with_row(use)
    for module, name in parameters:
        _note(module, name, CustomFromMask(getattr(module, name + "_mask")))


def remove(module, name):
    call("tn_nn_utils_prune_remove", module, name)
    module.__dict__.get("_pruned", {}).pop(name, None)
    return module


def is_pruned(module):
    return call("tn_nn_utils_prune_is_pruned", module)
