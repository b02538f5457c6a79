"""The library and its description: api.json becomes ctypes structs, functions with argument types, and exception classes."""
import builtins
import ctypes
import json
import os
import threading

_here = os.path.dirname(os.path.abspath(__file__))


def _find(names, what):
    for name in names:
        if name and os.path.exists(name):
            return name
    raise ImportError(f"tison: {what} is not found; `make python` puts it next to the package, or set TISON_LIBRARY and TISON_API")


with open(_find([os.environ.get("TISON_API"), os.path.join(_here, "api.json"), os.path.join(_here, "../../api.json")], "api.json"),
          encoding="utf-8") as _file:
    api = json.load(_file)
lib = ctypes.CDLL(_find([os.environ.get("TISON_LIBRARY"), os.path.join(_here, "libtison.so"),
                         os.path.join(_here, "../../../build/libtison.so")], "libtison.so"))

NONE = -(2 ** 63)  # TN_NONE
functions = {f["name"]: f for f in api["functions"]}
aliases = api["aliases"]
constants = {name: value for e in api["enums"] for name, value in e["values"].items()}
_enums = {e["name"] for e in api["enums"]}
_structs = {s["name"]: s for s in api["structs"]}
_made = {}
_plain = {"int64_t": ctypes.c_int64, "size_t": ctypes.c_size_t, "int": ctypes.c_int, "bool": ctypes.c_bool,
          "double": ctypes.c_double, "float": ctypes.c_float, "uint64_t": ctypes.c_uint64, "uint32_t": ctypes.c_uint32,
          "uint16_t": ctypes.c_uint16,
          "uint8_t": ctypes.c_uint8, "int32_t": ctypes.c_int32, "char": ctypes.c_char, "const char *": ctypes.c_char_p,
          "void": None}


def struct(name):
    """The ctypes struct of that name."""
    while name in aliases:
        name = aliases[name]
    if name not in _made:
        _made[name] = _make(name, _structs[name]["fields"], ctypes.Structure)
    return _made[name]


def _make(name, fields, base):
    rows = []
    for f in fields:
        if "fields" in f:
            t = _make(f["name"], f["fields"], ctypes.Union if f["type"].startswith("union") else ctypes.Structure)
        else:
            t = ctype(f["type"])
        rows.append((f["name"], t * f["count"] if "count" in f else t))
    return type(name, (base,), {"_fields_": rows})


def ctype(text):
    """The ctypes type of a C type; a pointer to anything but text is an address."""
    if text in _plain:
        return _plain[text]
    if text.endswith("*") or "(*)" in text:
        return ctypes.c_void_p
    if text in _enums:
        return ctypes.c_int
    return struct(text)


def raw(name):
    """The C function, typed as api.json says."""
    f = getattr(lib, name)
    d = functions[name]
    f.argtypes = [ctype(p["type"]) for p in d["parameters"]]
    f.restype = ctype(d["returns"]["type"])
    return f


def options(name, values):
    """A struct of options: the function's defaults, then `values`, in a form that ctypes takes."""
    d = functions[name]
    type_name = d["parameters"][-1]["type"].split()[1]
    fields = {f["name"]: f for f in _structs[_resolve(type_name)]["fields"]}
    o = struct(type_name)()
    o.size = ctypes.sizeof(o)
    keep = []
    for key, value in {**(d["defaults"] or {}), **values}.items():
        set_field(o, fields[key], value, keep)
    return o, keep


def _resolve(name):
    while name in aliases:
        name = aliases[name]
    return name


def option_fields(name):
    """The fields of a function's options, those of the struct's own business left out; [] without options."""
    parameters = functions[name]["parameters"]
    if not parameters or parameters[-1]["kind"] != "options":
        return []
    fields = _structs[_resolve(parameters[-1]["type"].split()[1])]["fields"]
    return [f for f in fields if f["kind"] != "internal"]


