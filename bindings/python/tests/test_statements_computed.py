"""The numbered statements of docs/parameter-semantics.md from Python: computed members, pruning, functional calls, optimizers."""
import copy
import importlib
import pickle
import warnings

import pytest


def P(lib, *shape, **keywords):
    return lib.nn.Parameter(lib.ones(*(shape or (2,))), **keywords)


def is_torch(lib):
    return lib.__name__ == "torch"


def names(m):
    return [n for n, _ in m.named_parameters()]


def double(lib, **more):
    return type("Double", (lib.nn.Module,), {"forward": lambda self, x: x * 2, **more})()


@pytest.fixture
def quiet():
    """The older norms say that they are old."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---- parametrizations ----

def test_209_210_text_and_assignment(lib):
    parametrize = lib.nn.utils.parametrize
    m = lib.nn.Linear(2, 2)
    parametrize.register_parametrization(m, "weight", double(lib, right_inverse=lambda self, x: x / 2))
    assert repr(m).startswith("ParametrizedLinear(\n  in_features=2, out_features=2, bias=True\n  (parametrizations): ModuleDict(")
    m.weight = lib.full((2, 2), 6.0)
    assert m.parametrizations.weight.original.tolist() == [[3, 3], [3, 3]] and m.weight.tolist() == [[6, 6], [6, 6]]
    with pytest.raises(AttributeError):
        del m.weight
    parametrize.register_parametrization(m, "weight", double(lib))
    with pytest.raises(RuntimeError, match="does not implement right_inverse"):
        m.weight = lib.ones(2, 2)


def test_208_211_several_originals_and_checks(lib):
    parametrize = lib.nn.utils.parametrize
    m = lib.nn.Linear(2, 2)
    with pytest.raises(ValueError):
        parametrize.register_parametrization(m, "weight", type("Row", (lib.nn.Module,), {"forward": lambda self, x: x[0]})())
    assert names(m) == ["weight", "bias"]
    halves = type("Halves", (lib.nn.Module,), {"forward": lambda self, a, b: a + b, "right_inverse": lambda self, x: (x / 2, x / 2)})
    parametrize.register_parametrization(m, "weight", halves())
    assert names(m) == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    with pytest.raises(ValueError):
        parametrize.remove_parametrizations(m, "weight", leave_parametrized=False)
    parametrize.remove_parametrizations(m, "weight")
    assert sorted(names(m)) == ["bias", "weight"]


def test_212_cached(lib):
    parametrize = lib.nn.utils.parametrize
    m = lib.nn.Linear(2, 2)
    parametrize.register_parametrization(m, "weight", double(lib))
    assert m.weight is not m.weight
    with parametrize.cached():
        assert m.weight is m.weight
    assert m.weight is not m.weight


def test_214_copies_pickles_buffers(lib):
    parametrize = lib.nn.utils.parametrize
    m = lib.nn.Linear(2, 2)
    m.register_buffer("b", lib.ones(2))
    parametrize.register_parametrization(m, "weight", double(lib))
    parametrize.register_parametrization(m, "b", double(lib))
    assert m.b.tolist() == [2, 2] and [n for n, _ in m.named_buffers()] == ["parametrizations.b.original"]
    other = copy.deepcopy(m)
    with lib.no_grad():
        other.parametrizations.weight.original.fill_(3)
    assert other.weight.tolist() == [[6, 6], [6, 6]] and m.weight.tolist() != other.weight.tolist()
    assert parametrize.is_parametrized(other, "weight") and other.parametrizations.weight is not m.parametrizations.weight
    with pytest.raises((RuntimeError, TypeError, NotImplementedError)):
        pickle.dumps(m)


def test_215_weight_norm(lib):
    m = lib.nn.Linear(3, 2)
    state, w = m.state_dict(), m.weight.detach().clone()
    lib.nn.utils.parametrizations.weight_norm(m)
    assert names(m) == ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]
    assert m.parametrizations.weight.original0.shape == (2, 1) and lib.allclose(m.weight, w, atol=1e-6)
    m.load_state_dict({"bias": state["bias"], "weight_g": lib.ones(2, 1), "weight_v": lib.ones(2, 3)})
    assert m.weight.detach()[0, 0].item() == pytest.approx(3 ** -0.5)


def test_216_the_older_weight_norm(lib, quiet):
    m = lib.nn.Linear(3, 2)
    w = m.weight.detach().clone()
    assert lib.nn.utils.weight_norm(m) is m and names(m) == ["bias", "weight_g", "weight_v"]
    assert not isinstance(m.weight, lib.nn.Parameter) and lib.allclose(m.weight, w, atol=1e-6)
    with lib.no_grad():
        m.weight_g.mul_(2)
    m(lib.ones(1, 3))
    assert lib.allclose(m.weight, w * 2, atol=1e-6)
    with pytest.raises(RuntimeError, match="Cannot register two weight_norm hooks on the same parameter weight"):
        lib.nn.utils.weight_norm(m)
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(m)
    assert lib.nn.utils.remove_weight_norm(m) is m and isinstance(m.weight, lib.nn.Parameter)
    with pytest.raises(ValueError, match="weight_norm of 'weight' not found"):
        lib.nn.utils.remove_weight_norm(m)


def test_217_spectral_norm(lib, quiet):
    m = lib.nn.Linear(3, 2)
    assert lib.nn.utils.spectral_norm(m) is m and names(m) == ["bias", "weight_orig"]
    assert sorted(n for n, _ in m.named_buffers()) == ["weight_u", "weight_v"]
    m.eval()(lib.ones(1, 3))
    u = m.weight_u.tolist()
    m(lib.ones(1, 3))
    assert m.weight_u.tolist() == u
    m.train()(lib.ones(1, 3))
    assert m.weight_u.tolist() != u and lib.nn.utils.remove_spectral_norm(m) is m
    new = lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(3, 2))
    assert sorted(n for n, _ in new.named_buffers()) == ["parametrizations.weight.0._u", "parametrizations.weight.0._v"]


def test_218_orthogonal(lib):
    orthogonal = lib.nn.utils.parametrizations.orthogonal
    m = orthogonal(lib.nn.Linear(3, 3))
    assert [n for n, _ in m.named_buffers()] == ["parametrizations.weight.0.base"]
    with pytest.raises(ValueError, match="Expected a matrix"):
        orthogonal(lib.nn.Linear(2, 2), "bias")
    with pytest.raises(ValueError, match="orthogonal_map has to be one of"):
        orthogonal(lib.nn.Linear(2, 2), orthogonal_map="polar")


# ---- pruning ----

def test_219_pruning(lib):
    prune = importlib.import_module(lib.__name__ + ".nn.utils.prune")
    m = lib.nn.Linear(2, 1)
    prune.l1_unstructured(m, "weight", 0.25)  # half of an entry: none
    assert m.weight_mask.tolist() == [[1, 1]] and names(m) == ["bias", "weight_orig"]
    prune.l1_unstructured(m, "weight", 1), prune.l1_unstructured(m, "weight", 1)
    assert m.weight_mask.tolist() == [[0, 0]] and m.weight.tolist() == [[0, 0]] and not isinstance(m.weight, lib.nn.Parameter)
    prune.remove(m, "weight")
    assert isinstance(m.weight, lib.nn.Parameter) and not list(m.buffers())
    for amount, error in ((1.5, ValueError), (-1, ValueError), ("a", TypeError), (13, ValueError)):
        with pytest.raises(error):
            prune.l1_unstructured(m, "weight", amount)
        assert isinstance(m.weight, lib.nn.Parameter)


def test_220_global_pruning(lib):
    prune = importlib.import_module(lib.__name__ + ".nn.utils.prune")
    m = lib.nn.Sequential(lib.nn.Linear(2, 1), lib.nn.Linear(2, 1))
    with lib.no_grad():
        m[0].weight.copy_(lib.tensor([[1.0, 2]])), m[1].weight.copy_(lib.tensor([[3.0, 4]]))
    assert not prune.is_pruned(m)
    prune.global_unstructured([(m[0], "weight"), (m[1], "weight")], prune.L1Unstructured, amount=3)
    assert m[0].weight_mask.tolist() == [[0, 0]] and m[1].weight_mask.tolist() == [[0, 1]] and prune.is_pruned(m)


# ---- functional calls ----

def test_221_functional_call(lib):
    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = P(lib)

        def forward(self, x):
            if x.numel() == 3:
                raise ZeroDivisionError("mine")
            return x * self.w
    m, call = Net(), lib.func.functional_call
    w, x = m.w, lib.ones(2)
    given = {"w": lib.full((2,), 3.0)}
    assert call(m, given, x).tolist() == [3, 3] and m.w is w and call(m, {}, (x,)).tolist() == [1, 1]
    with pytest.raises(ZeroDivisionError):
        call(m, given, lib.ones(3))
    assert m.w is w and call(m, {**given, "unknown": x}, x).tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="unknown"):
        call(m, {**given, "unknown": x}, x, strict=True)
    with pytest.raises(TypeError):
        call(m, {"w": 3}, x)
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        call(m, [given, given], x)


def test_222_tied_members(lib):
    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.a = self.b = P(lib)

        def forward(self, x):
            return x * self.a + self.b
    m, call, x = Net(), lib.func.functional_call, lib.ones(2)
    assert call(m, {"a": lib.full((2,), 3.0)}, x).tolist() == [6, 6]
    assert call(m, {"a": lib.full((2,), 3.0)}, x, tie_weights=False).tolist() == [4, 4]
    with pytest.raises(ValueError):
        call(m, {"a": lib.ones(2), "b": lib.zeros(2)}, x)


def test_223_buffers_of_the_call(lib):
    m = lib.nn.BatchNorm1d(2)
    given = {n: b.clone() for n, b in m.named_buffers()}
    lib.func.functional_call(m, given, lib.rand(4, 2))
    assert given["num_batches_tracked"].item() == 1 and m.num_batches_tracked.item() == 0
    assert given["running_mean"].tolist() != [0, 0] and m.running_mean.tolist() == [0, 0]


def test_224_stacking(lib):
    models = [lib.nn.BatchNorm1d(3) for _ in range(4)]
    parameters, buffers = lib.func.stack_module_state(models)
    assert parameters["weight"].shape == (4, 3) and parameters["weight"].is_leaf and parameters["weight"].requires_grad
    assert buffers["num_batches_tracked"].shape == (4,) and not buffers["running_mean"].requires_grad
    with pytest.raises(RuntimeError):
        lib.func.stack_module_state([])


def test_225_swap_tensors(lib):
    p, t = P(lib), lib.zeros(3)
    p.mine = 3
    lib.utils.swap_tensors(p, t)
    assert type(p) is lib.Tensor and isinstance(t, lib.nn.Parameter) and p.tolist() == [0, 0, 0] and t.requires_grad
    assert t.mine == 3 and not hasattr(p, "mine")
    view = p[0:1]
    with pytest.raises(RuntimeError):
        lib.utils.swap_tensors(p, t)
    del view


def test_226_vectors(lib):
    m = lib.nn.Linear(2, 1)
    w = m.weight
    v = lib.nn.utils.parameters_to_vector(m.parameters())
    assert v.tolist() == [*w.view(-1).tolist(), *m.bias.tolist()] and v.data_ptr() != w.data_ptr()
    new = lib.arange(3.0)
    lib.nn.utils.vector_to_parameters(new, m.parameters())
    assert m.weight is w and w.tolist() == [[0, 1]] and m.bias.tolist() == [2] and w.data_ptr() == new.data_ptr()


def test_227_clipping(lib):
    utils, p, q = lib.nn.utils, P(lib), P(lib)
    assert utils.clip_grad_norm_([p], 1.0).item() == 0
    (p * lib.tensor([3.0, 4.0])).sum().backward()
    grad = p.grad
    assert utils.clip_grad_norm_([p, q], 1.0).item() == pytest.approx(5) and p.grad is grad
    assert grad.tolist() == pytest.approx([0.6, 0.8], abs=1e-5)
    assert utils.clip_grad_norm_(p, 10.0).item() == pytest.approx(1, abs=1e-4) and grad[0].item() == pytest.approx(0.6, abs=1e-5)
    utils.clip_grad_value_([p], 0.7)
    assert grad.tolist() == pytest.approx([0.6, 0.7], abs=1e-5)
    grad.fill_(float("inf"))
    with pytest.raises(RuntimeError, match="The total norm .* is non-finite"):
        utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    assert utils.get_total_norm([lib.ones(4)]).item() == 2


# ---- optimizers ----

def test_228_optimizers(lib):
    SGD, p, q = lib.optim.SGD, P(lib), P(lib)
    for params, error, text in (([], ValueError, "optimizer got an empty parameter list"),
                                ([p * 2], ValueError, "can't optimize a non-leaf Tensor"),
                                ([3], TypeError, "optimizer can only optimize Tensors"),
                                (p, TypeError, "should be an iterable of Tensors or dicts"),
                                ([{"params": [p]}, {"params": [p]}], ValueError, "some parameters appear in more than one")):
        with pytest.raises(error, match=text):
            SGD(params, lr=0.1)
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        SGD([p], lr=-1)
    with pytest.warns(UserWarning, match="duplicate parameters"):
        SGD([p, p], lr=0.1)
    optimizer = lib.optim.Adam([p, q], lr=0.1)
    p.sum().backward()
    optimizer.step()
    assert list(optimizer.state_dict()["state"]) == [0] and q.tolist() == [1, 1]


def test_228_named_parameters(lib):
    m = lib.nn.Linear(1, 1)
    optimizer = lib.optim.SGD(m.named_parameters(), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"] and optimizer.param_groups[0]["params"][0] is m.weight


def test_231_what_is_left_out(lib):
    if is_torch(lib):
        pytest.skip("statements 76, 88, 172 and 179 say what torch does")
    m = lib.nn.ModuleList([lib.nn.ReLU(), lib.nn.Tanh()])
    for i in (7, -5):
        with pytest.raises(IndexError):
            m.insert(i, lib.nn.Sigmoid())
    assert [n for n, _ in m.named_children()] == ["0", "1"]
