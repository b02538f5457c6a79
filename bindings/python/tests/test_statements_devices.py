"""The meta device, by the statements of docs/parameter-semantics.md that name devices and beyond them."""
import copy
import pickle

import pytest

NO_DATA = "Cannot copy out of meta tensor; no data!"


@pytest.fixture(autouse=True)
def default_stays(lib):
    yield
    assert lib.get_default_device() == lib.device("cpu")


def test_023_a_meta_tensor_as_parameter(lib):
    p = lib.nn.Parameter(lib.ones(2, 3, device="meta"))
    assert isinstance(p, lib.nn.Parameter) and p.is_meta and not p.is_cpu and p.requires_grad and p.shape == (2, 3)
    assert repr(p) == "Parameter containing:\ntensor(..., device='meta', size=(2, 3), requires_grad=True)"
    (p * p).sum().backward()
    assert p.grad.is_meta and p.grad.shape == (2, 3)
    with pytest.raises(NotImplementedError, match=NO_DATA):
        p.tolist()
    with pytest.raises(RuntimeError, match="Tensor.item\\(\\) cannot be called on meta tensors"):
        p.sum().item()
    with pytest.raises(RuntimeError, match="cannot be called on meta tensors"):
        bool(p.sum() > 0)
    with pytest.raises(TypeError, match="can't convert meta device type tensor to numpy"):
        p.detach().numpy()
    assert p.data_ptr() == 0 and p.type() == "torch.meta.FloatTensor"
    with pytest.raises(NotImplementedError, match=NO_DATA):
        p.cpu()


def test_023_copies(lib):
    p = lib.nn.Parameter(lib.ones(2, 3, device="meta"), requires_grad=False)
    for q in copy.deepcopy(p), pickle.loads(pickle.dumps(p)):
        assert q.is_meta and q.shape == (2, 3) and isinstance(q, lib.nn.Parameter) and not q.requires_grad
    x = pickle.loads(pickle.dumps(lib.ones(2, device="cpu")))
    assert x.tolist() == [1, 1]


def test_133_to_a_device(lib):
    l = lib.nn.Linear(3, 2)
    assert l.to("cpu") is l and l.to(lib.device("cpu")).weight.device == lib.device("cpu")
    with pytest.raises(RuntimeError, match="device type at start of device string: xyz"):
        l.to("xyz")
    assert l.to("meta", lib.float64) is l and l.weight.is_meta and l.bias.is_meta and l.weight.dtype == lib.float64
    assert l.float().weight.is_meta and l.weight.dtype == lib.float32
    other = lib.nn.Linear(3, 2).to(lib.zeros(1, dtype=lib.float64, device="meta"))
    assert other.weight.is_meta and other.weight.dtype == lib.float64


def test_139_out_of_the_meta_device(lib):
    with lib.device("meta"):
        net = lib.nn.Sequential(lib.nn.Linear(3, 2), lib.nn.BatchNorm1d(2))
    assert all(x.is_meta for x in list(net.parameters()) + list(net.buffers()))
    with pytest.raises(NotImplementedError, match="Please use torch.nn.Module.to_empty\\(\\) instead of torch.nn.Module.to\\(\\)"):
        net.to("cpu")
    with pytest.raises(TypeError, match="device"):
        net.to_empty()
    assert net.to_empty(device="meta", recurse=False) is net and net[0].weight.is_meta
    assert net.to_empty(device="cpu") is net
    assert not any(x.is_meta for x in list(net.parameters()) + list(net.buffers())) and net[0].weight.requires_grad
    net[0].to_empty(device="meta")
    assert net.to_empty(device="cpu", recurse=False)[0].weight.is_meta  # it has none of its own


def test_166_loading(lib):
    real, meta = lib.nn.Linear(3, 2), lib.nn.Linear(3, 2, device="meta")
    with pytest.warns(UserWarning, match="for weight: copying from a non-meta parameter in the checkpoint to a meta parameter"):
        meta.load_state_dict(real.state_dict())
    assert meta.weight.is_meta
    with pytest.raises(RuntimeError, match=NO_DATA):
        real.load_state_dict(meta.state_dict())
    meta.load_state_dict(real.state_dict(), assign=True)
    x = lib.ones(1, 3)
    assert meta.weight.requires_grad and meta(x).tolist() == real(x).tolist()


