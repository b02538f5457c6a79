"""Callbacks: Python functions that the library calls. Each stays alive until the library says that it is gone."""
import ctypes

from ._api import Scope, check, fail, hold, raw
from ._call import wrap

_alive = {}  # number: the function behind a hook
_next = iter(range(1, 1 << 62)).__next__


def remember(function):
    number = _next()
    _alive[number] = function
    return number


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _forget(number):
    _alive.pop(number, None)


forget = ctypes.cast(_forget, ctypes.c_void_p)


@ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
def _on_gradient(grad, number):
    try:
        result = _alive[number](wrap(grad))
        return None if result is None else hold(result._handle)
    except BaseException as e:
        fail(e)
        return None


@ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
def _after_gradient(leaf, number):
    try:
        _alive[number](wrap(leaf))
    except BaseException as e:
        fail(e)


def _register(function, x, callback, hook):
    number = remember(hook)
    with Scope():
        address = function(x._handle, ctypes.cast(callback, ctypes.c_void_p), number, forget)
        if not address:
            _alive.pop(number, None)
            check()
        return wrap(address, "tn_hook *")


def tensor_hook(x, hook):
    return _register(raw("tn_register_hook"), x, _on_gradient, hook)


def after_hook(x, hook):
    return _register(raw("tn_register_post_accumulate_grad_hook"), x, _after_gradient, hook)


# ---- modules ----

_forward_pre = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_void_p)
_forward = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t,
                            ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_void_p)


def _put(array, n, values):
    """What a hook returned, in the place of what it got."""
    values = values if isinstance(values, tuple) else (values,)
    if len(values) != n:
        raise RuntimeError(f"a hook returned {len(values)} tensors in the place of {n}")
    for i, v in enumerate(values):
        array[i] = None if v is None else hold(v._handle)


@_forward_pre
def _before_forward(module, inputs, n, number):
    try:
        result = _alive[number](wrap(module, "tn_module *"), tuple(wrap(inputs[i]) for i in range(n)))
        if result is not None:
            _put(inputs, n, result)
        return True
    except BaseException as e:
        return fail(e)


@_forward
def _after_forward(module, inputs, n, outputs, k, number):
    try:
        out = tuple(wrap(outputs[i]) for i in range(k))
        result = _alive[number](wrap(module, "tn_module *"), tuple(wrap(inputs[i]) for i in range(n)), out[0] if k == 1 else out)
        if result is not None:
            _put(outputs, k, result)
        return True
    except BaseException as e:
        return fail(e)


def module_hook(name, module, hook):
    """tn_register_<name> with a Python function; later parameters of the C function are options, none of them given."""
    callback = {"forward_pre_hook": _before_forward, "forward_hook": _after_forward}.get(name)
    f = raw(f"tn_register_{name}")
    rest = [None] * (len(f.argtypes) - 4)
    return _register(lambda *a: f(*a, *rest), module, callback or _backward[name], hook)


@_forward_pre
def _before_backward(module, grads, k, number):
    try:
        result = _alive[number](wrap(module, "tn_module *"), tuple(wrap(grads[i]) for i in range(k)))
        if result is not None:
            _put(grads, k, result)
        return True
    except BaseException as e:
        return fail(e)


@_forward
def _after_backward(module, grads_in, n, grads_out, k, number):
    try:
        got = tuple(wrap(grads_in[i]) for i in range(n))
        result = _alive[number](wrap(module, "tn_module *"), got, tuple(wrap(grads_out[i]) for i in range(k)))
        if result is not None:
            _put(grads_in, n, result)
        return True
    except BaseException as e:
        return fail(e)


_backward = {"full_backward_pre_hook": _before_backward, "full_backward_hook": _after_backward}