def set_field(o, field, value, keep):
    kind, name = field["kind"], field["name"]
    if field["type"] == "tn_ints":
        if value is not None:
            items = (ctypes.c_int64 * max(len(value), 1))(*value)
            keep.append(items)
            o_field = getattr(o, name)
            o_field.n, o_field.v = len(value), ctypes.addressof(items)
    elif "count" in field:
        if value is not None:
            getattr(o, name)[:] = value if isinstance(value, (list, tuple)) else [value] * field["count"]
    elif value is None:
        setattr(o, name, {"int": NONE, "double": float("nan"), "dtype": -1}.get(kind))
    elif kind == "tensor":
        keep.append(value)
        setattr(o, name, value._handle)
    elif kind == "string":
        setattr(o, name, str(value).encode())
    elif kind == "scalar":
        setattr(o, name, scalar(value))
    elif kind == "enum":
        setattr(o, name, enumerator(field["type"], value))
    elif kind == "dtype":
        setattr(o, name, int(value))
    else:
        setattr(o, name, getattr(value, "_handle", value))


def enumerator(enum, value):
    """An enumerator by number or by the word that torch has for it: 'mean' for TN_REDUCTION_MEAN."""
    if isinstance(value, int):
        return value
    values = next(e["values"] for e in api["enums"] if e["name"] == enum)
    for name, number in values.items():
        if name.lower().endswith("_" + value.lower()):
            return number
    raise ValueError(f"{value} is not a valid value for {enum[3:]}")


def scalar(value):
    s = struct("tn_scalar")()
    if isinstance(value, bool):
        s.kind, s.value.i = constants["TN_SCALAR_BOOL"], value
    elif isinstance(value, int):
        s.kind, s.value.i = constants["TN_SCALAR_INT"], value
    elif isinstance(value, complex) and "TN_SCALAR_COMPLEX" in constants:
        s.kind = constants["TN_SCALAR_COMPLEX"]
        s.value.c[:] = (value.real, value.imag)
    else:
        s.kind, s.value.d = constants["TN_SCALAR_DOUBLE"], float(value)
    return s


# ---- errors: the latch is emptied where it becomes an exception ----

class LinAlgError(RuntimeError):
    """torch.linalg.LinAlgError: a matrix that is singular or not positive-definite."""


exceptions = {e["value"]: LinAlgError if e["exception"] == "LinAlgError" else getattr(builtins, e["exception"], RuntimeError)
              for e in api["errors"]}
_error, _message, _clear, _raise = raw("tn_error"), raw("tn_error_message"), raw("tn_clear_error"), lib.tn_raise
_raise.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p]
_raise.restype = ctypes.c_bool
_raised = threading.local()  # .by_text: what callbacks raised, on its way through C


def check():
    """Raises the thread's error, if there is one."""
    status = _error()
    if status:
        text = _message().decode(errors="replace")
        _clear()
        by_text = getattr(_raised, "by_text", {})
        own = next((t for t in reversed(by_text) if t in text), None)  # the library may have said where
        kind = exceptions.get(status, RuntimeError)
        if kind is KeyError and text[:1] == text[-1:] == "'":
            text = text[1:-1]  # the key, which Python prints in quotes
        raise kind(text) if own is None else by_text.pop(own)


def fail(exception):
    """In a callback: the exception becomes the error of the call that runs it, unless that has one already."""
    if not _error():
        _raise(constants["TN_ERR_CALLBACK"], b"%s", f"{type(exception).__name__}: {exception}".encode())
        by_text = _raised.__dict__.setdefault("by_text", {})
        by_text[_message().decode(errors="replace")] = exception
        if len(by_text) > 4:  # the library has dropped the oldest
            del by_text[next(iter(by_text))]
    return False


@ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)
def _warn(message, _):
    import warnings
    warnings.warn(message.decode(errors="replace"), stacklevel=2)


raw("tn_set_warning_handler")(ctypes.cast(_warn, ctypes.c_void_p), None)


# ---- claims: every call has a scope of its own; what Python holds is kept by a claim that goes with the Python object ----

_enter, _exit = raw("tn_scope_enter"), raw("tn_scope_exit")
keep, free, hold = raw("tn_keep"), raw("tn_free"), raw("tn_hold")


class Scope:
    """with Scope(): what C makes inside and nothing else claims is freed at the end."""
    __slots__ = ("scope",)

    def __enter__(self):
        self.scope = _enter()

    def __exit__(self, *_):
        _exit(ctypes.byref(self.scope))


def text(function, *args):
    """The text that a function lends out."""
    value = function(*args)
    return None if value is None else value.decode(errors="replace")
