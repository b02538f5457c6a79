"""Errors are exceptions of torch's classes, with its words; a failed call leaves the library usable."""
import pytest


@pytest.mark.parametrize("exception,text,call", [
    (RuntimeError, "The size of tensor a \\(2\\) must match the size of tensor b \\(3\\)", lambda l: l.ones(2) + l.ones(3)),
    (RuntimeError, "shape '\\[4\\]' is invalid for input of size 3", lambda l: l.ones(3).view(4)),
    (IndexError, "Dimension out of range", lambda l: l.softmax(l.ones(2), dim=3)),
    (RuntimeError, "mat1 and mat2 shapes cannot be multiplied", lambda l: l.ones(2, 3) @ l.ones(4, 5)),
    (RuntimeError, "grad can be implicitly created only for scalar", lambda l: l.ones(2, requires_grad=True).mul(1).backward()),
    (RuntimeError, "does not require grad", lambda l: l.ones(1).sum().backward()),
    (IndexError, "Target 7 is out of bounds", lambda l: l.nn.functional.cross_entropy(l.ones(1, 3), l.tensor([7]))),
    (TypeError, ".", lambda l: l.softmax(l.ones(2), "dim", 1, 2, 3)),
    (AttributeError, "has no attribute 'no_such_thing'", lambda l: l.no_such_thing),
    (AttributeError, ".", lambda l: l.ones(1).no_such_thing),
    (ValueError, ".", lambda l: l.nn.functional.dropout(l.ones(1), p=2.0)),
    (TypeError, ".", lambda l: l.ones(2) + "text"),
    (RuntimeError, "cannot be converted to Scalar", lambda l: l.ones(2).item()),
    (RuntimeError, "The solver failed because the input matrix is singular", lambda l: l.linalg.solve(l.ones(2, 2), l.ones(2))),
])
def test_classes_and_words(lib, exception, text, call):
    with pytest.raises(exception, match=text):
        call(lib)
    assert (lib.ones(1) + 1).item() == 2
