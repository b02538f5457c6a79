"""The twin of orthogonal.c: the same modules from the same seeds."""
import torch
from parity import load, near, report
from torch import nn
from torch.nn.utils.parametrizations import orthogonal

saved = load("orthogonal.safetensors")
close = {"rtol": 1e-9, "atol": 1e-11}


def is_orthogonal(q):
    q = q.detach()
    q = q if q.size(-2) >= q.size(-1) else q.mT
    return torch.allclose(q.mH @ q, torch.eye(q.size(-1), dtype=q.dtype).expand_as(q.mH @ q), atol=1e-10)


def of(prefix, dtype):
    """What was saved of a module; complex numbers as pairs."""
    found = {k.partition("|")[2]: v for k, v in saved.items() if k.startswith(prefix + "|")}
    return {k: torch.view_as_complex(v.clone()) if dtype.is_complex else v for k, v in found.items()}


def train(m, x):
    """The first result, the first gradient of the original."""
    original = m.parametrizations.weight.original
    sgd = torch.optim.SGD(m.parameters(), lr=0.05, momentum=0.9)
    first = None
    for _ in range(2):
        m.zero_grad()
        y = m(x)
        (y * y * y).sum().real.backward()
        first = first or (y.detach().clone(), original.grad.clone())
        if x.is_complex():
            with torch.no_grad():
                original.sub_(original.grad, alpha=0.05)
        else:
            sgd.step()
    return first


for prefix in sorted({k.partition("|")[0] for k in saved}):
    shape, orthogonal_map, dtype = prefix.split()[:3]
    dtype = getattr(torch, dtype)
    mine = of(prefix, dtype)
    if shape == "batch":
        torch.manual_seed(12)
        m = nn.Linear(2, 2)
        m.register_buffer("q", torch.randn(2, 3, 5, dtype=dtype))
        orthogonal(m, "q", orthogonal_map)
        near(f"orthogonal, {prefix}", mine["q"], m.q, **close)
        near(f"orthogonal, {prefix}: base", mine["base"], m.parametrizations.q[0].base, **close)
        continue
    out, inputs = map(int, shape.split("x"))
    torch.manual_seed(11)
    m = nn.Linear(inputs, out, dtype=dtype)
    orthogonal(m, "weight", None if orthogonal_map == "None" else orthogonal_map, use_trivialization=prefix.endswith("True"))
    name = f"orthogonal, {prefix}"
    near(f"{name}: weight", mine["weight"], m.weight, **close)
    report(f"{name}: the weight is orthogonal", is_orthogonal(mine["weight"]))
    state = m.state_dict()
    report(f"{name}: names", {"first." + k for k in state} == {k for k in mine if k.startswith("first.")})
    for key, value in state.items():
        near(f"{name}: {key}", mine["first." + key], value, **close)
    y, grad = train(m, torch.randn(3, inputs, dtype=dtype))
    near(f"{name}: result", mine["y"], y, **close)
    near(f"{name}: gradient", mine["grad"], grad, **close)
    near(f"{name}: weight after two steps", mine["trained"], m.weight, rtol=1e-7, atol=1e-9)
    report(f"{name}: the trained weight is orthogonal", is_orthogonal(mine["trained"]))
    if "assigned" not in mine:
        report(f"{name}: may not be assigned", not prefix.endswith("True") and m.parametrizations.weight[0].orthogonal_map.name != "householder")
        continue
    m.weight = torch.randn(out, inputs, dtype=dtype)
    near(f"{name}: weight after assigning", mine["assigned"], m.weight, **close)
    for key, value in m.state_dict().items():
        if "weight" in key:
            near(f"{name}: {key} after assigning", mine["second." + key], value, **close)
