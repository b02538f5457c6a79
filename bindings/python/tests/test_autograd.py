"""Gradients, modes, hooks."""
import pytest


def test_backward(lib):
    x = lib.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = (x * x).sum()
    assert x.is_leaf and not y.is_leaf and y.requires_grad and x.grad is None and y.grad_fn.name() == "SumBackward0"
    y.backward()
    assert x.grad.tolist() == [2, 4, 6]
    (x * 2).sum().backward()
    assert x.grad.tolist() == [4, 6, 8]
    assert x.grad is x.grad
    x.grad = None
    assert x.grad is None


def test_gradient_argument_and_graph(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 3
    y.backward(lib.tensor([1.0, 2.0]), retain_graph=True)
    y.backward(lib.tensor([1.0, 1.0]))
    assert x.grad.tolist() == [6, 9]
    with pytest.raises(RuntimeError):
        (x * 1).backward()
    z = (x * x).sum()
    z.backward()
    with pytest.raises(RuntimeError, match="second time"):
        z.backward()


def test_second_derivative(lib):
    x = lib.tensor(2.0, requires_grad=True)
    (g,) = lib.autograd.grad(x ** 3, x, create_graph=True)
    (h,) = lib.autograd.grad(g, x)
    assert g.item() == 12 and h.item() == 12 and x.grad is None
    with pytest.raises(RuntimeError):
        lib.autograd.grad(x * 2, lib.ones(1, requires_grad=True))
    assert lib.autograd.grad(x * 2, [lib.ones(1, requires_grad=True)], allow_unused=True) == (None,)


def test_modes(lib):
    x = lib.ones(1, requires_grad=True)
    with lib.no_grad():
        assert not (x * 2).requires_grad and not lib.is_grad_enabled()
        with lib.enable_grad():
            assert (x * 2).requires_grad
    assert lib.is_grad_enabled()

    @lib.no_grad()
    def quiet():
        return x * 2
    assert not quiet().requires_grad
    with lib.inference_mode():
        assert not (x * 2).requires_grad
    with lib.set_grad_enabled(False):
        assert not lib.is_grad_enabled()
    assert lib.is_grad_enabled()


def test_detach_and_inplace(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    assert not y.detach().requires_grad
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        x.add_(1)
    with lib.no_grad():
        x.add_(1)
    assert x.tolist() == [2, 2] and x._version == 1
    z = x.exp()
    z.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.sum().backward()


def test_tensor_hooks(lib):
    seen = []
    x = lib.ones(2, requires_grad=True)
    y = x * 3
    handle = y.register_hook(lambda g: seen.append(g.tolist()))
    x.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert seen == [[1, 1]] and x.grad.tolist() == [30, 30]
    handle.remove()
    (x * 1).sum().backward()
    assert len(seen) == 1
    after = []
    x.register_post_accumulate_grad_hook(lambda p: after.append(p is x))
    (x * 1).sum().backward()
    assert after == [True]


def test_an_exception_in_a_hook_comes_through(lib):
    x = lib.ones(2, requires_grad=True)

    def hook(grad):
        raise KeyError("mine")
    x.register_hook(hook)
    with pytest.raises(KeyError, match="mine"):
        (x * 2).sum().backward()
    assert (lib.ones(1) + 1).item() == 2


def test_retain_grad_and_data(lib):
    x = lib.ones(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.sum().backward()
    assert y.grad.tolist() == [1, 1] and not x.data.requires_grad
    with pytest.raises(RuntimeError):
        lib.ones(2, dtype=lib.int64).requires_grad_()


def test_functions_of_ones_own(lib):
    class Scale(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, w, factor):
            ctx.save_for_backward(x, w)
            ctx.factor = factor
            return x * w * factor

        @staticmethod
        def backward(ctx, grad):
            x, w = ctx.saved_tensors
            return grad * w * ctx.factor, grad * x * ctx.factor, None
    x, w = lib.tensor([2.0, 3.0], requires_grad=True), lib.tensor([5.0, 7.0], requires_grad=True)
    y = Scale.apply(x, w, 10)
    assert y.tolist() == [100, 210] and y.grad_fn.name() == "ScaleBackward"
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [50, 70] and lib.autograd.grad(g.sum(), w)[0].tolist() == [10, 10]

    class Two(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1, x * 2

        @staticmethod
        def backward(ctx, a, b):
            return a + 2 * b
    a, b = Two.apply(x)
    (a.sum() + b.sum()).backward()
    assert x.grad.tolist() == [3, 3]
    assert not Scale.apply(x.detach(), w.detach(), 1).requires_grad


def test_grad_dtype(lib):
    p = lib.nn.Parameter(lib.ones(3))
    assert p.grad_dtype == lib.float32
    p.grad_dtype = lib.float64
    p.sum().backward()
    assert p.grad.dtype == lib.float64 and lib.nn.Parameter(p).grad_dtype == lib.float32
    with pytest.raises(RuntimeError, match="Cannot set grad_dtype to 'Float'"):
        p.grad_dtype = lib.float32
    p.grad_dtype = None
    assert p.grad_dtype is None
    p.grad = lib.ones(3).half()
    assert p.grad.dtype == lib.float16
    with pytest.raises(RuntimeError, match="grad_dtype must be a torch.dtype or None, but got int"):
        p.grad_dtype = 3
    with pytest.raises(RuntimeError, match="on leaf tensors"):
        (p * 2).grad_dtype