def test_device_objects(lib):
    d = lib.device
    assert repr(d("meta")) == "device(type='meta')" and str(d("meta")) == "meta" and d("meta").index is None
    assert repr(d("cuda:1")) == "device(type='cuda', index=1)" and str(d("meta", 1)) == "meta:1" and d("cpu:2").index == 2
    assert d("meta") == d("meta") and d("meta") != d("cpu") and d("meta") != "meta" and d("meta") != d("meta:0")
    assert d(d("meta")) == d("meta") and d(type="meta") == d("meta") and len({d("meta"), d("meta")}) == 1
    assert copy.deepcopy(d("meta", 1)) == pickle.loads(pickle.dumps(d("meta:1"))) == d("meta:1")
    for name, text in ("xyz", "Expected one of cpu, cuda"), ("", "must not be empty"), ("cpu:x", "Invalid device string: 'cpu:x'"):
        with pytest.raises(RuntimeError, match=text):
            d(name)
        with pytest.raises(RuntimeError, match=text):
            lib.zeros(2, device=name)


def test_creation(lib):
    meta = lib.device("meta")
    made = [lib.zeros(2, device=meta), lib.ones((2,), device="meta"), lib.empty(2, device="meta"), lib.full((2,), 3.0, device=meta),
            lib.rand(2, device=meta), lib.randn(2, device=meta), lib.arange(2, device=meta), lib.linspace(0, 1, 2, device=meta),
            lib.randint(3, (2,), device=meta), lib.randint(0, 3, (2,), device=meta), lib.randperm(2, device=meta),
            lib.tensor([1, 2], device=meta), lib.tensor(lib.ones(2).tolist(), device=meta), lib.as_tensor([1.0, 2.0], device=meta),
            lib.as_tensor(lib.ones(2), device=meta)]
    real = lib.ones(2)
    made += [f(real, device=meta) for f in (lib.zeros_like, lib.ones_like, lib.empty_like, lib.rand_like, lib.randn_like)]
    made += [lib.full_like(real, 3, device=meta), lib.full_like(made[0], 3), made[0].new_zeros(2), real.new_ones(2, device="meta")]
    assert all(x.is_meta and x.device == meta and x.shape == (2,) for x in made)
    assert lib.eye(3, device=meta).shape == (3, 3) and lib.tensor([1, 2], device=meta).dtype == lib.int64
    assert lib.zeros_like(made[0], device="cpu").tolist() == [0, 0] and made[0].new_full((1,), 2.0, device="cpu").tolist() == [2]
    assert lib.zeros_like(real, device="meta", dtype=lib.float64).dtype == lib.float64


def test_to(lib):
    real, meta = lib.ones(2, 3), lib.ones(2, 3, device="meta")
    assert real.to("meta").is_meta and real.to(device="meta", dtype=lib.float64).dtype == lib.float64 and meta.to("meta") is meta
    assert real.to(meta).is_meta and real.to("meta", lib.int64).dtype == lib.int64 and real.type_as(meta).is_meta
    assert meta.to("meta", copy=True) is not meta and meta.half().is_meta and real.to("cpu") is real and real.cpu() is real
    for f in (lambda: meta.to("cpu"), lambda: meta.to(real), lambda: real.copy_(meta)):
        with pytest.raises(NotImplementedError, match=NO_DATA):
            f()
    x = lib.ones(2, requires_grad=True)
    y = x.to("meta")
    assert y.requires_grad and y.grad_fn.name() == "ToCopyBackward0"


def test_the_default_device(lib):
    try:
        lib.set_default_device("meta")
        assert lib.get_default_device() == lib.device("meta")
        l = lib.nn.Linear(100000, 100000)
        assert l.weight.is_meta and l(lib.randn(4, 100000)).shape == (4, 100000)
        assert lib.tensor([1.0]).is_meta and lib.nn.Parameter().is_meta and lib.arange(3).is_meta
        assert lib.as_tensor(lib.ones(2, device="cpu")).is_meta
        assert lib.ones(2, device="cpu").tolist() == [1, 1] and not lib.ones_like(lib.ones(2, device="cpu")).is_meta
        with lib.device("cpu"):
            assert lib.ones(2).tolist() == [1, 1] and lib.get_default_device() == lib.device("cpu")
        assert lib.ones(2).is_meta
        with pytest.raises(RuntimeError, match="device string: xyz"):
            lib.set_default_device("xyz")
    finally:
        lib.set_default_device(None)


