"""PyTorch's side of bench_linalg.c: the same operators on matrices of the same sizes."""
import time

import torch

torch.set_num_threads(1)
torch.set_grad_enabled(False)


def measure(name, rows, body, prefix):
    best, total, calls = float("inf"), 0, 0
    while calls < 5 or (total < 2e8 and calls < 2000):
        start = time.perf_counter_ns()
        body()
        took = time.perf_counter_ns() - start
        best, total, calls = min(best, took), total + took, calls + 1
    print(f"{prefix}{name}/{rows} {best}")


for dtype in torch.float32, torch.complex64:
    for n in 16, 64, 256, 1024:
        torch.manual_seed(1)
        a, b = torch.randn(n, n, dtype=dtype) / n, torch.randn(n, n, dtype=dtype)
        lower, positive = a.tril() + torch.eye(n), a @ a.mH + torch.eye(n)
        reflections, tau = torch.geqrf(a)
        for name, body in {
            "solve": lambda: torch.linalg.solve(a, b),
            "inv": lambda: torch.linalg.inv(a),
            "det": lambda: torch.linalg.det(a),
            "qr": lambda: torch.linalg.qr(a),
            "householder_product": lambda: torch.linalg.householder_product(reflections, tau),
            "matrix_exp": lambda: torch.linalg.matrix_exp(a),
            "solve_triangular": lambda: torch.linalg.solve_triangular(lower, b, upper=False),
            "cholesky": lambda: torch.linalg.cholesky(positive),
            "svdvals": lambda: torch.linalg.svdvals(a),
            "svd": lambda: torch.linalg.svd(a),
        }.items():
            if n > 256 and name.startswith("svd"):
                continue
            measure(name, n, body, "complex_" if dtype.is_complex else "")
