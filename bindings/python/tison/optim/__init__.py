"""torch.optim: the optimizers that api.json lists."""
from .. import _api
from .._api import Scope, api, options, raw
from .._call import Function, call, function
from .._object import Object
from .._tensor import Tensor
from ..nn.states import make_state, state_items


class _Group(dict):
    """param_groups[i]: options that may be read and set."""

    def __init__(self, optimizer, index, values):
        super().__init__(values)
        self._optimizer, self._index = optimizer, index

    def __getitem__(self, key):
        return call("tn_optim_get_lr", self._optimizer, self._index) if key == "lr" else super().__getitem__(key)

    def __setitem__(self, key, value):
        setter = function(f"tn_optim_set_{key}")
        if setter is None:
            raise NotImplementedError(f"param_groups[...]['{key}'] cannot be set after the optimizer was made")
        setter(self._optimizer, self._index, value)
        super().__setitem__(key, value)


class Optimizer(Object):
    """torch.optim.Optimizer. Each kind is made by its C constructor."""
    _make = None

    def __init__(self, params, *args, **keywords):
        if isinstance(params, Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                            "torch.FloatTensor")
        params = list(params)
        if not params:
            raise ValueError("optimizer got an empty parameter list")
        given = {**dict(zip(self._make.by_place[1:], args)), **keywords}
        groups = params if isinstance(params[0], dict) else [{"params": params}]
        self.param_groups, self._defaults = [], {**_values(self._make), **given}
        first, more = {k: v for k, v in groups[0].items() if k != "params"}, {}
        tensors = _parameters(groups[0], more)
        with Scope():
            own = {**given, **first}
            self._make.make(lambda a: _adopt(self, a), tensors, **own)
            for group in groups[1:]:
                self._add({**given, **group})
        self.param_groups.insert(0, _Group(self, 0, {**self._defaults, **first, **more, "params": tensors}))

    def _add(self, group):
        chosen = {k: v for k, v in group.items() if k != "params"}
        more = {}
        tensors = _parameters(group, more)
        with Scope():
            call("tn_optim_add_param_group", self, tensors, **chosen)
        index = call("tn_optim_group_count", self) - 1
        self.param_groups.append(_Group(self, index, {**self._defaults, **chosen, **more, "params": tensors}))

    def add_param_group(self, param_group):
        self._add(param_group)

    def step(self, closure=None):
        loss = None
        if closure is not None:
            from ..autograd import enable_grad
            with enable_grad():
                loss = closure()
        call("tn_optim_step", self)
        return loss

    def zero_grad(self, set_to_none=True):
        call("tn_optim_zero_grad", self)

    def state_dict(self):
        """{"state": {i: {name: tensor}}, "param_groups": [{...}]}."""
        with Scope():
            flat = state_items(call("tn_optim_state_dict", self))
        out = {"state": {}, "param_groups": []}
        for name, value in flat:
            top, index, key = name.split(".", 2)
            if top == "state":
                out["state"].setdefault(int(index), {})[key] = value
            else:
                while len(out["param_groups"]) <= int(index):
                    out["param_groups"].append({})
                plain = value.tolist()
                out["param_groups"][int(index)][key] = tuple(plain) if key == "betas" else plain
        return out

    def load_state_dict(self, state_dict):
        from .._create import tensor
        from .._dtype import by_name
        kinds = {name: value.dtype for name, value in self._flat()}
        flat = {}
        for i, values in state_dict["state"].items():
            for key, value in values.items():
                flat[f"state.{i}.{key}"] = value
        for j, group in enumerate(state_dict["param_groups"]):
            for key, value in group.items():
                name = f"param_groups.{j}.{key}"
                if name in kinds or value is not None and not isinstance(value, str):
                    flat[name] = tensor(value, dtype=kinds.get(name, by_name["float64"]))
        with Scope():
            call("tn_optim_load_state_dict", self, make_state({k: v for k, v in flat.items() if k in kinds or "state." in k}))
        for i, group in enumerate(self.param_groups):
            dict.update(group, {k: v for k, v in state_dict["param_groups"][i].items() if k != "params"})

    def _flat(self):
        with Scope():
            return state_items(call("tn_optim_state_dict", self))

    def __repr__(self):
        return _api.text(raw("tn_to_string"), self._handle)


def _adopt(self, address):
    from .._object import adopt
    return adopt(self, address)


def _parameters(group, more):
    """The tensors of a group; their names, when it has named ones, go into `more`."""
    tensors = group["params"]
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if tensors and all(isinstance(t, tuple) for t in tensors):
        more["param_names"], tensors = [name for name, _ in tensors], [t for _, t in tensors]
    for t in tensors:
        if not isinstance(t, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(t).__name__}")
    return tensors


def _values(f):
    o, kept = options(f.name, {})
    out = {}
    for field in f.fields:
        value = getattr(o, field)
        out[field] = tuple(value) if hasattr(value, "__len__") else value
    return out


def _make(row):
    return type(row["name"], (Optimizer,), {"_make": staticmethod(Function(row["constructor"])), "__doc__": row["doc"],
                                            "__module__": "tison.optim"})


_classes = {row["name"]: _make(row) for row in api["classes"] if row["kind"] == "optimizer" and row["name"]}
globals().update(_classes)
__all__ = ["Optimizer", *_classes]
