"""The operators: each row of api.json becomes a function, and a method where its first tensor is called self.

They are called by name (tn_call), which chooses among overloads and knows the defaults; here only Python's forms of arguments are
turned into the schema's.
"""
import collections
import ctypes

from . import _dtype
from ._api import api, check, constants, functions, raw, struct
from ._call import function as c_function, wrap_owned
from ._tensor import Tensor

_tn_call, _Arg = raw("tn_call"), struct("tn_arg")
_reductions = {"none": 0, "mean": 1, "sum": 2}
_renamed = {"training": "train", "input": "self"}
MOST_RESULTS = 4096  # of an operator that returns a list
_TENSOR = constants["TN_ARG_TENSOR"]


def _split(text):
    """The parts between commas outside of brackets."""
    parts, depth, at = [], 0, 0
    for i, c in enumerate(text):
        depth += c in "[(" and 1 or c in "])" and -1 or 0
        if c == "," and depth == 0:
            parts.append(text[at:i].strip())
            at = i + 1
    return parts + [text[at:].strip()] if text[at:].strip() else parts


class Schema:
    """"sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False) -> Tensor" taken apart."""

    def __init__(self, text):
        head, _, rest = text.partition("(")
        arguments, _, results = rest.rpartition(") -> ")
        self.text, self.full = text, head
        self.name = head.partition(".")[0]
        self.parameters, self.types, self.by_place = [], [], 0
        for part in _split(arguments):
            if part == "*":
                self.by_place = len(self.parameters)
                continue
            kind, _, name = part.rpartition(" ")
            self.parameters.append(name.partition("=")[0])
            self.types.append(kind)
        self.by_place = self.by_place or len(self.parameters)
        names = _split(results.strip("()")) if results.startswith("(") else [results]
        self.results = [r.rpartition(" ")[2] if " " in r else None for r in names]

    @property
    def is_method(self):
        return "self" in self.parameters and self.types[self.parameters.index("self")].startswith("Tensor")

    @property
    def makes(self):
        """ones, zeros, linspace: the C function of that name has more options (requires_grad, out)."""
        return not any(t.startswith("Tensor") for t in self.types) and f"tn_{self.name}" in functions


_rows = [(Schema(row["schema"]), row) for row in api["operators"] if row["schema"] and not row["hidden"]]
_lists = {s.name for s, _ in _rows if s.text.rpartition("-> ")[2].startswith("Tensor") and "[]" in s.text.rpartition("-> ")[2]}
overloads = collections.defaultdict(list)
for _schema, _row in _rows:
    overloads[_schema.name].append(_schema)


def _fill(a, value, kept):
    """One tn_arg of a Python value; what it points to goes into `kept`."""
    if isinstance(value, Tensor):
        a.kind, a.value.tensor = _TENSOR, value._handle
    elif value is None:
        a.kind = constants["TN_ARG_NONE"]
    elif isinstance(value, bool):
        a.kind, a.value.i = constants["TN_ARG_BOOL"], value
    elif isinstance(value, int):
        a.kind, a.value.i = constants["TN_ARG_INT"], value
    elif isinstance(value, float):
        a.kind, a.value.d = constants["TN_ARG_DOUBLE"], value
    elif isinstance(value, complex):
        a.kind = constants["TN_ARG_COMPLEX"]
        a.value.complex_[:] = (value.real, value.imag)
    elif isinstance(value, _dtype.dtype):
        a.kind, a.value.i = constants["TN_ARG_DTYPE"], value.value
    elif isinstance(value, str):
        kept.append(value.encode())
        a.kind, a.value.s = constants["TN_ARG_STRING"], kept[-1]
    elif isinstance(value, (list, tuple, range)):
        _fill_list(a, list(value), kept)
    elif hasattr(value, "__index__"):
        a.kind, a.value.i = constants["TN_ARG_INT"], value.__index__()
    elif hasattr(value, "__float__"):
        a.kind, a.value.d = constants["TN_ARG_DOUBLE"], float(value)
    else:
        raise TypeError(f"an argument must be a tensor, a number, a text or a list, not {type(value).__name__}")


def _fill_list(a, value, kept):
    if any(isinstance(v, Tensor) for v in value):
        items = (ctypes.c_void_p * len(value))(*[None if v is None else v._handle for v in value])
        a.kind, a.value.tensors = constants["TN_ARG_TENSORS"], ctypes.addressof(items)
    elif any(isinstance(v, float) for v in value):
        items = (ctypes.c_double * len(value))(*value)
        a.kind, a.value.doubles = constants["TN_ARG_DOUBLES"], ctypes.addressof(items)
    else:
        items = (ctypes.c_int64 * max(len(value), 1))(*value)
        a.kind, a.value.ints = constants["TN_ARG_INTS"], ctypes.addressof(items)
    a.n = len(value)
    kept.append(items)


