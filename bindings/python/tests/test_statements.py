"""The numbered statements of docs/parameter-semantics.md from Python: each test bears its numbers, and runs with torch, too."""
import collections
import copy

import pytest


def P(lib, *shape, **keywords):
    return lib.nn.Parameter(lib.ones(*(shape or (2,))), **keywords)


def names(m):
    return [n for n, _ in m.named_parameters()]


def buffers(m):
    return [n for n, _ in m.named_buffers()]


def children(m):
    return [n for n, _ in m.named_children()]


def non_leaf(lib):
    p = P(lib, requires_grad=False)
    p.mul_(lib.ones(2, requires_grad=True))
    return p


def nested(lib):
    """A parent with a parameter that is assigned after its child."""
    m = lib.nn.Module()
    m.l = lib.nn.Linear(2, 2)
    m.p = P(lib)
    return m


# ---- assigning to a member ----

def test_074_075_a_parameter_registers_itself(lib):
    m = lib.nn.Module()
    m.p = P(lib)
    assert names(m) == ["p"]
    m.plain, m.number, m.l = lib.ones(2), 3, lib.nn.Linear(1, 1)
    m.register_buffer("b", lib.ones(2), persistent=False)
    m.plain, m.number, m.l, m.b = P(lib), P(lib), P(lib), P(lib)
    assert names(m) == ["p", "plain", "number", "l", "b"] and not buffers(m) and not children(m)
    assert "b" in m.state_dict() and not {"plain", "number"} & set(m.__dict__)


def test_077_078_replacing_and_null(lib):
    m = lib.nn.Module()
    m.a, m.b = P(lib), P(lib)
    new = m.a = P(lib)
    assert m.a is new and names(m) == ["a", "b"]
    m.a = None
    assert m.a is None and names(m) == ["b"] and "a" not in m.state_dict()


@pytest.mark.parametrize("null", [False, True])
def test_079_anything_else_over_a_parameter(lib, null):
    m = lib.nn.Module()
    old = m.p = P(lib)
    if null:
        old = m.p = None
    for value, word in ((lib.ones(2), "torch.FloatTensor"), (3, "int"), (lib.nn.Buffer(lib.ones(2)), "torch.FloatTensor")):
        with pytest.raises(TypeError, match=f"cannot assign '{word}' as parameter 'p'"):
            m.p = value
        assert m.p is old
    with pytest.raises(TypeError, match="as parameter 'p'"):
        m.p = lib.nn.Linear(1, 1)
    assert m.p is old and not children(m)


def test_080_081_modules(lib):
    m = lib.nn.Module()
    m.register_buffer("b", lib.ones(1))
    m.x, m.b = 3, lib.nn.Linear(1, 1)
    m.x = lib.nn.ReLU()
    assert children(m) == ["b", "x"] and not buffers(m)
    m.x = other = lib.nn.Tanh()
    assert m.x is other
    for value in (None, lib.nn.ReLU(), None):
        m.x = value
    assert m.x is None and children(m) == ["b"]
    with pytest.raises(TypeError, match="cannot assign 'int' as child module 'x'"):
        m.x = 3
    with pytest.raises(TypeError, match="cannot assign 'torch.FloatTensor' as child module 'b'"):
        m.b = lib.ones(1)
    m.b = P(lib)
    assert names(m) == ["b"] and not children(m)


def test_082_083_084_buffers(lib):
    m = lib.nn.Module()
    m.a, m.b = lib.nn.Buffer(lib.ones(1)), lib.nn.Buffer(lib.ones(1), persistent=False)
    assert buffers(m) == ["a", "b"] and list(m.state_dict()) == ["a"]
    m.plain = 3
    with pytest.raises(KeyError, match="attribute 'plain' already exists"):
        m.plain = lib.nn.Buffer(lib.ones(1))
    m.b = lib.zeros(2)
    assert buffers(m) == ["a", "b"] and list(m.state_dict()) == ["a"] and m.b.tolist() == [0, 0]
    m.b = lib.nn.Buffer(lib.ones(1))
    assert list(m.state_dict()) == ["a", "b"]
    m.a = None
    assert m.a is None and buffers(m) == ["b"] and list(m.state_dict()) == ["b"]
    with pytest.raises(TypeError, match="cannot assign 'int' as buffer 'b'"):
        m.b = 3


def test_085_086_what_registers_nothing(lib):
    m = lib.nn.Module()
    m.plain, m.list, m.dict = lib.ones(2), [P(lib), lib.nn.Linear(1, 1)], {"a": P(lib)}
    m.tuple = (lib.nn.ReLU(),)
    assert not names(m) and not buffers(m) and not children(m) and not m.state_dict()
    m.double()
    assert m.plain.dtype == lib.float32


