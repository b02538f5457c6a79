"""The numbered statements of docs/parameter-semantics.md from Python: hooks of calls, of registration and of states."""
import collections
import copy
import gc
import warnings

import pytest


def P(lib, *shape, **keywords):
    return lib.nn.Parameter(lib.ones(*(shape or (2,))), **keywords)


class Seen(list):
    """hook = seen("name"): it notes its name, and returns nothing."""

    def __call__(self, name):
        return lambda *args: self.append(name)


def make(lib, forward):
    """A module with that forward."""
    return type("Net", (lib.nn.Module,), {"forward": forward})()


def layer_and_own(lib):
    """A layer of the library, a forward in Python, a class made from a layer."""
    class Own(lib.nn.Identity):
        def forward(self, x):
            return super().forward(x)
    return lib.nn.Identity(), make(lib, lambda self, x: x), Own()


# ---- order ----

def test_190_order_with_global_hooks(lib):
    everywhere = lib.nn.modules.module
    for m in layer_and_own(lib):
        seen = Seen()
        with everywhere.register_module_forward_pre_hook(seen("all before")), everywhere.register_module_forward_hook(seen("all after")):
            m.register_forward_pre_hook(seen("before"))
            m.register_forward_pre_hook(seen("first"), prepend=True)
            m.register_forward_hook(seen("after"))
            m.register_forward_hook(seen("first after"), prepend=True)
            m(lib.ones(1))
        assert seen == ["all before", "first", "before", "all after", "first after", "after"]
        del seen[:]
        m(lib.ones(1))
        assert seen == ["first", "before", "first after", "after"]


def test_190_global_hooks_reach_every_module(lib):
    everywhere, seen = lib.nn.modules.module, []
    m = lib.nn.Sequential(lib.nn.ReLU(), make(lib, lambda self, x: x))
    with everywhere.register_module_forward_hook(lambda m, args, out: seen.append(type(m).__name__) or out + 1):
        assert m(lib.zeros(1)).item() == 3
    assert seen == ["ReLU", "Net", "Sequential"]


# ---- arguments and results ----

def test_191_other_arguments(lib):
    m = make(lib, lambda self, *args: list(args))
    handle = m.register_forward_pre_hook(lambda m, args: (*args, 3, "more"))
    assert m(1) == [1, 3, "more"]
    handle.remove()
    m.register_forward_pre_hook(lambda m, args: args[0] * 2)
    assert m(lib.ones(1))[0].item() == 2 and m("ab") == ["abab"]


def test_191_192_keywords(lib):
    m = make(lib, lambda self, x, scale=1, **more: x * scale)
    seen = []
    m.register_forward_pre_hook(lambda m, args, kwargs: seen.append(kwargs) or (args, {"scale": 5}), with_kwargs=True)
    m.register_forward_hook(lambda m, args, kwargs, out: seen.append((args, kwargs)) or out + 1, with_kwargs=True)
    assert m(2, scale=3) == 11 and seen == [{"scale": 3}, ((2,), {"scale": 5})]
    for wrong in (3, (1, 2, 3), [(), {}]):
        with m.register_forward_pre_hook(lambda m, args, kwargs: wrong, with_kwargs=True):
            with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple"):
                m(2)
    assert m(2) == 11


def test_191_keywords_of_a_layer_of_the_library(lib):
    m, seen = lib.nn.Linear(2, 1), []
    m.register_forward_pre_hook(lambda m, args, kwargs: seen.append((len(args), list(kwargs))), with_kwargs=True)
    with lib.nn.modules.module.register_module_forward_hook(lambda m, args, kwargs, out: seen.append(list(kwargs)), with_kwargs=True):
        assert m(input=lib.ones(3, 2)).shape == (3, 1)
    assert seen == [(0, ["input"]), ["input"]]


def test_192_results_of_any_kind(lib):
    m, seen = make(lib, lambda self, x: {"x": x}), []
    m.register_forward_hook(lambda m, args, out: seen.append(out) or [out["x"], 1])
    x = lib.ones(1)
    assert m(x)[0] is x and seen[0]["x"] is x
    layer = lib.nn.Identity()
    layer.register_forward_hook(lambda m, args, out: {"out": out})
    assert layer(x)["out"].tolist() == [1]
    pair = make(lib, lambda self, x: (x, None, 3))
    pair.register_forward_hook(lambda m, args, out: None)
    assert pair(x) == (x, None, 3)


