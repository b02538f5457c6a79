"""The twin of semantics_states.c: the same observations of PyTorch, in the same order."""
from collections import OrderedDict

import torch
from observe import compare, error, keys, names, say, sayf, seen, warned
from torch import nn

called = []


def note(what):
    called.append(what + " ")


def say_called(n):
    say(n, "".join(called))
    called.clear()


def yes(n, right):
    say(n, bool(right))


class leaf(nn.Module):
    def __init__(self, extra):
        super().__init__()
        self.w = nn.Parameter(torch.ones(2))
        self.register_parameter("none", None)
        self.mean = nn.Buffer(torch.zeros(2))
        self.passing = nn.Buffer(torch.zeros(2), persistent=False)
        self.extra = extra

    def forward(self, x):
        return x * self.w

    def get_extra_state(self):
        return torch.tensor(self.extra)

    def set_extra_state(self, state):
        self.extra = int(state)


class net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.ab, self.l, self.bn = leaf(1), leaf(2), nn.Linear(2, 2), nn.BatchNorm1d(2)
        self.w = nn.Parameter(torch.ones(2))
        self.scalar = nn.Buffer(torch.tensor(1.0))

    def forward(self, x):
        return self.bn(self.l(x * self.w))


def versions(n, s):
    for path, data in s._metadata.items():
        say(n, path), sayf(n, data["version"])


def shares(x, y):
    return x.data_ptr() == y.data_ptr()


def name(dtype):
    return str(dtype)[6:]


def cut(n, what):
    """As warned, without the place in torch's sources."""
    warned(n, what)
    seen[-1] = (n, seen[-1][1].split(" (Triggered")[0])


def saving():
    m = net()
    s, kept = m.state_dict(), m.state_dict(keep_vars=True)
    yes(141, s["w"].requires_grad), yes(141, kept["w"].requires_grad)
    yes(141, shares(s["w"], m.w)), yes(141, kept["a.mean"] is m.a.mean), yes(141, s["w"].is_leaf)
    say(142, keys(s)), versions(145, s)
    say(143, keys(m.a.state_dict()))
    s = m.state_dict(prefix="net.")
    say(144, keys(s)), versions(145, s)
    s = m.state_dict(prefix="n")
    say(144, keys(s)), versions(145, s)
    layers = [nn.BatchNorm1d(1), nn.BatchNorm2d(1), nn.BatchNorm3d(1), nn.InstanceNorm1d(1), nn.InstanceNorm2d(1), nn.InstanceNorm3d(1)]
    layers += [nn.GroupNorm(1, 1), nn.LayerNorm(1), nn.RMSNorm(1), nn.Linear(1, 1), nn.Conv2d(1, 1, 1), nn.Embedding(1, 1), nn.Flatten()]
    layers += [nn.Dropout(), nn.ReLU(), nn.Softmax(1), nn.MSELoss(), nn.Identity(), nn.ModuleList(), nn.ModuleDict(), nn.ParameterList()]
    layers += [nn.ParameterDict(), nn.LazyLinear(1), nn.MaxPool2d(2)]
    versions(146, nn.Sequential(*layers).state_dict())
    own = OrderedDict(first=torch.ones(1))
    own["l.bias"] = torch.ones(1)
    own._metadata = OrderedDict()
    yes(147, m.l.state_dict(destination=own, prefix="l.") is own)
    say(147, keys(own)), versions(147, own)

    def before(module, prefix, keep_vars):
        note(("pre+" if keep_vars else "pre:") + prefix)

    def after(module, s, prefix, metadata):
        note("post:" + prefix)
        s[prefix + "more"] = torch.ones(1)

    m.register_state_dict_pre_hook(before), m.a.register_state_dict_pre_hook(before)
    m.a.register_state_dict_post_hook(after), m.register_state_dict_post_hook(after)
    h = m.l.register_state_dict_post_hook(after)
    say(148, keys(m.state_dict())), say_called(148)
    h.remove()
    say(148, keys(m.state_dict(keep_vars=True, prefix="x."))), say_called(148)
    sayf(150, m.state_dict()["ab._extra_state"])
    called.clear()


