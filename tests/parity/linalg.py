"""The twin of linalg.c: the same inputs, read from its file."""
import torch
from parity import load, near, report

saved = load("linalg.safetensors")
seen = set()


def positive(x):
    return x @ x.mH + torch.eye(x.size(-1), dtype=x.dtype)


def polar(u, s, vh):
    return u @ vh, s


cases = {
    "solve": lambda x, b: [torch.linalg.solve(x, b)],
    "inv": lambda x, b: [torch.linalg.inv(x)],
    "slogdet": lambda x, b: torch.linalg.slogdet(x),
    "qr": lambda x, b: torch.linalg.qr(x),
    "cholesky": lambda x, b: [torch.linalg.cholesky(positive(x))],
    "upper cholesky": lambda x, b: [torch.linalg.cholesky(positive(x), upper=True)],
    "matrix_exp": lambda x, b: [torch.linalg.matrix_exp(x / x.size(-1))],
    "svdvals": lambda x, b: [torch.linalg.svdvals(x)],
    "svd": lambda x, b: polar(*torch.linalg.svd(x, full_matrices=False)),
    "qr of tall": lambda x, b: torch.linalg.qr(x),
}


def take(prefix, name, is_complex):
    key = f"{prefix}|{name}"
    seen.add(key)
    return torch.view_as_complex(saved[key].clone()) if is_complex and saved[key].dim() and saved[key].size(-1) == 2 else saved[key]


for prefix in sorted({k.partition("|")[0] for k in saved}):
    is_complex = prefix.startswith("complex")
    b = take(prefix, "right side", is_complex)
    for name, call in cases.items():
        if "svd" in name and "large" in prefix:
            continue
        x = take(prefix, "tall" if "tall" in name else "square", is_complex).clone().requires_grad_()
        y = call(x, b)
        (sum((z ** (3 - n)).sum().real for n, z in enumerate(y))).backward()
        for z, what in zip([*y, x.grad], [name, f"{name}, second", f"{name}, gradient"] if len(y) == 2 else [name, f"{name}, gradient"]):
            got = take(prefix, what, z.is_complex())
            size = z.detach().abs().max().item()  # errors of a badly conditioned matrix are relative to the largest number
            near(f"linalg, {prefix}: {what}", got, z, rtol=1e-8, atol=1e-8 * max(size, 1e-3))
for prefix in sorted({k.partition("|")[0] for k in saved}):
    x = take(prefix, "square", prefix.startswith("complex"))
    values = torch.linalg.svdvals(x)
    near(f"linalg, {prefix}: singular values", take(prefix, "singular values", False), values, rtol=1e-12, atol=1e-14 * values.max().item())
report("linalg: nothing else was saved", set(saved) == seen, " ".join(sorted(set(saved) - seen)))
