"""Callbacks: Python functions that the library calls. Each stays alive until the library says that it is gone."""
import ctypes

from ._api import fail, hold
from ._call import call, wrap
from ._object import find

_alive = {}  # number: the function behind a hook, and whether it takes keywords
_next = iter(range(1, 1 << 62)).__next__
POINTERS = ctypes.POINTER(ctypes.c_void_p)


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _forget(number):
    _alive.pop(number, None)


forget = ctypes.cast(_forget, ctypes.c_void_p)


def remember(function):
    number = _next()
    _alive[number] = function
    return number


def callback(returns, *arguments, failed=False):
    """A Python function as the library calls it: what it raises becomes the error of the call."""
    def made(function):
        def guarded(*args):
            try:
                return function(*args)
            except BaseException as e:
                fail(e)
                return failed
        return ctypes.CFUNCTYPE(returns, *arguments)(guarded)
    return made


def register(name, function, hook, *subject, **options):
    """tn_register_<name> for a Python function, with its trampoline."""
    number = remember(hook)
    try:
        return call(f"tn_register_{name}", *subject, ctypes.cast(function, ctypes.c_void_p), number, forget, **options)
    except BaseException:
        _alive.pop(number, None)
        raise


def own_hook(module, name, function, hook, with_kwargs=False, **options):
    """The same for a hook that is called while its module lives: the module's object keeps it, so that one that refers to it is no leak."""
    number = _next()
    module._hooks[number] = hook, with_kwargs, name
    try:
        handle = call(f"tn_register_{name}", module, ctypes.cast(function, ctypes.c_void_p), number, None, **options)
    except BaseException:
        del module._hooks[number]
        raise
    handle.__dict__["_kept"] = module._hooks, number
    return handle


def hook_of(address, number):
    """The module, the hook, and whether it takes keywords."""
    module = wrap(address, "tn_module *")._follow()
    return module, *(module._hooks[number][:2] if number in module._hooks else _alive[number])


# ---- of tensors ----

@callback(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, failed=None)
def _on_gradient(grad, number):
    result = _alive[number](wrap(grad))
    if result is not None and not hasattr(result, "_handle"):
        raise TypeError(f"expected Variable, but hook returned '{type(result).__name__}'")
    return None if result is None else hold(result._handle)


@callback(None, ctypes.c_void_p, ctypes.c_void_p, failed=None)
def _after_gradient(leaf, number):
    _alive[number](wrap(leaf))


def tensor_hook(x, hook):
    return register("hook", _on_gradient, hook, x)


def after_hook(x, hook):
    return register("post_accumulate_grad_hook", _after_gradient, hook, x)


# ---- of modules: gradients ----

def _gradients(array, n):
    return tuple(wrap(array[i]) for i in range(n))


def _put(array, n, result, what):
    """What a hook returned, in the place of what it got."""
    if result is None:
        return True
    result = result if isinstance(result, tuple) else (result,)
    if len(result) != n:
        raise RuntimeError(f"Backward {what}, got {len(result)}, but expected {n}")
    for i, g in enumerate(result):
        array[i] = None if g is None else hold(g._handle)
    return True


@callback(ctypes.c_bool, ctypes.c_void_p, POINTERS, ctypes.c_size_t, ctypes.c_void_p)
def _before_backward(module, grads, k, number):
    result = _alive[number](wrap(module, "tn_module *"), _gradients(grads, k))
    return _put(grads, k, result, "pre hook returned an invalid number of grad_output")


@callback(ctypes.c_bool, ctypes.c_void_p, POINTERS, ctypes.c_size_t, POINTERS, ctypes.c_size_t, ctypes.c_void_p)
def _after_backward(module, grads_in, n, grads_out, k, number):
    result = _alive[number](wrap(module, "tn_module *"), _gradients(grads_in, n), _gradients(grads_out, k))
    return _put(grads_in, n, result, "hook returned an invalid number of grad_input")


backward = {"full_backward_pre_hook": _before_backward, "full_backward_hook": _after_backward}


# ---- of modules: registration, for the whole process ----

@callback(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_void_p, failed=None)
def _on_registration(module, name, value, number):
    value = wrap(value, "tn_module *") if value else None
    result = _alive[number](find(module), name.decode(), value)
    return None if result is None else hold(result._handle)


class registration:
    hooked = False  # was there ever such a hook?


def _register_registration(kind, hook):
    registration.hooked = True
    return register(f"module_{kind}_registration_hook", _on_registration, hook)


def register_module_parameter_registration_hook(hook):
    return _register_registration("parameter", hook)


def register_module_buffer_registration_hook(hook):
    return _register_registration("buffer", hook)


def register_module_module_registration_hook(hook):
    return _register_registration("module", hook)


def register_module_full_backward_hook(hook):
    return register("module_full_backward_hook", _after_backward, hook)


def register_module_full_backward_pre_hook(hook):
    return register("module_full_backward_pre_hook", _before_backward, hook)
