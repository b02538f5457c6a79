"""torch.nn.utils.parametrize: members that are computed from others, at every read from Python and before each forward."""
from ..._call import call


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """module.tensor_name becomes what the parametrization makes of it. Its forward may be in Python, a right_inverse may not."""
    if hasattr(type(parametrization), "right_inverse"):
        raise NotImplementedError("a parametrization whose right_inverse is in Python")
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
