"""The twin of semantics.c: the same observations of PyTorch, in the same order."""
import copy
from collections import OrderedDict

import torch
from observe import compare, error, keys, names, say, sayf, setting
from torch import nn
from torch.nn.modules import module as global_hooks


class inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.ones(2))
        self.b = nn.Buffer(torch.zeros(2))
        self.l = nn.Linear(2, 2)

    def forward(self, x):
        return self.l(x * self.w)


class outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = inner(), inner()
        self.w = nn.Parameter(torch.ones(2))
        self.mean = nn.Buffer(torch.zeros(2))
        self.steps = nn.Buffer(torch.tensor(0))
        self.gone = None
        self.passing = nn.Buffer(torch.zeros(1), persistent=False)

    def forward(self, x):
        return self.first(x) * self.w


def P():
    return nn.Parameter(torch.ones(2))


def tensors():
    t = torch.ones(2, 3)
    p = nn.Parameter(t)
    say(1, isinstance(p, nn.Parameter) and not isinstance(t, nn.Parameter))
    t.add_(1)
    sayf(5, p._version)
    error(10, lambda: nn.Parameter(torch.arange(3)))
    say(11, nn.Parameter(torch.arange(3), False))
    say(13, nn.Parameter(torch.tensor(3.0)))
    error(31, lambda: nn.Parameter(torch.arange(2), False).requires_grad_())
    p.data.add_(1)
    sayf(38, p._version)
    p.detach().add_(1)
    sayf(38, p._version)
    x = torch.full((4, 5), 2.0)
    p.data = x
    sayf(40, p._version), sayf(40, p.shape[1])
    x.add_(1)
    sayf(41, p._version), sayf(41, x._version)
    error(42, lambda: setattr(p, "data", torch.arange(3)))
    turned = nn.Parameter(torch.ones(3, 2).t())
    turned.sum().backward()
    sayf(49, turned.grad.stride(0))
    error(51, p.backward)
    q = P()
    loss = (q * q).sum()
    loss.backward()
    error(51, loss.backward)
    error(52, lambda: setattr(q, "grad", q))
    sayf(59, copy.deepcopy(turned).stride(0))
    sayf(59, copy.deepcopy(nn.Parameter(torch.ones(4, 4).select(1, 2))).stride(0))
    say(64, P())
    say(65, [q, q])
    say(66, nn.UninitializedParameter())
    say(71, nn.Buffer(torch.empty(0)))


def members():
    m = nn.Sequential()
    m.a, m.b, m.c, m.d = P(), P(), nn.ReLU(), nn.Buffer(torch.ones(1))
    names(74, m.named_parameters())
    m.d, m.c = P(), P()
    names(75, m.named_parameters())
    m.a = P()
    names(77, m.named_parameters())
    m.a = None
    names(78, m.named_parameters()), say(78, keys(m.state_dict()))
    error(79, setting(m, "a", torch.ones(1)))
    error(79, setting(m, "b", torch.ones(1)))
    m.r = nn.ReLU()
    error(81, setting(m, "r", torch.ones(1)))
    m.r = None
    names(81, m.named_children())
    m.s, m.t = nn.Buffer(torch.ones(1)), nn.Buffer(torch.ones(1), persistent=False)
    names(82, m.named_buffers()), say(82, keys(m.state_dict()))
    m.plain = torch.ones(1)
    error(83, setting(m, "plain", nn.Buffer(torch.ones(1))))
    m.t = torch.zeros(1)
    say(84, keys(m.state_dict()))
    m.t = nn.Buffer(torch.zeros(1))
    say(84, keys(m.state_dict()))
    error(88, setting(m, "x.y", P()))
    error(88, setting(m, "", P()))
    error(91, lambda: m.nope)
    del m.b
    m.b, m.a = P(), P()
    names(93, m.named_parameters())
    error(94, lambda: m.register_parameter("x.y", P()))
    error(94, lambda: m.register_parameter("", P()))
    error(94, lambda: m.register_parameter("s", P()))
    error(95, lambda: m.register_parameter("training", P()))
    error(95, lambda: m.register_parameter("_parameters", P()))
    error(96, lambda: m.register_parameter("w", torch.ones(1)))
    odd = nn.Parameter(torch.ones(2), False)
    odd.mul_(torch.ones(2, requires_grad=True))
    error(96, lambda: m.register_parameter("w", odd))
    error(99, lambda: m.register_buffer("x.y", torch.ones(1)))
    error(99, lambda: m.register_buffer("forward", torch.ones(1)))
    error(100, lambda: m.register_buffer("a", torch.ones(1)))
    error(100, lambda: m.register_module("a", nn.ReLU()))
    error(101, lambda: m.register_module("a", torch.ones(1)))
    error(101, lambda: m.register_module("x.y", nn.ReLU()))
    error(101, lambda: m.register_module("", nn.ReLU()))
    s = nn.Sequential()
    s.register_module("gone", None)
    say(102, s), names(102, s.named_modules())


