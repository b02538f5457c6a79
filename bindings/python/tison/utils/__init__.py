"""torch.utils, and a summary of a module."""
import copy as _copy
import ctypes as _ctypes

from .._call import call
from . import data

__all__ = ["data", "summary", "swap_tensors"]


def summary(module, input=None, depth=-1):
    """A table of a module as text: what each module below it holds, the numbers of elements and bytes; with an input (a tensor, or a
    tuple of several) also the shapes of results, by the forward of a copy in evaluation mode. Not in PyTorch."""
    if input is None:
        return call("tn_module_summary", module, depth=depth)
    inputs = input if isinstance(input, (list, tuple)) else (input,)
    handles = (_ctypes.c_void_p * len(inputs))(*(x._handle for x in inputs))
    return call("tn_module_summary", module, inputs=_ctypes.addressof(handles), ninputs=len(inputs), depth=depth,
                copy=_copy.deepcopy(module))


def swap_tensors(t1, t2):
    """torch.utils.swap_tensors: both objects stay, and exchange what they are."""
    call("tn_swap_tensors", t1, t2)
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    first, second = ({k: v for k, v in t.__dict__.items() if k != "_handle"} for t in (t1, t2))
    for t, old, new in (t1, first, second), (t2, second, first):
        for name in old:
            del t.__dict__[name]
        t.__dict__.update(new)
