"""The twin of bench_ops.c: PyTorch on the same lines and sizes, one thread. Reads the lines as tests/parity/samples.py does."""
import os
import sys
import time

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(root, "tests", "parity"))
import samples  # noqa: E402
import torch  # noqa: E402

FACTORS = [64, 64, 32, 8, 4]


def fastest(call):
    call()
    start = time.perf_counter_ns()
    call()
    calls = int(5e6 / (time.perf_counter_ns() - start)) + 1
    best = float("inf")
    for _ in range(9):
        start = time.perf_counter_ns()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter_ns() - start) / calls)
    return best


def enlarge(sample):
    inputs = [i for i in sample.tensors() if i.dtype is not None]
    factor = FACTORS[min(4, max([len(i.sizes) for i in inputs], default=0))]
    for i in inputs:
        i.sizes = [n * factor if n > 1 else n for n in i.sizes]
    return factor


def report(schema, sample, name):
    try:
        f, _ = samples.first_that_runs(samples.torch_functions(schema), sample, schema)
    except Exception:  # no such function, or not with these sizes
        return
    given, _ = samples.arguments(torch, sample)
    with torch.no_grad():
        print(f"{name} {fastest(lambda: f(given)):.1f}", flush=True)


def main():
    for row in samples.api["operators"]:
        for number, line in enumerate(row["samples"]):
            if "@bench" not in line or row["hidden"] or (sys.argv[1:] and row["name"] not in sys.argv[1:]):
                continue
            schema = samples.by_name.Schema(row["schema"])
            report(schema, samples.Sample(schema, line), f"{schema.full}:{number}")
            large = samples.Sample(schema, line)
            factor = enlarge(large)
            report(schema, large, f"{schema.full}:{number}*{factor}")


main()
