"""The layers of the library as classes: one for each module among api.json's "classes"."""
from .._api import api, functions
from .._call import Function, function
from .module import Module, by_type

_special = {"len": "__len__", "get": "__getitem__", "set": "__setitem__", "delete": "__delitem__", "contains": "__contains__"}


def _names(row):
    """C's parameter names and torch's: a field of the struct says how the parameter is called in full (in: in_features)."""
    fields, out = [f["name"] for f in row["fields"]], {}
    for p in functions[row["constructor"]]["parameters"]:
        full = [f for f in fields if f.startswith(p["name"] + "_")]
        if full and p["name"] not in fields:
            out[p["name"]] = full[0]
    return out


def _method(name):
    """A function of a container's struct: tn_nn_container_append(self, ...) is .append."""
    f = function(name)

    def method(self, *args, **keywords):
        if args and isinstance(args[0], slice):
            return type(self)(*list(self.children())[args[0]])
        result = f(self, *args, **keywords)
        if f.returns["kind"] != "bool":
            return result
        self._children.update((id(a), a) for a in args if isinstance(a, Module))
        return self
    method.__name__, method.__doc__ = f.__name__, f.__doc__
    return method


def _methods(row):
    out = {"__iter__": lambda self: self.children()}
    for name, f in functions.items():
        owner = f["parameters"][0]["type"][:-2] if f["parameters"] else ""
        if owner in (row.get("struct"), row["type"]) and name.startswith(owner + "_"):
            short = name[len(owner) + 1:]
            out[_special.get(short, short)] = _method(name)
    return out


def _make(row):
    constructor = Function(row["constructor"], _names(row))
    values = {f["name"]: f for f in row["fields"] if f["kind"] in ("int", "double", "bool", "dtype", "enum")}
    holds_modules = any(p["kind"] == "objects" for p in constructor.parameters)

    def __init__(self, *args, device=None, **keywords):
        constructor.make(self._adopt, *args, **keywords)

    def __init_container__(self, *args):
        named = list(args[0].items()) if len(args) == 1 and hasattr(args[0], "items") else []
        given = list(args[0]) if len(args) == 1 and not isinstance(args[0], Module) and not named else [] if named else list(args)
        constructor.make(self._adopt, given)
        self._children.update((id(m), m) for m in given)
        for name, m in named:
            self.add_module(name, m)

    members = {"__init__": __init_container__ if holds_modules else __init__, "__doc__": row["doc"], "__module__": "tison.nn",
               "_layer": {"type": row["type"], "values": values}}
    members.update(_methods(row) if holds_modules else {})
    by_type[row["type"]] = type(row["name"], (Module,), members)
    return by_type[row["type"]]


classes = {row["name"]: _make(row) for row in api["classes"] if row["kind"] == "module" and row["name"]}
