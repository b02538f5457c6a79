"""torch.autograd: modes, grad, backward."""
import ctypes
import functools

from ._api import Scope, check, options, raw
from ._call import call, wrap
from ._function import Function  # noqa: F401
from ._tensor import Tensor

_mode_enter, _inference_enter, _mode_exit = raw("tn_grad_mode_enter"), raw("tn_inference_mode_enter"), raw("tn_mode_exit")


class _Mode:
    """A context manager and a decorator, as torch's."""

    def __init__(self):
        self._stack = []

    def __enter__(self):
        self._stack.append(ctypes.c_int(self._set()))
        return self

    def __exit__(self, *_):
        _mode_exit(ctypes.byref(self._stack.pop()))

    def __call__(self, f):
        @functools.wraps(f)
        def inner(*args, **keywords):
            with self._again():
                return f(*args, **keywords)
        return inner

    def _again(self):
        return type(self)()


def _decorator(cls):
    """Also without parentheses: @no_grad."""
    new = cls.__new__

    def __new__(c, f=None):
        return new(c) if not callable(f) else c()(f)
    cls.__new__ = __new__
    init = cls.__init__
    cls.__init__ = lambda self, f=None: init(self)
    return cls


@_decorator
class no_grad(_Mode):
    def _set(self):
        return _mode_enter(False)


@_decorator
class enable_grad(_Mode):
    def _set(self):
        return _mode_enter(True)


class inference_mode(_Mode):
    def __init__(self, mode=True):
        super().__init__()
        self.mode = mode

    def _set(self):
        return _inference_enter() if self.mode else _mode_enter(is_grad_enabled())

    def _again(self):
        return inference_mode(self.mode)


class set_grad_enabled(_Mode):
    """Acts at once; `with` undoes it at the end."""

    def __init__(self, mode):
        super().__init__()
        self.mode, self._before = mode, ctypes.c_int(_mode_enter(mode))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _mode_exit(ctypes.byref(self._before))

    def _again(self):
        _mode_exit(ctypes.byref(self._before))
        return set_grad_enabled(self.mode)


def is_grad_enabled():
    return call("tn_is_grad_enabled")


def grad(outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, allow_unused=None):
    """torch.autograd.grad, of one output."""
    outputs = outputs[0] if isinstance(outputs, (tuple, list)) else outputs
    grads = grad_outputs[0] if isinstance(grad_outputs, (tuple, list)) else grad_outputs
    xs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    values = {"retain_graph": create_graph if retain_graph is None else retain_graph, "create_graph": create_graph,
              "allow_unused": bool(allow_unused), "grad_output": grads}
    o, kept = options("tn_autograd_grad", values)
    given = (ctypes.c_void_p * len(xs))(*[x._handle for x in xs])
    out = (ctypes.c_void_p * len(xs))()
    with Scope():
        if not raw("tn_autograd_grads")(outputs._handle, given, len(xs), out, ctypes.addressof(o)):
            check()
        return tuple(wrap(a) for a in out)


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False):
    """torch.autograd.backward."""
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    grads = [None] * len(tensors) if grad_tensors is None else grad_tensors
    for i, (x, g) in enumerate(zip(tensors, grads)):
        x.backward(g, retain_graph=bool(retain_graph) or i + 1 < len(tensors), create_graph=create_graph)
