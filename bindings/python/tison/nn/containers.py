"""What Python's protocols want of containers beside the library's functions: slices, iteration, dicts, several values at once."""
import collections

from .._call import call
from .._tensor import Tensor
from .module import Module, by_type


def _slice(s):
    return {k: v for k, v in (("start", s.start), ("stop", s.stop), ("step", s.step)) if v is not None}


def iterable(name, values):
    """What a list of modules or parameters is made of or extended by."""
    if isinstance(values, Tensor) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name}.extend should be called with an iterable, but got {type(values).__name__}")
    return list(values)


def pairs(name, values):
    """What a dict of modules or parameters is made of or updated by."""
    if isinstance(values, Tensor) or not hasattr(values, "__iter__"):
        plural = {"ParameterDict": "ParametersDict"}.get(name, name)
        raise TypeError(f"{plural}.update should be called with an iterable of key/value pairs, but got {type(values).__name__}")
    if hasattr(values, "items"):
        return list(values.items())
    out = list(values)
    for j, pair in enumerate(out):
        if not hasattr(pair, "__iter__"):
            raise TypeError(f"{name} update sequence element #{j} should be Iterable; is{type(pair).__name__}")
        if len(pair) != 2:
            raise ValueError(f"{name} update sequence element #{j} has length {len(pair)}; 2 is required")
    return out


def _modules(values):
    for name, value in values:
        if not isinstance(name, str):
            raise TypeError(f"module name should be a string. Got {type(name).__name__}")
        if value is not None and not isinstance(value, Module):
            raise TypeError(f"{type(value).__name__} is not a Module subclass")
    return values


def _nothing(method):
    """Of the methods that return nothing in Python, where C says whether it went well."""
    def done(self, *args, **keywords):
        method(self, *args, **keywords)
    done.__name__, done.__doc__ = method.__name__, method.__doc__
    return done


def _sequential(methods):
    add, multiply = methods["__add__"], methods["__mul__"]

    def check(other):
        if not isinstance(other, by_type["tn_nn_sequential"]):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")
        return other

    def __mul__(self, n):
        if not isinstance(n, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(n)}")
        return multiply(self, n)

    def __imul__(self, n):
        __mul__(self, n)  # is refused as a whole
        return self.extend(list(self) * (n - 1))
    return {"__add__": lambda self, other: add(self, check(other)), "__iadd__": lambda self, other: self.extend(check(other)),
            "__mul__": __mul__, "__rmul__": __mul__, "__imul__": __imul__}


def _module_list(methods):
    del methods["__mul__"]
    return {"__add__": lambda self, other: by_type["tn_nn_module_list"](list(self) + list(other)), "insert": _nothing(methods["insert"])}


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
        for value in iterable(type(self).__name__, values):
            append(self, value)
        return self
    out = {"__getitem__": __getitem__, "__iter__": lambda self: (self[i] for i in range(len(self))), "extend": extend,
           "__iadd__": extend, "__setitem__": _nothing(methods["__setitem__"])}
    return {**out, "__delitem__": __delitem__} if delete else out


def _dict(key):
    """Of ModuleDict and ParameterDict."""
    def keys(self):
        return [key(self, i) for i in range(len(self))]
    return {"keys": keys, "__iter__": lambda self: iter(keys(self)), "values": lambda self: [self[k] for k in keys(self)],
            "items": lambda self: [(k, self[k]) for k in keys(self)]}


def _module_dict(methods):
    get, put, update = methods["__getitem__"], methods["__setitem__"], methods["update"]

    def __getitem__(self, key):
        if not isinstance(key, str):
            raise KeyError(key)
        return get(self, key)
    return {"__getitem__": __getitem__, "__setitem__": lambda self, key, value: put(self, *_modules([(key, value)])[0]) and None,
            "__contains__": lambda self, key: key in self.keys(), "clear": _nothing(methods["clear"]),
            "update": _nothing(lambda self, values: update(self, _modules(pairs("ModuleDict", values))))}


def in_order(values):
    """Pairs for a ParameterDict: those of a plain dict by their keys."""
    found = pairs("ParameterDict", values)
    return sorted(found) if isinstance(values, dict) and not isinstance(values, collections.OrderedDict) else found


def _parameter_dict(methods):
    pop, popitem, get, put = methods["pop"], methods["popitem"], methods["__getitem__"], methods["__setitem__"]

    def name_of(key):
        if not isinstance(key, str):
            raise TypeError("Index given to ParameterDict cannot be used as a key as it is not a string (type is "
                            f"'{type(key).__name__}'). Open an issue on github if you need non-string keys.")
        return key

    def update(self, values):
        for name, value in in_order(values):
            self[name] = value

    def merge(self, other):
        self.update(other)
        return self

    def last(self):
        name = self.keys()[-1] if len(self) else None  # an empty one is the library's error
        return name, popitem(self)
    return {"get": lambda self, name, default=None: self[name] if name in self else default, "update": update,
            "__or__": lambda self, other: merge(self.copy(), other), "__ior__": merge,
            "__ror__": lambda self, other: {**other, **dict(self.items())},
            "__getitem__": lambda self, key: get(self, name_of(key)),
            "__setitem__": lambda self, key, value: put(self, name_of(key), value) and None,
            "fromkeys": lambda self, keys, default=None: by_type["tn_nn_parameter_dict"]((k, default) for k in keys),
            "pop": lambda self, name: pop(self, name), "popitem": last, "__reversed__": lambda self: reversed(self.keys())}


def _no_forward(name):
    """Of what holds modules and parameters, and runs none."""
    def forward(self, *args, **keywords):
        if name.startswith("Parameter"):
            raise RuntimeError(f"{name} should not be called.")
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')
    return forward


_special = {"Sequential": _sequential, "ModuleList": _module_list, "ModuleDict": _module_dict, "ParameterDict": _parameter_dict}


def complete(name, owner, methods):
    """The methods of a container's class, from those that the library has."""
    if "key" in methods:
        methods.update(_dict(methods.pop("key")))
    elif "__getitem__" in methods:
        methods.update(_list(owner, methods))
    if name in _special:
        methods.update(_special[name](methods))
    if name in ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict"):
        methods["forward"] = _no_forward(name)
    return methods
