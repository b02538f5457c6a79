"""The twin of semantics_members.c: what is a field of a struct there is an attribute here."""
import torch
from observe import compare, error, keys, names, say, sayf, setting
from torch import nn
from torch.nn.modules import module as registration


class net(nn.Module):
    def forward(self, x):
        return x * self.w


def P():
    return nn.Parameter(torch.ones(2))


def B(persistent=True):
    return nn.Buffer(torch.ones(1), persistent=persistent)


FIELDS = "w", "b", "plain", "child"


def everything(n, m):
    """The order of the fields of a struct is that of TN_CLASS."""
    place = FIELDS.index if type(m) is net else lambda name: 0
    names(n, sorted(m.named_parameters(), key=lambda item: place(item[0])))
    names(n, sorted(m.named_buffers(), key=lambda item: place(item[0])))
    names(n, sorted(m.named_children(), key=lambda item: place(item[0])))
    kinds = [k for k, _ in m.named_parameters()]
    say(n, keys(sorted(m.state_dict(), key=lambda k: (k not in kinds, place(k))) if type(m) is net else m.state_dict()))


def fields():
    f = net()
    f.w, f.b, f.plain = P(), B(), torch.ones(1)
    everything(85, f)
    f.plain = P()
    everything(75, f)
    f.b = P()
    everything(75, f)
    p = P()
    f.w = p
    everything(77, f)
    error(79, setting(f, "w", torch.ones(1)))
    error(79, setting(f, "w", B()))
    f.w = p
    everything(79, f)
    f.w = None
    everything(78, f)
    error(79, setting(f, "w", torch.ones(1)))
    f.w = P()
    everything(78, f)
    f.child = nn.ReLU()
    everything(80, f)
    error(81, setting(f, "child", torch.ones(1)))
    error(81, setting(f, "child", B()))
    f.child = None
    everything(81, f)
    error(81, setting(f, "child", torch.ones(1)))
    f.child = P()
    everything(81, f)
    g = net()
    g.plain = torch.ones(1)
    everything(85, g)
    error(83, setting(g, "plain", B()))
    g.plain = nn.ReLU()
    everything(80, g)
    g.b = B(False)
    everything(82, g)
    g.b = torch.zeros(3)
    everything(84, g)
    g.b = B()
    everything(84, g)
    g.b = None
    everything(84, g)
    g.b = torch.ones(2)
    everything(84, g)
    g.b = nn.ReLU()
    everything(80, g)
    odd = nn.Parameter(torch.ones(2), False)
    odd.mul_(torch.ones(2, requires_grad=True))
    error(97, setting(g, "w", odd))


def assigning():
    m = nn.Sequential()
    m.plain, m.b, m.c, m.n = torch.ones(1), B(), nn.ReLU(), B()
    everything(82, m)
    m.c, m.plain, m.b = P(), P(), P()
    everything(75, m)
    m.plain = None
    error(79, setting(m, "plain", B()))
    m.plain = P()
    everything(78, m)
    m.n = nn.ReLU()
    everything(80, m)
    error(81, setting(m, "n", B()))
    m.n = None
    error(81, setting(m, "n", B()))
    m.n = P()
    everything(81, m)
    m.t = B(False)
    m.t = None
    everything(84, m)
    m.t = torch.ones(2)
    everything(84, m)
    say(86, m.get_buffer("t"))
    m.x = torch.ones(1)
    m.to(torch.float64)
    say(85, m.x), everything(85, m)
    m.t1 = m.t2 = P()
    everything(90, m)
    o = nn.Sequential()
    o.p, o.m = m.t1, m
    everything(90, o)


def deleting():
    m = nn.Sequential()
    m.w, m.b, m.c, m.x = P(), B(False), nn.ReLU(), torch.ones(1)
    for name in "wbcx":
        delattr(m, name)
        error(92, lambda: delattr(m, name))
        everything(92, m)
    m.b = B()
    everything(92, m)
    m.a, m.d, m.e = P(), P(), P()
    del m.a
    m.a, m.d = P(), None
    m.d = P()
    everything(93, m)
    error(91, lambda: m.none)
    error(91, lambda: net().none)


