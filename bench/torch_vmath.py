"""The cases of bench_vmath.c in PyTorch, one thread. Prints "case ns" lines, ns for 1000 elements; the fastest of several rounds."""
import time

import torch
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_grad_enabled(False)
ROWS, WIDTH, ROUNDS = 256, 768, 15


def report(name, body):
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        body()
        best = min(best, time.perf_counter_ns() - start)
    print(f"{name} {best / (ROWS * WIDTH) * 1000:.1f}")


i = torch.arange(ROWS * WIDTH, dtype=torch.float64)
wide = (0.01 + 0.98 * ((i * 7919) % 10007) / 10007).reshape(ROWS, WIDTH)
x = wide.float()
wide = x.double()
out, wide_out = torch.empty_like(x), torch.empty_like(wide)
for name in ("exp expm1 log tanh sigmoid sqrt exp2 log2 log10 log1p sinh cosh asinh acosh atanh asin acos atan erf erfc erfinv sin cos "
             "tan lgamma").split():
    f = getattr(torch, name)
    report(name + "_f32", lambda: f(x, out=out))
    report(name + "_f64", lambda: f(wide, out=wide_out))

weight, bias = torch.ones(WIDTH), torch.zeros(WIDTH)
image = x.reshape(8, 32, WIDTH)
y, mean, rstd = torch.native_layer_norm(x, [WIDTH], weight, bias, 1e-5)
report("softmax", lambda: torch.softmax(x, 1, out=out))
report("log_softmax", lambda: torch.log_softmax(x, 1))
report("layer_norm", lambda: F.layer_norm(x, [WIDTH], weight, bias))
report("layer_norm_backward",
       lambda: torch.ops.aten.native_layer_norm_backward(y, x, [WIDTH], mean, rstd, weight, bias, [True, True, True]))
report("batch_norm", lambda: F.batch_norm(image, None, None, training=True))
report("cumsum", lambda: torch.cumsum(x, 1, out=out))
report("sort_rows", lambda: torch.sort(x, 1))
report("sort_all", lambda: torch.sort(x.reshape(-1)))
report("topk_5", lambda: torch.topk(x, 5, 1))
report("topk_300", lambda: torch.topk(x, 300, 1))
