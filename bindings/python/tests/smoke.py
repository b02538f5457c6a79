"""What needs nothing but Python itself: tensors, a module, training, errors, memory. Exits with 1 where something is wrong."""
import gc
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tison  # noqa: E402
from tison import nn  # noqa: E402


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = nn.Linear(4, 16), nn.Linear(16, 2)
        self.scale = nn.Parameter(tison.ones(2))
        self.register_buffer("mean", tison.zeros(4))

    def forward(self, x):
        return self.out(tison.tanh(self.hidden(x - self.mean))) * self.scale


def tensors():
    x = tison.arange(6).reshape(2, 3).to(tison.float32)
    assert (x * 2 + 1)[1].tolist() == [7, 9, 11] and x.sum(dim=0).tolist() == [3, 5, 7]
    assert x.max(1).indices.tolist() == [2, 2] and abs(tison.softmax(x, dim=1).sum().item() - 2) < 1e-6
    x[:, 1] = 0
    assert x.tolist() == [[0, 0, 2], [3, 0, 5]] and repr(tison.tensor([1.5])) == "tensor([1.5000])"


def training():
    tison.manual_seed(0)
    net = Net()
    assert [n for n, _ in net.named_parameters()] == ["scale", "hidden.weight", "hidden.bias", "out.weight", "out.bias"]
    optimizer = tison.optim.AdamW(net.parameters(), lr=1e-2)
    x, target = tison.tensor([[1.0, 0, 0, 1], [0, 1, 1, 0]]), tison.tensor([0, 1])
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), target).backward()
        optimizer.step()
    assert tison.softmax(net(x), 1)[0, 0].item() > 0.98
    other = Net()
    other.load_state_dict(net.state_dict())
    assert nn.Sequential(other, nn.ReLU())(x).tolist() == tison.relu(net(x)).tolist()


def errors():
    for exception, call in ((RuntimeError, lambda: tison.ones(2) + tison.ones(3)), (IndexError, lambda: tison.ones(2)[5]),
                            (AttributeError, lambda: Net().absent), (ValueError, lambda: nn.Dropout(2))):
        try:
            call()
        except exception:
            continue
        raise AssertionError(f"{exception.__name__} was expected")


def threads():
    def run():
        Net()(tison.ones(1, 4)).sum().backward()
        gc.collect()
    all_threads = [threading.Thread(target=run) for _ in range(4)]
    for t in all_threads:
        t.start()
    for t in all_threads:
        t.join()


for test in (tensors, training, errors, threads):
    test()
    print(f"ok {test.__name__}")
