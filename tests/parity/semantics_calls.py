"""The twin of semantics_calls.c: the same observations of PyTorch, in the same order."""
import math
from collections import OrderedDict

import torch
from observe import compare, error, names, say, sayf, seen, warned
from torch import nn

called = []


def say_called(n):
    say(n, "".join(called))
    called.clear()


def children(m):
    return "".join(name + " " for name, _ in m.named_children())


def named(**modules):
    return nn.Sequential(OrderedDict(modules))


def sequences():
    s = nn.Sequential(nn.ReLU(), nn.Sigmoid(), nn.Flatten(), nn.Tanh())
    sayf(174, nn.Sequential()(torch.full((2,), 3.0)).sum())
    s.w = nn.Parameter(torch.ones(1))
    sayf(174, len(s)), names(174, s.named_parameters()), say(174, s)
    error(175, lambda: s[-5])
    say(175, s[::2]), say(175, s[-3:-1])
    error(176, lambda: s.__setitem__(9, nn.ReLU()))
    s[-1] = None
    say(176, s)
    del s[1::2]
    say(176, s)
    error(176, lambda: s.__delitem__(7))
    odd = nn.Sequential(OrderedDict([("1", nn.ReLU())]))
    say(177, odd.append(nn.Tanh())), say(177, odd.extend(nn.Sequential(nn.ReLU(), nn.Sigmoid())))
    error(177, lambda: odd.append(torch.ones(1)))
    error(177, lambda: odd.extend(nn.Linear(1, 1)))
    error(177, lambda: odd.insert(-3, nn.ReLU())), error(177, lambda: odd.insert(0, None))
    error(177, lambda: odd.pop(4))
    error(178, lambda: odd * -2), error(178, lambda: odd + nn.ModuleList())
    l = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    error(179, lambda: l.extend(nn.Linear(1, 1)))
    say(179, l + named(a=nn.ReLU()))
    error(179, lambda: l.__setitem__(5, nn.ReLU())), error(179, lambda: l.__setitem__(0, torch.ones(1)))
    error(179, lambda: l.append(torch.ones(1))), error(179, lambda: l.pop(7))
    say(180, nn.ModuleList([nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU()), None, None]))
    say(180, nn.ModuleList()), say(180, nn.ModuleList([l, l]))


def dicts():
    d = nn.ModuleDict(OrderedDict(b=nn.ReLU(), a=nn.Tanh()))
    for name in ["keys", "values", "items", "pop", "clear", "update", "type", "forward", "training", ""]:
        error(181, lambda: d.__setitem__(name, nn.ReLU()))
    d.update([("c", nn.ReLU()), ("b", nn.Sigmoid())])
    say(181, children(d)), say(181, d)
    d.pop("b")
    d["b"] = nn.ReLU()
    say(181, children(d))
    error(181, lambda: d.__setitem__("x", torch.ones(1))), error(181, lambda: d(torch.ones(1)))
    l = nn.ParameterList([torch.ones(1), None])
    error(182, lambda: l.append(torch.arange(2))), error(182, lambda: l.__setitem__(4, torch.ones(1)))
    l = nn.ParameterList([torch.ones(1), None])  # the refused one is counted in PyTorch
    l[-1] = torch.ones(2, 1)
    names(182, l.named_parameters()), say(183, l)
    half, wide = torch.ones(2, 3, 4).half(), torch.ones(2, dtype=torch.float64)
    say(183, nn.ParameterList([half, wide, torch.tensor(1.0)])), say(183, nn.ParameterList())
    pd = nn.ParameterDict([("b", half), ("a", wide), ("n", None)])
    say(184, pd), say(184, nn.ParameterDict([("one", torch.ones(1))])), names(184, pd.named_parameters())
    error(184, lambda: pd.pop("x")), error(184, lambda: nn.ParameterDict().popitem())
    for name in "a.b", "", "keys":
        error(184, lambda: nn.ParameterDict().__setitem__(name, torch.ones(1)))
    pd.setdefault("q", torch.ones(1)), pd.popitem(), pd.popitem()
    say(184, pd), error(184, lambda: pd(torch.ones(1)))


class Shown(nn.Module):
    def __init__(self, extra, child):
        super().__init__()
        self.w = nn.Parameter(torch.full((2,), 3.0))
        self.extra = extra
        if child is not None:
            self.child = child

    def extra_repr(self):
        return self.extra or ""

    def forward(self, x, y=None):
        if self.extra:
            raise ValueError(self.extra)
        return x * self.w if y is None else x * self.w + y


class Writer(nn.Module):
    def forward(self, x):
        return x.mul_(2)


class Cube(nn.Module):
    def forward(self, x):
        return x**3


def post(name):
    return lambda module, args, result: called.append(name + ("-none " if result is None else " "))


def raises(text):
    def hook(*args):
        raise RuntimeError(text)

    return hook


def sums(gradients):
    return "".join("None " if g is None else f"{g.sum().item():g} " for g in gradients)


def full(name):
    return lambda module, grad_in, grad_out: called.append(name + " " + sums(grad_in) + sums(grad_out))


