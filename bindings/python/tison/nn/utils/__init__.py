"""torch.nn.utils: the functions tn_nn_utils_* of the library; nn.utils.prune, parametrize, parametrizations."""
from ..._api import functions
from ..._call import function
from . import parametrizations, parametrize, prune

globals().update({name[len("tn_nn_utils_"):]: function(name) for name in functions
                  if name.startswith("tn_nn_utils_") and not name.startswith(("tn_nn_utils_prune_", "tn_nn_utils_parametriz"))})
