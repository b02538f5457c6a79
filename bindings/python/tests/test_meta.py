"""What works on layers and parameters, on the meta device."""
import copy
import importlib

import pytest


def linear(lib, *sizes):
    return lib.nn.Linear(*(sizes or (3, 3)), device="meta")


def of_pruning(lib):
    return importlib.import_module(lib.__name__ + ".nn.utils.prune")


@pytest.mark.parametrize("name", ["uniform_", "normal_", "ones_", "zeros_", "eye_", "xavier_uniform_", "xavier_normal_", "kaiming_uniform_",
                                  "kaiming_normal_", "trunc_normal_", "orthogonal_"])
def test_initial_values(lib, name):
    w = lib.empty(3, 4, device="meta")
    assert getattr(lib.nn.init, name)(w) is w and w.is_meta and w.shape == (3, 4)
    with lib.device("meta" if name != "eye_" else "cpu"):
        real = getattr(lib.nn.init, name)(lib.empty(3, 4, device="cpu"))
        assert not real.is_meta and real.isfinite().all()


PRUNED = {"random_unstructured": (0.5,), "l1_unstructured": (2,), "random_structured": (1, 0), "ln_structured": (1, 2, 1), "identity": ()}


@pytest.mark.parametrize("name", PRUNED)
def test_pruning(lib, name):
    prune = of_pruning(lib)
    m = getattr(prune, name)(linear(lib), "weight", *PRUNED[name])
    assert m.weight.is_meta and m.weight_mask.is_meta and m.weight_orig.is_meta and m(lib.ones(2, 3, device="meta")).shape == (2, 3)
    m(lib.ones(2, 3, device="meta")).sum().backward()
    assert m.weight_orig.grad.is_meta
    prune.remove(m, "weight")
    assert m.weight.is_meta
    with lib.device("meta"):
        assert not getattr(prune, name)(lib.nn.Linear(3, 3, device="cpu"), "weight", *PRUNED[name]).weight.is_meta


def test_global_pruning(lib):
    prune, m = of_pruning(lib), linear(lib)
    with pytest.raises(NotImplementedError):
        prune.global_unstructured([(m, "weight")], prune.L1Unstructured, amount=1)
    prune.custom_from_mask(m, "weight", lib.ones(3, 3, device="meta"))
    assert m.weight.is_meta


@pytest.mark.filterwarnings("ignore")
def test_norms_of_weights(lib):
    utils, x = lib.nn.utils, lib.ones(2, 3, device="meta")
    for norm in utils.parametrizations.weight_norm, utils.parametrizations.spectral_norm, utils.weight_norm, utils.spectral_norm:
        m = norm(linear(lib, 3, 2))
        m(x).sum().backward()
        assert m.weight.is_meta and all(p.is_meta and p.grad.is_meta for p in m.parameters()) and all(b.is_meta for b in m.buffers())


def test_parametrizations(lib):
    class Symmetric(lib.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).mT

    m = linear(lib)
    parametrize = importlib.import_module(lib.__name__ + ".nn.utils.parametrize")
    parametrize.register_parametrization(m, "weight", Symmetric())
    assert m.weight.is_meta and m(lib.ones(1, 3, device="meta")).shape == (1, 3)
    parametrize.remove_parametrizations(m, "weight")
    assert m.weight.is_meta


def test_vectors_and_norms_of_gradients(lib):
    utils, m = lib.nn.utils, linear(lib)
    vector = utils.parameters_to_vector(linear(lib).parameters())
    assert vector.is_meta and vector.shape == (12,)
    utils.vector_to_parameters(lib.ones(12, device="meta"), m.parameters())
    m(lib.ones(1, 3, device="meta")).sum().backward()
    assert utils.clip_grad_norm_(m.parameters(), 1.0).is_meta and utils.get_total_norm([p.grad for p in m.parameters()]).is_meta
    utils.clip_grad_value_(m.parameters(), 0.5)
    with pytest.raises(RuntimeError, match="meta tensors"):
        utils.clip_grad_norm_(m.parameters(), 1.0, error_if_nonfinite=True)


