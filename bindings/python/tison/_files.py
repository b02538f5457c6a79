"""tison.save and tison.load, by the name's ending: a .pt file holds nested values, as torch's do; the others dicts of tensors."""
import collections
import ctypes
import os

from . import _dtype
from ._api import Scope, constants, raw
from ._call import call, function
from ._device import device
from ._tensor import Tensor
from .nn.states import make_state, state_items

_NESTED = (".pt", ".pth")


def _value(obj):
    """A tn_value of Python's values; to be called in a scope."""
    if obj is None:
        return call("tn_value_none")
    if isinstance(obj, Tensor):
        return call("tn_value_tensor", obj)
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(obj, kind):
            return call(f"tn_value_{name}", obj)
    if isinstance(obj, complex):
        return call("tn_value_complex", obj.real, obj.imag)
    if isinstance(obj, _dtype.dtype):
        return call("tn_value_dtype", obj)
    if isinstance(obj, tuple):
        items = [_value(v) for v in obj]
        from ._call import wrap
        array = (ctypes.c_void_p * max(len(items), 1))(*[v._handle for v in items])
        return wrap(raw("tn_value_tuple")(array, len(items)), "tn_value *")
    if isinstance(obj, list):
        out = call("tn_value_list")
        for v in obj:
            call("tn_value_append", out, _value(v))
        return out
    if hasattr(obj, "items"):
        out = call("tn_value_dict")
        for k, v in obj.items():
            call("tn_value_set_int" if isinstance(k, int) else "tn_value_set", out, k, _value(v))
        return out
    raise TypeError(f"a file cannot hold a {type(obj).__name__}")


_kinds = {value: name[len("TN_VALUE_"):].lower() for name, value in constants.items() if name.startswith("TN_VALUE_")}
_plain = {"bool": "tn_value_as_bool", "int": "tn_value_as_int", "float": "tn_value_as_float", "string": "tn_value_as_string",
          "dtype": "tn_value_as_dtype", "tensor": "tn_value_as_tensor"}


def _python(v):
    """Python's value of a tn_value."""
    if v is None:
        return None
    kind = _kinds[call("tn_value_get_kind", v)]
    if kind in _plain:
        return call(_plain[kind], v)
    if kind == "device":
        return device(call("tn_value_as_string", v))
    if kind in ("list", "tuple", "set"):
        items = [_python(call("tn_value_at", v, i)) for i in range(call("tn_value_count", v))]
        return {"list": list, "tuple": tuple, "set": set}[kind](items)
    if kind == "dict":
        return collections.OrderedDict((_python(call("tn_value_key", v, i)), _python(call("tn_value_at", v, i)))
                                       for i in range(call("tn_value_count", v)))
    if kind == "complex":
        parts = (ctypes.c_double * 2)()
        raw("tn_value_as_complex")(v._handle, ctypes.addressof(parts), ctypes.addressof(parts) + 8)
        return complex(*parts)
    if kind == "bytes":
        return ctypes.string_at(raw("tn_value_as_bytes")(v._handle), call("tn_value_count", v))
    return None


def save(obj, path):
    """Writes a dict of tensors, such as a state_dict; a .pt file takes lists, dicts, numbers and texts too."""
    path = os.fspath(path)
    with Scope():
        if path.endswith(_NESTED) and function("tn_save_pt"):
            return call("tn_save_pt", _value(obj), path) and None
        if not hasattr(obj, "items"):
            raise TypeError(f"save takes a dict of tensors, such as a state_dict, not {type(obj).__name__}")
        call("tn_save", make_state(obj), path)


def load(path, weights_only=True):
    """Reads what save wrote, and what torch.save wrote of such values."""
    path = os.fspath(path)
    with Scope():
        if path.endswith(_NESTED) and function("tn_load_pt"):
            return _python(call("tn_load_pt", path))
        return collections.OrderedDict(state_items(call("tn_load", path)))
