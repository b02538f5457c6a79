"""torch.nn.parameter: tensors with a mark."""
from .._call import call
from .._create import tensor
from .._tensor import Tensor


class Parameter(Tensor):
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
        return _restored, super().__reduce__()[1]


class Buffer(Tensor):
    """torch.nn.Buffer: saved with the module, not trained."""

    def __new__(cls, data=None, *, persistent=True):
        return call("tn_buffer", tensor([]) if data is None else data, persistent=persistent)

    def __init__(self, data=None, *, persistent=True):
        pass

    @classmethod
    def _like(cls, old, copy):
        return Buffer(copy)


def _restored(*parts):
    from .._tensor import _restored as plain
    x = plain(*parts)
    return Parameter(x, x.requires_grad)
