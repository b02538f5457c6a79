"""PyTorch's side of bench_linalg.c: the same operators on matrices of the same sizes."""
import time

import torch

torch.set_num_threads(1)
torch.set_grad_enabled(False)


def measure(name, rows, body):
    best, total, calls = float("inf"), 0, 0
    while calls < 5 or (total < 2e8 and calls < 2000):
        start = time.perf_counter_ns()
        body()
        took = time.perf_counter_ns() - start
        best, total, calls = min(best, took), total + took, calls + 1
    print(f"{name}/{rows} {best}")


for n in 16, 64, 256, 1024:
    torch.manual_seed(1)
    a, b = torch.randn(n, n) / n, torch.randn(n, n)
    lower, positive = a.tril() + torch.eye(n), a @ a.t() + torch.eye(n)
    reflections, tau = torch.geqrf(a)
    measure("solve", n, lambda: torch.linalg.solve(a, b))
    measure("inv", n, lambda: torch.linalg.inv(a))
    measure("det", n, lambda: torch.linalg.det(a))
    measure("qr", n, lambda: torch.linalg.qr(a))
    measure("householder_product", n, lambda: torch.linalg.householder_product(reflections, tau))
    measure("matrix_exp", n, lambda: torch.linalg.matrix_exp(a))
    measure("solve_triangular", n, lambda: torch.linalg.solve_triangular(lower, b, upper=False))
    measure("cholesky", n, lambda: torch.linalg.cholesky(positive))
