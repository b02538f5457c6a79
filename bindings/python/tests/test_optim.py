"""Optimizers, and a training run whose losses are those of PyTorch."""
import copy

import pytest

OPTIMIZERS = [("SGD", dict(lr=0.1)), ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)), ("Adam", dict(lr=1e-2)),
              ("AdamW", dict(lr=1e-2, betas=(0.8, 0.99), weight_decay=0.1, amsgrad=True))]


def make(lib):
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(4, 16)
            self.rest = nn.Sequential(nn.Tanh(), nn.Linear(16, 3))

        def forward(self, x):
            return self.rest(self.first(x))
    return Net()


def train(lib, name, options, steps=20):
    lib.manual_seed(1)
    net = make(lib)
    optimizer = getattr(lib.optim, name)(net.parameters(), **options)
    x, target = lib.randn(12, 4), lib.randint(0, 3, (12,))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = lib.nn.functional.cross_entropy(net(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name,options", OPTIMIZERS)
def test_losses_are_equal(both, name, options):
    ours, theirs = (train(lib, name, options) for lib in both)
    assert ours[-1] < ours[0] and max(abs(a - b) for a, b in zip(ours, theirs)) < 2e-6


def test_it_is_used_as_in_torch(lib):
    net = make(lib)
    groups = [{"params": net.first.parameters(), "lr": 0.5}, {"params": net.rest.parameters()}]
    optimizer = lib.optim.SGD(groups, lr=0.1, momentum=0.9)
    assert [g["lr"] for g in optimizer.param_groups] == [0.5, 0.1] and len(optimizer.param_groups[0]["params"]) == 2
    optimizer.param_groups[0]["lr"] = 0.25
    assert optimizer.param_groups[0]["lr"] == 0.25

    def closure():
        optimizer.zero_grad()
        loss = net(lib.ones(1, 4)).sum()
        loss.backward()
        return loss
    before = net.first.bias.tolist()
    assert optimizer.step(closure).ndim == 0 and net.first.bias.tolist() != before


def test_state_round_trip(lib):
    def step(net, optimizer):
        optimizer.zero_grad()
        net(lib.ones(2, 4)).sum().backward()
        optimizer.step()
    a, b = make(lib), make(lib)
    one, two = lib.optim.Adam(a.parameters(), lr=1e-2), lib.optim.Adam(b.parameters())
    step(a, one)
    b.load_state_dict(a.state_dict())
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    assert two.param_groups[0]["lr"] == 1e-2 and set(one.state_dict()["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}
    step(a, one), step(b, two)
    assert a.first.weight.tolist() == b.first.weight.tolist()


def test_refusals(lib):
    net = make(lib)
    with pytest.raises(ValueError, match="empty parameter list"):
        lib.optim.SGD([], lr=0.1)
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        lib.optim.SGD(net.parameters(), lr=-1)
    with pytest.raises(TypeError):
        lib.optim.SGD(net.first.weight, lr=0.1)
    with pytest.raises(TypeError):
        lib.optim.Adam(net.parameters(), momentum=0.9)


def test_loss_modules(lib):
    x, target = lib.randn(5, 3), lib.tensor([0, 1, 2, 0, 1])
    for loss in (lib.nn.CrossEntropyLoss(), lib.nn.CrossEntropyLoss(label_smoothing=0.1, reduction="sum"), lib.nn.NLLLoss()):
        assert loss(x, target).ndim == 0
    weight = lib.tensor([1.0, 2.0, 3.0])
    assert lib.nn.CrossEntropyLoss(weight=weight, reduction="none")(x, target).shape == (5,)
    assert abs(lib.nn.MSELoss()(x, x + 2).item() - 4) < 1e-5
