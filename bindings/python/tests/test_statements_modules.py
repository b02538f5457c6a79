"""The numbered statements of docs/parameter-semantics.md from Python: members, conversion, states, containers, the rest of them."""
import collections
import contextlib
import copy
import warnings

import pytest


def P(lib, *shape, **keywords):
    return lib.nn.Parameter(lib.ones(*(shape or (2,))), **keywords)


def is_torch(lib):
    return lib.__name__ == "torch"


def non_leaf(lib):
    p = P(lib, requires_grad=False)
    p.mul_(lib.ones(2, requires_grad=True))
    return p


def names(m):
    return [n for n, _ in m.named_parameters()]


@contextlib.contextmanager
def flag(lib, name):
    set_flag = getattr(lib.__future__, f"set_{name}_module_params_on_conversion")
    set_flag(True)
    try:
        yield
    finally:
        set_flag(False)


# ---- members ----

def test_076_a_refused_parameter(lib):
    m = lib.nn.Module()
    m.register_buffer("b", lib.ones(1))
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'b'"):
        m.b = non_leaf(lib)
    assert hasattr(m, "b") is not is_torch(lib)  # 76: nothing is changed


def test_088_names(lib):
    m = lib.nn.Module()
    for name in ("a.b", ""):
        with pytest.raises(KeyError):
            setattr(m, name, P(lib))
        if not is_torch(lib):  # 88: so are modules
            with pytest.raises(KeyError):
                setattr(m, name, lib.nn.ReLU())


def test_089_names_of_the_class(lib):
    class Net(lib.nn.Module):
        limit = 3

        @property
        def size(self):
            return 5
    m = Net()
    for name in ("limit", "size", "forward"):
        with pytest.raises(KeyError, match=f"attribute '{name}' already exists"):
            setattr(m, name, P(lib))
        if not is_torch(lib):  # 89: so are modules
            with pytest.raises(KeyError, match=f"attribute '{name}' already exists"):
                setattr(m, name, lib.nn.ReLU())
    m.limit = 4
    assert m.limit == 4 and m.size == 5 and not names(m)


def test_114_a_module_that_contains_itself(lib):
    m = lib.nn.Module()
    m.child = lib.nn.Module()
    if is_torch(lib):
        m.child.parent = m
        assert [n for n, _ in m.named_modules()] == ["", "child"]
    else:  # 114: it is refused
        with pytest.raises(RuntimeError, match="'Module' would contain itself through member 'parent'"):
            m.child.parent = m
        assert [n for n, _ in m.named_modules()] == ["", "child"]


# ---- lazy, conversion ----

def test_124_127_lazy_modules(lib):
    m = lib.nn.LazyLinear(3)
    m.zero_grad()
    with pytest.raises(ValueError, match="uninitialized"):
        m.requires_grad_(False)


def test_134_memory_format(lib):
    m = lib.nn.Sequential(lib.nn.Conv2d(2, 3, 3), lib.nn.Linear(2, 2))
    m.register_buffer("image", lib.ones(1, 2, 3, 3))
    weight = m[0].weight
    assert m.to(memory_format=lib.channels_last) is m and m[0].weight is weight
    assert weight.stride() == (18, 1, 6, 2) and m.image.stride() == (18, 1, 6, 2) and m[1].weight.stride() == (2, 1)


def test_135_integral_dtypes(lib):
    m = lib.nn.Linear(2, 2)
    with pytest.raises(TypeError, match="only accepts floating point or complex"):
        m.to(lib.int32)
    with pytest.raises(TypeError, match="only accepts floating point or complex"):
        m.requires_grad_(False).to(dtype=lib.int32)
    assert m.weight.dtype == lib.float32


def test_137_overwriting(lib):
    m = lib.nn.Linear(2, 2)
    m.again = m.weight
    m(lib.ones(1, 2)).sum().backward()
    old, grad = m.weight, m.weight.grad
    with flag(lib, "overwrite"):
        m.double()
    assert m.weight is not old and m.weight.dtype == lib.float64 and m.weight.grad.dtype == lib.float64
    assert old.dtype == lib.float32 and old.grad is grad and grad.dtype == lib.float32 and m.again is not m.weight


