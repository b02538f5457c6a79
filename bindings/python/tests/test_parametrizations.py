"""nn.utils.parametrizations and torch.linalg, one body for both libraries."""
import pytest


@pytest.mark.parametrize("sizes,orthogonal_map", [((3, 3), None), ((3, 5), None), ((5, 3), "cayley"), ((3, 3), "householder")])
def test_orthogonal(lib, sizes, orthogonal_map):
    m = lib.nn.Linear(*sizes)
    assert lib.nn.utils.parametrizations.orthogonal(m, "weight", orthogonal_map) is m
    m(lib.ones(2, sizes[0])).sum().backward()
    w = m.weight.detach()
    square = w @ w.t() if sizes[1] <= sizes[0] else w.t() @ w
    assert lib.allclose(square, lib.eye(min(sizes)), atol=1e-5)
    assert [name for name, _ in m.named_buffers()] == ["parametrizations.weight.0.base"]
    original = dict(m.named_parameters())["parametrizations.weight.original"]
    assert original.grad is not None and original.grad.shape == w.shape


def test_orthogonal_refuses(lib):
    orthogonal = lib.nn.utils.parametrizations.orthogonal
    with pytest.raises(ValueError, match="Expected a matrix or batch of matrices. Got a tensor of 1 dimensions."):
        orthogonal(lib.nn.Linear(2, 2), "bias")
    with pytest.raises(ValueError, match="orthogonal_map has to be one of"):
        orthogonal(lib.nn.Linear(2, 2), orthogonal_map="polar")


def test_norms(lib):
    m = lib.nn.Linear(3, 2)
    assert lib.nn.utils.parametrizations.weight_norm(m) is m
    assert [name for name, _ in m.named_parameters()] == ["bias", "parametrizations.weight.original0",
                                                          "parametrizations.weight.original1"]
    m = lib.nn.utils.parametrizations.spectral_norm(lib.nn.Linear(3, 2))
    assert [name for name, _ in m.named_buffers()] == ["parametrizations.weight.0._u", "parametrizations.weight.0._v"]


def test_linalg(lib):
    a, b = lib.tensor([[2.0, 1.0], [1.0, 3.0]]), lib.tensor([1.0, 2.0])
    assert lib.allclose(a @ lib.linalg.solve(a, b), b)
    q, r = lib.linalg.qr(a)
    assert lib.allclose(q @ r, a) and lib.linalg.qr(a, mode="r").Q.numel() == 0
    assert lib.linalg.slogdet(a).logabsdet.item() == pytest.approx(1.6094379)
    with pytest.raises(lib.linalg.LinAlgError, match="The solver failed because the input matrix is singular."):
        lib.linalg.solve(lib.ones(2, 2), b)