def _reshaped(name, args, keywords):
    """Python's forms: ints by place for a list that comes last, words for a reduction, other names of parameters."""
    schemas = overloads.get(name) or overloads.get(name.rstrip("_")) or []
    for s in schemas:
        for i in range(len(s.types)):
            if not s.types[i].startswith(("int[]", "SymInt[]")) or s.types[i].endswith("?"):
                continue
            if len(args) > i and i + 1 >= s.by_place and all(isinstance(v, int) and not isinstance(v, bool) for v in args[i:]):
                return args[:i] + (args[i:],), keywords
    if schemas and keywords:
        known = {p for s in schemas for p in s.parameters}
        out = {}
        for key, value in keywords.items():
            if key not in known and key in _renamed and _renamed[key] in known:
                key = _renamed[key]
            elif key not in known and key == "input" and schemas[0].parameters[0] not in keywords:
                key = schemas[0].parameters[0]
            out[key] = _reductions.get(value, value) if key == "reduction" else value
        keywords = out
    return args, keywords


def run(name, *args, out=None, **keywords):
    """The operator of that name on these arguments."""
    args, keywords = _reshaped(name, args, keywords)
    n, kept = len(args) + len(keywords), []
    items = (_Arg * n)() if n else None
    for a, value in zip(items or (), args):
        _fill(a, value, kept)
    for i, (key, value) in enumerate(keywords.items(), len(args)):
        items[i].name = key.encode()
        _fill(items[i], value, kept)
    room = MOST_RESULTS if name.partition(".")[0] in _lists else 4
    results, count = (ctypes.c_void_p * room)(), ctypes.c_size_t(room)
    for i, x in enumerate([out] if isinstance(out, Tensor) else out or ()):
        results[i] = x._handle
    if _tn_call(name.encode(), items, n, results, ctypes.byref(count)):
        check()
    made = [wrap_owned(results[i]) for i in range(count.value)]
    return _answer(name, made)


def _answer(name, made):
    if len(made) == 1:
        return made[0]
    for s in overloads.get(name.partition(".")[0], ()):
        if len(s.results) == len(made) and all(s.results):
            return _named(s.name, tuple(s.results))(*made)
    return tuple(made)


_tuples = {}


def _named(name, fields):
    if (name, fields) not in _tuples:
        _tuples[name, fields] = collections.namedtuple(name, fields)
    return _tuples[name, fields]


def operator(name, doc=None):
    def function(*args, **keywords):
        return run(name, *args, **keywords)
    function.__name__ = function.__qualname__ = name
    function.__doc__ = "\n".join([s.text for s in overloads.get(name, ())] + [doc or ""])
    return function


# ---- every operator by its name, and the methods ----

names = {}


def _add(name, doc, method):
    if not name.startswith("_") and name not in names:
        names[name] = operator(name, doc)
    if method and name in names and not hasattr(Tensor, name):
        setattr(Tensor, name, names[name])


for _schema, _row in _rows:
    if _schema.makes:
        continue
    _add(_schema.name, _row["doc"], _schema.is_method)
    if _row["inplace"] and not _schema.name.endswith("_"):
        _add(_schema.name + "_", _row["doc"], True)


names["clone"] = Tensor.clone  # which takes memory_format

for _name in ("real", "imag"):  # attributes in Python
    if _name in names:
        setattr(Tensor, _name, property(names[_name]))

# Functions that are no operators of their own: detach, contiguous, equal.
for _name, _f in functions.items():
    _takes = _f["parameters"][0]["kind"] if _f["parameters"] else None
    if _f["header"] == "ops" and _takes == "tensor" and not hasattr(Tensor, _name[3:]):
        setattr(Tensor, _name[3:], c_function(_name))


# ---- Python's own operators ----

def _binary(method, name, swapped=False):
    def left(self, other):
        return run(name, self, other) if isinstance(other, (Tensor, int, float, complex)) else NotImplemented

    def right(self, other):
        return run(name, other, self) if isinstance(other, (int, float, complex)) else NotImplemented
    setattr(Tensor, method, right if swapped else left)


for _method, _name in {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "matmul": "matmul",
                       "floordiv": "floor_divide", "mod": "remainder", "and": "bitwise_and", "or": "bitwise_or",
                       "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift"}.items():
    _binary(f"__{_method}__", _name)
    if _method != "matmul":
        _binary(f"__r{_method}__", _name, swapped=True)
if "reciprocal" in names:  # as torch computes it
    Tensor.__rtruediv__ = lambda self, other: run("reciprocal", self) * other
for _method in ("eq", "ne", "lt", "le", "gt", "ge"):
    _binary(f"__{_method}__", _method)
for _method, _name in {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "ipow": "pow_"}.items():
    _binary(f"__{_method}__", _name)
Tensor.__neg__ = lambda self: run("neg", self)
Tensor.__abs__ = lambda self: run("abs", self)
Tensor.__pos__ = lambda self: self
Tensor.__invert__ = lambda self: run("bitwise_not" if "bitwise_not" in names else "logical_not", self)
