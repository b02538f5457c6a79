"""The numbered statements of docs/parameter-semantics.md from Python, the second part: Parameters, loading, hooks, lazy, computed members."""
import copy

import pytest


def P(lib, *shape, **keywords):
    return lib.nn.Parameter(lib.ones(*(shape or (2,))), **keywords)


def test_001_002_003_004_006_building(lib):
    t = lib.ones(2)
    p = lib.nn.Parameter(t)
    assert isinstance(p, lib.nn.Parameter) and isinstance(p, lib.Tensor) and not isinstance(t, lib.nn.Parameter)
    assert p.requires_grad and not t.requires_grad and p.data_ptr() == t.data_ptr()
    q = lib.nn.Parameter(P(lib) * 2)
    assert q.is_leaf and q.grad is None and q.requires_grad


def test_007_008_of_a_parameter(lib):
    p = P(lib, requires_grad=False)
    q = lib.nn.Parameter(p)
    assert q is not p and q.data_ptr() == p.data_ptr() and q.requires_grad and not p.requires_grad


def test_010_011_012_013_dtypes(lib):
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype can require gradients"):
        lib.nn.Parameter(lib.tensor([1]))
    assert not lib.nn.Parameter(lib.tensor([1]), requires_grad=False).requires_grad
    assert lib.nn.Parameter(lib.ones(1, dtype=lib.float64)).requires_grad and lib.nn.Parameter(lib.tensor(3.0)).requires_grad


def test_015_016_arguments(lib):
    with lib.no_grad():
        assert lib.nn.Parameter(data=lib.ones(1), requires_grad=True).requires_grad
    with pytest.raises(TypeError):
        lib.nn.Parameter(lib.ones(1), True, 3)


def test_024_027_028_as_a_tensor(lib):
    p = P(lib)
    for t in (p + 1, p[0], p.clone(), p.detach(), p.data):
        assert not isinstance(t, lib.nn.Parameter)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place operation"):
        p.add_(1)
    with lib.no_grad():
        assert p.add_(1).tolist() == [2, 2]


def test_030_031_033_requires_grad(lib):
    p = P(lib)
    (p * 2).sum().backward()
    assert p.requires_grad_(False) is p and p.grad.tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype can require gradients"):
        lib.nn.Parameter(lib.tensor([1]), requires_grad=False).requires_grad_()


def test_045_046_050_gradients(lib):
    p, other = P(lib), P(lib)
    (p * 2).sum().backward()
    grad = p.grad
    (p * 2).sum().backward()
    assert p.grad is grad and grad.tolist() == [4, 4] and not grad.requires_grad and other.grad is None


def test_052_assigning_grad(lib):
    p = P(lib)
    with pytest.raises(RuntimeError, match=r"attempting to assign a gradient of size '\[3\]' to a tensor of size '\[2\]'"):
        p.grad = lib.ones(3)
    p.grad = lib.ones(2)
    p.grad = None
    assert p.grad is None


def test_058_060_063_deepcopy(lib):
    p = P(lib)
    (p * 2).sum().backward()
    q = copy.deepcopy(p)
    assert isinstance(q, lib.nn.Parameter) and q.grad is None and q.data_ptr() != p.data_ptr() and q.requires_grad
    a, b = copy.deepcopy([p, p])
    assert a is b and a is not p
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(p * 2)


def test_064_065_printing(lib):
    assert repr(P(lib)) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert repr([P(lib, requires_grad=False)]) == "[Parameter containing:\ntensor([1., 1.])]"


def test_142_170_states_of_children(lib):
    m = lib.nn.Module()
    m.a, m.ab = lib.nn.Linear(1, 1, bias=False), lib.nn.Linear(1, 1, bias=False)
    assert list(m.state_dict()) == ["a.weight", "ab.weight"]
    m.load_state_dict({"a.weight": lib.full((1, 1), 2.0), "ab.weight": lib.full((1, 1), 3.0)})
    assert m.a.weight.item() == 2 and m.ab.weight.item() == 3


def test_152_156_158_159_what_is_no_state(lib):
    m = lib.nn.Module()
    m.p, m.none = P(lib), P(lib)
    m.none = None
    with pytest.raises(TypeError):
        m.load_state_dict(3)
    with pytest.raises(RuntimeError, match="expected torch.Tensor or Tensor-like object from checkpoint but received"):
        m.load_state_dict({"p": 3})
    for key in ("p.x", "none"):
        with pytest.raises(RuntimeError, match=rf'Unexpected key\(s\) in state_dict: "{key}"'):
            m.load_state_dict({"p": lib.ones(2), key: lib.ones(2)})


def test_165_tied(lib):
    m = lib.nn.Module()
    m.a = m.b = P(lib)
    m.load_state_dict({"a": lib.zeros(2), "b": lib.full((2,), 5.0)})
    assert m.a is m.b and m.a.tolist() == [5, 5]
    m.load_state_dict({"a": lib.zeros(2), "b": lib.full((2,), 5.0)}, assign=True)
    assert m.a is not m.b and m.a.tolist() == [0, 0]


def test_195_196_full_backward_hook(lib):
    m, seen = lib.nn.Linear(2, 1), []
    m.register_full_backward_hook(lambda m, gin, gout: seen.append((len(gin), gout[0].tolist())) or (gin[0] * 0,))
    x = lib.ones(1, 2, requires_grad=True)
    m(x).sum().backward()
    assert seen == [(1, [[1]])] and x.grad.tolist() == [[0, 0]] and m.weight.grad.tolist() == [[1, 1]]

    class Product(lib.nn.Module):
        def forward(self, x, y):
            return x * y
    product, gradients = Product(), []
    product.register_full_backward_hook(lambda m, gin, gout: gradients.extend(gin))
    product(x, lib.ones(1, 2)).sum().backward()
    assert gradients[0].tolist() == [[1, 1]] and gradients[1].tolist() == [[0, 0]]


def test_201_204_lazy(lib):
    m = lib.nn.LazyLinear(3)
    weight = m.weight
    with pytest.raises(RuntimeError):
        weight.shape
    assert m(lib.ones(2, 5)).shape == (2, 3)
    assert m.weight is weight and weight.shape == (3, 5) and repr(m) == "Linear(in_features=5, out_features=3, bias=True)"


def test_207_208_211_213_parametrize(lib):
    parametrize = lib.nn.utils.parametrize

    class Double(lib.nn.Module):
        def forward(self, x):
            return x * 2
    m = lib.nn.Linear(2, 1)
    weight = m.weight
    parametrize.register_parametrization(m, "weight", Double())
    assert [n for n, _ in m.named_parameters()] == ["bias", "parametrizations.weight.original"]
    assert m.weight.tolist() == (weight * 2).tolist() and "(parametrizations): ModuleDict(" in repr(m)
    with lib.no_grad():
        weight.fill_(3)
    assert m.weight.tolist() == [[6, 6]] and m(lib.ones(1, 2)).item() == pytest.approx(12 + m.bias.item())
    assert parametrize.is_parametrized(m, "weight") and not parametrize.is_parametrized(m, "bias")
    m(lib.ones(1, 2)).sum().backward()
    assert weight.grad.tolist() == [[2, 2]]
    parametrize.register_parametrization(m, "weight", Double())
    assert m.weight.tolist() == [[12, 12]]
    with pytest.raises(ValueError):
        parametrize.register_parametrization(m, "absent", Double())
    parametrize.remove_parametrizations(m, "weight", leave_parametrized=False)
    assert m.weight.tolist() == weight.tolist() and repr(m).startswith("Linear(")
