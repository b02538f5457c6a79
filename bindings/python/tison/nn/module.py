"""torch.nn.Module: a Python class whose instances are modules of the library.

A class written in Python gets a tn_class without fields; its members are those that tn_module_set was given. So parameters, buffers
and submodules stand in the library, and its walks, state dicts and optimizers see them. Layers of the library are classes made from
api.json (tison.nn): their members are the fields of the C struct.
"""
import collections
import copy
import ctypes

from .. import _dtype
from .._api import Scope, check, constants, fail, hold, only_cpu, options, raw, struct, text
from .._call import call, function, handle, wrap, wrappers
from .._hooks import module_hook
from .._object import adopt, find
from .._tensor import Tensor
from .parameter import Buffer, Parameter

_module_new, _module_class, _get = raw("tn_module_new"), raw("tn_module_class"), raw("tn_module_get")
_begin, _end = raw("tn_forward_begin"), raw("tn_forward_end")
_forward_n, _next, _error, _clear, _dtype_of = (raw(f"tn_{n}") for n in ("forward_n", "named_next", "error", "clear_error",
                                                                         "get_dtype"))
_FORWARD = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t,
                            ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t)
_hook_at = raw("tn_forward_pre_hook_at")
_PRE = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
_INVERSE = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t)
_REPR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)
by_type = {}  # C type of a layer: its Python class


@_FORWARD
def _run_forward(module, inputs, n, outputs, k):
    """The forward of modules written in Python, when C calls it."""
    try:
        results = find(module)._run(tuple(wrap(inputs[i]) for i in range(n)), {})
        results = results if isinstance(results, (tuple, list)) else (results,)
        if len(results) != k:
            raise TypeError(f"forward() returns {len(results)} tensors, but {k} were asked for")
        for i, r in enumerate(results):
            if not isinstance(r, Tensor):
                raise TypeError(f"forward() called from a module of the library must return tensors, not {type(r).__name__}")
            outputs[i] = hold(r._handle)
        return True
    except BaseException as e:
        return fail(e)


_SEQUENCE_OF_ONE = ctypes.c_size_t(-1).value  # TN_SEQUENCE_OF_ONE


@_INVERSE
def _run_inverse(module, x, out, room):
    """The right_inverse of a parametrization written in Python."""
    try:
        results = find(module).right_inverse(wrap(x))
        sequence = isinstance(results, (tuple, list))
        results = results if sequence else (results,)
        if len(results) > room:
            raise ValueError(f"right_inverse() returns {len(results)} tensors, but at most {room} are taken")
        for i, r in enumerate(results):
            out[i] = hold(r._handle) if isinstance(r, Tensor) else None
        return _SEQUENCE_OF_ONE if sequence and len(results) == 1 else len(results)
    except BaseException as e:
        fail(e)
        return 0


@_REPR
def _write_repr(module, out, room):
    try:
        line = find(module).extra_repr().encode()
    except Exception:
        line = b""
    if room:
        part = line[:room - 1] + b"\0"
        ctypes.memmove(out, part, len(part))
    return len(line)


def _class_of(cls):
    """The tn_class of a Python class, made once and never freed: modules point to it."""
    if "_tison_class" not in cls.__dict__:
        c = struct("tn_class")()
        c.size, c.row_size, c.bytes = ctypes.sizeof(c), ctypes.sizeof(struct("tn_field")), ctypes.sizeof(struct("tn_module"))
        c.name = c.printed = cls.__name__.encode()
        c.forward = ctypes.cast(_run_forward, ctypes.c_void_p).value
        c.extra_repr = ctypes.cast(_write_repr, ctypes.c_void_p).value
        if hasattr(cls, "right_inverse"):
            c.right_inverse = ctypes.cast(_run_inverse, ctypes.c_void_p).value
        cls._tison_class = c
    return cls._tison_class


_count, _row, _deepcopy = raw("tn_module_members"), raw("tn_module_member"), raw("tn_deepcopy")
_kinds = {constants[f"TN_MEMBER_{k.upper()}"]: k for k in ("parameter", "buffer", "module")}
_own = {"_handle", "_children", "_hooks", "_pre_hooks", "_c_hooks", "_backward_hooked"}


def call_raw(f, address, finish):
    """finish(result) while the scope of the call is open."""
    with Scope():
        result = f(address)
        if not result:
            check()
        return finish(result)