# ---- always_call ----

def test_193_always_called(lib):
    def fails(self, x):
        raise KeyError("forward")

    m, seen = make(lib, fails), []
    m.register_forward_hook(lambda m, args, out: seen.append("never"))
    m.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(KeyError, match="forward"):
        m(lib.ones(1))
    assert seen == [None]


def test_193_of_a_layer_of_the_library_and_of_all(lib):
    m, seen = lib.nn.Linear(2, 1), []
    m.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with lib.nn.modules.module.register_module_forward_hook(lambda m, args, out: seen.append("all"), always_call=True):
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            m(lib.ones(1, 3))
    assert seen == ["all", None]


def test_193_an_error_of_such_a_hook_is_a_warning(lib):
    def raises(m, args, out):
        with pytest.raises(RuntimeError):  # an error of the library that the hook takes care of is not the forward's
            lib.ones(2) + lib.ones(3)
        raise ValueError("the hook's")

    def fails(self, x):
        raise KeyError("forward")

    for m, error in ((make(lib, fails), KeyError), (lib.nn.Linear(2, 1), RuntimeError)):
        m.register_forward_hook(raises, always_call=True)
        with pytest.warns(UserWarning, match="was silenced as another error was raised in forward: .*the hook's"):
            with pytest.raises(error, match="forward|multiplied"):
                m(lib.ones(1, 3))
    good, seen = make(lib, lambda self, x: x), []
    good.register_forward_hook(raises, always_call=True)
    good.register_forward_hook(lambda m, args, out: seen.append(out.tolist()), always_call=True)
    with pytest.raises(ValueError, match="the hook's"):
        good(lib.ones(1))
    assert seen == [[1]]


# ---- handles, copies ----

def test_194_hooks_change_while_they_run(lib):
    m, seen = make(lib, lambda self, x: x), []

    def once(m, args):
        seen.append("once")
        handle.remove()
        m.register_forward_pre_hook(lambda m, args: seen.append("added"))
    handle = m.register_forward_pre_hook(once)
    m(1), m(1)
    assert seen == ["once", "added"]


def test_194_copies_have_all_hooks(lib):
    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = lib.nn.Linear(2, 2)

        def forward(self, x):
            return self.inner(x)

    net, seen = Net(), Seen()
    net.register_forward_pre_hook(seen("before"))
    net.inner.register_forward_hook(seen("inner"))
    net.register_full_backward_hook(seen("backward"))
    net.register_state_dict_pre_hook(seen("state"))
    removed = net.register_forward_hook(seen("removed"))
    removed.remove()
    other = copy.deepcopy(copy.deepcopy(net))
    del net
    gc.collect()
    other(lib.ones(1, 2, requires_grad=True)).sum().backward()
    other.state_dict()
    assert seen == ["before", "inner", "backward", "state"]
    gone = other.register_forward_hook(seen("gone"))
    again = copy.deepcopy(other)
    gone.remove()
    del seen[:]
    other(lib.ones(1, 2)), again(lib.ones(1, 2))
    assert seen == ["before", "inner", "before", "inner", "gone"]


# ---- backward ----

def test_195_198_several_inputs_and_results(lib):
    m, seen = make(lib, lambda self, x, k, y: (x * k, None, y * 3)), []
    m.register_full_backward_hook(lambda m, gin, gout: seen.append([g if g is None else g.tolist() for g in (*gin, *gout)]))
    x, y = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
    a, none, b = m(x, 2, y)
    assert none is None
    (a + b * 5).sum().backward()
    assert seen == [[[2, 2], None, [15, 15], [1, 1], None, [5, 5]]]
    assert x.grad.tolist() == [2, 2] and y.grad.tolist() == [15, 15]


def test_195_a_result_that_is_not_used(lib):
    m, seen = make(lib, lambda self, x: (x * 2, x * 3)), []
    m.register_full_backward_hook(lambda m, gin, gout: seen.append((gin[0].tolist(), gout[0].tolist())))
    x = lib.ones(1, requires_grad=True)
    m(x)[0].backward()
    assert seen == [([2], [1])] and x.grad.tolist() == [2]


