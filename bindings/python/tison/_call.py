"""Calls of C functions by their description: Python's arguments and keywords in, Python's results out."""
import ctypes
import functools
import operator

from . import _dtype
from ._api import (Scope, _resolve, _structs, check, enumerator, free, functions, option_fields, options, raw, scalar,
                   struct)
from ._device import device
from ._object import Object, adopt, find

wrappers = {}  # C type: what makes the Python object of an address; filled by the modules that define them


def wrap(address, type_name="tn_tensor *"):
    """The Python object of what a call returned; None for NULL."""
    if not address:
        return None
    known = find(address)
    return wrappers.get(type_name, Object._wrap)(address) if known is None else known


def wrap_owned(address):
    """The same for a tensor that came with a claim of the caller's own."""
    if not address:
        return None
    known = find(address)
    if known is None:
        return adopt(wrappers["tn_tensor"](), address, owned=True)
    free(address)
    return known


def ints(value):
    """An int or a sequence of ints as a tuple."""
    return (value,) if isinstance(value, int) else tuple(int(v) for v in value)


def _array(items, kind=ctypes.c_int64):
    return (kind * max(len(items), 1))(*items)


def handle(x):
    if x is None:
        return None
    try:
        return x._handle
    except AttributeError:
        if hasattr(type(x), "_wrap"):  # a module whose initialiser did not run says so itself
            raise
        raise TypeError(f"a Tensor, a Module or another object of the library is expected, not {type(x).__name__}") from None


def number(value):
    """A Python number where a tensor may stand; to be called inside a scope."""
    kind = "bool" if isinstance(value, bool) else "int" if isinstance(value, int) else "double"
    return _numbers[kind](value)


_numbers = {kind: raw(f"tn_number_{kind}") for kind in ("bool", "int", "double")}


def _tensor(p, value):
    if value is None or hasattr(value, "_handle"):
        return handle(value)
    try:
        return number(value)
    except ctypes.ArgumentError:
        raise TypeError(f"argument '{p['name']}' must be Tensor, not {type(value).__name__}") from None


def _structs_of(p, values):
    """Pairs, or a dict, as an array of structs of two fields: a name and an object."""
    row = struct(p["type"].split()[1])
    pairs = list(values.items() if hasattr(values, "items") else values)
    items = (row * max(len(pairs), 1))()
    for item, (key, value) in zip(items, pairs):
        item.name, item.value = key.encode(), handle(value)
    return items, len(pairs)


_tensors_new = raw("tn_tensors_new")


def _list_of(tensors):
    """A tn_tensors of Python's list, claimed by the call's scope."""
    items = [tensors] if hasattr(tensors, "_handle") else list(tensors)
    return _tensors_new(_array([handle(x) for x in items], ctypes.c_void_p), len(items))


def _pointer(p, value):
    """An object of the library, or an address: of a struct, or a callback's data."""
    if hasattr(value, "_handle"):
        return (handle(value),)
    return (_object(value) if p["type"] == "void *" and p["name"] != "data" else value,)


def _object(value):
    if value is not None and not hasattr(value, "_handle"):
        raise TypeError(f"{type(value).__name__} is not a Module subclass")
    return handle(value)


_convert = {
    "structs": _structs_of,
    "tensor": lambda p, v: (_tensor(p, v),),
    "tensors": lambda p, v: (_array([handle(x) for x in v], ctypes.c_void_p), len(v)),
    "objects": lambda p, v: (_array([_object(x) for x in v], ctypes.c_void_p), len(v)),
    "ints": lambda p, v: (_array(ints(v)), len(ints(v))),
    "doubles": lambda p, v: (_array(tuple(v), ctypes.c_double), len(v)),
    "string": lambda p, v: (None if v is None else str(v).encode(),),
    "dtype": lambda p, v: (-1 if v is None else int(v),),
    "scalar": lambda p, v: (scalar(v),),
    "enum": lambda p, v: (enumerator(p["type"], v),),
    "int": lambda p, v: (-(2 ** 63) if v is None else operator.index(v),),
    "module": lambda p, v: (handle(v),),
    "handle": lambda p, v: (_list_of(v) if p["type"] == "tn_tensors *" and not isinstance(v, Object) else handle(v),),
    "pointer": _pointer,
}


_FOR_OTHER_DEVICES = ("layout", "pin_memory", "generator", "memory_format")