def test_138_swapping(lib):
    m = lib.nn.Linear(2, 2)
    weight = m.weight
    y = m(lib.ones(1, 2)).sum()
    with flag(lib, "swap"):
        view = weight[0]
        with pytest.raises(RuntimeError, match="Couldn't swap Linear.weight"):
            m.double()
        del view, y
        m = lib.nn.Linear(2, 2)
        weight = m.weight
        assert m.double().weight is weight and weight.dtype == lib.float64


def test_140_share_memory(lib):
    m = lib.nn.Linear(2, 2)
    m.register_buffer("b", lib.ones(1))
    assert m.share_memory() is m and m.weight.is_shared() and m.b.is_shared()
    with pytest.raises(RuntimeError):
        lib.nn.LazyLinear(2).share_memory()


def test_136_they_return_the_module(lib):
    m = lib.nn.Linear(2, 2)
    for f in (m.float, m.half, m.bfloat16, m.double, m.cpu, m.to, m.train, m.eval, m.requires_grad_):
        assert f() is m
    assert m.weight.dtype == lib.float64


def test_131_tied_parameters_stay_tied(lib):
    m = lib.nn.Module()
    m.a = m.b = P(lib)
    m.double()
    assert m.a is m.b


# ---- states ----

def test_145_146_versions(lib):
    m = lib.nn.Sequential(lib.nn.Linear(1, 1), lib.nn.Sequential(lib.nn.BatchNorm1d(1), lib.nn.InstanceNorm2d(1)))
    assert dict(m.state_dict()._metadata) == {"": {"version": 1}, "0": {"version": 1}, "1": {"version": 1}, "1.0": {"version": 2},
                                              "1.1": {"version": 2}}
    assert list(m[0].state_dict(prefix="ab.")._metadata) == ["ab"] and list(m[0].state_dict(prefix="ab")._metadata) == ["a"]

    class Net(lib.nn.Module):
        _version = 5
    assert Net().state_dict()._metadata[""] == {"version": 5}
    assert Net().state_dict(keep_vars=True)._metadata[""]["version"] == 5


def test_147_a_destination(lib):
    m, given = lib.nn.Linear(1, 1), {"x": 1}
    assert m.state_dict(destination=given, prefix="l.") is given and list(given) == ["x", "l.weight", "l.bias"]
    state = m.state_dict(prefix="a.")
    assert m.state_dict(destination=state, prefix="b.") is state and list(state._metadata) == ["a", "b"]


def test_151_153_loading(lib):
    m = lib.nn.Linear(2, 1)
    weight, version = m.weight, m.weight._version
    given = {"weight": lib.tensor([[1, 2]]), "bias": lib.ones(1, dtype=lib.float64)}
    assert repr(m.load_state_dict(given)) == "<All keys matched successfully>"
    assert m.weight is weight and weight._version > version and weight.tolist() == [[1, 2]] and weight.requires_grad
    keys = m.load_state_dict({"more": lib.ones(1)}, strict=False)
    missing, unexpected = keys
    assert repr(keys) == "_IncompatibleKeys(missing_keys=['weight', 'bias'], unexpected_keys=['more'])" and unexpected == ["more"]


def test_154_shapes_of_one(lib):
    m = lib.nn.Module()
    m.register_buffer("zero", lib.tensor(0.0))
    m.load_state_dict({"zero": lib.full((1,), 3.0)})
    assert m.zero.item() == 3
    with pytest.raises(RuntimeError, match="size mismatch for zero"):
        m.load_state_dict({"zero": lib.ones(1, 1)})
    m.zero = lib.ones(1)
    with pytest.raises(RuntimeError, match="size mismatch for zero"):
        m.load_state_dict({"zero": lib.tensor(1.0)})


def test_155_160_one_error(lib):
    m = lib.nn.Sequential(lib.nn.Linear(2, 1), lib.nn.Linear(2, 1, bias=False))
    with pytest.raises(RuntimeError) as e:
        m.load_state_dict({"0.weight": lib.ones(3, 2), "1.weight": lib.ones(1, 3), "2.more": lib.ones(1)})
    assert str(e.value) == (
        'Error(s) in loading state_dict for Sequential:\n\tMissing key(s) in state_dict: "0.bias". \n\tUnexpected key(s) in '
        'state_dict: "2.more". \n\tsize mismatch for 0.weight: copying a param with shape torch.Size([3, 2]) from checkpoint, the '
        'shape in current model is torch.Size([1, 2]).\n\tsize mismatch for 1.weight: copying a param with shape torch.Size([1, 3]) '
        'from checkpoint, the shape in current model is torch.Size([1, 2]).')
    with pytest.raises(RuntimeError, match="size mismatch for 0.weight"):
        m.load_state_dict({"0.weight": lib.ones(3, 2)}, strict=False)