def test_195_namedtuples(lib):
    Pair = collections.namedtuple("Pair", "a b")
    m, seen = make(lib, lambda self, x: Pair(x * 2, x * 3)), []
    m.register_full_backward_hook(lambda m, gin, gout: seen.append(len(gout)))
    out = m(lib.ones(1, requires_grad=True))
    assert type(out) is Pair and out.a.item() == 2
    (out.a + out.b).backward()
    assert seen == [2]


def test_195_keywords_are_no_inputs(lib):
    m, seen = make(lib, lambda self, x, y=None: x * y), []
    m.register_full_backward_hook(lambda m, gin, gout: seen.append(len(gin)))
    x, y = lib.ones(1, requires_grad=True), lib.ones(1, requires_grad=True)
    m(x, y=y).backward()
    assert seen == [1] and y.grad.item() == 1


def test_195_without_an_input_that_needs_a_gradient(lib):
    for m in (lib.nn.Linear(2, 1), make(lib, lambda self, x: (x * self.p,))):
        m.p, seen = P(lib), []
        m.register_full_backward_hook(lambda m, gin, gout: seen.append((gin, gout[0].shape)))
        out = m(lib.ones(1, 2))
        with pytest.warns(UserWarning, match="Full backward hook is firing when gradients are computed with respect to module outputs"):
            (out if isinstance(m, lib.nn.Linear) else out[0]).sum().backward()
        assert len(seen) == 1 and seen[0][0] == (None,)
        with lib.no_grad():
            m(lib.ones(1, 2))
    m.register_full_backward_hook(lambda m, gin, gout: (lib.ones(1, 2),))
    with pytest.warns(UserWarning), pytest.raises(RuntimeError, match="should always return None or None for all gradients"):
        m(lib.ones(1, 2))[0].sum().backward()


def test_196_197_other_gradients(lib):
    m = make(lib, lambda self, x, y: (x * self.p, y))
    m.p = P(lib)
    m.register_full_backward_hook(lambda m, gin, gout: (gin[0] * 10, gin[1] * 100))
    m.register_full_backward_pre_hook(lambda m, gout: (gout[0] * 2, gout[1]))
    x, y = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True)
    sum(m(x, y)).sum().backward()
    assert x.grad.tolist() == [20, 20] and y.grad.tolist() == [100, 100] and m.p.grad.tolist() == [2, 2]


def test_196_197_another_count(lib):
    for register, word in (("register_full_backward_hook", "hook returned an invalid number of grad_input"),
                           ("register_full_backward_pre_hook", "pre hook returned an invalid number of grad_output")):
        m = make(lib, lambda self, x: x * 2)
        getattr(m, register)(lambda m, *grads: (None, None))
        with pytest.raises(RuntimeError, match=f"Backward {word}, got 2, but expected 1"):
            m(lib.ones(1, requires_grad=True)).backward()


def test_197_198_nested_and_global(lib):
    everywhere, seen = lib.nn.modules.module, []
    outer = make(lib, lambda self, x: self.inner(x))
    outer.inner = make(lib, lambda self, x: x * 2)
    name = {outer: "outer", outer.inner: "inner"}
    for m in (outer, outer.inner):
        m.register_full_backward_pre_hook(lambda m, gout: seen.append(f"{name[m]} before"))
        m.register_full_backward_hook(lambda m, gin, gout: seen.append(name[m]))
    with everywhere.register_module_full_backward_hook(lambda m, gin, gout: seen.append(f"all {name[m]}")), \
            everywhere.register_module_full_backward_pre_hook(lambda m, gout: seen.append(f"all {name[m]} before")):
        outer(lib.ones(1, requires_grad=True)).backward()
    assert seen == ["all outer before", "outer before", "all inner before", "inner before", "all inner", "inner", "all outer", "outer"]


def test_197_prepend(lib):
    m, seen = lib.nn.ReLU(), Seen()
    m.register_full_backward_hook(seen("second"))
    m.register_full_backward_hook(seen("first"), prepend=True)
    m.register_full_backward_pre_hook(seen("b"))
    m.register_full_backward_pre_hook(seen("a"), prepend=True)
    m(lib.ones(1, requires_grad=True)).backward()
    assert seen == ["a", "b", "first", "second"]


