"""What the twins share: one line for each comparison."""
import math
import sys

import torch
from safetensors.torch import load_file

torch.set_num_threads(1)
folder = sys.argv[1]


def load(name):
    return load_file(f"{folder}/{name}")


def report(name, right, detail=""):
    print(f"ok {name}" + (f" ({detail})" if detail else "") if right else f"FAILED {name}: {detail}", flush=True)


def raw(x):
    return x.detach().contiguous().reshape(-1).view(torch.uint8)


def bits(name, got, expected):
    """The same dtype, shape and bits (any NaN for a NaN)."""
    if got.dtype != expected.dtype or got.shape != expected.shape:
        return report(name, False, f"{got.dtype} {tuple(got.shape)}, PyTorch {expected.dtype} {tuple(expected.shape)}")
    got, expected = got.detach().contiguous(), expected.detach().contiguous()
    if torch.equal(raw(got), raw(expected)):
        return report(name, True)
    both_nan = (got != got) & (expected != expected)
    differ = ((got != expected) | (torch.signbit(got) != torch.signbit(expected))) & ~both_nan
    if not differ.any():
        return report(name, True)
    i = tuple(differ.nonzero()[0].tolist())
    values = f"{got[i].item()!r}, PyTorch {expected[i].item()!r}"
    report(name, False, f"{int(differ.sum())} of {got.numel()} elements differ, the first at {i}: {values}")


def near(name, got, expected, **tolerance):
    try:
        torch.testing.assert_close(got.detach(), expected.detach(), equal_nan=True, **tolerance)
    except AssertionError as e:
        return report(name, False, " ".join(str(e).split()))
    report(name, True)
