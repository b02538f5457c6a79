"""torch.linalg: linalg.solve is the operator linalg_solve."""
from . import _operators
from ._api import LinAlgError  # noqa: F401

globals().update({name.removeprefix("linalg_"): f for name, f in _operators.names.items() if name.startswith("linalg_")})
