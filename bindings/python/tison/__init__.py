"""tison: PyTorch's interface over the Tison library. What api.json describes is here: operators, layers, optimizers, settings."""
from . import __future__, _create, _dtype, _operators, autograd, func, linalg, nn, optim, sparse, utils
from ._api import api as _api_json
from ._call import call as _c_call, function as _c_function
from ._create import arange, as_tensor, from_numpy, randint, sparse_coo_tensor, tensor
from ._tensor import Size, Tensor
from ._device import device, get_default_device, set_default_device
from ._dtype import dtype, layout, memory_format
from ._files import load, save
from .autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled

__version__ = _api_json["version"]
globals().update({name: t for name, t in _dtype.by_name.items() if name != "bool"})
globals().update(_dtype.formats)
globals().update(_dtype.layouts)
globals().update(_operators.names)
globals().update(_create.likes)
bool = _dtype.by_name["bool"]


def is_tensor(x):
    return isinstance(x, Tensor)


def numel(x):
    return x.numel()


def manual_seed(seed):
    """torch.manual_seed."""
    _c_call("tn_manual_seed", seed % 2 ** 64)


def __getattr__(name):
    """Every other function of the library by its name: tison.set_num_threads is tn_set_num_threads."""
    f = None if name.startswith("_") else _c_function(f"tn_{name}")
    if f is None:
        raise AttributeError(f"module 'tison' has no attribute '{name}'")
    return f
