"""What Python holds lives, and nothing else; also when the collector runs on another thread."""
import ctypes
import gc
import threading

import tison
from tison import _api, _function, _hooks, _object, _tensor


def living():
    """Objects of the library, after what waits to be released was looked at."""
    gc.collect()
    for _ in range(100):
        tison.ones(1)
    stats = _api.struct("tn_memory_stats")()
    stats.size = ctypes.sizeof(stats)
    _api.raw("tn_memory_get_stats")(ctypes.addressof(stats))
    return stats.live_objects


def tables():
    """How much the package itself remembers."""
    gc.collect()
    return [len(t) for t in (_function._contexts, _hooks._alive, _tensor._lent, _object._claims, _object._living)]


class Cell(tison.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = tison.nn.Linear(2, 2)
        self.me = [self]

    def forward(self, x):
        return self.inner(x)


class Double(tison.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 2 + 0 * ctx.saved_tensors[0]


def work():
    Double.apply(tison.ones(2, requires_grad=True)).sum().backward()
    for _ in tison.utils.data.DataLoader(tison.utils.data.TensorDataset(tison.ones(6)), batch_size=4):
        pass
    net = tison.nn.Sequential(Cell(), tison.nn.ReLU())
    net.register_forward_hook(lambda m, a, y: None)
    net[0].register_forward_hook(lambda m, a, y: y + 0)
    for m in (net[0], net[1]):  # hooks that refer to their module
        m.register_forward_pre_hook(lambda module, args, m=m: None, with_kwargs=False)
        m.register_state_dict_pre_hook(lambda *args, m=m: None)
        m.register_full_backward_hook(lambda *args: None).remove()
    optimizer = tison.optim.Adam(net.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        net(tison.ones(4, 2)).sum().backward()
        optimizer.step()
    net.load_state_dict(net.state_dict())
    optimizer.load_state_dict(optimizer.state_dict())
    x = tison.arange(10)
    return x[2:5].max().item()


def test_nothing_stays():
    work()
    before, held = living(), tables()
    for _ in range(5):
        work()
    assert living() == before
    assert tables() == held


def test_objects_die_on_any_thread():
    work()
    before = living()
    box = [tison.ones(3) for _ in range(100)] + [Cell() for _ in range(5)]
    thread = threading.Thread(target=lambda: (box.clear(), gc.collect()))
    thread.start()
    thread.join()
    assert living() == before


def test_threads_compute():
    results = []

    def run(i):
        tison.manual_seed(i)
        net = tison.nn.Linear(3, 1)
        for _ in range(50):
            net(tison.randn(4, 3)).sum().backward()
        results.append(net.weight.grad.shape)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [(1, 3)] * 4


def test_memory_of_python_is_kept_as_long_as_needed():
    numpy = __import__("pytest").importorskip("numpy")
    a = numpy.ones(1000, dtype=numpy.float32)
    x = tison.from_numpy(a)[10:]
    address = a.ctypes.data
    del a
    gc.collect()
    assert x.data_ptr() == address + 40 and x.sum().item() == 990
    assert address in _tensor._lent
    del x
    gc.collect()
    assert address not in _tensor._lent


def test_one_object_for_one_tensor():
    net = Cell()
    weight = net.inner.weight
    assert net.inner.weight is weight and list(net.parameters())[0] is weight and net.inner is net.inner
    weight.mark = 3
    assert net.inner.weight.mark == 3
