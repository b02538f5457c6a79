"""torch.nn.functional: the C functions, which are named and ordered as torch's; operators that have none go by name."""
from .. import _operators
from .._call import function
from .._tensor import Tensor


def __getattr__(name):
    f = function(f"tn_{name}") or _operators.names.get(name)
    if name.startswith("_") or f is None:
        raise AttributeError(f"module 'tison.nn.functional' has no attribute '{name}'")
    return _with_inplace(name, f) if hasattr(Tensor, name + "_") else f


def _with_inplace(name, f):
    """torch's keyword inplace: relu(x, inplace=True) is x.relu_()."""
    def function(x, *args, inplace=False, **keywords):
        return getattr(x, name + "_")(*args, **keywords) if inplace else f(x, *args, **keywords)
    function.__name__, function.__doc__ = name, f.__doc__
    return function
