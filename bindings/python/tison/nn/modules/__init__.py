"""torch.nn.modules: where torch keeps Module and the hooks of all modules."""
from . import module
from ..module import Module

__all__ = ["Module", "module"]
