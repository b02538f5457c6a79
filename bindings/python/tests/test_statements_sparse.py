"""Sparse tensors in coordinate form: the part of statement 23 that names them, and what there is of them in PyTorch's interface."""
import copy
import pickle

import pytest


def example(lib, **keywords):
    return lib.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3), **keywords)


def twice(lib):
    return lib.sparse_coo_tensor(lib.tensor([[1, 0, 1, 1], [2, 2, 0, 2]]), lib.tensor([2.0, 3.0, 4.0, 3.5]), (2, 3))


DENSE = [[0, 0, 3], [4, 0, 5]]


def test_023_a_sparse_tensor_as_parameter(lib):
    p = lib.nn.Parameter(example(lib))
    assert isinstance(p, lib.nn.Parameter) and p.is_sparse and p.requires_grad and p.is_leaf and p.layout == lib.sparse_coo
    assert repr(p).startswith("Parameter containing:\ntensor(indices=tensor([[0, 1, 1],\n")
    assert repr(p).endswith("size=(2, 3), nnz=3, layout=torch.sparse_coo, requires_grad=True)")
    lib.sparse.mm(p, lib.ones(3, 2)).sum().backward()
    assert p.grad.is_sparse and p.grad.coalesce().values().tolist() == [2, 2, 2]
    optimizer = lib.optim.SGD([p], lr=0.5, momentum=0.9)
    optimizer.step()
    assert p.detach().to_dense().tolist() == [[0, 0, 2], [3, 0, 4]]
    optimizer.step()
    assert p.detach().coalesce().values().tolist() == pytest.approx([0.1, 1.1, 2.1])
    with pytest.raises(RuntimeError, match="Adam does not support sparse gradients, please consider SparseAdam instead"):
        lib.optim.Adam([p]).step()


class Layer:
    """A module with a sparse Parameter and a sparse buffer."""

    def __new__(cls, lib):
        class layer(lib.nn.Module):
            def __init__(self):
                super().__init__()
                self.w = lib.nn.Parameter(example(lib))
                self.register_buffer("mask", twice(lib).coalesce())

            def forward(self, x):
                return lib.sparse.mm(self.w, x)
        return layer()


def test_023_modules(lib, tmp_path):
    m = Layer(lib)
    assert [x.is_sparse for x in list(m.parameters()) + list(m.buffers())] == [True, True]
    assert m(lib.ones(3, 1)).tolist() == [[3], [9]]
    m.double()
    assert m.w.is_sparse and m.w.dtype == lib.float64 and m.mask.dtype == lib.float64
    other = Layer(lib)
    other.load_state_dict(m.state_dict())
    assert other.w.dtype == lib.float32 and other.w.detach().to_dense().tolist() == DENSE
    dense = {"w": lib.ones(2, 3), "mask": lib.ones(2, 3)}
    with pytest.raises(RuntimeError, match="copy_\\(\\) between dense and sparse Tensors is not implemented!"):
        other.load_state_dict(dense)
    assert other.w.detach().to_dense().tolist() == DENSE
    other.load_state_dict(dense, assign=True)
    assert not other.w.is_sparse and other.w.requires_grad
    path = str(tmp_path / "sparse.pt")
    lib.save(m.state_dict(), path)
    loaded = lib.load(path)
    assert loaded["w"].is_sparse and not loaded["w"].is_coalesced() and loaded["mask"].is_coalesced()
    assert loaded["w"].to_dense().tolist() == DENSE and loaded["w"].dtype == lib.float64


def test_making(lib):
    s = example(lib)
    assert s.is_sparse and s.shape == (2, 3) and s.dtype == lib.float32 and s._nnz() == 3 and not s.is_coalesced()
    assert s.sparse_dim() == 2 and s.dense_dim() == 0 and not s.requires_grad and s.to_dense().tolist() == DENSE
    assert s._indices().tolist() == [[0, 1, 1], [2, 0, 2]] and s.type() == "torch.sparse.FloatTensor"
    d = example(lib, dtype=lib.float64, requires_grad=True, device="cpu", is_coalesced=True)
    assert d.dtype == lib.float64 and d.requires_grad and d.is_leaf and d.is_coalesced()
    assert lib.sparse_coo_tensor([[0, 1]], [1, 2]).dtype == lib.int64 and lib.sparse_coo_tensor([[0, 1]], [1, 2]).shape == (2,)
    hybrid = lib.sparse_coo_tensor([[3, 1]], lib.ones(2, 2))
    assert hybrid.shape == (4, 2) and hybrid.sparse_dim() == 1 and hybrid.dense_dim() == 1
    for none in lib.sparse_coo_tensor((2, 3)), lib.sparse_coo_tensor(size=(2, 3)), lib.sparse_coo_tensor([[], []], [], (2, 3)):
        assert none.shape == (2, 3) and none._nnz() == 0 and none.to_dense().sum().item() == 0
    assert lib.sparse_coo_tensor(lib.tensor([[0.0, 1.0]]), [1.0, 2.0]).to_dense().tolist() == [1, 2]
    v = lib.tensor([1.0, 2.0], requires_grad=True)
    s = lib.sparse_coo_tensor([[0, 1]], v, lib.Size([3]))
    assert s.grad_fn.name() == "SparseCooTensorWithDimsAndTensorsBackward0" and not s.is_leaf
    y = s.to_dense()
    (y * y).sum().backward()
    assert v.grad.tolist() == [2, 4]
    with pytest.raises(RuntimeError, match="indices and values must have same nnz"):
        lib.sparse_coo_tensor([[0, 1]], [1.0, 2.0, 3.0])


