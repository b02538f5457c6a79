"""torch.nn: the layers that api.json lists, Module, Parameter, Buffer; nn.functional, nn.init, nn.utils; losses as modules."""
from . import functional, init, modules, utils
from .layers import classes as _classes
from .losses import classes as _losses
from .module import Module
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

globals().update(_losses)
globals().update(_classes)
__all__ = ["Module", "Parameter", "Buffer", "UninitializedParameter", "UninitializedBuffer", "functional", "init", "modules", "utils", *_classes, *_losses]
