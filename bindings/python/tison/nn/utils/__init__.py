"""torch.nn.utils: the functions tn_nn_utils_* of the library; nn.utils.prune, parametrize, parametrizations."""
from ..._api import functions
from ..._call import function
from . import parametrizations, parametrize, prune



def _as_in_torch(f):
    """Gives back the module that it changes, or nothing, where C says whether it went well."""
    if f.returns["kind"] != "bool":
        return f

    def call(first, *args, **keywords):
        f(first, *args, **keywords)
        return first if f.parameters[0]["kind"] == "module" else None
    call.__name__, call.__doc__ = f.__name__, f.__doc__
    return call


globals().update({name[len("tn_nn_utils_"):]: _as_in_torch(function(name)) for name in functions
                  if name.startswith("tn_nn_utils_") and not name.startswith(("tn_nn_utils_prune_", "tn_nn_utils_parametriz"))})

_remove_weight_norm, _remove_spectral_norm = remove_weight_norm, remove_spectral_norm  # noqa: F821


def remove_weight_norm(module, name="weight"):
    """torch.nn.utils.remove_weight_norm."""
    return _remove_weight_norm(module, name)


def remove_spectral_norm(module, name="weight"):
    """torch.nn.utils.remove_spectral_norm."""
    return _remove_spectral_norm(module, name)