def registering():
    m = nn.Sequential()
    whole = torch.arange(2)
    for name in None, "a.", "":
        error(94, lambda: m.register_parameter(name, whole))
    m.x = torch.ones(1)
    error(94, lambda: m.register_parameter("x", whole))
    error(96, lambda: m.register_parameter("w", whole))
    error(95, lambda: m.register_parameter("forward", P()))
    m.register_parameter("w", None)
    everything(96, m)
    m.register_parameter("v", P()), m.register_parameter("w", P()), m.register_parameter("v", P())
    everything(98, m)
    odd = nn.Parameter(torch.ones(2), False)
    odd.mul_(torch.ones(2, requires_grad=True))
    say(97, odd.grad_fn.name())
    error(97, setting(m, "v", odd))
    for name in None, "", "training":
        error(99, lambda: m.register_buffer(name, whole))
    m.register_buffer("b", whole)
    everything(99, m)
    m.register_buffer("b", torch.ones(1), persistent=False)
    everything(99, m)
    m.register_buffer("b", torch.ones(1))
    everything(99, m)
    m.register_buffer("none", None)
    everything(99, m)
    m.c = nn.ReLU()
    error(100, lambda: m.register_buffer("c", whole))
    error(100, lambda: m.register_module("b", nn.ReLU()))
    error(101, lambda: m.register_module(None, nn.ReLU()))
    error(101, lambda: m.register_module("a.b", whole))
    error(101, lambda: m.register_module("v", nn.ReLU()))
    m.register_module("c", nn.Tanh())
    say(101, m), everything(101, m)
    m.register_module("c", None)
    say(102, m), everything(102, m)


def registration_hooks():
    hooked = []

    def hook(kind):
        return lambda m, name, value: hooked.append(f"{kind}{name}{'' if value is not None else '-'} ")

    m = nn.Sequential()
    handles = [
        registration.register_module_parameter_registration_hook(hook("p:")),
        registration.register_module_parameter_registration_hook(hook("q:")),
        registration.register_module_buffer_registration_hook(hook("b:")),
        registration.register_module_module_registration_hook(hook("m:")),
    ]
    m.w = P()
    m.w = P()
    m.w = None
    m.register_parameter("none", None)
    m.plain = torch.ones(1)
    m.b = B()
    m.b = torch.ones(1)
    m.b = None
    m.register_buffer("nb", None)
    m.c = nn.ReLU()
    m.c = None
    m.register_module("d", None)
    nn.Sequential(nn.ReLU(), nn.ReLU()), nn.ModuleList([nn.ReLU()]), nn.ModuleDict({"k": nn.ReLU()}), nn.ParameterList([torch.ones(1)])
    say(103, "".join(hooked)), hooked.clear()
    a = nn.Module()
    a.w, a.b, a.plain, a.child = P(), B(), torch.ones(1), nn.ReLU()
    a.w = P()
    a.w = None
    a.b = torch.ones(1)
    a.b = a.child = None
    a.plain = P()
    say(103, "".join(hooked))
    instead = nn.Parameter(torch.full((3,), 7.0))
    handles.append(registration.register_module_parameter_registration_hook(lambda m, name, value: instead))
    m.w = P()
    say(103, m.w)
    a.w = P()
    say(103, a.w)
    for handle in handles:
        handle.remove()
    error(104, lambda: nn.ModuleList()(torch.ones(1)))


class inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.w, self.b, self.l = P(), B(), nn.Linear(2, 2)

    def forward(self, x):
        return self.l(x * self.w)


class outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = inner(), inner()
        self.w, self.mean, self.steps = P(), nn.Buffer(torch.zeros(2)), nn.Buffer(torch.tensor(0))

    def forward(self, x):
        return self.first(x) * self.w


