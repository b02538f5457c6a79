"""torch.nn.Module: a Python class whose instances are modules of the library.

A class written in Python gets a tn_class without fields; its members are those that tn_module_set was given. So parameters, buffers
and submodules stand in the library, and its walks, state dicts and optimizers see them. Layers of the library are classes made from
api.json (tison.nn): their members are the fields of the C struct.
"""
import copy
import ctypes
import types
import weakref

from .. import _dtype
from .._api import Scope, check, constants, hold, options, raw, struct, text
from .._call import call, wrap, wrappers
from .._hooks import backward, callback, own_hook, register, registration
from .._object import adopt, find
from .._tensor import Tensor, targets
from . import calls, states
from .parameter import Buffer, Parameter

_module_new, _module_class, _get = raw("tn_module_new"), raw("tn_module_class"), raw("tn_module_get")
_next, _error, _clear = (raw(f"tn_{n}") for n in ("named_next", "error", "clear_error"))
_SEQUENCE_OF_ONE = ctypes.c_size_t(-1).value  # TN_SEQUENCE_OF_ONE
_of_tensors = {"_handle", "_owner", "_boxed"}  # of a tensor's __dict__, what is not the program's
by_type = {}  # C type of a layer: its Python class


@callback(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, failed=0)
def _run_inverse(module, x, out, room):
    """The right_inverse of a parametrization written in Python."""
    results = find(module).right_inverse(wrap(x))
    sequence = isinstance(results, (tuple, list))
    results = results if sequence else (results,)
    if len(results) > room:
        raise ValueError(f"right_inverse() returns {len(results)} tensors, but at most {room} are taken")
    for i, r in enumerate(results):
        out[i] = hold(r._handle) if isinstance(r, Tensor) else None
    return _SEQUENCE_OF_ONE if sequence and len(results) == 1 else len(results)


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)
def _write_repr(module, out, room):
    try:
        line = find(module).extra_repr().encode()
    except Exception:
        line = b""
    if room:
        part = line[:room - 1] + b"\0"
        ctypes.memmove(out, part, len(part))
    return len(line)


def _class_of(cls, base=None):
    """The tn_class of a Python class, made once and never freed: modules point to it. base: the layer's class that it is made from."""
    if "_tison_class" not in cls.__dict__:
        c = cls._tison_class = struct("tn_class")()
        if base:
            ctypes.memmove(ctypes.addressof(c), base, struct("tn_class").from_address(base).size)
            cls._forward_in_c = c.forward
        else:
            c.bytes, c.version = ctypes.sizeof(struct("tn_module")), cls._version
        c.size, c.row_size = ctypes.sizeof(c), ctypes.sizeof(struct("tn_field"))
        c.name = c.printed = cls.__name__.encode()
        own = {"forward": calls.run_for_c, "extra_repr": _write_repr, "right_inverse": _run_inverse, **states.extra_state}
        for name, function in own.items():
            if getattr(cls, name, None) is not getattr(Module, name, None) or name == "forward" and not base:
                setattr(c, name, ctypes.cast(function, ctypes.c_void_p).value)
        _python_classes[ctypes.addressof(c)] = cls
    return ctypes.addressof(cls._tison_class)


_python_classes = {}  # address of a tn_class: the Python class it was made for
_become, _count, _row, _deepcopy = (raw(f"tn_{n}") for n in ("module_become", "module_members", "module_member", "deepcopy"))
_is_computed = raw("tn_module_get_computed")
_kinds = {constants[f"TN_MEMBER_{k.upper()}"]: k for k in ("parameter", "buffer", "module")}
_own = {"_handle", "_children", "_hooks", "_marked"}


