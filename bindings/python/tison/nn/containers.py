"""What Python's protocols want of containers beside the library's functions: slices, iteration, dicts, several values at once."""
import collections

from .._call import call
from .._tensor import Tensor


def _slice(s):
    return {k: v for k, v in (("start", s.start), ("stop", s.stop), ("step", s.step)) if v is not None}


def _iterable(self, values):
    if isinstance(values, Tensor) or not hasattr(values, "__iter__"):
        name = type(self).__name__
        raise TypeError(f"{name}.extend should be called with an iterable, but got {type(values).__name__}")
    return list(values)


def _list(owner, methods):
    """Of Sequential, ModuleList, ParameterList."""
    get, delete, append = methods["__getitem__"], methods.get("__delitem__"), methods["append"]

    def __getitem__(self, index):
        return call(f"{owner}_slice", self, **_slice(index))._hold_children() if isinstance(index, slice) else get(self, index)

    def __delitem__(self, index):
        if isinstance(index, slice):
            call(f"{owner}_delete_slice", self, **_slice(index))
            self._hold_children()
        else:
            delete(self, index)

    def extend(self, values):
        for value in _iterable(self, values):
            append(self, value)
        return self
    out = {"__getitem__": __getitem__, "__iter__": lambda self: (self[i] for i in range(len(self))), "extend": extend,
           "__iadd__": extend}
    return {**out, "__delitem__": __delitem__} if delete else out


def _dict(key):
    """Of ModuleDict and ParameterDict."""
    def keys(self):
        return [key(self, i) for i in range(len(self))]
    return {"keys": keys, "__iter__": lambda self: iter(keys(self)), "values": lambda self: [self[k] for k in keys(self)],
            "items": lambda self: [(k, self[k]) for k in keys(self)]}


def in_order(values):
    """Pairs for a ParameterDict: those of a plain dict by their keys."""
    if isinstance(values, dict) and not isinstance(values, collections.OrderedDict):
        return sorted(values.items())
    return list(values.items() if hasattr(values, "items") else values)


def _parameter_dict(methods):
    pop, popitem = methods["pop"], methods["popitem"]

    def update(self, values):
        for name, value in in_order(values):
            self[name] = value

    def union(self, other):
        out = self.copy()
        out.update(other)
        return out

    def last(self):
        name = self.keys()[-1] if len(self) else None  # an empty one is the library's error
        return name, popitem(self)
    return {"get": lambda self, name, default=None: self[name] if name in self else default, "update": update, "__or__": union,
            "pop": lambda self, name: pop(self, name), "popitem": last, "__reversed__": lambda self: reversed(self.keys())}


def complete(owner, methods):
    """The methods of a container's class, from those that the library has."""
    if "key" in methods:
        methods.update(_dict(methods.pop("key")))
        if "setdefault" in methods:
            methods.update(_parameter_dict(methods))
    elif "__getitem__" in methods:
        methods.update(_list(owner, methods))
    return methods
