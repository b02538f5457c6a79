"""The layers of the library as classes: one for each module among api.json's "classes"."""
import collections

from .._api import api, functions
from .._call import Function, function
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
        if args and isinstance(args[0], slice) and short == "get":
            if self._layer["type"] == "tn_nn_sequential":  # keeps the names; a ModuleList numbers anew
                return type(self)(collections.OrderedDict(list(self.named_children())[args[0]]))
            return type(self)(*list(self.children())[args[0]])
        if short == "extend" and not isinstance(args[0], Module):
            for value in args[0]:
                self.append(value)
            return self
        result = f(self, *args, **keywords)
        self._children = dict(self.named_children())
        return self if f.returns["kind"] == "bool" and short not in ("contains", "delete", "set") else result
    method.__name__, method.__doc__ = _special.get(short, short), f.__doc__
    return method


def _methods(row):
    out = {}
    for name, f in functions.items():
        owner = f["parameters"][0]["type"][:-2] if f["parameters"] else ""
        if owner in (row.get("struct"), row["type"]) and name.startswith(owner + "_"):
            method = _method(name, owner)
            out[method.__name__] = method
    if "key" in out:
        out.update(_of_a_dict(out.pop("key")))
    elif "__getitem__" in out:
        out["__iter__"] = lambda self: (self[i] for i in range(len(self)))
    return out


def _of_a_dict(key):
    def keys(self):
        return [key(self, i) for i in range(len(self))]
    return {"keys": keys, "__iter__": lambda self: iter(keys(self)), "values": lambda self: [self[k] for k in keys(self)],
            "items": lambda self: [(k, self[k]) for k in keys(self)]}


def _make(row):
    constructor = Function(row["constructor"], _names(row))
    values = {f["name"]: f for f in row["fields"] if f["kind"] in ("int", "double", "bool", "dtype", "enum")}
    kinds = {p["kind"] for p in constructor.parameters}

    def __init__(self, *args, **keywords):
        if "inplace" not in constructor.fields:
            keywords.pop("inplace", None)  # the result is the same
        constructor.make(self._adopt_layer, *args, **keywords)

    def __init_list__(self, *args):
        """Modules by place, or one list; an OrderedDict gives them names."""
        first = args[0] if len(args) == 1 else None
        named = hasattr(first, "items") and not isinstance(first, Module)
        given = [] if named else list(args) if first is None or isinstance(first, Module) else list(first)
        constructor.make(self._adopt_layer, given)
        for name, m in first.items() if named else ():
            self.add_module(name, m)
        self._children = dict(self.named_children())

    def __init_items__(self, items=None):
        constructor.make(self._adopt_layer, items if items is not None else ())
        self._children = dict(self.named_children())

    init = __init_list__ if "objects" in kinds else __init_items__ if kinds & {"structs", "tensors"} else __init__
    cls = type(row["name"], (Module,), {
        **_methods(row), "__init__": init, "__doc__": row["doc"], "__module__": "tison.nn",
        "_layer": {"type": row["type"], "values": values, "lazy": row["constructor"] != row["type"] + "_new"}})
    if not cls._layer["lazy"]:
        by_type[row["type"]] = cls
    return cls


classes = {row["name"]: _make(row) for row in api["classes"] if row["kind"] == "module" and row["name"]}
