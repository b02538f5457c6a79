"""torch.func: functional_call and stack_module_state."""
import collections
import ctypes

from ._api import Scope, check, raw
from ._call import call, handle, wrap
from ._tensor import Tensor
from .nn.states import make_state, state_items

_stack = raw("tn_stack_module_state")


def _one_dict(dicts):
    if isinstance(dicts, dict):
        merged = dicts
    elif not isinstance(dicts, (list, tuple)):
        raise ValueError(f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}")
    elif not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    else:
        names = collections.Counter(name for d in dicts for name in d)
        if any(n > 1 for n in names.values()):
            raise ValueError(f"{[name for name, n in names.items() if n > 1]} appeared in multiple dictionaries; behavior of "
                             "functional call is ambiguous")
        merged = {name: value for d in dicts for name, value in d.items()}
    for value in merged.values():
        if not isinstance(value, Tensor):
            raise TypeError(f"{value!r} is not an instance of torch.Tensor")
    return merged


def functional_call(module, parameter_and_buffer_dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """torch.func.functional_call; what forward assigns to a member goes into the dict. kwargs come after args, in their order."""
    values = _one_dict(parameter_and_buffer_dicts)
    args = () if args is None else tuple(args) if isinstance(args, (tuple, list)) else (args,)
    with Scope():
        state = make_state(values)
        result = call("tn_functional_call", module, state, args + tuple((kwargs or {}).values()), tie_weights=tie_weights,
                      strict=strict)
        for name, now in state_items(state):
            if now is not values[name]:
                owner = values if isinstance(parameter_and_buffer_dicts, dict) else next(
                    d for d in parameter_and_buffer_dicts if name in d)
                owner[name] = now
    return result


def stack_module_state(models):
    """torch.func.stack_module_state: two dicts, of parameters and of buffers."""
    models = list(models)
    made = ctypes.c_void_p(), ctypes.c_void_p()
    with Scope():
        _stack((ctypes.c_void_p * max(len(models), 1))(*map(handle, models)), len(models), *map(ctypes.addressof, made))
        check()
        return tuple(dict(state_items(wrap(m.value, "tn_state *"))) for m in made)
