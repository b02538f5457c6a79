"""torch.nn.utils.parametrize: members that are computed from others, at every read and before each forward."""
import contextlib

from ..._api import raw
from ..._call import call
from ..module import LibraryModule, by_type


class ParametrizationList(LibraryModule):
    """What computes one member: the functions in their order, and the original or originals."""

    def __len__(self):
        return sum(1 for _ in self.children())

    def __iter__(self):
        return self.children()

    def __getitem__(self, i):
        return list(self.children())[i]

    @property
    def is_tensor(self):
        """Is there one original?"""
        return "original" in self._parameters or "original" in self._buffers


class _Parametrizations(LibraryModule):
    """The ModuleDict in which these stand."""

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules)

    def __contains__(self, name):
        return name in self._modules

    def __getitem__(self, name):
        return self._modules[name]

    def keys(self):
        return self._modules.keys()

    def values(self):
        return self._modules.values()

    def items(self):
        return self._modules.items()


_Parametrizations.__name__ = "ModuleDict"
by_type.update(tni_parametrizations=_Parametrizations, tni_parametrization_list=ParametrizationList)


def _hold(module):
    """The Python objects of parametrizations live as long as the module's."""
    module._hold_children()
    if is_parametrized(module):
        for functions in module.parametrizations._hold_children().children():
            functions._hold_children()
    return module


def register_parametrization(module, tensor_name, parametrization, *, unsafe=False):
    """module.tensor_name becomes what the parametrization, a module, makes of it; assignments go through its right_inverse."""
    call("tn_nn_utils_parametrize_register_parametrization", module, tensor_name, parametrization, unsafe=unsafe)
    return _hold(module)


def remove_parametrizations(module, tensor_name, leave_parametrized=True):
    """The computed value stays, or the original comes back."""
    call("tn_nn_utils_parametrize_remove_parametrizations", module, tensor_name, leave_parametrized=leave_parametrized)
    return _hold(module)


def is_parametrized(module, tensor_name=None):
    return call("tn_nn_utils_parametrize_is_parametrized", module, tensor_name)


def type_before_parametrizations(module):
    """The class, which stays the same: only the printed name changes."""
    return type(module)


def transfer_parametrizations_and_params(from_module, to_module, tensor_name=None):
    """Puts parametrizations and their originals, all or those of one name, upon another module, which shares them then."""
    try:
        call("tn_nn_utils_parametrize_transfer_parametrizations_and_params", from_module, to_module, tensor_name=tensor_name)
    finally:  # what a failure leaves is held, too
        _hold(to_module)
    return to_module


@contextlib.contextmanager
def cached():
    """Reads inside give the object of the first one."""
    raw("tn_computed_cache_enter")()
    try:
        yield
    finally:
        raw("tn_computed_cache_exit")()