def test_places_are_checked():
    import tison
    for index in 5, -1:
        with pytest.raises(IndexError, match=f"size is inconsistent with indices: .* found index {index}"):
            tison.sparse_coo_tensor([[0, index]], [1.0, 2.0], (3,))
    with pytest.raises(ValueError, match="the indices are not sorted, or not unique"):
        tison.sparse_coo_tensor([[1, 0]], [1.0, 2.0], (3,), is_coalesced=True)
    with pytest.raises(NotImplementedError, match="meta"):
        tison.sparse_coo_tensor([[1, 0]], [1.0, 2.0], (3,), device="meta")


def test_parts(lib):
    t = twice(lib)
    c = t.coalesce()
    assert t._nnz() == 4 and c._nnz() == 3 and c.is_coalesced() and c.coalesce() is c
    assert c.indices().tolist() == [[0, 1, 1], [2, 0, 2]] and c.values().tolist() == [3, 4, 5.5]
    for part in t.indices, t.values:
        with pytest.raises(RuntimeError, match="on an uncoalesced tensor, please call .coalesce\\(\\) first"):
            part()
    x = lib.ones(2, 3)
    assert not x.is_sparse and x.layout == lib.strided and x.sparse_dim() == 0 and x.dense_dim() == 2
    assert repr(lib.strided) == "torch.strided" and isinstance(lib.sparse_coo, lib.layout)
    for call in x.indices, x.values, x.coalesce, x.is_coalesced:
        with pytest.raises(RuntimeError, match="tensor layout but got Strided"):
            call()
    assert x.to_dense().tolist() == x.tolist() and lib.zeros(2, layout=lib.strided).tolist() == [0, 0]
    s = lib.eye(3).to_sparse()
    assert s.is_coalesced() and s._nnz() == 3 and s.to_dense().tolist() == lib.eye(3).tolist()
    assert lib.eye(3).to_sparse(1).dense_dim() == 1 and lib.eye(3).to_sparse(layout=lib.sparse_coo).sparse_dim() == 2
    for read in s.tolist, s.data_ptr:
        with pytest.raises(RuntimeError, match="Cannot access data pointer of Tensor that doesn't have storage"):
            read()
    with pytest.raises(TypeError, match="can't convert Sparse layout tensor to numpy. Use Tensor.to_dense\\(\\) first."):
        s.numpy()


def test_arithmetic(lib):
    s, ones = example(lib).coalesce(), lib.ones(2, 3)
    assert (s * 2).to_dense().tolist() == (2 * s).to_dense().tolist() == (s + s).to_dense().tolist() == [[0, 0, 6], [8, 0, 10]]
    assert (-s).is_sparse and (s / 2).values().tolist() == [1.5, 2, 2.5] and (s - s).to_dense().sum().item() == 0
    assert (ones + s).tolist() == [[1, 1, 4], [5, 1, 6]] and s.sum().item() == 12 and s.t().shape == (3, 2)
    for product in s.mm(lib.ones(3, 1)), lib.mm(s, lib.ones(3, 1)), s @ lib.ones(3, 1), lib.sparse.mm(s, lib.ones(3, 1)):
        assert product.tolist() == [[3], [9]] and not product.is_sparse
    assert (s @ lib.ones(3)).tolist() == [3, 9] and lib.sparse.mm(ones, lib.ones(3, 1)).tolist() == [[3], [3]]
    assert s.mul_(2) is s and s.coalesce().values().tolist() == [6, 8, 10]
    assert s.zero_()._nnz() == 0 and lib.zeros_like(s).is_sparse
    with pytest.raises(RuntimeError, match="Sparse division requires a scalar or zero-dim dense tensor divisor"):
        ones / example(lib)
    with pytest.raises(NotImplementedError, match="'aten::exp' with arguments from the 'SparseCPU' backend"):
        s.exp()


def test_copies(lib):
    for s in example(lib, requires_grad=True), twice(lib), twice(lib).coalesce():
        assert copy.deepcopy(s).requires_grad == s.requires_grad
        for q in copy.copy(s), copy.deepcopy(s), pickle.loads(pickle.dumps(s)):
            assert q.is_sparse and q is not s and q.is_coalesced() == s.is_coalesced()
            assert q._nnz() == s._nnz() and q.detach().to_dense().tolist() == s.detach().to_dense().tolist()
    m = Layer(lib)
    if lib.__name__ == "torch":
        return  # deepcopy of sparse Parameters fails there
    q = copy.deepcopy(m)
    assert q.w is not m.w and isinstance(q.w, lib.nn.Parameter) and q.w.detach().to_dense().tolist() == DENSE
    p = pickle.loads(pickle.dumps(m.w))
    assert isinstance(p, lib.nn.Parameter) and p.requires_grad and p.is_sparse  # a pickle of torch's forgets that it requires grad
