"""One test body for two libraries: the fixture `lib` is tison, then torch where it is installed."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tison  # noqa: E402

try:
    import torch
    torch.set_num_threads(1)
except ImportError:
    torch = None


@pytest.fixture(params=["tison", "torch"])
def lib(request):
    if request.param == "torch" and torch is None:
        pytest.skip("PyTorch is not installed")
    library = tison if request.param == "tison" else torch
    library.manual_seed(0)
    return library


@pytest.fixture
def both():
    if torch is None:
        pytest.skip("PyTorch is not installed")
    return tison, torch
