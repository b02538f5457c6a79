"""tison.save and tison.load: what the library's tn_save and tn_load read and write, by the name's ending."""
import collections
import os

from ._api import Scope
from ._call import call
from .nn.module import make_state, state_items


def save(obj, path):
    """Writes a dict of tensors: a state_dict."""
    if not hasattr(obj, "items"):
        raise TypeError(f"save takes a dict of tensors, such as a state_dict, not {type(obj).__name__}")
    with Scope():
        call("tn_save", make_state(obj), os.fspath(path))


def load(path, weights_only=True):
    """Reads a dict of tensors."""
    with Scope():
        return collections.OrderedDict(state_items(call("tn_load", os.fspath(path))))
