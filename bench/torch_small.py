"""The cases of bench_small.c in PyTorch, one thread. Prints "case ns" lines; the fastest of several rounds."""
import time

import torch

torch.set_num_threads(1)
torch.manual_seed(0)
ROUNDS, CHAIN = 5, 100


def report(name, body, calls, per=1):
    best = float("inf")
    body(calls // 10 + 1)
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        body(calls)
        best = min(best, (time.perf_counter_ns() - start) / calls / per)
    print(f"{name} {best:.1f}")


a, b, big = torch.randn(3), torch.ones(3), torch.randn(1000)
w = torch.nn.Parameter(torch.randn(3))
row, square = torch.randn(1, 8), torch.randn(8, 8)


def repeat(f, grad=False):
    def body(n):
        with torch.set_grad_enabled(grad):
            for _ in range(n):
                f()
    return body


def chain(op):
    def body(n):
        for _ in range(n):
            x = op(w, b)
            for _ in range(1, CHAIN):
                x = op(x, b)
            x.backward(b)
    return body


def sum_backward(n):
    for _ in range(n):
        (w + b).sum().backward()


class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = torch.nn.Linear(2, 16), torch.nn.Linear(16, 16), torch.nn.Linear(16, 1)

    def forward(self, x):
        return self.third(torch.tanh(self.second(torch.tanh(self.first(x)))))


def train(make):
    net = Mlp()
    optimizer = make(net.parameters())
    x, y = torch.randn(8, 2), torch.randn(8, 1)

    def body(n):
        for _ in range(n):
            loss = torch.nn.functional.mse_loss(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return body


report("add_3", repeat(lambda: a + b), 20000)
report("add_3_graph", repeat(lambda: w + b, True), 20000)
report("add_3_forward_backward", chain(torch.add), 30, CHAIN)
report("mul_3_forward_backward", chain(torch.mul), 30, CHAIN)
report("add_1000", repeat(lambda: big + big), 20000)
report("matmul_1x8x8", repeat(lambda: row @ square), 20000)
report("add_sum_backward", sum_backward, 2000)
report("mlp_step_sgd", train(lambda p: torch.optim.SGD(p, lr=0.01)), 300)
report("mlp_step_adam", train(lambda p: torch.optim.Adam(p, lr=0.001)), 300)
