#!/usr/bin/env python3
"""What PyTorch does when something is forgotten: one line "case<TAB>what happened" for each.

tools/forgetting/run.py runs it. The cases have the same names in libtorch.cpp and flax_nnx.py."""
import copy
import warnings

import torch
from torch import nn

warnings.simplefilter("error")


class Listed(nn.Module):
    """Layers in a plain list: the attribute registers nothing. `named` of them stand in a ModuleList, too."""

    def __init__(self, named=0):
        super().__init__()
        self.head = nn.Linear(2, 2)
        self.layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
        self.some = nn.ModuleList(self.layers[:named])

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return self.head(x)


class Bare(nn.Module):
    """A tensor that was meant to be a Parameter."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2)
        self.scale = torch.ones(2, requires_grad=True)

    def forward(self, x):
        return self.head(x) * self.scale


stray = nn.Linear(2, 2)


class Runs(nn.Module):
    """A module that no attribute holds, run inside of forward."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2)

    def forward(self, x):
        return self.head(stray(x))


loose = nn.Parameter(torch.ones(2))


class Uses(Runs):
    """A Parameter that no attribute holds."""

    def forward(self, x):
        return self.head(x) * loose


def steps(m, opt, x=None):
    for _ in range(3):
        opt.zero_grad()
        m(torch.ones(1, 2) if x is None else x).sum().backward()
        opt.step()


def sgd(m):
    return torch.optim.SGD(m.parameters(), lr=0.1)


def error_of(f, otherwise):
    try:
        return f() or otherwise
    except Exception as e:
        return f"{type(e).__name__}: {str(e).splitlines()[0]}"


def trained(make, get):
    """Trains all that the module knows of: was what `get` finds trained, is it saved, and was anything said?"""
    m = make()
    before = get(m).detach().clone()

    def run():
        steps(m, sgd(m))
        saved = any(v.data_ptr() == get(m).data_ptr() for v in m.state_dict().values())
        return f"{was(before, get(m))}, {'saved' if saved else 'not saved'}, nothing is said"
    return error_of(run, "")


def was(before, now):
    return "not trained" if torch.equal(before, now) else "trained"


def after(change, get, x=None):
    """The optimizer is made, `change` changes the module or makes another, which is trained."""
    m = nn.Sequential(nn.Linear(2, 2))
    opt = sgd(m)
    m = change(m) or m
    before = get(m).detach().clone()
    said = error_of(lambda: steps(m, opt, x), "")
    return said or f"{was(before, get(m))}, nothing is said"


def replace(m):
    m[0].weight = nn.Parameter(torch.ones(2, 2))


def add(m):
    m.append(nn.Linear(2, 2))


def buffer():
    m = nn.Module()
    m.b = nn.Buffer(torch.ones(2))
    odd = nn.Parameter(torch.ones(2), False)
    odd.mul_(torch.ones(2, requires_grad=True))

    def assign():
        m.b = odd
    return error_of(assign, "nothing is said") + f"; the buffer is {'still there' if hasattr(m, 'b') else 'gone'}"


def load(state):
    m = nn.Linear(2, 2)
    with torch.no_grad():
        m.weight.zero_()
    said = error_of(lambda: str(m.load_state_dict(state)), "nothing is said")
    return f"{said}; the weight is {'overwritten' if m.weight.sum() != 0 else 'as before'}"


def over():
    m = nn.Linear(2, 2)

    def assign():
        m.weight = torch.ones(2, 2)
    return error_of(assign, "nothing is said")


def dot():
    m = nn.Module()
    said = error_of(lambda: setattr(m, "a.b", nn.Linear(1, 1)), "nothing is said")
    return said + "; get_submodule: " + error_of(lambda: str(m.get_submodule("a.b")), "it is found")


def main():
    print(f"version\tPyTorch {torch.__version__}")
    cases = {
        "nothing": lambda: after(lambda m: None, lambda m: m[0].weight),
        "unnamed": lambda: trained(Listed, lambda m: m.layers[0].weight),
        "part": lambda: trained(lambda: Listed(1), lambda m: m.layers[1].weight),
        "unmarked": lambda: trained(Bare, lambda m: m.scale),
        "of_nobody": lambda: trained(Runs, lambda m: stray.weight),
        "loose": lambda: trained(Uses, lambda m: loose),
        "replaced": lambda: after(replace, lambda m: m[0].weight),
        "added": lambda: after(add, lambda m: m[1].weight),
        "copied": lambda: after(copy.deepcopy, lambda m: m[0].weight),
        "converted": lambda: after(lambda m: m.double(), lambda m: m[0].weight, torch.ones(1, 2, dtype=torch.float64)),
        "over": over,
        "empty": lambda: error_of(lambda: sgd(nn.ReLU()).step(), "nothing is said"),
        "buffer": buffer,
        "load": lambda: load({"weight": torch.ones(2, 2)}),
        "load_other_shape": lambda: load({"weight": torch.ones(2, 2), "bias": torch.ones(3)}),
        "dot": dot,
        "by_value": lambda: "cannot be",
    }
    for case, run in cases.items():
        print(f"{case}\t{run()}")


main()
