"""Calls of modules from Python. The library runs the hooks and the forward in its order, on arrays of the tensors among the arguments
and results; what else there is waits here, in the record of the call, which a hook knows by the address of the array."""
import ctypes
import threading

from .._api import Scope, check, fail, hold, raw, struct
from .._call import wrap
from .._hooks import POINTERS, callback, hook_of, register
from .._object import find
from .._tensor import Tensor

ROOM = 64  # TN_CALL_TENSORS
_ARRAY = ctypes.c_void_p * ROOM
_running = threading.local()  # .call: the innermost one
_forward_call, _enter, _exit = raw("tn_forward_call"), raw("tn_scope_enter"), raw("tn_scope_exit")


class _Arrays(ctypes.Structure):
    """The library's record of a call, and the arrays of which it knows."""
    _fields_ = [("record", struct("tn_module_call")), ("inputs", _ARRAY), ("outputs", _ARRAY)]


_spare = []  # those of calls that have ended


def _arrays():
    if _spare:
        return _spare.pop()
    made = _Arrays()
    record, inputs, outputs = made.record, made.inputs, made.outputs
    record.size = ctypes.sizeof(record)
    places = ctypes.addressof(inputs), ctypes.addressof(outputs)
    for (name, _), place in zip(record._fields_[1:], places):
        setattr(record, name, place)
    return record, inputs, outputs, ctypes.addressof(record), places[0]


def _handles(values, array):
    """The tensors among the values, in their places; returns how many there are places for."""
    i = 0
    for v in values if len(values) <= ROOM else values[:ROOM]:
        array[i] = v._handle if isinstance(v, Tensor) else None
        i += 1
    return i


def _now(values, array):
    """The values, with what the library has put in the places of tensors."""
    i, out = 0, None
    for v in values if len(values) <= ROOM else values[:ROOM]:
        if array[i] != (v._handle if isinstance(v, Tensor) else None):
            out = list(values) if out is None else out
            out[i] = wrap(array[i])
        i += 1
    return values if out is None else out


def _by_place(module, args, keywords):
    """The arguments of a forward in C."""
    args += tuple(keywords.values())
    for a in args:
        if a is not None and not isinstance(a, Tensor):
            raise TypeError(f"{type(module).__name__}.forward() takes tensors, not {type(a).__name__}")
    return args


class Call:
    """One call of a module, as it goes."""
    __slots__ = ("module", "args", "keywords", "result", "known", "arrays", "record", "inputs", "outputs", "address", "key")

    def __init__(self, module, args, keywords):
        self.module, self.result, self.known = module, None, False
        self.arrays = self.record, self.inputs, self.outputs, self.address, self.key = _arrays()
        in_c = module._runs_in_c()
        self.record.k, self.record.forward = int(in_c), None if in_c else _run_address
        self.give(args, keywords)

    def give(self, args, keywords):
        """The arguments from now on."""
        self.args, self.keywords = args, keywords
        if self.record.forward:
            self.record.n = _handles(args, self.inputs)
        else:
            self.record.n = _handles(_by_place(self.module, args, keywords), self.inputs)

    def arguments(self):
        self.args = tuple(_now(self.args, self.inputs))
        return self.args

    def take(self, result):
        """The result from now on."""
        self.result, self.known = result, True
        if isinstance(result, Tensor):
            self.outputs[0], self.record.k = result._handle, 1
        else:
            self.record.k = _handles(result, self.outputs) if isinstance(result, tuple) else 0
        return True

    def results(self):
        if not self.known:
            return wrap(self.outputs[0]) if self.record.k else None
        if isinstance(self.result, Tensor):
            return wrap(self.outputs[0])
        if not isinstance(self.result, tuple):
            return self.result
        now = _now(self.result, self.outputs)
        return now if now is self.result else self.result._make(now) if hasattr(self.result, "_make") else tuple(now)


