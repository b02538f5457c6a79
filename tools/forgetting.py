#!/usr/bin/env python3
"""What PyTorch does when something is forgotten: the column "PyTorch" of docs/forgetting.md, run live. Prints one line for each case.

`tools/forgetting.py`: needs a Python that has torch; tools/oracle.sh finds or makes one."""
import warnings

import torch
from torch import nn

warnings.simplefilter("error")


class Listed(nn.Module):
    """Layers in a plain list: the attribute registers nothing."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(2, 2)
        self.layers = [nn.Linear(2, 2), nn.Linear(2, 2)]

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


def train(m, steps=3):
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    for _ in range(steps):
        opt.zero_grad()
        m(torch.ones(1, 2)).sum().backward()
        opt.step()
    return m


def unchanged(make, get):
    """Trains, and says whether what `get` finds was trained and is saved, and what was said about it."""
    m = make()
    before = get(m).detach().clone()
    try:
        train(m)
    except (RuntimeError, Warning) as e:
        return f"{type(e).__name__}: {e}"
    trained = "trained" if not torch.equal(before, get(m)) else "not trained"
    saved = "saved" if any(v.data_ptr() == get(m).data_ptr() for v in m.state_dict().values()) else "not saved"
    return f"{trained}, {saved}, nothing is said"


def replaced():
    m = nn.Linear(2, 2)
    opt = torch.optim.SGD(m.parameters(), lr=0.1)
    m.weight = nn.Parameter(torch.ones(2, 2))
    before = m.weight.detach().clone()
    m(torch.ones(1, 2)).sum().backward()
    opt.step()
    return "not trained, nothing is said" if torch.equal(before, m.weight) else "trained"


def lost_buffer():
    m = nn.Module()
    m.b = nn.Buffer(torch.ones(2))
    odd = nn.Parameter(torch.ones(2), False)
    odd.mul_(torch.ones(2, requires_grad=True))
    try:
        m.b = odd
    except ValueError as e:
        return f"{type(e).__name__}; the buffer is {'still there' if hasattr(m, 'b') else 'gone'}"


def half_loaded():
    m = nn.Linear(2, 2)
    with torch.no_grad():
        m.weight.zero_()
    state = {"weight": torch.ones(2, 2), "bias": torch.ones(3)}
    try:
        m.load_state_dict(state)
    except RuntimeError as e:
        return f"{type(e).__name__}; the weight is {'overwritten' if m.weight.sum() != 0 else 'as before'}"


def over_parameter():
    m = nn.Linear(2, 2)
    try:
        m.weight = torch.ones(2, 2)
    except TypeError as e:
        return f"{type(e).__name__}: {e}"


def empty():
    try:
        torch.optim.SGD(nn.ReLU().parameters(), lr=0.1)
    except ValueError as e:
        return f"{type(e).__name__}: {e}"


def name():
    m = nn.Module()
    setattr(m, "a.b", nn.Linear(1, 1))
    try:
        m.get_submodule("a.b")
    except AttributeError as e:
        return f"nothing is said; get_submodule: {type(e).__name__}: {e}"


CASES = {
    "layers in a container that is no module": lambda: unchanged(Listed, lambda m: m.layers[0].weight),
    "a tensor that requires grad, not marked": lambda: unchanged(Bare, lambda m: m.scale),
    "a module that nobody holds, run in forward": lambda: unchanged(Runs, lambda m: stray.weight),
    "an optimizer made before a parameter was replaced": replaced,
    "a plain tensor assigned over a parameter": over_parameter,
    "an optimizer without parameters": empty,
    "a buffer after a refused assignment": lost_buffer,
    "weights after a refused load": half_loaded,
    "a child under a name with a dot": name,
}
for case, run in CASES.items():
    print(f"{case}: {run()}")