def test_195_the_module_may_be_gone(lib):
    seen = Seen()

    def out():
        m = make(lib, lambda self, x: x * 2)
        m.register_full_backward_hook(seen("backward"))
        return m(lib.ones(1, requires_grad=True))
    y = out()
    gc.collect()
    y.backward()
    assert seen == ["backward"]


def test_199_the_node_and_what_it_refuses(lib):
    m = make(lib, lambda self, x: x.add_(1))
    m.register_full_backward_hook(lambda m, gin, gout: None)
    x = lib.ones(1, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        m(x)
    m = lib.nn.Identity()
    m.register_full_backward_hook(lambda m, gin, gout: None)
    y = m(x)
    assert y.grad_fn.name() == "BackwardHookFunctionBackward"
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        y.add_(1)
    m = make(lib, lambda self, x: {"x": x * 2})
    seen = Seen()
    m.register_full_backward_hook(seen("backward"))
    with pytest.warns(UserWarning, match="module output should be a Tensor or a tuple of Tensors but received"):
        m(x)["x"].backward()


# ---- registration ----

def test_103_registration_hooks(lib):
    everywhere, seen = lib.nn.modules.module, []

    def note(kind):
        return lambda m, name, value: seen.append((kind, name, type(value).__name__))
    with everywhere.register_module_parameter_registration_hook(note("p")), \
            everywhere.register_module_buffer_registration_hook(note("b")), \
            everywhere.register_module_module_registration_hook(note("m")):
        m = lib.nn.Module()
        m.p, m.none = P(lib), None
        m.register_parameter("empty", None)
        m.register_parameter("q", P(lib))
        m.register_buffer("b", lib.ones(1))
        m.a = lib.nn.ReLU()
        m.add_module("c", None)
        m.list = lib.nn.ModuleList([lib.nn.Tanh()])
    m.after = P(lib)
    assert seen == [("p", "p", "Parameter"), ("p", "q", "Parameter"), ("b", "b", "Tensor"), ("m", "a", "ReLU"),
                    ("m", "c", "NoneType"), ("m", "0", "Tanh"), ("m", "list", "ModuleList")]


def test_103_they_may_replace(lib):
    everywhere, m, other, p = lib.nn.modules.module, lib.nn.Module(), lib.nn.Tanh(), P(lib)
    with everywhere.register_module_module_registration_hook(lambda m, name, value: other), \
            everywhere.register_module_parameter_registration_hook(lambda m, name, value: p):
        m.child, m.p = lib.nn.ReLU(), P(lib)
    gc.collect()
    assert m.child is other and m.p is p and [n for n, _ in m.named_children()] == ["child"]

    def refuse(m, name, value):
        raise ZeroDivisionError(name)
    with everywhere.register_module_buffer_registration_hook(refuse), pytest.raises(ZeroDivisionError, match="late"):
        m.register_buffer("late", lib.ones(1))
    assert not hasattr(m, "late")


# ---- of states ----

def tree(lib):
    m = lib.nn.Module()
    m.p, m.a = P(lib, 1), lib.nn.Module()
    m.a.q = P(lib, 1)
    return m


def test_148_149_hooks_of_saving(lib):
    m, seen = tree(lib), []
    for n, x in (("root", m), ("a", m.a)):
        x.register_state_dict_pre_hook(lambda m, prefix, keep_vars, n=n: seen.append((n, prefix, keep_vars)))
        x.register_state_dict_post_hook(lambda m, state, prefix, meta, n=n: seen.append((n, list(state), meta["version"])))
    m.state_dict(prefix="x.", keep_vars=True)
    assert seen == [("root", "x.", True), ("a", "x.a.", True), ("a", ["x.p", "x.a.q"], 1), ("root", ["x.p", "x.a.q"], 1)]
    with m.register_state_dict_post_hook(lambda m, state, prefix, meta: state.update(more=lib.zeros(1)) or state.pop("p") and None):
        assert list(m.state_dict()) == ["a.q", "more"]
    m.register_state_dict_post_hook(lambda m, state, prefix, meta: state)
    with pytest.raises(RuntimeError, match="state_dict post-hook must return None"):
        m.state_dict()


def test_169_hooks_of_loading(lib):
    m, seen = tree(lib), []
    for n, x in (("root", m), ("a", m.a)):
        x.register_load_state_dict_pre_hook(
            lambda m, state, prefix, meta, strict, missing, unexpected, errors, n=n: seen.append((n, prefix, meta, strict)))
        x.register_load_state_dict_post_hook(lambda m, keys, n=n: seen.append((n, keys.missing_keys, keys.unexpected_keys)))
    state = m.state_dict()
    m.load_state_dict(state)
    assert seen == [("root", "", {"version": 1}, True), ("a", "a.", {"version": 1}, True), ("a", [], []), ("root", [], [])]

    def rename(m, state, prefix, meta, strict, missing, unexpected, errors):
        if prefix + "old" in state:
            state[prefix + "p"] = state.pop(prefix + "old")
    m.register_load_state_dict_pre_hook(rename)
    given = {"old": lib.full((1,), 7.0), "a.q": lib.ones(1)}
    m.load_state_dict(given)
    assert m.p.item() == 7 and list(given) == ["old", "a.q"]
    with m.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear()):
        assert m.load_state_dict({"a.q": lib.ones(1)}).missing_keys == []
    with pytest.raises(RuntimeError, match='Missing key.*"p"'):
        m.load_state_dict({"a.q": lib.ones(1)})
    with m.register_load_state_dict_pre_hook(lambda *args: args[-1].append("something is wrong")):
        with pytest.raises(RuntimeError, match="something is wrong"):
            m.load_state_dict(state)
    m.register_load_state_dict_post_hook(lambda m, keys: keys)
    with pytest.raises(AssertionError, match="are not expected to return new values"):
        m.load_state_dict(state)