def test_087_before_the_initialiser(lib):
    class Early(lib.nn.Module):
        def __init__(self, what, value):
            self.number, self.plain, self.nothing = 3, lib.ones(1), None
            setattr(self, what, value)
    for value, word in ((P(lib), "parameters"), (lib.nn.Linear(1, 1), "module"), (lib.nn.Buffer(lib.ones(1)), "buffer")):
        with pytest.raises(AttributeError, match=f"cannot assign {word} before Module.__init__"):
            Early("x", value)
    m = Early.__new__(Early)
    with pytest.raises(AttributeError):
        m.register_parameter("x", P(lib))
    with pytest.raises(AttributeError):
        m.register_buffer("x", lib.ones(1))
    with pytest.raises(AttributeError):
        del m.x
    with pytest.raises(AttributeError):
        m.x


def test_090_shared(lib):
    m, p = lib.nn.Module(), P(lib)
    m.a = m.b = p
    m.c = lib.nn.Module()
    m.c.d = p
    assert m.a is m.b and m.c.d is p and names(m) == ["a"]
    assert list(m.state_dict()) == ["a", "b", "c.d"]


def test_091_092_093_reading_and_deleting(lib):
    m = lib.nn.Module()
    m.a, m.b, m.x, m.l = P(lib), P(lib), 3, lib.nn.ReLU()
    m.register_buffer("t", lib.ones(1), persistent=False)
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'absent'"):
        m.absent
    with pytest.raises(AttributeError):
        del m.absent
    del m.x, m.t, m.l
    assert not buffers(m) and not children(m) and not hasattr(m, "x")
    m.register_buffer("t", lib.ones(1))
    assert "t" in m.state_dict()
    del m.a
    m.a = P(lib)
    assert names(m) == ["b", "a"]
    m.b = None
    m.b = P(lib)
    assert names(m) == ["b", "a"]


# ---- explicit registration ----

def test_094_095_098_register_parameter(lib):
    m = lib.nn.Module()
    for name, error, text in ((3, TypeError, "parameter name should be a string. Got int"), ("a.b", KeyError, "can't contain"),
                              ("", KeyError, "can't be empty string"), ("training", KeyError, "already exists"),
                              ("forward", KeyError, "already exists")):
        with pytest.raises(error) as e:
            m.register_parameter(name, P(lib))
        assert text in str(e.value).replace("\\", "")
    m.register_parameter("p", P(lib))
    new = P(lib)
    m.register_parameter("p", new)
    assert m.p is new and names(m) == ["p"]


def test_096_097_values_of_register_parameter(lib):
    m = lib.nn.Module()
    m.register_parameter("none", None)
    assert m.none is None and not names(m)
    with pytest.raises(TypeError, match=r"cannot assign 'torch.FloatTensor' object to parameter 'p' \(torch.nn.Parameter or None"):
        m.register_parameter("p", lib.ones(1))
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'p'"):
        m.register_parameter("p", non_leaf(lib))
    assert not hasattr(m, "p")


def test_099_100_register_buffer(lib):
    m = lib.nn.Module()
    m.p, m.l = P(lib), lib.nn.ReLU()
    for name, error in ((3, TypeError), ("a.b", KeyError), ("", KeyError), ("p", KeyError), ("l", KeyError), ("forward", KeyError)):
        with pytest.raises(error):
            m.register_buffer(name, lib.ones(1))
    with pytest.raises(TypeError, match=r"cannot assign 'int' object to buffer 'b' \(torch Tensor or None required\)"):
        m.register_buffer("b", 3)
    m.register_buffer("b", lib.ones(1))
    m.register_buffer("b", lib.zeros(1), persistent=False)
    assert m.b.tolist() == [0] and not set(m.state_dict()) - {"p"}
    m.register_buffer("none", None)
    assert m.none is None and buffers(m) == ["b"]
    with pytest.raises(KeyError):
        m.add_module("p", lib.nn.ReLU())


def test_101_102_add_module(lib):
    m = lib.nn.Module()
    for name, value, error in (("x", 3, TypeError), (3, lib.nn.ReLU(), TypeError), ("forward", lib.nn.ReLU(), KeyError),
                               ("a.b", lib.nn.ReLU(), KeyError), ("", lib.nn.ReLU(), KeyError)):
        with pytest.raises(error):
            m.add_module(name, value)
    with pytest.raises(TypeError, match="int is not a Module subclass"):
        m.register_module("x", 3)
    m.add_module("none", None)
    assert not children(m) and repr(m) == "Module(\n  (none): None\n)"


