"""What is forgotten is reported, in Python too: docs/forgetting.md. PyTorch says nothing in these cases."""
import pytest
import tison
from tison import nn

stray = nn.Linear(2, 2)


class Net(nn.Module):
    def __init__(self, **members):
        super().__init__()
        self.fc = nn.Linear(2, 2)
        for name, value in members.items():
            setattr(self, name, value)

    def forward(self, x):
        for layer in getattr(self, "layers", ()):
            x = layer(x)
        for p in getattr(self, "factors", ()):
            x = x * p
        return self.fc(x)


class Runs(Net):
    def forward(self, x):
        return self.fc(stray(x))


def train(net, optimizer=None, steps=3):
    optimizer = optimizer or tison.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        net(tison.ones(1, 2)).sum().backward()
        optimizer.step()


def test_nothing_is_forgotten():
    train(Net(layers=nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])))


@pytest.mark.parametrize("make", [lambda: Net(layers=[nn.Linear(2, 2)]), lambda: Net(layers=(nn.Linear(2, 2),)), Runs])
def test_a_module_that_nobody_holds(make):
    net = make()
    with pytest.raises(RuntimeError, match="the forward of '(Net|Runs)' ran a 'tn_nn_linear' that has parameters to train"):
        train(net, steps=1)
    with pytest.raises(RuntimeError, match="no field of any module holds it"):
        net.state_dict()


def test_frozen_ones_and_teachers_are_no_errors():
    train(Net(layers=[nn.Linear(2, 2).requires_grad_(False)]))

    class Student(Net):
        def forward(self, x):
            with tison.no_grad():
                x = self.layers[0](x)
            return self.fc(x)
    train(Student(layers=[nn.Linear(2, 2)]))
    net = Net(layers=[nn.Linear(2, 2)])
    train(net, tison.optim.SGD([*net.fc.parameters(), *net.layers[0].parameters()], lr=0.1))


def test_parameters_in_a_list():
    with pytest.raises(RuntimeError, match=r"a parameter of shape \[2\], made at .*, gets a gradient that nobody uses"):
        train(Net(factors=[nn.Parameter(tison.ones(2))]))
    train(Net(factors=nn.ParameterList([tison.ones(2)])))


def test_what_came_after_the_optimizer():
    net = nn.Sequential(nn.Linear(2, 2))
    optimizer = tison.optim.SGD(net.parameters(), lr=0.1)
    net.append(nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match="after its optimizer was made"):
        train(net, optimizer)
    net = nn.Sequential(nn.Linear(2, 2))
    optimizer = tison.optim.SGD(net.parameters(), lr=0.1)
    net[0].weight = nn.Parameter(tison.ones(2, 2))
    with pytest.raises(RuntimeError, match="replaced in its module"):
        train(net, optimizer)


def test_check_loss():
    net = Net(scale=tison.ones(2, requires_grad=True))
    tison.check_loss(net, net(tison.ones(1, 2)).sum())
    with pytest.raises(RuntimeError, match="the loss depends on a tensor of shape"):
        tison.check_loss(net, (net(tison.ones(1, 2)) * net.scale).sum())


def test_a_failed_forward_leaves_no_trace():
    class Broken(Net):
        def forward(self, x):
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError):
        Broken()(tison.ones(1, 2))
    stray(tison.ones(1, 2))
    train(Net())
