"""torch.autograd.Function: a forward and a backward written in Python.

The forward runs in Python, under no_grad; the library's node is made around its results and holds what was saved. The context
goes when the node goes: a tensor over memory that the context owns is saved along.
"""
import ctypes
import weakref

from ._api import Scope, check, fail, hold, raw, struct
from ._call import handle, wrap
from ._dtype import by_name
from ._tensor import Tensor, over_memory

_contexts = weakref.WeakValueDictionary()
_next = iter(range(1, 1 << 62)).__next__
_apply, _save, _saved, _data = raw("tn_apply_n"), raw("tn_function_save"), raw("tn_function_saved"), raw("tn_function_data")
_POINTERS = ctypes.POINTER(ctypes.c_void_p)
_CALL = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, _POINTERS, ctypes.c_size_t, _POINTERS, ctypes.c_size_t)


class Context:
    """ctx of forward and backward."""

    def save_for_backward(self, *tensors):
        self._to_save = tensors

    @property
    def saved_tensors(self):
        out, at = [], 1  # after the guard
        for there in self._pattern:
            out.append(wrap(_checked(_saved(self._node, at))) if there else None)
            at += there
        return tuple(out)


def _checked(address):
    if not address:
        check()
    return address


@_CALL
def _forward(fn, inputs, n, outputs, k):
    try:
        ctx = _contexts[_data(fn)]
        for i, y in enumerate(ctx._results):
            outputs[i] = hold(y._handle)
        for x in (ctx._guard, *ctx._to_save):
            if x is not None:
                _save(fn, x._handle)
        return True
    except BaseException as e:
        return fail(e)


@_CALL
def _backward(fn, grads, k, out, n):
    try:
        ctx = _contexts[_data(fn)]
        ctx._node = fn
        result = ctx._function.backward(ctx, *(wrap(grads[i]) for i in range(k)))
        result = result if isinstance(result, tuple) else (result,)
        if len(result) != len(ctx._is_tensor):
            raise RuntimeError(f"function {ctx._function.__name__}Backward returned an incorrect number of gradients (expected "
                               f"{len(ctx._is_tensor)}, got {len(result)})")
        for i, g in enumerate(g for g, t in zip(result, ctx._is_tensor) if t):
            out[i] = None if g is None else hold(g._handle)
        return True
    except BaseException as e:
        return fail(e)
    finally:
        ctx._node = None


class Function:
    """torch.autograd.Function: static methods forward(ctx, ...) and backward(ctx, *gradients)."""

    @staticmethod
    def forward(ctx, *args):
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx, *grads):
        raise NotImplementedError("You must implement the backward function for your custom autograd.Function to use it with "
                                  "backward mode AD.")

    @classmethod
    def _class(cls, outputs):
        made = cls.__dict__.get("_made")
        if made is None:
            made = cls._made = {}
        if outputs not in made:
            c = struct("tn_function_class")()
            c.size, c.name, c.outputs = ctypes.sizeof(c), cls.__name__.encode(), outputs
            c.forward, c.backward = (ctypes.cast(f, ctypes.c_void_p).value for f in (_forward, _backward))
            made[outputs] = c
        return ctypes.addressof(made[outputs])

    @classmethod
    def apply(cls, *args):
        from .autograd import no_grad
        ctx = Context()
        ctx._function, ctx._to_save, ctx._node = cls, (), None
        ctx._is_tensor = [isinstance(a, Tensor) for a in args]
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        with no_grad():
            result = cls.forward(ctx, *args)
            ctx._results = result if isinstance(result, tuple) else (result,)
            ctx._guard, key = _guard(ctx), _next()
        ctx._pattern = [x is not None for x in ctx._to_save]
        _contexts[key] = ctx
        tensors = [a for a in args if isinstance(a, Tensor)]
        n, k = len(tensors), len(ctx._results)
        inputs, outputs = (ctypes.c_void_p * max(n, 1))(*map(handle, tensors)), (ctypes.c_void_p * k)()
        with Scope():
            if not _apply(cls._class(k), key, inputs, n, outputs, k):
                check()
            made = tuple(wrap(y) for y in outputs)
        ctx._results = ctx._to_save = ctx._guard = None
        return made if isinstance(result, tuple) else made[0]


def _guard(ctx):
    """A tensor that keeps the context alive as long as it is saved."""
    byte = ctypes.create_string_buffer(1)
    return over_memory(ctypes.addressof(byte), (1,), (1,), by_name["uint8"], (byte, ctx))
