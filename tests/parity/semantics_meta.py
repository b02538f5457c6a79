"""The twin of semantics_meta.c: the same observations of PyTorch, in the same order."""
import copy

import torch
from observe import compare, error, say, warned
from torch import nn

text = say


def yes(n, right):
    say(n, bool(right))


def making():
    m, c = torch.ones(2, 3, device="meta"), torch.ones(2, 3)
    p = nn.Parameter(m)
    text(23, p), text(23, p * 2), text(23, nn.Parameter(torch.empty(2, dtype=torch.float16, device="meta"), False))
    text(23, torch.arange(3, device="meta")), text(23, torch.eye(2, dtype=torch.complex64, device="meta"))
    text(23, torch.zeros(0, 3, dtype=torch.bool, device="meta")), text(23, p.double().sum())
    say(23, m.device), yes(23, p.is_meta), yes(23, m.t().is_contiguous())
    error(23, lambda: m + c), error(23, lambda: c + m)
    error(23, lambda: torch.zeros(2, device="")), error(23, lambda: torch.zeros(2, device="cpu:x"))
    error(23, lambda: m.sum().item()), error(23, lambda: c.copy_(m)), error(23, lambda: m.to("cpu"))
    text(23, m + torch.tensor(1.0)), text(23, m.copy_(c)), text(23, torch.ones_like(c, device="meta"))
    x = torch.ones(2, 2, requires_grad=True)
    error(23, lambda: (x.to("meta") * 2).sum().backward())
    (p * p).sum().backward(), text(23, p.grad)

    def set_grad():
        x.grad = torch.ones(2, 2, device="meta")

    def set_data():
        x.data = torch.ones(2, 2, device="meta")

    error(23, set_grad), error(23, set_data)


def defaults():
    torch.manual_seed(3)
    torch.set_default_device("meta")
    l = nn.Linear(3, 2)
    text(139, l.weight), text(139, l.bias), say(139, torch.get_default_device())
    text(139, torch.randn(2, 2)), text(139, torch.tensor([1, 2])), say(139, torch.ones(1, device="cpu").device)
    text(139, l(torch.ones(4, 3)))
    torch.set_default_device("cpu")
    text(139, torch.rand(2))


def modules():
    l = nn.Linear(3, 2)
    l.to("cpu"), say(133, l.weight.device)
    error(133, lambda: l.to("xyz"))
    l.to("meta"), text(133, l.weight)
    l.to(torch.float64), text(133, l.weight)
    error(139, lambda: l.to("cpu"))
    l.to_empty(device="cpu"), say(139, l.weight.device), yes(139, l.weight.requires_grad)
    say(139, str(l.weight.dtype)[6:])
    l.to_empty(device="meta"), text(139, l.bias)


def states():
    meta, real = nn.Linear(3, 2).to("meta"), nn.Linear(3, 2)
    s = real.state_dict()
    warned(166, lambda: meta.load_state_dict(s)), text(166, meta.weight)
    error(166, lambda: real.load_state_dict(meta.state_dict()))
    error(166, lambda: meta.load_state_dict(nn.Linear(4, 2).state_dict()))
    warned(166, lambda: meta.load_state_dict(s, assign=True)), say(166, meta.weight.device)
    yes(166, meta.weight.equal(real.weight)), yes(166, meta.weight.requires_grad)
    warned(166, lambda: real.load_state_dict(copy.deepcopy(meta).state_dict()))


def training():
    torch.set_default_device("meta")
    l = nn.Linear(3, 2)
    sgd, adam = torch.optim.SGD(l.parameters(), lr=0.1, momentum=0.9), torch.optim.Adam(l.parameters())
    for _ in range(2):
        loss = nn.functional.cross_entropy(l(torch.ones(4, 3)), torch.zeros(4, dtype=torch.int64))
        loss.backward(), text(23, loss), text(23, l.weight.grad)
        text(23, nn.utils.clip_grad_norm_(l.parameters(), 1.0))
        sgd.step(), adam.step(), text(23, l.weight)
    torch.set_default_device(None)


for part in making, defaults, modules, states, training:
    part()
compare("semantics_meta")