def test_104_no_forward(lib):
    class Bare(lib.nn.Module):
        pass
    with pytest.raises(NotImplementedError, match=r"Module \[Bare\] is missing the required \"forward\""):
        Bare()(lib.ones(1))
    with pytest.raises(TypeError):
        lib.nn.Module(3)


# ---- order and names ----

def test_105_106_117_order(lib):
    m = nested(lib)
    m.second = lib.nn.Sequential(lib.nn.Linear(1, 1), lib.nn.Linear(1, 1, bias=False))
    assert names(m) == ["p", "l.weight", "l.bias", "second.0.weight", "second.0.bias", "second.1.weight"]
    m.l = lib.nn.Linear(3, 3)
    assert names(m)[1] == "l.weight"


def test_107_108_109_duplicates_and_prefix(lib):
    m = nested(lib)
    m.tied = m.l.weight
    assert names(m) == ["p", "tied", "l.bias"]
    both = [n for n, _ in m.named_parameters(remove_duplicate=False)]
    assert both == ["p", "tied", "l.weight", "l.bias"]
    assert [n for n, _ in m.named_parameters(recurse=False)] == ["p", "tied"]
    assert [n for n, _ in m.named_parameters(prefix="pre")][0] == "pre.p"


def test_110_111_buffers(lib):
    m = nested(lib)
    m.register_buffer("b", lib.ones(1), persistent=False)
    m.register_buffer("none", None)
    m.l.register_buffer("c", m.b)
    assert buffers(m) == ["b"] and [n for n, _ in m.named_buffers(remove_duplicate=False)] == ["b", "l.c"]
    assert [b is m.b for b in m.buffers()] == [True]


def test_112_113_115_modules(lib):
    m = nested(lib)
    m.again = m.l
    assert [n for n, _ in m.named_modules()] == ["", "l"] and [n for n, _ in m.named_modules(prefix="r")] == ["r", "r.l"]
    assert [n for n, _ in m.named_modules(remove_duplicate=False)] == ["", "l", "again"]
    assert children(m) == ["l"] and list(m.children()) == [m.l] and list(m.modules()) == [m, m.l]


def test_116_state_dict_keeps_duplicates(lib):
    m = nested(lib)
    m.register_buffer("b", lib.ones(1))
    m.tied = m.l.weight
    assert list(m.state_dict()) == ["p", "tied", "b", "l.weight", "l.bias"]


def test_118_119_120_paths(lib):
    m = nested(lib)
    m.register_buffer("b", lib.ones(1))
    assert m.get_submodule("") is m and m.get_submodule("l") is m.l
    assert m.get_parameter("l.weight") is m.l.weight and m.get_buffer("b") is m.b
    for f, path, text in ((m.get_submodule, "x", "Module has no attribute `x`"), (m.get_submodule, "p", "`p` is not an nn.Module"),
                          (m.get_parameter, "l.x", "Linear has no attribute `x`"), (m.get_parameter, "b", "`b` is not an nn.Parameter"),
                          (m.get_buffer, "p", "`p` is not a buffer"), (m.get_parameter, "", "")):
        with pytest.raises(AttributeError) as e:
            f(path)
        assert text in str(e.value)


def test_121_set_submodule(lib):
    m = nested(lib)
    new = lib.nn.ReLU()
    m.set_submodule("l", new)
    assert m.l is new
    m.set_submodule("fresh", lib.nn.Tanh())
    assert children(m) == ["l", "fresh"]
    with pytest.raises(ValueError):
        m.set_submodule("", new)
    with pytest.raises(ValueError):
        m.set_submodule("l", 3)
    with pytest.raises(AttributeError, match="Module has no attribute `x`"):
        m.set_submodule("x.y", new)
    with pytest.raises(AttributeError, match="Module has no attribute `x`"):
        m.set_submodule("x", new, strict=True)
    with pytest.raises(AttributeError, match="`p` is not an nn.Module"):
        m.set_submodule("p", new)


# ---- apply, train, requires_grad_, zero_grad, conversion ----

def test_122_apply(lib):
    m = lib.nn.Sequential(lib.nn.Linear(1, 1), lib.nn.Sequential(lib.nn.ReLU()))
    m.add_module("again", m[0])
    seen = []
    assert m.apply(seen.append) is m and seen == [m[0], m[1][0], m[1], m]


def test_123_train(lib):
    m = lib.nn.Sequential(lib.nn.Sequential(lib.nn.ReLU()))
    assert m.training and m.train(False) is m and not m[0][0].training and m.train()[0].training and m.eval() is m
    for mode in (1, None):
        with pytest.raises(ValueError):
            m.train(mode)