def loading():
    m, s, none = net(), net().state_dict(), OrderedDict()
    say(151, m.load_state_dict(s)), say(151, m.load_state_dict(none, strict=False))
    none["it's"], none['say "x"'] = torch.ones(1), torch.ones(1)
    say(151, m.l.load_state_dict(none, strict=False))
    error(160, lambda: m.l.load_state_dict(none))
    error(152, lambda: m.load_state_dict(torch.ones(1)))
    w, version = m.w, m.w._version
    s["w"], s["a.w"] = torch.full((2,), 5), torch.full((2,), 0.1, dtype=torch.float64)
    s["a.mean"], s["scalar"] = torch.full((2,), True), torch.full((1,), 2.5, dtype=torch.float16)
    m.load_state_dict(s)
    sayf(153, m.w.sum()), sayf(153, m.a.w.sum()), sayf(153, m.a.mean.sum()), sayf(153, m.scalar)
    say(153, name(m.w.dtype)), yes(153, m.w is w and w.requires_grad), sayf(153, w._version - version)
    version = w._version
    m.load_state_dict(m.state_dict(keep_vars=True)), sayf(153, w._version - version)
    version = w._version
    m.load_state_dict(m.state_dict()), sayf(153, w._version - version)
    s["w"] = torch.complex(torch.full((2,), 3.0), torch.ones(2))
    cut(153, lambda: m.load_state_dict(s)), sayf(153, m.w.sum())
    s["scalar"] = torch.full((1, 1), 9.0)
    error(154, lambda: m.load_state_dict(s))
    s["scalar"], s["w"] = torch.tensor(4.0), torch.tensor(4.0)
    error(154, lambda: m.load_state_dict(s))
    s["w"] = torch.ones(1)
    error(154, lambda: m.load_state_dict(s))
    s["w"], s["q"] = torch.ones(4, 2), torch.ones(1)
    del s["bn.weight"]
    error(155, lambda: m.load_state_dict(s, strict=False))
    error(155, lambda: m.load_state_dict(OrderedDict(s), assign=True))
    odd = ["a.w.x", "a", "a.", ".a", "a.none", "a.passing", "ab._extra_state.x", "l._extra_state", "bn.num_batches_tracked.x"]
    odd += ["_extra_state", "a.q", "w.y.z", "ac.w", "l.weight.0", "l.q", ""]
    s = OrderedDict((k, torch.ones(2)) for k in odd)
    say(157, m.load_state_dict(s, strict=False))
    error(158, lambda: m.load_state_dict(s))
    error(159, lambda: m.a.load_state_dict(OrderedDict(none=torch.ones(2), passing=torch.ones(2))))


def plain(s):
    """Without metadata."""
    return OrderedDict(s.items())


def assigning():
    m, s = net(), net().state_dict()
    value, p = torch.full((2, 2), 6.0, dtype=torch.float64), nn.Parameter(torch.ones(2), False)
    s["l.weight"], s["ab.w"], s["scalar"] = value.t(), p, torch.full((1,), 3.0, dtype=torch.float64)
    m.a.w.requires_grad_(False)
    error(163, lambda: m.load_state_dict(s, assign=True))
    say(163, name(m.l.weight.dtype)), sayf(163, m.l.weight.stride(0))
    yes(163, isinstance(m.l.weight, nn.Parameter)), yes(163, m.l.weight.requires_grad), yes(163, m.a.w.requires_grad)
    yes(163, m.ab.w is p), yes(163, p.requires_grad), yes(163, shares(m.l.weight, value))
    sayf(163, m.scalar.ndim), say(163, name(m.scalar.dtype))
    names(163, m.named_parameters()), say(163, keys(m.state_dict()))
    s = net().state_dict()
    s["w"], s["ab.w"] = nn.Parameter(torch.arange(2), False), torch.full((2,), True)
    error(164, lambda: m.load_state_dict(s, assign=True))
    m.w.requires_grad_(False), m.ab.w.requires_grad_(False)
    error(164, lambda: m.load_state_dict(s, assign=True)), say(164, name(m.w.dtype))
    m, s = net(), net().state_dict()
    m.ab.w = m.w
    s["w"], s["ab.w"] = torch.full((2,), 3.0), torch.full((2,), 4.0)
    m.load_state_dict(s, assign=True)
    sayf(165, m.w.sum()), sayf(165, m.ab.w.sum()), names(165, m.named_parameters())
    bn, s = nn.BatchNorm1d(2), nn.BatchNorm1d(2).state_dict()
    bn.num_batches_tracked.fill_(5)
    del s["num_batches_tracked"]
    error(167, lambda: bn.load_state_dict(s))
    s._metadata[""]["version"] = 1
    error(167, lambda: bn.load_state_dict(s)), sayf(167, bn.num_batches_tracked)
    bare = plain(s)
    error(167, lambda: bn.load_state_dict(bare)), sayf(167, bn.num_batches_tracked)
    error(167, lambda: nn.InstanceNorm1d(2).load_state_dict(s))
    error(167, lambda: nn.Sequential(nn.ReLU(), nn.BatchNorm1d(2)).load_state_dict(bare))
    a, s = leaf(1), leaf(7).state_dict()
    a.load_state_dict(s), sayf(168, a.extra)
    del s["_extra_state"]
    error(168, lambda: a.load_state_dict(s))
    s = nn.Linear(1, 1).state_dict()
    s["_extra_state"] = torch.ones(1)
    error(168, lambda: nn.Linear(1, 1).load_state_dict(s))