class Counter:
    """A class with extra state, for a mix-in."""
    count = 0

    def get_extra_state(self):
        return self.count

    def set_extra_state(self, state):
        self.count = state


@pytest.mark.parametrize("value", [3, None, {"a": [1, "b"]}, "tensor"])
def test_150_168_extra_state(lib, value):
    m = lib.nn.Sequential(type("Net", (Counter, lib.nn.Module), {})(), type("Own", (Counter, lib.nn.Linear), {})(1, 1))
    m[0].p = P(lib)
    m[0].child = lib.nn.ReLU()
    m[0].count, m[1].count = lib.ones(2) if value == "tensor" else value, "second"
    state = m.state_dict()
    assert list(state) == ["0.p", "0._extra_state", "1.weight", "1.bias", "1._extra_state"]
    assert state["0._extra_state"] is m[0].count or value == "tensor" and state["0._extra_state"].tolist() == [1, 1]
    other = copy.deepcopy(m)
    other[0].count, other[1].count = 0, 0
    other.load_state_dict(state)
    assert other[1].count == "second" and (other[0].count.tolist() == [1, 1] if value == "tensor" else other[0].count == value)
    del state["1._extra_state"]
    with pytest.raises(RuntimeError, match='Missing key.*"1._extra_state"'):
        other.load_state_dict(state)
    with pytest.raises(RuntimeError, match='Unexpected key.*"_extra_state"'):
        lib.nn.Linear(1, 1, bias=False).load_state_dict({"weight": lib.ones(1, 1), "_extra_state": value})
    for call in (lib.nn.Module().get_extra_state, lambda: lib.nn.Module().set_extra_state(3)):
        with pytest.raises(RuntimeError, match="should never be called"):
            call()


def test_149_an_error_in_a_hook_or_extra_state_comes_through(lib):
    def raises(*args):
        raise ZeroDivisionError("mine")
    m = tree(lib)
    state = m.state_dict()
    for name, call in (("state_dict_pre_hook", m.state_dict), ("state_dict_post_hook", m.state_dict),
                       ("load_state_dict_pre_hook", lambda: m.load_state_dict(state)),
                       ("load_state_dict_post_hook", lambda: m.load_state_dict(state))):
        with getattr(m, f"register_{name}")(raises), pytest.raises(ZeroDivisionError, match="mine"):
            call()
    m.b = type("Net", (lib.nn.Module,), {"get_extra_state": raises})()
    with pytest.raises(ZeroDivisionError, match="mine"):
        m.state_dict()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(tree(lib).state_dict()) == ["p", "a.q"]