def test_157_order_of_what_is_missing_and_unexpected(lib):
    m = lib.nn.Module()
    m.p, m.a = P(lib), lib.nn.Sequential(lib.nn.Linear(1, 1))
    given = {"a.0.deep": 1, "z.x": 1, "a.near": 1, "plain": 1}
    keys = m.load_state_dict({k: lib.ones(1) for k in given}, strict=False)
    assert keys.missing_keys == ["p", "a.0.weight", "a.0.bias"]
    assert keys.unexpected_keys == ["z.x", "plain", "a.near", "a.0.deep"]


def test_162_after_a_failure(lib):
    m = lib.nn.Linear(2, 1)
    before = m.weight.tolist()
    with pytest.raises(RuntimeError):
        m.load_state_dict({"weight": lib.full((1, 2), 7.0), "bias": lib.ones(3)})
    assert m.weight.tolist() == ([[7, 7]] if is_torch(lib) else before)  # 162: nothing was changed


def test_163_164_assigning(lib):
    m = lib.nn.Linear(2, 1, bias=False).requires_grad_(False)
    old = m.weight
    m.load_state_dict({"weight": lib.ones(1, 2, dtype=lib.float64)}, assign=True)
    assert m.weight is not old and not m.weight.requires_grad and isinstance(m.weight, lib.nn.Parameter)
    m.requires_grad_()
    with pytest.raises(RuntimeError, match="[Oo]nly [Tt]ensors of floating point"):
        m.load_state_dict({"weight": lib.ones(1, 2, dtype=lib.int64)}, assign=True)


def test_167_batch_norm_of_older_states(lib):
    m = lib.nn.BatchNorm1d(2)
    state = m.state_dict()
    m.num_batches_tracked.fill_(5)
    del state["num_batches_tracked"]
    with pytest.raises(RuntimeError, match='Missing key.*"num_batches_tracked"'):
        m.load_state_dict(state)
    state._metadata[""]["version"] = 1
    m.load_state_dict(state)
    m.load_state_dict(dict(state))
    assert m.num_batches_tracked.item() == 5


def test_171_loading_under_the_swap_flag(lib):
    m = lib.nn.Linear(2, 1)
    weight = m.weight
    with flag(lib, "swap"):
        m.load_state_dict({"weight": lib.full((1, 2), 3.0, dtype=lib.float64), "bias": lib.ones(1)})
        assert m.weight is weight and weight.dtype == lib.float32 and weight.tolist() == [[3, 3]]
        m.load_state_dict({"weight": lib.full((1, 2), 4.0, dtype=lib.float64), "bias": lib.ones(1)}, assign=True)
    assert m.weight is weight and weight.dtype == lib.float64 and weight.requires_grad


def test_172_the_callers_versions(lib):
    m = lib.nn.Linear(2, 1)
    state = m.state_dict()
    m.load_state_dict(state, assign=True)
    assert (dict(state._metadata) == {"": {"version": 1}}) is not is_torch(lib)  # 172: they are left alone


# ---- containers ----

def test_173_sequential_of_other_things(lib):
    nn = lib.nn
    for wrong in ({"a": nn.ReLU()}, [nn.ReLU()], 3):
        with pytest.raises(TypeError):
            nn.Sequential(wrong)
    s = nn.Sequential(nn.ReLU(), None)
    assert len(s) == 2 and s[1] is None
    with pytest.raises(TypeError):
        s(lib.ones(1))
    s.p = P(lib)
    assert len(s) == 2 and names(s) == ["p"]


def test_175_176_slices(lib):
    nn = lib.nn
    s = nn.Sequential(*(nn.Linear(1, 1) for _ in range(4)))
    part = s[1:3]
    assert [n for n, _ in part.named_children()] == ["1", "2"] and part[0] is s[1]
    with pytest.raises(IndexError):
        s[-5]
    with pytest.raises(TypeError):
        s[0] = 3
    s[0] = None
    assert s[0] is None and len(s) == 4
    kept = s[3]
    del s[0:2]
    assert [n for n, _ in s.named_children()] == ["0", "1"] and s[1] is kept


