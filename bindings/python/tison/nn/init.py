"""torch.nn.init: the functions tn_nn_init_* of the library."""
from .._api import functions
from .._call import Function


def _make(name):
    f = Function(name, {functions[name]["parameters"][0]["name"]: "tensor"})
    f.__name__ = name[len("tn_nn_init_"):]
    return f


globals().update({name[len("tn_nn_init_"):]: _make(name) for name in functions if name.startswith("tn_nn_init_")})