OPTIMIZERS = [("SGD", {}), ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}), ("SGD", {"momentum": 0.9, "dampening": 0.1}),
              ("SGD", {"maximize": True}), ("Adam", {}), ("Adam", {"amsgrad": True, "weight_decay": 0.1}), ("Adam", {"maximize": True}),
              ("AdamW", {}), ("AdamW", {"amsgrad": True, "maximize": True})]


@pytest.mark.parametrize("name, options", OPTIMIZERS)
def test_optimizers(lib, name, options):
    make = getattr(lib.optim, name)
    m, real = linear(lib), lib.nn.Linear(3, 3)
    first, second, third = (make(n.parameters(), lr=0.1, **options) for n in (m, copy.deepcopy(m), real))
    for _ in range(2):
        first.zero_grad()
        m(lib.ones(2, 3, device="meta")).sum().backward()
        first.step()
    real(lib.ones(2, 3)).sum().backward()
    third.step()
    state = first.state_dict()
    assert state["state"].keys() == third.state_dict()["state"].keys()
    for key, value in (state["state"] or {0: {}})[0].items():
        assert value is None or value.is_meta == (key != "step")
    second.load_state_dict(state)
    assert all(p.is_meta for p in m.parameters())


def test_functional_calls(lib):
    a, b = linear(lib), linear(lib)
    x = lib.ones(2, 3, device="meta")
    y = lib.func.functional_call(lib.nn.Linear(3, 3), dict(a.named_parameters()), (x,))
    assert y.is_meta and y.shape == (2, 3) and lib.func.functional_call(a, {"bias": b.bias}, (x,)).is_meta
    parameters, buffers = lib.func.stack_module_state([a, b])
    assert parameters["weight"].is_meta and parameters["weight"].shape == (2, 3, 3) and not buffers


def test_functions_and_hooks(lib):
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            assert ctx.saved_tensors[0].is_meta and g.is_meta
            return g * 2

    x, seen = lib.ones(2, device="meta", requires_grad=True), []
    x.register_hook(lambda g: seen.append(g.is_meta))
    Double.apply(x).sum().backward()
    assert seen == [True] and x.grad.is_meta
    m = linear(lib)
    m.register_forward_hook(lambda module, args, result: result[:, :1])
    assert m(lib.ones(2, 3, device="meta")).shape == (2, 1)
    first = lib.autograd.grad((x * x * x).sum(), x, create_graph=True)[0]
    assert lib.autograd.grad(first.sum(), x)[0].is_meta


def test_gradients_of_another_dtype(lib):
    x = lib.ones(2, 3, device="meta", requires_grad=True)
    y = x.double() * 2
    y.backward(gradient=lib.ones(2, 3, device="meta", dtype=lib.float64))
    assert x.grad.is_meta and x.grad.dtype == lib.float32
    (x.t() * 2).sum().backward()
    assert x.grad.is_meta
    view = lib.ones(2, 3, device="meta", requires_grad=True).clone()
    view[0].mul_(2)
    view.t()[1].add_(1)
    view.sum().backward()


def test_own_datasets(lib):
    class Rows(lib.utils.data.Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return lib.ones(3, device="meta"), i

    for x, i in lib.utils.data.DataLoader(Rows(), batch_size=2):
        assert x.is_meta and x.shape == (2, 3) and not i.is_meta


def test_lazy_states(lib):
    lazy, real = lib.nn.LazyLinear(2, device="meta"), lib.nn.Linear(3, 2)
    with pytest.warns(UserWarning, match="copying from a non-meta parameter"):
        lazy.load_state_dict(real.state_dict())
    assert lazy.weight.is_meta and lazy.weight.shape == (2, 3) and lazy(lib.ones(1, 3, device="meta")).is_meta
    with pytest.raises((RuntimeError, NotImplementedError), match="no data"):
        lib.nn.LazyLinear(2).load_state_dict(linear(lib, 3, 2).state_dict())