def test_177_178_methods_of_sequential(lib):
    nn = lib.nn
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
    s = nn.Sequential(collections.OrderedDict([("1", a)]))
    s.append(b)
    assert list(s) == [b]  # its name is that of the first one
    s = nn.Sequential(a).extend([b, c])
    assert s.pop(1) is b and list(s) == [a, c] and s.insert(-1, b) is s and list(s) == [a, b, c]
    with pytest.raises(IndexError):
        s.insert(9, a)
    with pytest.raises((AssertionError, TypeError)):
        s.insert(0, 3)
    for wrong, error in ((0, ValueError), ("a", TypeError)):
        with pytest.raises(error):
            nn.Sequential(a) * wrong


def test_179_module_list(lib):
    nn = lib.nn
    m = nn.ModuleList([nn.ReLU()])
    m.insert(0, nn.Tanh())
    m += [nn.Sigmoid()]
    m[1] = new = nn.Identity()
    assert [type(x).__name__ for x in m] == ["Tanh", "Identity", "Sigmoid"] and m[1] is new and m.pop(-1) is not None
    with pytest.raises(TypeError):
        m.extend(3)
    with pytest.raises(IndexError):
        m[5]
    del m[0]
    assert [n for n, _ in m.named_children()] == ["0"] and len(nn.ModuleList()) == 0


def test_181_module_dict(lib):
    nn = lib.nn
    m = nn.ModuleDict([("b", nn.ReLU()), ("a", nn.Tanh())])
    for name in ("keys", "type", "a.b", ""):
        with pytest.raises(KeyError):
            m[name] = nn.ReLU()
    m.update({"c": nn.ReLU()}), m.update([("b", nn.Tanh())])
    assert list(m) == ["b", "a", "c"] and isinstance(m["b"], nn.Tanh) and len(m) == 3
    assert m.pop("a") is not None and list(m.keys()) == ["b", "c"]
    with pytest.raises(ValueError):
        m.update([("a", nn.ReLU(), 3)])
    with pytest.raises(TypeError):
        m.update(3)
    del m["c"]
    m.clear()
    assert len(m) == 0 and not list(m.children())


def test_182_183_parameter_list(lib):
    t = lib.ones(2)
    m = lib.nn.ParameterList([t])
    assert m[0].data_ptr() == t.data_ptr() and repr(m) == "ParameterList(  (0): Parameter containing: [torch.float32 of size 2])"
    m.append(lib.ones(1, 3)).extend([P(lib)])
    m[0] = lib.zeros(2)
    assert names(m) == ["0", "1", "2"] and isinstance(m[0], lib.nn.Parameter) and m[0].tolist() == [0, 0]
    assert repr(m).splitlines()[2] == "    (1): Parameter containing: [torch.float32 of size 1x3]"
    part = m[1:]
    assert isinstance(part, lib.nn.ParameterList) and part[0] is m[1] and names(part) == ["0", "1"]
    with pytest.raises(RuntimeError):
        lib.nn.ParameterList([lib.tensor([1])])
    with pytest.raises(RuntimeError):
        m(lib.ones(1))
    with pytest.raises(TypeError):
        m.extend(lib.ones(2))
    with pytest.raises(IndexError):
        m[3]


def test_184_parameter_dict(lib):
    nn = lib.nn
    m = nn.ParameterDict({"b": lib.ones(1), "a": P(lib)})
    assert list(m) == ["a", "b"] and isinstance(m["b"], nn.Parameter) and names(m) == ["a", "b"]
    m = nn.ParameterDict(collections.OrderedDict([("b", P(lib, 2, 3)), ("a", P(lib))]))
    assert list(m.keys()) == ["b", "a"] and "a" in m and len(m) == 2
    assert repr(m) == ("ParameterDict(\n    (b): Parameter containing: [torch.FloatTensor of size 2x3]\n    (a): Parameter "
                       "containing: [torch.FloatTensor of size 2]\n)")
    with pytest.raises(KeyError):
        nn.ParameterDict()["a.b"] = P(lib)
    with pytest.raises(AttributeError):
        m["absent"]
    with pytest.raises(KeyError):
        del m["absent"]
    b = m["b"]
    assert m.get("b") is b and m.get("x", 3) == 3 and m.copy()["b"] is b and m.pop("b") is b and m.popitem()[0] == "a"
    m.update({"c": P(lib)}), m.setdefault("d", P(lib))
    assert list(m.items())[0][0] == "c" and len(list(m.values())) == 2
    assert list((m | nn.ParameterDict({"e": P(lib)})).keys()) == ["c", "d", "e"] and list(reversed(m)) == ["d", "c"]
    m.clear()
    assert len(m) == 0