def walks():
    m = outer()
    names(105, m.named_parameters())
    m.second.l.weight, m.first.w = m.first.l.weight, m.w
    names(107, m.named_parameters()), names(108, m.named_parameters(remove_duplicate=False))
    m.second.l = m.first.l
    names(108, m.named_parameters(remove_duplicate=False)), names(109, m.named_parameters(recurse=False, prefix="pre"))
    names(111, m.named_buffers()), names(112, m.named_modules()), names(112, m.named_modules(prefix="net"))
    names(113, m.named_modules(remove_duplicate=False)), names(115, m.named_children()), say(116, keys(m.state_dict()))
    error(118, lambda: m.get_submodule("first.nope"))
    error(118, lambda: m.get_submodule("first.w"))
    error(119, lambda: m.get_parameter("first.b"))
    error(119, lambda: m.get_parameter(""))
    error(120, lambda: m.get_buffer("first.w"))
    error(121, lambda: m.set_submodule("", nn.ReLU()))
    error(121, lambda: m.set_submodule("first.new", nn.ReLU(), strict=True))
    error(121, lambda: m.set_submodule("first.w", nn.ReLU()))
    visited = []
    m.apply(lambda k: visited.append(type(k).__name__ + " ") and None)
    say(122, "".join(visited))
    error(124, lambda: nn.LazyLinear(3).requires_grad_(False))
    m.to(torch.float64)
    say(128, str(m.w.dtype)[6:]), say(128, str(m.steps.dtype)[6:])
    error(132, lambda: m.to(torch.int64))


def states():
    m, other = outer(), outer()
    s, prefixed = m.state_dict(), m.state_dict(prefix="net")
    say(142, keys(s)), say(144, keys(prefixed))
    for path, data in prefixed._metadata.items():
        say(145, path), sayf(145, data["version"])
    say(151, other.load_state_dict(s))
    given = ["zzz", "first.nope", "first.l.weight.x", "nope.w", "gone", "passing", "first", "w"]
    odd = OrderedDict((k, torch.full((2,), 4.0)) for k in given)
    say(157, other.load_state_dict(odd, strict=False))
    error(160, lambda: other.load_state_dict(odd))
    odd["w"], odd["steps"] = torch.ones(4, 2), torch.ones(1, 1)
    error(160, lambda: other.load_state_dict(odd))
    error(155, lambda: other.load_state_dict(odd, strict=False))
    s["steps"] = torch.full((1,), 9)
    other.load_state_dict(s)
    sayf(154, other.steps)
    s["w"] = torch.arange(2)
    error(164, lambda: other.load_state_dict(s, assign=True))
    s = OrderedDict(s)  # without the marker that the load above left in its metadata: statement 172
    s["w"], s["second.w"], other.second.w = torch.full((2,), 3.0), torch.full((2,), 4.0), other.w
    other.load_state_dict(s)
    sayf(165, other.w.sum())


