"""torch.nn.functional: the C functions, which are named and ordered as torch's; operators that have none go by name."""
from .. import _operators
from .._call import function


def __getattr__(name):
    f = function(f"tn_{name}") or _operators.names.get(name)
    if name.startswith("_") or f is None:
        raise AttributeError(f"module 'tison.nn.functional' has no attribute '{name}'")
    return f