def test_187_189_text(lib):
    m = lib.nn.Sequential(lib.nn.Sequential(lib.nn.BatchNorm1d(3)), lib.nn.Flatten())
    assert repr(m) == ("Sequential(\n  (0): Sequential(\n    (0): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, "
                       "track_running_stats=True)\n  )\n  (1): Flatten(start_dim=1, end_dim=-1)\n)")


# ---- lazy modules ----

def test_201_202_uninitialized(lib):
    make = lib.nn.parameter.UninitializedParameter
    p = make(requires_grad=False, dtype=lib.float64)
    assert isinstance(p, lib.nn.Parameter) and p.dtype == lib.float64 and not p.requires_grad and p.is_leaf and p.grad is None
    with pytest.raises(RuntimeError):
        p.shape
    with pytest.raises(RuntimeError):
        p.share_memory_()
    with pytest.raises(ValueError):
        p + 1
    p.materialize((2, 3))
    assert type(p) is lib.nn.Parameter and p.shape == (2, 3) and p.dtype == lib.float64
    q = make()
    assert isinstance(q, make) and not isinstance(p, make) and isinstance(lib.nn.LazyLinear(2).weight, make)
    q.materialize((1,), dtype=lib.float16)
    assert q.dtype == lib.float16 and q.requires_grad


def test_203_optimizers_and_conversion(lib):
    m = lib.nn.LazyLinear(2)
    optimizer = lib.optim.SGD(m.parameters(), lr=0.5)
    m.double()
    m(lib.ones(1, 3, dtype=lib.float64)).sum().backward()
    before = m.weight.tolist()
    optimizer.step()
    assert m.weight.dtype == lib.float64 and m.weight.tolist() != before


def test_204_the_class_changes(both):
    made = []
    for lib in both:
        lib.manual_seed(3)
        m = lib.nn.LazyLinear(2)
        weight = m.weight
        m(lib.ones(1, 4))
        assert type(m) is lib.nn.Linear and type(weight) is lib.nn.Parameter and m.weight is weight and m.in_features == 4
        m(lib.ones(1, 4))
        made.append(m.weight.tolist())
    assert made[0] == made[1]


def test_205_states_of_lazy_modules(lib):
    lazy, other, full = lib.nn.LazyLinear(2), lib.nn.LazyLinear(2), lib.nn.Linear(3, 2)
    state = lazy.state_dict()
    assert repr(state["weight"]) == "<UninitializedParameter>"
    other.load_state_dict(state)
    assert repr(other.weight) == "<UninitializedParameter>"
    lazy.load_state_dict(full.state_dict())
    assert lazy.weight.tolist() == full.weight.tolist() and type(lazy) is lib.nn.LazyLinear
    assert lazy(lib.ones(1, 3)).tolist() == full(lib.ones(1, 3)).tolist() and type(lazy) is lib.nn.Linear
    with pytest.raises(RuntimeError):
        full.load_state_dict(other.state_dict())


def test_206_lazy_instance_norm(lib):
    m = lib.nn.LazyInstanceNorm2d()
    assert m.affine and m.track_running_stats and not lib.nn.InstanceNorm2d(2).affine
    m(lib.ones(1, 3, 4, 4))
    assert m.weight.shape == (3,) and type(m) is lib.nn.InstanceNorm2d


# ---- design ----

def test_230_order_is_of_the_first_registration(lib):
    m = lib.nn.Module()
    m.b, m.a = P(lib), P(lib)
    del m.b
    m.b = P(lib)
    assert names(m) == ["a", "b"] == list(m.state_dict())
    other = lib.nn.Module()
    other.b, other.a = P(lib), P(lib)
    other.load_state_dict(m.state_dict())
    assert names(other) == ["b", "a"] and copy.deepcopy(m).state_dict().keys() == m.state_dict().keys()


def test_101_names_that_are_taken(lib):
    m = lib.nn.Module()
    m.add_module("a", lib.nn.ReLU())
    m.add_module("a", other := lib.nn.Tanh())
    assert m.a is other
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        m.plain = 3
        with pytest.raises(KeyError, match="attribute 'plain' already exists"):
            m.add_module("plain", lib.nn.ReLU())