def calls():
    say(185, Shown(None, None)), say(185, Shown("a=1\nb=2", nn.ReLU()))
    say(186, Shown("a=1", None)), say(186, Shown("a=1", nn.ReLU()))
    say(187, Shown(None, Shown("a\n\nb", nn.Sequential(nn.ReLU())))), say(188, Shown(None, None))
    say(189, nn.BatchNorm2d(3)), say(189, nn.InstanceNorm1d(3)), say(189, nn.GroupNorm(1, 2))
    m, x = Shown("it fails", None), torch.ones(2, requires_grad=True)
    m.register_forward_hook(post("not")), m.register_forward_hook(raises("hook"), always_call=True)
    m.register_forward_hook(post("always"), always_call=True)
    warned(193, lambda: error(193, lambda: m(x)))
    text = seen.pop()  # as in C: the warning comes last
    say_called(193), seen.append(text)
    m.extra = None
    error(193, lambda: m(x)), say_called(193)
    m = Shown(None, None)
    h = m.register_full_backward_hook(full("full"))
    warned(195, lambda: m(torch.ones(2), torch.ones(2)).sum().backward())
    text = seen.pop()
    say_called(195), seen.append(text)
    y = (m(x) ** 3).sum()
    g = torch.autograd.grad(y, x, create_graph=True)[0]
    say_called(195), g.sum().backward(), say_called(195)
    third = Cube()
    third.register_full_backward_hook(full("cube"))
    g = torch.autograd.grad(third(x).sum(), x, create_graph=True)[0]
    say_called(195), g.sum().backward(), say_called(195)
    h.remove()
    m.register_full_backward_hook(lambda module, grad_in, grad_out: grad_out)
    error(196, lambda: m(torch.ones(2)).sum().backward())
    w = Writer()
    w.register_full_backward_hook(full("writer"))
    error(199, lambda: w(x * 1))


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(3))

    def forward(self, x, *others):
        return x * 2, self.w * 2, torch.arange(3)


def dtypes_of(module, grad_in, grad_out):
    called.append("".join("None " if g is None else str(g.dtype)[6:] + " " for g in grad_in))


def gradients_of_inputs():
    m, x, idle = Pair(), torch.ones(2, requires_grad=True), torch.ones(2, 2, requires_grad=True)
    m.register_full_backward_hook(full("pair")), m.register_full_backward_hook(dtypes_of)
    inputs = x, idle, None, torch.ones(3), torch.arange(4), torch.ones(2) > 0, torch.ones(2, dtype=torch.float16)
    out = m(*inputs)
    out[1].sum().backward(retain_graph=True), say_called(195), sayf(195, x.grad.sum()), sayf(195, idle.grad.sum())
    (out[0] * 3).sum().backward(), say_called(195), sayf(195, x.grad.sum())
    for wrong in torch.ones(7), torch.ones(2, dtype=torch.float64):
        m = Pair()
        m.register_full_backward_hook(lambda module, grad_in, grad_out: (wrong, None))
        try:
            m(x, idle)[0].sum().backward()
        except RuntimeError as e:
            say(196, str(e)[str(e).index("has changed"):])


def parameters():
    p = nn.UninitializedParameter()
    error(201, lambda: p.shape), error(201, p.share_memory_)
    p.materialize((2, 3))
    sayf(202, p.shape[1]), error(202, lambda: p.materialize((2,)))
    m, call = Shown(None, None), torch.func.functional_call
    s = {"w": torch.ones(3), "b": torch.ones(1), "a": torch.ones(1)}
    error(221, lambda: call(m, s, torch.ones(3), strict=True))
    sayf(221, call(m, s, torch.ones(3)).sum()), sayf(221, m.w.sum())
    bn = nn.BatchNorm1d(2)
    s = {"num_batches_tracked": torch.tensor(5), "running_mean": torch.ones(2)}
    call(bn, s, torch.full((4, 2), 3.0)), sayf(223, s["num_batches_tracked"])
    sayf(223, s["running_mean"].sum()), sayf(223, bn.num_batches_tracked), sayf(223, bn.running_mean.sum())
    q, idle = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    both = [q, idle]
    sayf(227, nn.utils.clip_grad_norm_(both, 1))
    q.grad = torch.full((2,), 3.0)
    sayf(227, nn.utils.clip_grad_norm_(both, 1)), sayf(227, q.grad.sum())
    nn.utils.clip_grad_value_(both, 0.25)
    sayf(227, q.grad.sum())
    q.grad.fill_(math.inf)
    error(227, lambda: nn.utils.clip_grad_norm_(both, 1, error_if_nonfinite=True))
    nn.utils.clip_grad_norm_(both, 1)
    sayf(227, math.isnan(q.grad.sum()))
    SGD, Adam = torch.optim.SGD, torch.optim.Adam
    error(228, lambda: SGD([])), error(228, lambda: SGD([q * 2])), error(228, lambda: SGD(q)), error(228, lambda: Adam(q))
    error(228, lambda: SGD(both, lr=-1.0)), error(228, lambda: SGD(both, momentum=-0.5)), error(228, lambda: Adam(both, eps=-1.0))
    error(228, lambda: Adam(both, betas=(1.0, 0.9))), error(228, lambda: SGD(both, weight_decay=-2.0))
    error(228, lambda: SGD(both, nesterov=True))
    opt = SGD(both)
    error(228, lambda: opt.add_param_group({"params": [q]})), sayf(228, len(opt.param_groups))


for part in sequences, dicts, calls, gradients_of_inputs, parameters:
    part()
compare("semantics_calls")
