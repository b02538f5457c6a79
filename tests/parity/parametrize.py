"""The twin of parametrize.c: the same modules with the states of the C program."""
import torch
from parity import load, near, report
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

saved = load("parametrize.safetensors")
for prefix, make in {
    "weight_norm 0": lambda m: weight_norm(m),
    "weight_norm 1": lambda m: weight_norm(m, dim=1),
    "weight_norm None": lambda m: weight_norm(m, dim=None),
    "spectral_norm 0": lambda m: spectral_norm(m),
    "spectral_norm 1": lambda m: spectral_norm(m, n_power_iterations=3, dim=1),
}.items():
    mine = {k.split("|")[1]: v for k, v in saved.items() if k.startswith(prefix + "|")}
    m = make(nn.Conv2d(3, 4, 3))
    names = list(m.state_dict())
    report(f"{prefix}: names", set(names) == set(mine) - {k for k in mine if k in ("y", "weight") or k.startswith("grad.")})
    m.load_state_dict({k: mine[k] for k in names})
    y = m(saved["x"])
    y.square().sum().backward()
    near(f"{prefix}: result", mine["y"], y, rtol=1e-4, atol=1e-5)
    for name, p in m.named_parameters():
        near(f"{prefix}: gradient of {name}", mine["grad." + name], p.grad, rtol=1e-3, atol=1e-4)
