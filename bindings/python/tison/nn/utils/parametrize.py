"""torch.nn.utils.parametrize: members that are computed from others, at every read and before each forward."""
import contextlib

from ..._api import raw
from ..._call import call


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """module.tensor_name becomes what the parametrization, a module, makes of it; assignments go through its right_inverse."""
    call("tn_nn_utils_parametrize_register_parametrization", module, tensor_name, parametrization, unsafe=unsafe)
    module.__dict__.setdefault("_computed", {}).setdefault(tensor_name, []).append(parametrization)
    return module


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """The computed value stays, or the original comes back."""
    call("tn_nn_utils_parametrize_remove_parametrizations", module, tensor_name, leave_parametrized=leave_parametrized)
    module.__dict__.get("_computed", {}).pop(tensor_name, None)
    return module


def is_parametrized(module, tensor_name=None):
    return call("tn_nn_utils_parametrize_is_parametrized", module, tensor_name)


@contextlib.contextmanager
def cached():
    """Reads inside give the object of the first one."""
    raw("tn_computed_cache_enter")()
    try:
        yield
    finally:
        raw("tn_computed_cache_exit")()