def containers():
    s = nn.Sequential(nn.ReLU(), nn.Tanh())
    named = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh(), c=nn.Sigmoid()))
    say(173, named)
    error(173, lambda: nn.Sequential(torch.ones(1)))
    error(175, lambda: s[2])
    say(175, named[1:])
    error(176, lambda: s.__setitem__(0, torch.ones(1)))
    del named[0]
    say(176, named)
    error(177, lambda: s.insert(3, nn.ReLU()))
    error(177, lambda: s.insert(0, torch.ones(1)))
    s.insert(-1, nn.Sigmoid())
    say(177, s)
    error(178, lambda: s * 0)
    say(178, s * 2), say(178, s + named)
    l = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2), nn.ReLU(), None])
    say(180, l), say(179, l[1:3])
    error(179, lambda: l(torch.ones(1)))
    d = nn.ModuleDict(OrderedDict(b=nn.ReLU(), a=nn.Tanh()))
    say(181, d)
    error(181, lambda: d.__setitem__("keys", nn.ReLU()))
    error(181, lambda: d.__setitem__("x.y", nn.ReLU()))
    try:
        d["x"]
    except KeyError as e:
        say(181, f"KeyError: {e}")
    say(183, nn.ParameterList([torch.ones(2, 3), torch.tensor(1.0), None])), say(183, nn.ParameterList([torch.ones(2)]))
    error(182, lambda: nn.ParameterList([torch.arange(2)]))
    pl = nn.ParameterList([torch.ones(1)])
    error(182, lambda: pl[5])
    error(182, lambda: pl(torch.ones(1)))
    pd = nn.ParameterDict([("b", torch.ones(2)), ("a", torch.ones(1, 2))])
    say(184, pd)
    error(184, lambda: pd["x"])
    try:
        del pd["x"]
    except KeyError as e:
        say(184, f"KeyError: {e}")


called = []


def sums(gradients):
    return "".join("None " if g is None else f"{g.sum().item():g} " for g in gradients)


def pre(name):
    return lambda module, args: called.append(name + " ")


def post(name):
    return lambda module, args, result: called.append(name + " ")


def full(name):
    def hook(module, grad_in, grad_out):
        called.append(name + " " + sums(grad_in) + sums(grad_out))

    return hook


def full_pre(name):
    return lambda module, grad_out: called.append(name + " " + sums(grad_out))


def hooks():
    m = nn.Sequential(nn.ReLU(), nn.ReLU())
    x = torch.full((1, 2), 3.0, requires_grad=True)
    m.register_forward_hook(post("post1")), m.register_forward_hook(post("post0"), prepend=True)
    m.register_forward_pre_hook(pre("pre1")), m.register_forward_pre_hook(pre("pre0"), prepend=True)
    with global_hooks.register_module_forward_pre_hook(pre("global-pre")):
        with global_hooks.register_module_forward_hook(post("global-post")):
            m(x)
    say(190, "".join(called))
    m.register_full_backward_hook(full("outer")), m.register_full_backward_pre_hook(full_pre("outer-pre"))
    m[0].register_full_backward_hook(full("inner")), m[0].register_full_backward_pre_hook(full_pre("inner-pre"))
    called.clear()
    y = m(x)
    (y * 5).sum().backward()
    say(198, "".join(called))
    say(199, type(m(x).grad_fn).__name__)
    called.clear()
    with torch.no_grad():
        m(x)
    say(195, "".join(called))


def lazy():
    l, c = nn.LazyLinear(3), nn.LazyConv2d(4, 3)
    say(204, l), say(204, c)
    error(205, lambda: nn.Linear(5, 3).load_state_dict(l.state_dict()))
    torch.manual_seed(11)
    l(torch.ones(2, 5)), c(torch.ones(1, 2, 5, 5))
    say(204, l), say(204, c), say(204, l.weight), say(204, c.bias)
    m = outer()
    m.second.w = m.w
    s = {"nope": torch.ones(1)}
    call = torch.func.functional_call
    error(221, lambda: call(m, s, torch.ones(1, 2), strict=True))
    s |= {"w": torch.ones(2), "second.w": torch.zeros(2)}
    error(222, lambda: call(m, s, torch.ones(1, 2)))


for part in tensors, members, walks, states, containers, hooks, lazy:
    part()
compare("semantics")