class Function:
    """A C function as Python sees it. `names`: other names of its parameters, as torch has them."""

    def __init__(self, name, names=None):
        d = functions[name]
        self.name, self.c, self.returns = name, raw(name), d["returns"]
        self.__name__, self.__doc__ = name[3:], d["doc"]
        self.parameters = [p for p in d["parameters"] if p["kind"] not in ("count", "tensor_out", "options")]
        self.plan = d["parameters"]
        self.outs = sum(p["kind"] == "tensor_out" for p in d["parameters"])
        fields = [f["name"] for f in option_fields(name) if f["name"] not in ("where",)]
        self.fields = set(fields)
        self.by_place = [p["name"] for p in self.parameters] + self._positional(d, fields)
        self.names = {new: old for old, new in (names or {}).items()}
        first = self.by_place[0] if self.by_place else None
        for other in ("input", "self"):
            if first and other not in self.by_place:
                self.names.setdefault(other, first)

    @staticmethod
    def _positional(d, fields):
        """Options before the struct's keywords_only may be given by place."""
        if not fields:
            return []
        every = [f["name"] for f in _structs[_resolve(d["parameters"][-1]["type"].split()[1])]["fields"]]
        stop = every.index("keywords_only") if "keywords_only" in every else len(every)
        return [f for f in every[:stop] if f in fields]

    def _bind(self, args, keywords):
        if len(args) > len(self.by_place) or (len(args) > 1 and self._varies(args)):
            at = next((i for i, p in enumerate(self.parameters) if p["kind"] == "ints"), None)
            if at is None:
                raise TypeError(f"{self.__name__}() takes {len(self.by_place)} positional arguments but {len(args)} were given")
            args = args[:at] + (args[at:],)
        given = dict(zip(self.by_place, args))
        for key, value in keywords.items():
            key = self.names.get(key, key)
            if key not in self.by_place and key not in self.fields:
                if key in _FOR_OTHER_DEVICES and not value:
                    continue
                raise TypeError(f"{self.__name__}() got an unexpected keyword argument '{key}'")
            if key in given:
                raise TypeError(f"{self.__name__}() got multiple values for argument '{key}'")
            given[key] = value
        return given

    def _varies(self, args):
        """zeros(2, 3): ints by place where one list of ints comes last."""
        last = self.parameters[-1] if self.parameters else None
        if not last or last["kind"] != "ints" or len(self.by_place) > len(self.parameters):
            return False
        rest = args[len(self.parameters) - 1:]
        return len(rest) > 1 and all(isinstance(v, int) for v in rest)

    def _options(self, given):
        values = {}
        for key in self.fields:
            if key not in given:
                continue
            value = given[key]
            if isinstance(value, (list, tuple)):
                key = next((k for k in (key + "_hw", key + "s") if k in self.fields), key)
            values[key] = value
        return values

    def __call__(self, *args, **keywords):
        return self._run(self._result, args, keywords)

    def __get__(self, obj, owner=None):
        return self if obj is None else functools.partial(self, obj)

    def make(self, adopt, *args, **keywords):
        """Calls a constructor; adopt(address) is called while its scope is open."""
        return self._run(lambda address, _: adopt(address), args, keywords)

    def _run(self, finish, args, keywords):
        chosen = None if "device" in self.fields else keywords.pop("device", None)
        if chosen is not None:  # of a layer: where it makes its tensors
            with device(chosen):
                return self._run(finish, args, keywords)
        given = self._bind(args, keywords)
        with Scope():
            values, outs, kept = [], [], None
            for p in self.plan:
                kind = p["kind"]
                if kind == "count":
                    continue
                if kind == "options":
                    chosen = self._options(given)
                    if functions[self.name]["defaults"] is None and not chosen:
                        values.append(None)
                    else:
                        kept = options(self.name, chosen)
                        values.append(ctypes.addressof(kept[0]))
                elif kind == "tensor_out":
                    outs.append(ctypes.c_void_p())
                    values.append(ctypes.addressof(outs[-1]))
                elif p["name"] in given:
                    convert = _convert.get(kind)
                    values.extend(convert(p, given[p["name"]]) if convert else (given[p["name"]],))
                elif kind == "tensor":
                    values.append(None)
                elif kind == "ints":
                    values.extend((None, 0))
                elif kind == "callback":
                    values.append(None)
                else:
                    missing = next((new for new, old in self.names.items() if old == p["name"]), p["name"])
                    raise TypeError(f"{self.__name__}() missing 1 required positional argument: '{missing}'")
            result = self.c(*values)
            check()
            return finish(result, outs)

    def _result(self, result, outs):
        if outs:
            return tuple(wrap(o.value) for o in outs)
        kind = self.returns["kind"]
        if kind in ("tensor", "handle", "module", "pointer"):
            return wrap(result, "tn_module *" if kind == "module" else self.returns["type"])
        if kind == "string":
            return None if result is None else result.decode(errors="replace")
        if kind == "dtype":
            return _dtype.of(result)
        if kind == "struct" or kind == "void":
            return None
        return result


_bound = {}


def function(name):
    """The C function of that name, None when there is none."""
    if name not in functions:
        return None
    if name not in _bound:
        _bound[name] = Function(name)
    return _bound[name]


def call(name, *args, **keywords):
    return function(name)(*args, **keywords)