def test_contexts(lib):
    meta = lib.device("meta")
    with pytest.raises(KeyError):
        with meta:
            with lib.device("cpu"), meta:
                assert lib.ones(2).is_meta
            raise KeyError
    assert not lib.ones(2).is_meta
    with meta as entered:
        assert entered is meta and lib.ones(1).is_meta
    lib.manual_seed(3)
    first = lib.rand(2).tolist()
    lib.manual_seed(3)
    with meta:
        lib.nn.Linear(3, 3), lib.randn(5)
    assert lib.rand(2).tolist() == first


def test_layers(lib):
    x = lib.ones(2, 3, 8, 8, device="meta")
    with lib.device("meta"):
        net = lib.nn.Sequential(lib.nn.Conv2d(3, 4, 3), lib.nn.BatchNorm2d(4), lib.nn.ReLU(), lib.nn.Flatten(), lib.nn.LazyLinear(5))
    y = net(x)
    assert y.is_meta and y.shape == (2, 5) and net[4].weight.is_meta and net[4].weight.shape == (5, 144)
    lib.nn.functional.cross_entropy(y, lib.zeros(2, dtype=lib.int64, device="meta")).backward()
    assert all(p.grad.is_meta for p in net.parameters())
    for optimizer in lib.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), lib.optim.AdamW(net.parameters(), lr=0.1):
        optimizer.step()
    made = lib.nn.Linear(3, 2, bias=False, device=lib.device("meta"), dtype=lib.float64)
    assert made.weight.is_meta and made.weight.dtype == lib.float64
    assert copy.deepcopy(net)[0].weight.is_meta
    lib.nn.init.xavier_uniform_(made.weight)


def test_lazy_parameters(lib):
    p = lib.nn.parameter.UninitializedParameter(device="meta")
    p.materialize((2, 3))
    assert p.is_meta and p.shape == (2, 3)
    q = lib.nn.parameter.UninitializedBuffer()
    with pytest.raises(RuntimeError, match="incompatible tensor type"):
        q.materialize((2,), device="meta")


def test_mixing_and_indexing(lib):
    real, meta = lib.ones(2, 3), lib.ones(2, 3, device="meta")
    with pytest.raises(RuntimeError, match="Tensor on device cpu is not on the expected device meta!"):
        meta + real
    assert (meta + 1).is_meta and (meta + lib.tensor(1.0)).is_meta and (2 / meta).is_meta
    assert meta[0].shape == (3,) and meta[:, 1:].shape == (2, 2) and meta[[0, 1, 1]].shape == (3, 3) and meta[..., None].is_meta
    assert meta[lib.tensor([0, 1, 1])].shape == (3, 3)
    meta[0] = 3.0
    meta[[0]] = 3.0
    meta[0] = lib.ones(3, device="meta")
    with pytest.raises(NotImplementedError):
        meta[meta > 0]
    with lib.device("meta"):
        assert real[[1, 0]].tolist() == [[1, 1, 1], [1, 1, 1]]
        real[0] = 2
        assert real.sum().item() == 9 and [row.tolist() for row in real] == [[2, 2, 2], [1, 1, 1]]


def test_data(lib):
    data = lib.utils.data
    with lib.device("meta"):
        x, y = lib.ones(4, 2), lib.zeros(4)
    batches = list(data.DataLoader(data.TensorDataset(x, y), batch_size=2))
    assert [b.shape for b in batches[0]] == [(2, 2), (2,)] and all(t.is_meta for b in batches for t in b)


def test_files(lib, tmp_path):
    l = lib.nn.Linear(3, 2, device="meta")
    path = str(tmp_path / "meta.pt")
    lib.save(l.state_dict(), path)
    assert lib.load(path)["weight"].is_meta