def walks():
    m = outer()
    names(106, m.named_parameters())
    names(109, m.first.named_parameters(prefix="")), names(109, m.named_parameters(prefix="a.b"))
    names(112, m.first.named_modules(prefix="x.y"))
    m.second.w, m.first.b, m.second.b = nn.Parameter(m.w.detach()), None, m.mean
    names(110, m.named_parameters()), names(110, m.named_buffers())
    names(111, m.named_buffers(remove_duplicate=False)), names(111, m.named_buffers(recurse=False, prefix="p"))
    m.second = m.first
    names(115, m.named_children())
    m.first = None
    names(115, m.named_children()), names(113, m.named_modules(remove_duplicate=False))
    m.first = m.second
    names(113, m.named_modules(remove_duplicate=False))
    say(116, keys(m.state_dict()))
    m.w, m.mean = P(), torch.ones(2)
    say(117, keys(m.state_dict()))


def paths():
    m = outer()
    say(118, m.get_submodule("") is m), say(118, m.get_submodule("first.l"))
    for path in "first.nope.l", "first.w.x", "nope", "mean", ".":
        error(118, lambda: m.get_submodule(path))
    for path in "first.nope", "nope.w", "first.l", "first.w.x", "steps":
        error(119, lambda: m.get_parameter(path))
    for path in "first.nope", "nope.b", "first.l", "", "w":
        error(120, lambda: m.get_buffer(path))
    error(121, lambda: m.set_submodule("nope.l", nn.ReLU()))
    error(121, lambda: m.set_submodule("nope.l", nn.ReLU(), strict=True))
    error(121, lambda: m.set_submodule("first.b", nn.ReLU()))
    error(121, lambda: m.set_submodule("first.w.x", nn.ReLU()))
    m.set_submodule("first.new", nn.ReLU()), m.set_submodule("second.l", nn.Tanh(), strict=True)
    say(121, m)


def whole():
    m = outer()
    seen = []
    m.second.l = m.first.l
    m.apply(lambda k: seen.append(type(k).__name__ + " "))
    say(122, "".join(seen))
    seen.clear()
    m.second = m.first
    m.apply(lambda k: seen.append(type(k).__name__ + " "))
    say(122, "".join(seen))
    sayf(123, m.training)
    for mode in m.eval, m.train:
        mode()
        sayf(123, m.training + 2 * m.first.l.training)
    for on in False, True:
        m.requires_grad_(on)
        sayf(124, m.first.l.bias.requires_grad + 2 * m.mean.requires_grad)
    m(torch.ones(1, 2)).sum().backward()
    m.zero_grad()
    say(125, m.w.grad)
    m.second = inner()
    m(torch.ones(1, 2)).sum().backward(create_graph=True)
    m.zero_grad(set_to_none=False)
    say(126, m.w.grad), say(126, m.second.w.grad)
    lazy = nn.LazyLinear(3)
    lazy.zero_grad(), lazy.zero_grad(set_to_none=False)
    say(127, lazy)
    error(140, lazy.share_memory)
    both = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    both.share_memory()
    sayf(140, both[1].running_mean.is_shared() + both[0].bias.is_shared())


def conversion():
    m = outer()
    w, steps = m.w, m.steps
    m(torch.ones(1, 2)).sum().backward()
    g = w.grad
    m.half()
    say(128, m.mean), say(128, str(m.first.l.bias.dtype)[6:])
    m.bfloat16()
    say(128, str(m.first.l.bias.dtype)[6:])
    m.double()
    sayf(128, m.steps is steps), sayf(129, m.w is w)
    sayf(130, w.grad is g), say(130, str(g.dtype)[6:])
    error(132, lambda: m.to(torch.bool))


for part in fields, assigning, deleting, registering, registration_hooks, walks, paths, whole, conversion:
    part()
compare("semantics_members")