def load_hooks():
    m, s, sizes, late = net(), net().state_dict(), [], []  # all that comes after comes after all that is before, in C

    def say_late(n):
        say(n, "".join(late)), say(170, "".join(sizes))
        late.clear(), sizes.clear()

    def before(data):
        def hook(module, state, prefix, metadata, strict, missing, unexpected, errors):
            sizes.append(f"{len(state)} ")
            note(f"pre:{data}{prefix}{metadata.get('version', 0)}{'!' if strict else '?'},{len(missing)},{len(unexpected)}")

        return hook

    def after(data):
        return lambda module, found: late.append(f"post:{data},{len(found.missing_keys)},{len(found.unexpected_keys)} ")

    def add_all(module, state, prefix, metadata, strict, missing, unexpected, errors):
        missing.append("of the hook"), unexpected.append("too much"), errors.append("The hook says no.")

    def rename_all(module, state, *rest):
        state["w"] = state.pop("old")

    def forgive(module, found):
        found.missing_keys.clear(), found.unexpected_keys.clear()

    m.register_load_state_dict_pre_hook(before("m")), m.bn.register_load_state_dict_pre_hook(before("bn"))
    m.a.register_load_state_dict_pre_hook(before("a")), m.a.register_load_state_dict_pre_hook(before("a2"))
    m.register_load_state_dict_post_hook(after("m")), m.a.register_load_state_dict_post_hook(after("a"))
    m.bn.register_load_state_dict_post_hook(after("bn"))
    error(169, lambda: m.load_state_dict(s)), say_called(169), say_late(169)
    del s["w"], s["a.w"]
    s["q"], s["a.q"] = torch.ones(1), torch.ones(1)
    found = []
    error(169, lambda: found.append(m.load_state_dict(s, strict=False))), say_called(169), say_late(169), say(169, found[-1])
    h = m.a.register_load_state_dict_pre_hook(add_all)
    error(169, lambda: m.load_state_dict(s)), error(169, lambda: m.load_state_dict(s, strict=False))
    h.remove()
    m.register_load_state_dict_post_hook(forgive)
    error(169, lambda: found.append(m.load_state_dict(s))), say(169, found[-1])
    s = net().state_dict()
    s["old"] = torch.full((2,), 7.0)
    m.register_load_state_dict_pre_hook(rename_all)
    error(169, lambda: m.load_state_dict(s)), sayf(169, m.w.sum()), yes(169, "old" in s)
    m, s = net(), net().state_dict()
    s["ab.w"], s["a.w"] = torch.full((2,), 3.0), torch.full((2,), 2.0)
    m.load_state_dict(s)
    sayf(170, m.a.w.sum()), sayf(170, m.ab.w.sum())
    del s["a.w"]
    error(170, lambda: m.load_state_dict(s))


for part in saving, loading, assigning, load_hooks:
    part()
compare("semantics_states")
