"""torch.nn.utils: the functions tn_nn_utils_* of the library."""
from .._api import functions
from .._call import function

globals().update({name[len("tn_nn_utils_"):]: function(name) for name in functions if name.startswith("tn_nn_utils_")})
