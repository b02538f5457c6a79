"""torch.sparse: products of sparse matrices."""
from . import _operators
from ._call import call


def mm(mat1, mat2):
    """torch.sparse.mm: a product that gives a sparse first matrix a sparse gradient."""
    return call("tn_sparse_mm", mat1, mat2) if mat1.is_sparse else _operators.names["mm"](mat1, mat2)
