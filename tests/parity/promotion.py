"""The twin of promotion.c: the same cells by torch. What gives complex32 is not computed by the library."""
import operator

import torch
from parity import folder, report


def ones(name, dims):
    return torch.ones((2,) if dims else (), dtype=getattr(torch, name))


def expected(a, b, f):
    try:
        dtype = f(a, b).dtype
    except NotImplementedError:
        return "none"
    return "none" if dtype == torch.complex32 else str(dtype)[6:]


wrong, count = [], 0
for line in open(f"{folder}/promotion"):
    left, name, kind, other, *got = line.split()
    a = ones(name, int(left))
    b = (True, 1, 1.5, 1j)[int(other)] if kind == "number" else ones(other, int(kind))
    half = (a + b).dtype == torch.complex32
    for f, dtype in zip((operator.add, operator.mul, operator.truediv, operator.eq), got):
        want = "none" if half else expected(a, b, f)
        count += 1
        if dtype != want:
            wrong.append(f"{line.split()[:4]} {f.__name__}: {dtype}, PyTorch {want}")
report(f"promotion: {count} cells", count == 2688 and not wrong, "; ".join(wrong[:5]))