class _IncompatibleKeys(collections.namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    def __repr__(self):
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"


class Module:
    """torch.nn.Module."""
    _layer = None  # of a layer of the library: its row in api.json

    def __init__(self):
        with Scope():
            address = _module_new(ctypes.addressof(_class_of(type(self))))
            if not address:
                check()
            self._adopt(address)

    def _adopt(self, address):
        self.__dict__.setdefault("_children", {})  # keeps the Python objects of submodules
        self.__dict__.setdefault("_hooks", collections.OrderedDict())
        self.__dict__.setdefault("_pre_hooks", collections.OrderedDict())
        self.__dict__.setdefault("_c_hooks", [])  # of the library's own forward: for copies
        return adopt(self, address)

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
                _clear()
                return found, None
            return True, _object(address)

    def __getattr__(self, name):
        if name.startswith("__") or "_handle" not in self.__dict__:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        if name in self.__dict__.get("_computed", ()):
            return call("tn_nn_utils_parametrize_compute", self, name)
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
        if isinstance(getattr(type(self), name, None), property):
            return object.__setattr__(self, name, value)
        there = not name.startswith("__") and self._member(name)[0]
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
        kind = next((k for n, k, _, _ in self._members() if n == name), None)
        return {"parameter": "parameter", "module": "child module"}.get(_kinds.get(kind), "buffer")

    def _set(self, name, value):
        call("tn_module_set", self, name, value)
        if isinstance(value, Module):
            self._children[name] = value
        else:
            self._children.pop(name, None)

    def __delattr__(self, name):
        if name in self.__dict__:
            return object.__delattr__(self, name)
        call("tn_module_delete", self, name)
        self._children.pop(name, None)

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
        if isinstance(value, Module):
            self._children[name] = value

    # ---- calling ----

    def __call__(self, *args, **keywords):
        if self._runs_in_c() or self.__dict__.get("_backward_hooked"):
            return self._call_c(args, keywords)
        if _hook_at(self._handle, 0, None, None):
            self._run_hooks_of_the_library()
        return self._run(args, keywords)

    def _run_hooks_of_the_library(self):
        """Those that pruning and parametrizations registered: where forward is in Python, nobody else calls them."""
        i, function_, data = 0, ctypes.c_void_p(), ctypes.c_void_p()
        with Scope():
            while _hook_at(self._handle, i, ctypes.addressof(function_), ctypes.addressof(data)):
                _PRE(function_.value)(self._handle, None, 0, data)
                check()
                i += 1

    def _runs_in_c(self):
        return self._layer is not None and type(self).forward is Module.forward

    def _call_c(self, args, keywords):
        args += tuple(keywords.values())
        n, k = len(args), self._results(args)
        for a in args:
            if a is not None and not isinstance(a, Tensor):
                raise TypeError(f"{type(self).__name__}.forward() takes tensors, not {type(a).__name__}")
        inputs, outputs = (ctypes.c_void_p * max(n, 1))(*map(handle, args)), (ctypes.c_void_p * k)()
        with Scope():
            if not _forward_n(self._handle, inputs, n, outputs, k):
                check()
            made = tuple(wrap(o) for o in outputs)
        return made[0] if k == 1 else made

    def _results(self, args):
        return 1

    def _run(self, args, keywords):
        """Hooks and forward; the library knows whose forward runs, and reports what runs inside without being held by anyone."""
        outer = _begin(self._handle)
        try:
            return self._run_hooked(args, keywords)
        finally:
            _end(outer)

    def _run_hooked(self, args, keywords):
        for hook in list(self._pre_hooks.values()):
            result = hook(self, args)
            if result is not None:
                args = result if isinstance(result, tuple) else (result,)
        result = self.forward(*args, **keywords)
        for hook in list(self._hooks.values()):
            other = hook(self, args, result)
            result = result if other is None else other
        return result

    def forward(self, *args, **keywords):
        if self._layer:
            return self._call_c(args, keywords)
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def register_forward_pre_hook(self, hook):
        return self._hook_in_c("forward_pre_hook", hook) if self._runs_in_c() else _Handle(self._pre_hooks, hook)

    def register_forward_hook(self, hook):
        return self._hook_in_c("forward_hook", hook) if self._runs_in_c() else _Handle(self._hooks, hook)

    def _hook_in_c(self, name, hook):
        handle = module_hook(name, self, hook)
        self._c_hooks.append((name, hook, handle))
        return handle

    def register_full_backward_hook(self, hook):
        return self._backward_hook("full_backward_hook", hook)

    def register_full_backward_pre_hook(self, hook):
        return self._backward_hook("full_backward_pre_hook", hook)

    def _backward_hook(self, name, hook):
        """A forward in Python that returns one tensor is called by way of the library from then on, which has the hook."""
        self.__dict__["_backward_hooked"] = True
        return module_hook(name, self, hook)

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
                value = wrap(it.tensor) if it.tensor else _object(it.module)
                out.append((it.name.decode(), value))
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

    def to(self, *args, dtype=None, device=None, memory_format=None):
        for a in args:
            if isinstance(a, (_dtype.dtype, Tensor)):
                dtype = getattr(a, "dtype", a)
            else:
                only_cpu(a)
        only_cpu(device)
        if dtype is not None or memory_format is not None:
            call("tn_module_to", self, dtype, memory_format=memory_format or 0)
        return self

    def type(self, dst_type):
        call("tn_module_type", self, dst_type)
        return self

    def cpu(self):
        return self

    def state_dict(self, *, prefix="", keep_vars=False):
        with Scope():
            return collections.OrderedDict(state_items(call("tn_state_dict", self, prefix=prefix, keep_vars=keep_vars)))

    def load_state_dict(self, state_dict, strict=True, assign=False):
        if not hasattr(state_dict, "keys"):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        for name, value in state_dict.items():
            if not isinstance(value, Tensor):
                raise RuntimeError(f'Error(s) in loading state_dict for {type(self).__name__}:\n\tWhile copying the parameter named '
                                   f'"{name}", expected torch.Tensor or Tensor-like object from checkpoint but received {type(value)}')
        own = self.state_dict()
        missing = [k for k in own if k not in state_dict]
        unexpected = [k for k in state_dict if k not in own]
        with Scope():
            call("tn_load_state_dict", self, make_state(state_dict), strict=strict, assign=assign)
        return _IncompatibleKeys(missing, unexpected)

    def set_submodule(self, target, module, strict=False):
        call("tn_set_submodule", self, target, module, strict=strict)
        path, _, name = target.rpartition(".")
        self.get_submodule(path)._children[name] = module

    # ---- copies ----

    def _members(self):
        """Rows of the library's table: name, kind, persistent, value; fields first."""
        at, out = struct("tn_member")(), []
        with Scope():
            for i in range(_count(self._handle)):
                if not _row(self._handle, i, ctypes.byref(at)):
                    check()
                name = at.name.decode() if at.index < 0 else f"{at.name.decode()}.{at.index}"
                out.append((name, at.kind, at.persistent, _object(at.value) if at.value else None))
        return out

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        new = memo[id(self)] = type(self).__new__(type(self))
        if self._layer and not self._layer["holds_modules"]:
            call_raw(_deepcopy, self._handle, new._adopt)
        else:
            Module.__init__(new) if not self._layer else type(self).__init__(new)
            for name, kind, persistent, value in self._members():
                kind = _kinds.get(kind)
                copied = copy.deepcopy(value, memo)
                if kind:
                    new._register(kind, name, copied, **({"persistent": persistent} if kind == "buffer" else {}))
                else:
                    new._set(name, copied)
            new.train(self.training)
            for name, hook, handle in self._c_hooks:
                if not handle._removed:
                    new._hook_in_c(name, hook)
        new._hooks.update(self._hooks)
        new._pre_hooks.update(self._pre_hooks)
        for key, value in self.__dict__.items():
            if key not in _own:
                new.__dict__[key] = copy.deepcopy(value, memo)
        return new

    def extra_repr(self):
        return ""

    def __repr__(self):
        return text(raw("tn_to_string"), self._handle)


def _caster(name):
    def cast(self):
        call(f"tn_module_{name}", self)
        return self
    cast.__name__ = name
    return cast


for _name in ("float", "double", "half", "bfloat16"):
    setattr(Module, _name, _caster(_name))


class _Handle:
    """Of a hook in Python's own list."""

    def __init__(self, hooks, hook):
        self._hooks, self._key = hooks, object()
        hooks[self._key] = hook

    def remove(self):
        self._hooks.pop(self._key, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def _typename(value):
    if isinstance(value, Tensor):
        return "torch.nn.parameter.Parameter" if isinstance(value, Parameter) else f"torch.{_tensor_type(value)}Tensor"
    t = type(value)
    return t.__name__ if t.__module__ == "builtins" else f"{t.__module__}.{t.__qualname__}"


def _tensor_type(x):
    return {"float32": "Float", "float64": "Double", "int64": "Long", "int32": "Int", "uint8": "Byte", "bool": "Bool"}.get(
        x.dtype.name, x.dtype.name.capitalize())


def _object(address):
    """The Python object of an address that is a tensor or a module."""
    known = find(address)
    return _unknown(address) if known is None else known


def _unknown(address):
    class_ = _module_class(address)
    if class_:
        name = struct("tn_class").from_address(class_).name.decode()
        return by_type.get(name, Module)._wrap(address)
    _clear()
    return wrap(address)


wrappers["tn_module *"] = _unknown


def state_items(state):
    """Names and tensors of a tn_state."""
    with Scope():
        return [(call("tn_state_name", state, i), call("tn_state_at", state, i)) for i in range(call("tn_state_count", state))]


def make_state(values):
    """A tn_state of a dict; to be called in a scope."""
    state = call("tn_state_new")
    for name, value in values.items():
        if not isinstance(value, Tensor):
            raise TypeError(f"expected torch.Tensor or Tensor-like object from checkpoint but received {type(value)}")
        call("tn_state_set", state, name, value)
    return state