class Module:
    """torch.nn.Module."""
    _layer = None  # of a layer of the library: its row in api.json
    _version = 1

    def __init__(self, *args, **keywords):
        if keywords:
            raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument '{next(iter(keywords))}'")
        if args:
            raise TypeError(f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given")
        with Scope():
            address = _module_new(_class_of(type(self)))
            if not address:
                check()
            self._adopt(address)

    def _adopt(self, address):
        self.__dict__.setdefault("_children", {})  # keeps the Python objects of submodules
        self.__dict__.setdefault("_hooks", {})  # number: a hook of its own
        self.__dict__.setdefault("_marked", {})  # path: a tensor to which the program gave attributes
        return adopt(self, address)

    def _adopt_layer(self, address):
        """Of a new layer; a class that is made from it in Python is a class of its own for the library, too."""
        self._adopt(address)
        if registration.hooked:
            call("tn_check", self)  # a walk: hooks see what the constructor has put into fields
        if "_layer" not in type(self).__dict__ and not self._layer["lazy"]:
            if not _become(address, _class_of(type(self), _module_class(address))):
                check()

    @classmethod
    def _wrap(cls, address):
        return cls.__new__(cls)._adopt(address)

    # ---- attributes ----

    def _member(self, name):
        """(True, what the library holds under that name) or (False, None)."""
        with Scope():
            address = _get(self._handle, name.encode())
            if not address:
                found = not _error()
                if _error() == constants["TN_ERR_ATTRIBUTE"]:
                    _clear()
                check()
                return found, None
            return True, self._seen(name, _object(address))

    def _seen(self, path, value):
        """value, which stands at that path: as long as it does, attributes that the program gave to a tensor live with it."""
        if isinstance(value, Tensor):
            if self._marked.get(path) is not value:
                self._marked.pop(path, None)
                value.__dict__["_owner"] = weakref.ref(self), path
            if value.__dict__.keys() - _of_tensors:
                self._marked[path] = value
        return value

    def __getattr__(self, name):
        if name.startswith("__") or "_handle" not in self.__dict__:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        there, value = self._member(name)
        if there:
            return value
        if self._layer and name in self._layer["values"]:
            return self._value(name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def _value(self, name):
        """A number of the layer's struct."""
        at = getattr(struct(self._layer["type"]).from_address(self._handle), name)
        field = self._layer["values"][name]
        if "count" in field:
            return tuple(at)
        return at.decode() if isinstance(at, bytes) else _dtype.of(at) if field["type"] == "tn_dtype" else at

    def __setattr__(self, name, value):
        special = isinstance(value, (Parameter, Buffer, Module))
        if "_handle" not in self.__dict__:
            if special:
                kind = "parameters" if isinstance(value, Parameter) else "module" if isinstance(value, Module) else "buffer"
                raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
            return object.__setattr__(self, name, value)
        if isinstance(value, (Parameter, Module)) and hasattr(type(self), name):
            raise KeyError(f"attribute '{name}' already exists")
        if isinstance(getattr(type(self), name, None), property):
            return object.__setattr__(self, name, value)
        there = not name.startswith("__") and (_is_computed(self._handle, name.encode()) or self._member(name)[0])
        if isinstance(value, Buffer) and not there and name in self.__dict__:
            raise KeyError(f"attribute '{name}' already exists")
        if special or (there and (value is None or isinstance(value, Tensor))):
            self.__dict__.pop(name, None)
            self._set(name, value)
        elif there:
            kind = self._kind_of(name)
            wanted = {"parameter": "torch.nn.Parameter", "child module": "torch.nn.Module", "buffer": "torch.Tensor"}[kind]
            more = "torch.nn.Buffer, torch.Tensor or None" if kind == "buffer" else f"{wanted} or None"
            raise TypeError(f"cannot assign '{_typename(value)}' as {kind} '{name}' ({more} expected)")
        elif self._layer and name in self._layer["values"]:
            setattr(struct(self._layer["type"]).from_address(self._handle), name, value)
        else:
            object.__setattr__(self, name, value)

    def _kind_of(self, name):
        """What a member is, also one that is None now: as torch's messages name it."""
        kind = next((k for n, k, _ in self._members() if n == name), None)
        return {"parameter": "parameter", "module": "child module"}.get(_kinds.get(kind), "buffer")

    def _set(self, name, value):
        call("tn_module_set", self, name, value)
        self._keep_child(name, value)

    def _hold_children(self):
        """The Python objects of children live as long as this one."""
        self._children = dict(self.named_children())
        return self

    def _keep_child(self, name, value):
        self._marked.pop(name, None)
        self._seen(name, value)
        if isinstance(value, Module):
            self._children[name] = self._member(name)[1]  # a hook may have put another one there
        else:
            self._children.pop(name, None)

    def __delattr__(self, name):
        if name in self.__dict__:
            return object.__delattr__(self, name)
        call("tn_module_delete", self, name)
        self._keep_child(name, None)

    def __dir__(self):
        return sorted(set(super().__dir__()) | set(dict(self.named_parameters(recurse=False))) | set(dict(self.named_children())))

    def register_parameter(self, name, param):
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{_typename(param)}' object to parameter '{name}' "
                            "(torch.nn.Parameter or None required)")
        self._register("parameter", name, param)

    def register_buffer(self, name, tensor, persistent=True):
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{_typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)")
        self._register("buffer", name, tensor, persistent=persistent)

    def add_module(self, name, module):
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        self._register("module", name, module)

    register_module = add_module

    def _register(self, kind, name, value, **keywords):
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_typename(name)}")
        if "_handle" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if name in self.__dict__ or hasattr(type(self), name):
            raise KeyError(f"attribute '{name}' already exists")
        call(f"tn_module_register_{kind}", self, name, value, **keywords)
        self._keep_child(name, value)

    # ---- members by kind, to be looked at: torch's dicts of a module, which cannot be changed here ----

    def _by_kind(self, kind):
        rows = [(n, v) for n, k, v in self._members() if _kinds.get(k) == kind]
        return types.MappingProxyType({n: self._seen(n, _object(v)) if v else None for n, v in rows})

    @property
    def _parameters(self):
        return self._by_kind("parameter")

    @property
    def _buffers(self):
        return self._by_kind("buffer")

    @property
    def _modules(self):
        return self._by_kind("module")

    @property
    def _non_persistent_buffers_set(self):
        return {n for n, b in self._buffers.items() if b is not None and not call("tn_is_persistent", b)}

    def _get_name(self):
        return type(self).__name__

    # ---- calling ----

    def __call__(self, *args, **keywords):
        result = calls.call(self, args, keywords)
        self._follow()
        return result

    def _follow(self):
        """A lazy module is of another class after its first call, wherever that came from."""
        if self._layer and self._layer["lazy"]:
            name = struct("tn_class").from_address(_module_class(self._handle)).name.decode()
            self.__class__ = by_type.get(name, type(self))
        return self

    def _runs_in_c(self):
        return self._layer is not None and type(self).forward is Module.forward

    def forward(self, *args, **keywords):
        if self._layer:
            address = getattr(self, "_forward_in_c", None) or struct("tn_class").from_address(_module_class(self._handle)).forward
            return calls.forward_in_c(self, address, args, keywords)
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        return self._hook("forward_pre_hook", hook, with_kwargs=with_kwargs, prepend=prepend)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        return self._hook("forward_hook", hook, with_kwargs=with_kwargs, prepend=prepend, always_call=always_call)

    def register_state_dict_pre_hook(self, hook):
        return self._hook("state_dict_pre_hook", hook)

    def register_state_dict_post_hook(self, hook):
        return self._hook("state_dict_post_hook", hook)

    def register_load_state_dict_pre_hook(self, hook):
        return self._hook("load_state_dict_pre_hook", hook)

    def register_load_state_dict_post_hook(self, hook):
        return self._hook("load_state_dict_post_hook", hook)

    def _register_state_dict_hook(self, hook):
        return self.register_state_dict_post_hook(hook)

    def _register_load_state_dict_pre_hook(self, hook, with_module=False):
        return self.register_load_state_dict_pre_hook(hook if with_module else lambda module, *args: hook(*args))

    @property
    def _forward_pre_hooks(self):
        """What runs before forward: hooks by number; methods of nn.utils.prune by the name of their tensor, for a look at their history."""
        return {**{number: hook for number, (hook, _, name) in self._hooks.items() if name == "forward_pre_hook"},
                **self.__dict__.get("_pruned", {})}

    def _hook(self, name, hook, **given):
        return own_hook(self, name, calls.hooks.get(name) or states.hooks[name], hook, **given)

    def register_full_backward_hook(self, hook, prepend=False):
        return self._backward_hook("full_backward_hook", hook, prepend)

    def register_full_backward_pre_hook(self, hook, prepend=False):
        return self._backward_hook("full_backward_pre_hook", hook, prepend)

    def _backward_hook(self, name, hook, prepend):
        """The graph may outlive the module's object, so the library keeps this one."""
        return register(name, backward[name], hook, self, prepend=prepend)

    def get_extra_state(self):
        raise RuntimeError("Reached a code path in Module.get_extra_state() that should never be called.")

    def set_extra_state(self, state):
        raise RuntimeError("Reached a code path in Module.set_extra_state() that should never be called.")

    # ---- walks ----

    def _named(self, walk, keywords):
        it, out = None, []
        f = raw(f"tn_named_{walk}")
        with Scope():
            if len(f.argtypes) > 1:
                o, kept = options(f"tn_named_{walk}", keywords)
                it = f(self._handle, ctypes.addressof(o))
            else:
                it = f(self._handle)
            while _next(ctypes.byref(it)):
                name = it.name.decode()
                out.append((name, self._seen(name, wrap(it.tensor) if it.tensor else _object(it.module))))
            check()
        return iter(out)

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        return self._named("parameters", {"prefix": prefix, "recurse": recurse, "remove_duplicate": remove_duplicate})

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        return self._named("buffers", {"prefix": prefix, "recurse": recurse, "remove_duplicate": remove_duplicate})

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        return self._named("modules", {"prefix": prefix, "remove_duplicate": remove_duplicate})

    def named_children(self):
        return self._named("children", {})

    def parameters(self, recurse=True):
        return (p for _, p in self.named_parameters(recurse=recurse))

    def buffers(self, recurse=True):
        return (b for _, b in self.named_buffers(recurse=recurse))

    def modules(self):
        return (m for _, m in self.named_modules())

    def children(self):
        return (m for _, m in self.named_children())

    def get_submodule(self, target):
        return self._path("tn_get_submodule", target)

    def get_parameter(self, target):
        return self._path("tn_get_parameter", target)

    def get_buffer(self, target):
        return self._path("tn_get_buffer", target)

    def _path(self, name, target):
        with Scope():
            address = raw(name)(self._handle, target.encode())
            check()
            return _object(address)

    def apply(self, fn):
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    # ---- whole modules ----

    @property
    def training(self):
        return call("tn_is_training", self)

    @training.setter
    def training(self, on):
        self.train(on)

    def train(self, mode=True):
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        call("tn_train", self, mode)
        return self

    def eval(self):
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        call("tn_module_requires_grad_", self, requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        call("tn_zero_grad", self, set_to_none=set_to_none)

    def to(self, *args, dtype=None, device=None, non_blocking=False, memory_format=None):
        """non_blocking makes no difference: there is nothing to wait for."""
        dtype, device = targets([a for a in args if not isinstance(a, bool)], dtype, device)
        call("tn_module_to", self, dtype, memory_format=memory_format or 0, device=device)
        return self

    def type(self, dst_type):
        call("tn_module_type", self, _dtype.by_legacy(dst_type) if isinstance(dst_type, str) else dst_type)
        return self

    def cpu(self):
        return self.to("cpu")

    def to_empty(self, *, device, recurse=True):
        call("tn_module_to_empty", self, device=device, recurse=recurse)
        return self

    def share_memory(self):
        call("tn_module_share_memory", self)
        return self

    def state_dict(self, *, destination=None, prefix="", keep_vars=False):
        return states.save(self, destination, prefix, keep_vars)

    def load_state_dict(self, state_dict, strict=True, assign=False):
        if not hasattr(state_dict, "keys"):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        for name, value in state_dict.items():
            if not isinstance(value, Tensor) and name.rpartition(".")[2] != "_extra_state":
                raise RuntimeError(f'Error(s) in loading state_dict for {type(self).__name__}:\n\tWhile copying the parameter named '
                                   f'"{name}", expected torch.Tensor or Tensor-like object from checkpoint but received {type(value)}')
        return states.load(self, state_dict, strict, assign)

    def set_submodule(self, target, module, strict=False):
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        call("tn_set_submodule", self, target, module, strict=strict)
        path, _, name = target.rpartition(".")
        self.get_submodule(path)._keep_child(name, module)

    # ---- copies ----

    def _members(self):
        """Rows of the library's table: name, kind, the value's address; fields first."""
        at, out = struct("tn_member")(), []
        with Scope():
            for i in range(_count(self._handle)):
                if not _row(self._handle, i, ctypes.byref(at)):
                    check()
                out.append((at.name.decode() if at.index < 0 else f"{at.name.decode()}.{at.index}", at.kind, at.value))
        return out

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            with Scope():
                address = _deepcopy(self._handle)
                if not address:
                    check()
                made = list(self._copied(address, memo))
            for old, new in made:  # by now all that their attributes refer to has its copy
                new.__dict__.update((k, copy.deepcopy(v, memo)) for k, v in old.__dict__.items() if k not in _own)
        return memo[id(self)]

    def _copied(self, address, memo):
        """Python objects for a copy and all below it, each behind its original."""
        new = memo[id(self)] = type(self).__new__(type(self))._adopt(address)
        new._hooks.update(self._hooks)
        yield self, new
        for (name, kind, value), (_, _, copied) in zip(self._members(), new._members()):
            old = _object(value) if value and _kinds.get(kind) == "module" else find(value) if value else None
            if old is None:
                continue
            if id(old) not in memo:
                memo.setdefault(id(memo), []).append(old)
                if isinstance(old, Module):
                    yield from old._copied(copied, memo)
                else:
                    memo[id(old)] = wrap(copied)
            if isinstance(old, Module):
                new._children[name] = memo[id(old)]

    def __reduce_ex__(self, protocol):
        raise RuntimeError("Serialization of modules is only supported through state_dict(), and copies through copy.deepcopy")

    def extra_repr(self):
        return ""

    def __repr__(self):
        return text(raw("tn_to_string"), self._handle)


class LibraryModule(Module):
    """One of the library or of its host, of whose class Python knows no more."""
    _layer = {"type": "tn_module", "values": {}, "lazy": False}


def _caster(name):
    def cast(self):
        call(f"tn_module_{name}", self)
        return self
    cast.__name__ = name
    return cast


for _name in ("float", "double", "half", "bfloat16"):
    setattr(Module, _name, _caster(_name))


def _typename(value):
    if isinstance(value, Tensor):
        return "torch.nn.parameter.Parameter" if isinstance(value, Parameter) else f"torch.{value.dtype.legacy}Tensor"
    t = type(value)
    return t.__name__ if t.__module__ == "builtins" else f"{t.__module__}.{t.__qualname__}"


def _object(address):
    """The Python object of an address that is a tensor or a module."""
    known = find(address)
    return _unknown(address) if known is None else known._follow() if isinstance(known, Module) else known


def _unknown(address):
    class_ = _module_class(address)
    if class_:
        name = struct("tn_class").from_address(class_).name.decode()
        return (_python_classes.get(class_) or by_type.get(name, LibraryModule))._wrap(address)
    _clear()
    return wrap(address)


wrappers["tn_module *"] = _unknown