def test_124_requires_grad(lib):
    m = nested(lib)
    m.register_buffer("b", lib.ones(1))
    assert m.requires_grad_(False) is m and not any(p.requires_grad for p in m.parameters())
    m.requires_grad_()
    assert all(p.requires_grad for p in m.parameters()) and not m.b.requires_grad


def test_125_126_zero_grad(lib):
    m = nested(lib)
    m.l(lib.ones(1, 2)).sum().backward()
    grad = m.l.weight.grad
    m.zero_grad(set_to_none=False)
    assert m.l.weight.grad is grad and grad.tolist() == [[0, 0], [0, 0]] and m.p.grad is None
    m.zero_grad()
    assert m.l.weight.grad is None


def test_128_129_130_131_136_conversion(lib):
    m = nested(lib)
    m.register_buffer("counter", lib.tensor([1]))
    m.register_buffer("b", lib.ones(1))
    m.again = m.l
    m.l(lib.ones(1, 2)).sum().backward()
    weight, grad, counter = m.l.weight, m.l.weight.grad, m.counter
    assert m.double() is m
    assert m.l.weight is weight and weight.dtype == lib.float64 and weight.grad is grad and grad.dtype == lib.float64
    assert m.counter is counter and counter.dtype == lib.int64 and m.b.dtype == lib.float64  # 131: the buffer's object stays
    assert m.again.weight is weight


def test_135_type(lib):
    m = nested(lib)
    m.register_buffer("counter", lib.tensor([1]))
    with pytest.raises(RuntimeError, match="data set to a tensor that requires gradients must be floating point or complex dtype"):
        m.type(lib.int32)
    assert m.type(lib.float64) is m and m.counter.dtype == lib.float64 and m.p.dtype == lib.float64
    assert m.requires_grad_(False).type(lib.int32).p.dtype == lib.int32 and isinstance(m.p, lib.nn.Parameter)


def test_132_133_to(lib):
    m = nested(lib)
    with pytest.raises(TypeError, match="nn.Module.to only accepts floating point or complex dtypes"):
        m.to(lib.int64)
    assert m.to(lib.ones(1, dtype=lib.float64)) is m and m.p.dtype == lib.float64
    assert m.to("cpu") is m and m.p.dtype == lib.float64
    m.z = lib.nn.Parameter(lib.ones(2, dtype=lib.complex64))
    assert m.half() is m and m.p.dtype == lib.float16 and m.z.dtype == lib.complex64
    z = m.z
    assert m.to(lib.float32).z is z and z.dtype == lib.float32
    with pytest.raises(RuntimeError):
        m.to("nowhere")


# ---- states ----

def test_141_142_143_144_state_dict(lib):
    m = nested(lib)
    m.register_buffer("b", lib.ones(1))
    m.register_buffer("t", lib.ones(1), persistent=False)
    m.none = None
    state = m.state_dict()
    assert isinstance(state, collections.OrderedDict) and list(state) == ["p", "b", "l.weight", "l.bias"]
    assert not state["p"].requires_grad and state["p"].data_ptr() == m.p.data_ptr()
    assert m.state_dict(keep_vars=True)["p"] is m.p
    assert list(m.state_dict(prefix="x.")) == ["x.p", "x.b", "x.l.weight", "x.l.bias"]
    with lib.no_grad():
        m.p.fill_(5)
    assert state["p"].tolist() == [5, 5]


def test_151_153_155_160_161_load_state_dict(lib):
    m, other = nested(lib), nested(lib)
    p = m.p
    with lib.no_grad():
        other.p.fill_(3)
    result = m.load_state_dict(other.state_dict())
    assert m.p is p and p.tolist() == [3, 3] and str(result) == "<All keys matched successfully>"
    state = other.state_dict()
    del state["p"]
    state["more"] = lib.ones(1)
    with pytest.raises(RuntimeError) as e:
        m.load_state_dict(state)
    assert str(e.value) == ('Error(s) in loading state_dict for Module:\n\tMissing key(s) in state_dict: "p". '
                            '\n\tUnexpected key(s) in state_dict: "more". ')
    result = m.load_state_dict(state, strict=False)
    assert result.missing_keys == ["p"] and result.unexpected_keys == ["more"]
    state = other.state_dict()
    state["l.weight"] = lib.ones(4, 2)
    with pytest.raises(RuntimeError, match=r"size mismatch for l.weight: copying a param with shape torch.Size\(\[4, 2\]\)"):
        m.load_state_dict(state, strict=False)


