"""torch.dtype: the element types of api.json."""
from ._api import api

_short = {"uint8": "B", "int8": "b", "int16": "h", "int32": "i", "int64": "q", "float16": "e", "float32": "f", "float64": "d",
          "bool": "?", "uint16": "H", "uint32": "I", "uint64": "Q"}
_number = {"B": "|u1", "b": "|i1", "h": "<i2", "i": "<i4", "q": "<i8", "e": "<f2", "f": "<f4", "d": "<f8", "?": "|b1", "H": "<u2",
           "I": "<u4", "Q": "<u8"}
_legacy = {"uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long", "float16": "Half", "float32": "Float",
           "float64": "Double", "bfloat16": "BFloat16", "complex64": "ComplexFloat", "complex128": "ComplexDouble"}
_complex = {"complex32": "<c4", "complex64": "<c8", "complex128": "<c16"}


class dtype:
    """An element type; there is one object of each."""

    def __init__(self, name, value):
        self.name, self.value = name, value
        self.is_floating_point = name.startswith(("float", "bfloat"))
        self.is_complex = name.startswith("complex")
        self.is_signed = not name.startswith(("uint", "bool"))
        digits = "".join(c for c in name.split("_")[0] if c.isdigit())
        self.itemsize = 1 if name == "bool" else max(int(digits or 8) // 8, 1)
        self.legacy = _legacy.get(name) or name.capitalize()  # as in torch.FloatTensor
        self.code = _short.get(name)  # of the struct module
        self.typestr = _complex.get(name) or _number.get(self.code)  # of the array interface

    def __int__(self):
        return self.value

    def __repr__(self):
        return f"torch.{self.name}"

    def __reduce__(self):
        return of, (self.value,)


_by_value = {value: dtype(name[3:].lower(), value)
             for e in api["enums"] if e["name"] == "tn_dtype" for name, value in e["values"].items() if value >= 0}
by_name = {d.name: d for d in _by_value.values()}
by_name.update({new: by_name[old] for new, old in {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
    "cfloat": "complex64", "cdouble": "complex128"}.items()})
by_typestr = {d.typestr: d for d in _by_value.values() if d.typestr}


def by_legacy(name):
    """Of "torch.DoubleTensor" and its like."""
    found = next((d for d in _by_value.values() if name == f"torch.{d.legacy}Tensor"), None)
    if found is None:
        raise ValueError(f"invalid type: '{name}'")
    return found


def of(value):
    return _by_value.get(value)


class memory_format(int):
    """torch.memory_format: how elements lie in memory."""

    def __new__(cls, name):
        values = next(e["values"] for e in api["enums"] if e["name"] == "tn_memory_format")
        x = super().__new__(cls, values["TN_" + name.upper()])
        x.name = name
        return x

    def __repr__(self):
        return f"torch.{self.name}"

    __str__ = __repr__


formats = {name: memory_format(name) for name in ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")}
