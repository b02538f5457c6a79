"""The layers of the library as classes: one for each module among api.json's "classes"."""
import collections

from .._api import api, functions
from .._call import Function, call, function
from . import containers
from .module import Module, by_type

_special = {"len": "__len__", "get": "__getitem__", "set": "__setitem__", "delete": "__delitem__", "contains": "__contains__",
            "add": "__add__", "mul": "__mul__"}


def _names(row):
    """C's parameter names and torch's: a field of the struct says how the parameter is called in full (in: in_features)."""
    fields, out = [f["name"] for f in row["fields"]], {}
    for p in functions[row["constructor"]]["parameters"]:
        full = [f for f in fields if f.startswith(p["name"] + "_")]
        if full and p["name"] not in fields:
            out[p["name"]] = full[0]
    return out


def _method(name, owner):
    """A function of a layer's struct: tn_nn_container_append(self, ...) is .append."""
    f, short = function(name), name[len(owner) + 1:]

    def method(self, *args, **keywords):
        result = f(self, *args, **keywords)
        self._hold_children()
        if f.returns["kind"] == "bool" and short not in ("contains", "delete", "set"):
            return self
        return result._hold_children() if isinstance(result, Module) else result
    method.__name__, method.__doc__ = _special.get(short, short), f.__doc__
    return method


def _methods(row):
    out = {}
    for name, f in functions.items():
        owner = f["parameters"][0]["type"][:-2] if f["parameters"] else ""
        if owner in (row.get("struct"), row["type"]) and name.startswith(owner + "_"):
            method = _method(name, owner)
            out[method.__name__] = method
    return containers.complete(row["name"], row.get("struct", row["type"]), out)


def _has_uninitialized_params(self):
    """Before the first call of a lazy layer."""
    return any(call("tn_is_lazy", x) for x in (*self.parameters(False), *self.buffers(False)))


def _make(row):
    constructor = Function(row["constructor"], _names(row))
    constructor.__name__ = f"{row['name']}.__init__"
    values = {f["name"]: f for f in row["fields"] if f["kind"] in ("int", "double", "bool", "dtype", "enum")}
    kinds = {p["kind"] for p in constructor.parameters}

    def __init__(self, *args, **keywords):
        if "inplace" not in constructor.fields:
            keywords.pop("inplace", None)  # the result is the same
        constructor.make(self._adopt_layer, *args, **keywords)

    def __init_list__(self, *args):
        """Modules by place, of a Sequential, also an OrderedDict that gives them names; a ModuleList has one list."""
        named = {}
        if row["name"] != "Sequential":
            args = containers.iterable(row["name"], args[0]) if args and args[0] is not None else ()
        elif len(args) == 1 and isinstance(args[0], collections.OrderedDict):
            args, named = (), args[0]
        constructor.make(self._adopt_layer, list(args))
        for name, m in named.items():
            self.add_module(name, m)
        self._hold_children()

    given = {"ParameterDict": containers.in_order, "ModuleDict": lambda items: containers.pairs("ModuleDict", items)}.get(
        row["name"], lambda items: containers.iterable(row["name"], items))

    def __init_items__(self, items=None):
        constructor.make(self._adopt_layer, given(items) if items is not None else ())
        self._hold_children()

    init = __init_list__ if "objects" in kinds else __init_items__ if kinds & {"structs", "tensors"} else __init__
    cls = type(row["name"], (Module,), {
        **_methods(row), "__init__": init, "__doc__": row["doc"], "__module__": "tison.nn",
        "_layer": {"type": row["type"], "values": values, "lazy": row["constructor"] != row["type"] + "_new"}})
    if cls._layer["lazy"]:
        cls.has_uninitialized_params = _has_uninitialized_params
    else:
        by_type[row["type"]] = cls
    return cls


classes = {row["name"]: _make(row) for row in api["classes"] if row["kind"] == "module" and row["name"]}