def test_153_163_what_is_loaded(lib):
    m = nested(lib)
    p = m.p
    state = {"p": lib.full((2,), 7.0, dtype=lib.float64), "l.weight": lib.ones(2, 2), "l.bias": lib.ones(2)}
    m.load_state_dict(state)
    assert m.p is p and p.dtype == lib.float32 and p.tolist() == [7, 7]
    m.load_state_dict(state, assign=True)
    assert m.p is not p and m.p.dtype == lib.float64 and isinstance(m.p, lib.nn.Parameter) and m.p.requires_grad
    assert names(m) == ["p", "l.weight", "l.bias"] and m.p.data_ptr() == state["p"].data_ptr()


# ---- containers ----

def test_173_174_175_176_177_178_sequential(lib):
    nn = lib.nn
    a, b, c = nn.Linear(1, 1), nn.ReLU(), nn.Tanh()
    s = nn.Sequential(collections.OrderedDict([("x", a), ("y", b), ("z", c)]))
    assert s[0] is a and s[-1] is c and children(s[1:]) == ["y", "z"]
    with pytest.raises(IndexError):
        s[3]
    x = lib.ones(1, 1)
    assert nn.Sequential()(x) is x and s(x).tolist() == c(b(a(x))).tolist()
    s[1] = d = nn.Sigmoid()
    assert children(s) == ["x", "y", "z"] and s.y is d
    del s[0]
    assert children(s) == ["0", "1"]
    s.append(a).insert(0, b)
    assert list(s) == [b, d, c, a] and children(s) == ["0", "1", "2", "3"]
    both = nn.Sequential(a) + nn.Sequential(b)
    assert list(both) == [a, b] and list(nn.Sequential(a) * 2) == [a, a]


def test_179_180_module_list(lib):
    nn = lib.nn
    m = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1), nn.ReLU()])
    assert children(m[1:]) == ["0", "1"] and len(m.extend([nn.Tanh()])) == 4
    with pytest.raises(NotImplementedError):
        m(lib.ones(1, 1))
    assert "(0-1): 2 x Linear(in_features=1, out_features=1, bias=True)" in repr(m)


def test_181_module_dict(lib):
    nn = lib.nn
    m = nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})
    assert list(m) == ["b", "a"] and "a" in m and list(m.values())[0] is m["b"]
    with pytest.raises(KeyError):
        m["absent"]
    m["b"] = new = nn.Tanh()
    assert list(m.keys()) == ["b", "a"] and m["b"] is new


def test_182_parameter_list(lib):
    m = lib.nn.ParameterList([lib.ones(2), P(lib)])
    assert len(m) == 2 and names(m) == ["0", "1"] and isinstance(m[0], lib.nn.Parameter) and m[0].requires_grad


# ---- text, hooks, copies ----

def test_185_186_187_188_text(lib):
    class Odd(lib.nn.Module):
        def extra_repr(self):
            return "a=1\nb=2"
    m = Odd()
    m.p = P(lib)
    assert repr(lib.nn.Module()) == "Module()" and repr(m) == "Odd(\n  a=1\n  b=2\n)"
    m.l = lib.nn.ReLU()
    assert repr(m) == "Odd(\n  a=1\n  b=2\n  (l): ReLU()\n)"


def test_190_191_192_194_198_hooks(lib):
    class Inner(lib.nn.Module):
        def forward(self, x):
            seen.append("forward")
            return x + 1

    class Outer(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def forward(self, x):
            return self.inner(x)
    seen, m = [], Outer()
    m.register_forward_pre_hook(lambda m, args: seen.append("pre"))
    m.inner.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    m.inner.register_forward_hook(lambda m, args, out: seen.append("inner"))
    handle = m.register_forward_hook(lambda m, args, out: seen.append("outer") or out * 10)
    assert m(lib.ones(1)).tolist() == [30] and seen == ["pre", "forward", "inner", "outer"]
    handle.remove(), handle.remove()
    assert m(lib.ones(1)).tolist() == [3]
    with m.register_forward_hook(lambda m, args, out: out * 0):
        assert m(lib.ones(1)).tolist() == [0]
    assert m(lib.ones(1)).tolist() == [3] and copy.deepcopy(m)(lib.ones(1)).tolist() == [3]


def test_194_hooks_survive_deepcopy(lib):
    for m in (lib.nn.Identity(), lib.nn.Sequential(lib.nn.Identity())):
        m.register_forward_hook(lambda m, args, out: out * 4)
        assert copy.deepcopy(m)(lib.ones(1)).tolist() == [4]


def test_232_identity(lib):
    m = nested(lib)
    assert m.p is m.p and m.l is m.l and m.l.weight is next(m.l.parameters()) and m.to(lib.float64).p is m.p
