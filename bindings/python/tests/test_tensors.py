"""Tensors: making, reading, views, arithmetic, indexing, printing."""
import math

import pytest

np = pytest.importorskip("numpy")


def test_made_from_lists(lib):
    assert lib.tensor([1, 2, 3]).dtype == lib.int64
    assert lib.tensor([1.0, 2]).dtype == lib.float32
    assert lib.tensor([True, False]).dtype == lib.bool
    assert lib.tensor([[1, 2], [3, 4]], dtype=lib.float64).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert lib.tensor(3.5).shape == () and lib.tensor(3.5).item() == 3.5
    assert tuple(lib.tensor([]).shape) == (0,)
    assert lib.tensor(2 ** 62).item() == 2 ** 62
    with pytest.raises(ValueError):
        lib.tensor([[1, 2], [3]])


def test_shapes(lib):
    x = lib.zeros(2, 3, 4)
    assert x.shape == (2, 3, 4) and x.size(-1) == 4 and x.dim() == x.ndim == 3 and x.numel() == 24 and len(x) == 2
    assert x.stride() == (12, 4, 1) and x.is_contiguous()
    assert x.permute(2, 0, 1).shape == (4, 2, 3) and x.transpose(0, 2).stride() == (1, 4, 12)
    assert x.view(6, 4).shape == x.reshape(6, -1).shape == (6, 4)
    assert x.flatten(1).shape == (2, 12) and x.unsqueeze(0).shape == (1, 2, 3, 4) and x.unsqueeze(0).squeeze(0).shape == (2, 3, 4)
    assert lib.ones((2, 1)).expand(2, 5).stride() == (1, 0)
    assert str(x.shape) == "torch.Size([2, 3, 4])"


def test_creation(lib):
    assert lib.arange(5).tolist() == [0, 1, 2, 3, 4] and lib.arange(1, 2, 0.5).tolist() == [1.0, 1.5]
    assert lib.full((2,), 7).dtype == lib.int64 and lib.ones(2, dtype=lib.float64).dtype == lib.float64
    assert lib.eye(2).tolist() == [[1, 0], [0, 1]] and lib.linspace(0, 1, 3).tolist() == [0, 0.5, 1]
    assert lib.zeros_like(lib.ones(2, dtype=lib.int64)).dtype == lib.int64


def test_random_streams_are_equal(both):
    ours, theirs = both
    for make in (lambda l: l.randn(100), lambda l: l.rand(33), lambda l: l.randint(0, 10, (20,)), lambda l: l.randperm(17),
                 lambda l: l.nn.Linear(4, 3).weight.detach()):
        ours.manual_seed(3), theirs.manual_seed(3)
        assert make(ours).tolist() == make(theirs).tolist()


def test_arithmetic(lib):
    x, y = lib.tensor([1.0, 2.0, 3.0]), lib.tensor([[2.0], [4.0]])
    assert (x + y).tolist() == [[3, 4, 5], [5, 6, 7]]
    assert (2 - x).tolist() == [1, 0, -1] and (x / 2).tolist() == [0.5, 1, 1.5] and (6 / x).tolist() == [6, 3, 2]
    assert (x ** 2).tolist() == [1, 4, 9] and (2 ** x).tolist() == [2, 4, 8] and (-x).tolist() == [-1, -2, -3]
    assert (x > 1.5).tolist() == [False, True, True] and (x == 2).dtype == lib.bool
    assert (lib.tensor([1, 2]) / 2).dtype == lib.float32 and (lib.tensor([1, 2]) * 2.5).dtype == lib.float32
    assert lib.add(x, x, alpha=2).tolist() == [3, 6, 9]
    assert (lib.tensor([[1.0, 2.0]]) @ lib.tensor([[3.0], [4.0]])).tolist() == [[11]]
    x += 1
    assert x.tolist() == [2, 3, 4] and x.mul_(2).tolist() == [4, 6, 8]


def test_reductions(lib):
    x = lib.arange(6).reshape(2, 3).to(lib.float32)
    assert x.sum().item() == 15 and x.sum(0).tolist() == [3, 5, 7] and x.sum(dim=1, keepdim=True).shape == (2, 1)
    assert x.mean((0, 1)).item() == 2.5 and x.max().item() == 5 and x.argmax(1).tolist() == [2, 2]
    values, indices = x.max(1)
    assert values.tolist() == [2, 5] and indices.tolist() == [2, 2]
    assert x.max(dim=0).indices.tolist() == [1, 1, 1]
    assert lib.softmax(lib.zeros(2, 4), dim=1).tolist() == [[0.25] * 4] * 2
    assert math.isclose(lib.tensor([1.0]).exp().item(), math.e, rel_tol=1e-6)


def test_joining(lib):
    x = lib.ones(2, 2)
    assert lib.cat([x, x], dim=1).shape == (2, 4) and lib.stack((x, x, x)).shape == (3, 2, 2)
    assert lib.where(x > 0, x, lib.zeros(2, 2)).tolist() == x.tolist()