def call(module, args, keywords):
    this, outer = Call(module, args, keywords), getattr(_running, "call", None)
    _running.call = this
    scope = _enter()
    try:
        if not _forward_call(module._handle, this.address):
            check()
        return this.results()
    finally:
        _exit(ctypes.byref(scope))
        _running.call = outer
        _spare.append(this.arrays)


_FORWARD = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, POINTERS, ctypes.c_size_t, POINTERS, ctypes.c_size_t)


def forward_in_c(module, address, args, keywords):
    """The forward of a class of the library, without hooks: super().forward(x) of a class that is made from it."""
    inputs, outputs = _ARRAY(), _ARRAY()
    n = _handles(_by_place(module, args, keywords), inputs)
    with Scope():
        if not _FORWARD(address)(module._handle, inputs, n, outputs, 1):
            check()
        return wrap(outputs[0])


@callback(ctypes.c_bool, ctypes.c_void_p, POINTERS, ctypes.c_size_t, POINTERS, ctypes.c_size_t)
def _run_for_c(address, inputs, n, outputs, k):
    """The forward of a class written in Python, when the library calls it."""
    results = find(address).forward(*(wrap(inputs[i]) for i in range(n)))
    results = results if isinstance(results, (tuple, list)) else (results,)
    if len(results) != k:
        raise TypeError(f"forward() returns {len(results)} tensors, but {k} were asked for")
    for i, r in enumerate(results):
        if not isinstance(r, Tensor):
            raise TypeError(f"forward() called from a module of the library must return tensors, not {type(r).__name__}")
        outputs[i] = hold(r._handle)
    return True


run_for_c = ctypes.cast(_run_for_c, ctypes.c_void_p).value


@ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
def _run(module, record):
    try:  # as by @callback, which would cost every forward a call more
        this = _running.call
        return this.take(this.module.forward(*this.arguments(), **this.keywords))
    except BaseException as e:
        return fail(e)


_run_address = ctypes.cast(_run, ctypes.c_void_p).value


class _FromC:
    """A call that the library makes: tensors only, as many as there are."""

    def __init__(self, inputs, n, outputs=None, k=0):
        self.inputs, self.outputs = ((ctypes.c_void_p * m).from_address(at) if m else () for at, m in ((inputs, n), (outputs, k)))
        self.keywords = {}

    def give(self, args, keywords):
        self._put(self.inputs, args)

    def arguments(self):
        return tuple(map(wrap, self.inputs))

    def take(self, result):
        self._put(self.outputs, result if isinstance(result, tuple) else (result,))
        return True

    def results(self):
        out = tuple(map(wrap, self.outputs))
        return out[0] if len(out) == 1 else out

    @staticmethod
    def _put(array, values):
        if len(values) != len(array):
            raise RuntimeError(f"a hook returned {len(values)} tensors in the place of {len(array)}")
        for i, v in enumerate(values):
            array[i] = None if v is None else hold(v._handle)


def _call_of(inputs, *others):
    this = getattr(_running, "call", None)
    return this if this is not None and this.key == inputs else _FromC(inputs, *others)


@callback(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
def _before(address, inputs, n, number):
    module, hook, with_keywords = hook_of(address, number)
    this = _call_of(inputs, n)
    if with_keywords:
        result = hook(module, this.arguments(), this.keywords)
        if result is not None:
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {result}.")
            this.give(*result)
    else:
        result = hook(module, this.arguments())
        if result is not None:
            this.give(result if isinstance(result, tuple) else (result,), this.keywords)
    return True


@callback(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
def _after(address, inputs, n, outputs, k, number):
    module, hook, with_keywords = hook_of(address, number)
    this = _call_of(inputs, n, outputs, k)
    result = hook(module, this.arguments(), *((this.keywords,) if with_keywords else ()), this.results())
    return result is None or this.take(result)


hooks = {"forward_pre_hook": _before, "forward_hook": _after}


def register_module_forward_pre_hook(hook):
    return register("module_forward_pre_hook", _before, (hook, False))


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    return register("module_forward_hook", _after, (hook, with_kwargs), always_call=always_call)
