"""Parametrizations and full backward hooks of modules written in Python, with both libraries."""
import gc

import pytest


def make(lib):
    class Upper(lib.nn.Module):
        def forward(self, x):
            return lib.triu(x)

        def right_inverse(self, x):
            return lib.triu(x)

    class Halves(lib.nn.Module):
        def forward(self, a, b):
            return a + b

        def right_inverse(self, x):
            return x * 0.25, x * 0.75

    class Twice(lib.nn.Module):
        def forward(self, x):
            return x * 2

    return Upper, Halves, Twice


def linear(lib):
    m = lib.nn.Linear(2, 2)
    with lib.no_grad():
        m.weight.fill_(1)
        m.bias.fill_(0)
    return m


def parametrize(lib):
    return lib.nn.utils.parametrize


def test_207_209_210_right_inverse_in_python(lib):
    upper, _, twice = make(lib)
    m = linear(lib)
    weight = m.weight
    parametrize(lib).register_parametrization(m, "weight", upper())
    original = dict(m.named_parameters())["parametrizations.weight.original"]
    assert original is weight and m.weight.sum().item() == 3 and m.weight is not m.weight
    m.weight = lib.full((2, 2), 2.0)
    assert original.sum().item() == 6 and m.weight.sum().item() == 6
    assert repr(m).startswith("ParametrizedLinear(")
    with pytest.raises(AttributeError):
        del m.weight
    parametrize(lib).register_parametrization(m, "weight", twice())
    with pytest.raises(RuntimeError, match="parametrization Twice does not implement right_inverse."):
        m.weight = lib.ones(2, 2)
    m(lib.ones(1, 2)).sum().backward()
    assert original.grad.sum().item() == 6
    parametrize(lib).remove_parametrizations(m, "weight")
    assert m.weight is weight and repr(m).startswith("Linear(")


def test_208_a_tuple_of_one(lib):
    class Alone(lib.nn.Module):
        def forward(self, x):
            return x * 2

        def right_inverse(self, x):
            return (x * 0.5,)
    m = linear(lib)
    parametrize(lib).register_parametrization(m, "weight", Alone())
    assert [name for name, _ in m.named_parameters()] == ["bias", "parametrizations.weight.original0"]
    assert m.weight.sum().item() == 4


def test_transfer(lib):
    upper, halves, twice = make(lib)
    m, to = linear(lib), lib.nn.Linear(2, 2)
    transfer = parametrize(lib).transfer_parametrizations_and_params
    assert transfer(m, to) is to and not parametrize(lib).is_parametrized(to)
    for f in upper(), twice():
        parametrize(lib).register_parametrization(m, "weight", f)
    del f
    assert parametrize(lib).type_before_parametrizations(m) is lib.nn.Linear
    assert transfer(m, to, "weight") is to and to.weight.sum().item() == 6
    original = dict(m.named_parameters())["parametrizations.weight.original"]
    assert dict(to.named_parameters())["parametrizations.weight.original"] is original
    del m
    gc.collect()
    with lib.no_grad():
        original.fill_(2)
    assert to.weight.sum().item() == 12
    with pytest.raises(KeyError):
        transfer(to, linear(lib), "bias")
    several = linear(lib)
    parametrize(lib).register_parametrization(several, "weight", halves())
    bare = transfer(several, lib.nn.ReLU())
    assert [name for name, _ in bare.named_parameters()] == ["parametrizations.weight.original0", "parametrizations.weight.original1"]
    assert bare.weight.sum().item() == 4


def test_208_several_originals(lib):
    halves = make(lib)[1]
    m = linear(lib)
    parametrize(lib).register_parametrization(m, "weight", halves())
    assert list(m.state_dict()) == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    assert m.weight.sum().item() == 4
    m.weight = lib.full((2, 2), 2.0)
    assert m.weight.sum().item() == 8


def test_212_cached(lib):
    m = linear(lib)
    parametrize(lib).register_parametrization(m, "weight", make(lib)[2]())
    with parametrize(lib).cached():
        assert m.weight is m.weight
    assert m.weight is not m.weight


def test_195_197_full_backward_hooks_of_a_forward_in_python(lib):
    seen = []

    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = linear(lib)

        def forward(self, x):
            return self.inner(x) * 3

    net = Net()
    net.register_full_backward_pre_hook(lambda m, out: seen.append("pre") or (out[0] * 2,))
    handle = net.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append("hook") or (grad_in[0] * 10,))
    x = lib.ones(1, 2, requires_grad=True)
    net(x).sum().backward()
    assert seen == ["pre", "hook"] and x.grad.tolist() == [[120.0, 120.0]]
    assert net.inner.weight.grad.tolist() == [[6.0, 6.0], [6.0, 6.0]]
    handle.remove()
    x.grad = None
    net(x).sum().backward()
    assert x.grad.tolist() == [[12.0, 12.0]] and seen == ["pre", "hook", "pre"]
