"""torch.nn.utils.parametrizations: each gives back the module."""
from ..._call import call


def orthogonal(module, name="weight", orthogonal_map=None, *, use_trivialization=True):
    """A matrix, or a batch of them, that stays orthogonal."""
    call("tn_nn_utils_parametrizations_orthogonal", module, name, orthogonal_map,
         use_trivialization=use_trivialization)
    return module


def weight_norm(module, name="weight", dim=0):
    """A length and a direction in place of a weight."""
    call("tn_nn_utils_parametrizations_weight_norm", module, name, dim)
    return module


def spectral_norm(module, name="weight", n_power_iterations=1, eps=1e-12, dim=None):
    """A weight by its largest singular value; without a dim the rows are those of dim 0, of transposed convolutions dim 1."""
    if dim is None:
        dim = int(type(module).__name__.startswith("ConvTranspose"))
    call("tn_nn_utils_parametrizations_spectral_norm", module, name, n_power_iterations, eps, dim)
    return module
