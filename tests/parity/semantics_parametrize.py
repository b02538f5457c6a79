"""The twin of semantics_parametrize.c."""
import copy
from collections import OrderedDict

import torch
from observe import compare, error, keys, names, say, sayf, setting
from torch import nn
from torch.nn.utils import parametrizations, parametrize, remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm


class Upper(nn.Module):
    def forward(self, x):
        return x.triu()

    def right_inverse(self, x):
        return x * 1


class Twice(nn.Module):
    def forward(self, x):
        return x * 2


class Parts(nn.Module):
    def __init__(self, gives):
        super().__init__()
        self.gives = gives

    def forward(self, x, y=None):
        return x * 1 if y is None else x + y

    def right_inverse(self, x):
        return {"one": x * 1, "tuple": (x * 1,), "two": (x * 0.25, x * 0.75)}[self.gives]


def ones():
    m = nn.Linear(2, 2)
    with torch.no_grad():
        m.weight.fill_(1), m.bias.fill_(1)
    return m


m = ones()
parametrize.register_parametrization(m, "weight", Upper())
original = m.parametrizations.weight.original
sayf(207, original.sum()), sayf(207, m.weight.sum()), sayf(207, isinstance(m.weight, nn.Parameter)), sayf(207, m.weight is m.weight)
names(208, m.named_parameters()), say(208, keys(m.state_dict()))
say(209, m)
m.weight = torch.full((2, 2), 3.0)
sayf(210, original.sum()), sayf(210, m.weight.sum())
error(210, lambda: delattr(m, "weight"))
parametrize.register_parametrization(m, "weight", Twice())
error(210, setting(m, "weight", torch.ones(2, 2)))
sayf(211, m.weight.sum())
error(211, lambda: parametrize.register_parametrization(m, "none", Twice()))
with parametrize.cached():
    sayf(212, m.weight is m.weight)
twin = copy.deepcopy(m)
sayf(214, twin.weight.sum()), say(214, keys(twin.state_dict()))
parametrize.remove_parametrizations(m, "weight")
sayf(213, m.weight is original), sayf(213, m.weight.sum()), say(213, m)
error(213, lambda: parametrize.remove_parametrizations(m, "weight"))

m, f, register = ones(), Parts("tuple"), parametrize.register_parametrization
register(m, "weight", f)
names(208, m.named_parameters()), say(208, keys(m.state_dict()))
m.weight = torch.full((2, 2), 3.0)
sayf(210, m.weight.sum())
error(213, lambda: parametrize.remove_parametrizations(m, "weight", leave_parametrized=False))
error(210, setting(m, "weight", torch.ones(2, 2, dtype=torch.float64)))
for f.gives in "one", "two":
    error(210, setting(m, "weight", torch.ones(2, 2)))
f.gives = "tuple"
error(211, lambda: register(m, "weight", Parts("tuple")))
parametrize.remove_parametrizations(m, "weight"), sayf(213, isinstance(m.weight, nn.Parameter))
f.gives = "one"
register(m, "weight", f), names(208, m.named_parameters())
f.gives = "tuple"
error(210, setting(m, "weight", torch.ones(2, 2)))

transfer = parametrize.transfer_parametrizations_and_params
a, b, c = ones(), nn.Linear(2, 2), nn.Linear(3, 3)
register(a, "weight", Upper()), register(a, "weight", Twice())
transfer(a, b), names(211, b.named_parameters()), sayf(211, b.weight.sum()), say(211, b)
sayf(211, a.parametrizations.weight.original is b.parametrizations.weight.original)
transfer(a, c), say(211, c), sayf(211, c.weight.sum())
transfer(a, b), say(211, b), sayf(211, b.weight.sum())
error(211, lambda: transfer(a, ones(), "none")), error(211, lambda: transfer(a, ones(), "bias"))
error(211, lambda: transfer(ones(), c, "none"))
a, b = ones(), nn.Linear(2, 2)
register(a, "weight", Parts("two")), register(a, "bias", Twice())
transfer(a, b, "weight"), names(211, b.named_parameters()), sayf(211, b.weight.sum())
bare = transfer(a, nn.ReLU())
names(211, bare.named_parameters()), say(211, bare), sayf(211, bare.weight.sum() + bare.bias.sum())
a = ones()
a.register_buffer("c", torch.ones(2)), register(a, "c", Twice()), error(211, lambda: transfer(a, nn.Tanh()))
b = ones()
b.register_buffer("c", torch.zeros(2)), transfer(a, b), sayf(211, b.c.sum()), say(211, keys(b.state_dict()))

m, old = ones(), ones()
parametrizations.weight_norm(m), weight_norm(old)
say(215, keys(m.state_dict())), say(215, m)
with torch.no_grad():
    old.weight_g.mul_(3)
m.load_state_dict(old.state_dict())
sayf(215, m.weight.sum())
error(215, lambda: parametrize.remove_parametrizations(m, "weight", leave_parametrized=False))
say(216, keys(old.state_dict())), say(216, old)
error(216, lambda: weight_norm(old))
error(216, lambda: copy.deepcopy(old))
old(torch.ones(1, 2)), sayf(216, old.weight.sum())
remove_weight_norm(old), sayf(216, old.weight.sum()), sayf(216, isinstance(old.weight, nn.Parameter))
error(216, lambda: remove_weight_norm(old))
old = ones()
error(217, lambda: spectral_norm(old, n_power_iterations=0))
spectral_norm(old)
say(217, keys(old.state_dict())), say(217, old), sayf(217, old.weight.sum())
error(217, lambda: spectral_norm(old))
old(torch.ones(1, 2)), sayf(217, old.weight.sum())
remove_spectral_norm(old), sayf(217, old.weight.sum())
error(217, lambda: remove_spectral_norm(old))
parametrizations.spectral_norm(old), say(217, keys(old.state_dict())), say(217, old)

u, v, orig = "0.weight_u", "0.weight_v", "0.weight_orig"
for says in True, False:
    for dropped, extra in ((), False), ((u,), False), ((), True), ((v,), True), ((v, u), True), ((v, u, orig), False):
        l = spectral_norm(nn.Linear(3, 2))
        m = nn.Sequential(l)
        s = m.state_dict()
        if not says:
            s = OrderedDict(s)
        for name in dropped:
            del s[name]
        if extra:
            s["0.weight"] = torch.ones(2, 3)
        say(217, m.load_state_dict(s, strict=False))
        sayf(217, m.state_dict()._metadata["0"]["spectral_norm"]["weight.version"])
        remove_spectral_norm(l), sayf(217, "spectral_norm" in m.state_dict()._metadata["0"])
compare("semantics_parametrize")