def test_indexing(lib):
    x = lib.arange(24).reshape(2, 3, 4)
    assert x[1, 2, 3].item() == 23 and x[-1].shape == (3, 4) and x[:, 1].shape == (2, 4) and x[..., 0].shape == (2, 3)
    assert x[:, ::2, 1:3].tolist() == [[[1, 2], [9, 10]], [[13, 14], [21, 22]]]
    assert x[None].shape == (1, 2, 3, 4) and x[:, None, 0].shape == (2, 1, 4)
    y = lib.zeros(2, 3)
    y[0] = 1
    y[:, 2] = lib.tensor([5.0, 6.0])
    assert y.tolist() == [[1, 1, 5], [0, 0, 6]]
    with pytest.raises(IndexError):
        x[2]
    with pytest.raises(IndexError):
        x[0, 0, 0, 0]
    with pytest.raises(ValueError):
        x[::-1]


def test_views_share_memory(lib):
    x = lib.zeros(3)
    x[1:].fill_(2)
    assert x.tolist() == [0, 2, 2] and x.data_ptr() + 4 == x[1:].data_ptr()
    assert x.detach().data_ptr() == x.data_ptr() and x.clone().data_ptr() != x.data_ptr()


def test_numpy(lib):
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = lib.from_numpy(a)
    x[0, 0] = 9
    assert a[0, 0] == 9 and x.numpy().ctypes.data == a.ctypes.data
    assert lib.from_numpy(a.T).stride() == (1, 3) and lib.from_numpy(a[:, ::2]).tolist() == a[:, ::2].tolist()
    b = x.t().numpy()
    assert b.strides == (4, 12) and b.shape == (3, 2)
    del x
    assert b[0, 0] == 9
    with pytest.raises(ValueError):
        lib.from_numpy(a[::-1])
    with pytest.raises(RuntimeError, match="Can't call numpy"):
        lib.ones(2, requires_grad=True).numpy()


@pytest.mark.parametrize("kind", ["float32", "float64", "int64", "int32", "uint8", "bool"])
def test_dtypes(lib, kind):
    dtype = getattr(lib, kind)
    x = lib.ones(2, dtype=dtype)
    assert x.dtype == dtype and str(dtype) == f"torch.{kind}" and x.element_size() == x.numpy().itemsize
    assert lib.tensor(x.tolist(), dtype=dtype).tolist() == x.tolist() and x.to(lib.float64).dtype == lib.float64


def test_printed_text(both):
    ours, theirs = both
    for make in (lambda l: l.arange(12).reshape(3, 4), lambda l: l.tensor([1.5, float("nan"), -1e9]), lambda l: l.zeros(0, 3),
                 lambda l: l.ones(2, dtype=l.float64), lambda l: l.tensor(2.5, requires_grad=True), lambda l: l.zeros(2000)):
        assert repr(make(ours)) == repr(make(theirs))


def test_python_values(lib):
    assert bool(lib.tensor(1)) and int(lib.tensor(3)) == 3 and float(lib.tensor(2.5)) == 2.5 and [1, 2, 3][lib.tensor(1)] == 2
    assert [v.item() for v in lib.tensor([1, 2])] == [1, 2] and f"{lib.tensor(1.23456):.2f}" == "1.23"
    x = lib.tensor([1.0])
    assert len({x, x}) == 1
    with pytest.raises(RuntimeError, match="ambiguous"):
        bool(lib.tensor([1, 2]))


def test_devices(lib):
    x = lib.zeros(2, device="cpu", dtype=lib.float64)
    assert str(x.device) == "cpu" and x.device == lib.device("cpu") and x.to("cpu") is x
    assert lib.tensor([1], device="cpu").tolist() == [1] and lib.arange(2, device="cpu").tolist() == [0, 1]
    assert lib.nn.Linear(2, 2, device="cpu").to("cpu").weight.device.type == "cpu"
    y = lib.tensor([-1.0, 2.0])
    assert lib.nn.functional.relu(y, inplace=True) is y and y.tolist() == [0, 2] and lib.nn.ReLU(inplace=True)(y).tolist() == [0, 2]
    assert y.new_zeros(2, 2).shape == (2, 2) and y.new_ones((3,), dtype=lib.int64).dtype == lib.int64
    assert y.new_full((1,), 2.5).item() == 2.5


def test_memory_formats(lib):
    x = lib.ones(2, 3, 4, 5)
    y = x.to(memory_format=lib.channels_last)
    assert y.stride() == (60, 1, 15, 3) and not y.is_contiguous() and y.is_contiguous(memory_format=lib.channels_last)
    assert y.contiguous().stride() == x.stride() and y.clone().stride() == y.stride() and lib.clone(y).stride() == y.stride()
    assert y.to(lib.float64).stride() == y.stride() and x.contiguous(memory_format=lib.channels_last).stride() == y.stride()
    assert x.clone(memory_format=lib.channels_last).stride() == lib.zeros_like(x, memory_format=lib.channels_last).stride() == y.stride()
    assert lib.full_like(y, 2, memory_format=lib.contiguous_format).stride() == x.stride() and str(lib.channels_last) == "torch.channels_last"
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format"):
        lib.ones(2).clone(memory_format=lib.channels_last)


def test_swap_tensors(lib):
    a, b = lib.ones(2), lib.nn.Parameter(lib.zeros(3))
    b.note = "mine"
    lib.utils.swap_tensors(a, b)
    assert type(a) is lib.nn.Parameter and type(b) is lib.Tensor and a.shape == (3,) and a.note == "mine" and not hasattr(b, "note")
    view = a[:1]
    with pytest.raises(RuntimeError, match="Expected use_count of t1"):
        lib.utils.swap_tensors(a, b)
    del view
