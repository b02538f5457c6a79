"""torch.nn.parameter: tensors with a mark."""
from .._call import call
from .._create import tensor
from .._device import device as _device
from .._tensor import Tensor


class _MayBeUninitialized(Tensor):
    def materialize(self, shape, device=None, dtype=None):
        """Memory of that shape, where it was made, for one that has none yet."""
        if device is not None and _device(device) != self.device:
            raise RuntimeError("Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible tensor "
                               "type.")
        call("tn_materialize", self, shape, dtype=dtype)


class Parameter(_MayBeUninitialized):
    """torch.nn.Parameter: registers itself when it is assigned to a module's attribute."""

    def __new__(cls, data=None, requires_grad=True):
        data = tensor([]) if data is None else data
        return call("tn_parameter_at", data.detach(), requires_grad, None)

    def __init__(self, data=None, requires_grad=True):
        pass

    @classmethod
    def _like(cls, old, copy):
        return Parameter(copy, old.requires_grad)

    def __reduce__(self):
        return _restored, *super().__reduce__()[1:]


class Buffer(_MayBeUninitialized):
    """torch.nn.Buffer: saved with the module, not trained."""

    def __new__(cls, data=None, *, persistent=True):
        if data is not None and not isinstance(data, Tensor):
            raise AttributeError(f"'{type(data).__name__}' object has no attribute 'detach'")
        return call("tn_buffer", tensor([]) if data is None else data, persistent=persistent)

    def __init__(self, data=None, *, persistent=True):
        pass

    @classmethod
    def _like(cls, old, copy):
        return Buffer(copy, persistent=old.persistent)

    @property
    def persistent(self):
        return call("tn_is_persistent", self)


class _Uninitialized(type):
    """What is uninitialized changes its kind without changing its class."""

    def __instancecheck__(cls, x):
        return isinstance(x, cls.kind) and call("tn_is_lazy", x)


class UninitializedParameter(metaclass=_Uninitialized):
    """torch.nn.parameter.UninitializedParameter: makes a Parameter that has no shape yet, and is what such a one is an instance of."""
    kind = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        return call("tn_uninitialized_parameter", requires_grad=requires_grad, dtype=dtype, device=device)


class UninitializedBuffer(metaclass=_Uninitialized):
    """torch.nn.parameter.UninitializedBuffer."""
    kind = Buffer

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        return call("tn_uninitialized_buffer", requires_grad=requires_grad, dtype=dtype, persistent=persistent, device=device)


def _restored(*parts):
    from .._tensor import _restored as plain
    x = plain(*parts)
    return Parameter(x, x.requires_grad)
