"""Every layer of tests/unit/layers.h live against PyTorch: initial weights bit by bit, printed text, names of the state, version, results,
gradients, running statistics.

    layers.py [--write] [FOLDER]

PyTorch's side is written down in the form of tests/values/layers.txt, and build/tests/test_layers compares with it. --write writes
tests/values/layers.txt, which `make test` compares with. A new layer needs nothing here.
"""
import os
import re
import subprocess
import sys
import tempfile

import torch
from torch import nn

from samples import Input, make, numbers, root, tokens, written

OUTPUT_PLACE = 99


def samples():
    with open(os.path.join(root, "tests", "unit", "layers.h"), encoding="utf-8") as header:
        text = header.read().replace("\\\n", "\n")
    return re.findall(r'X\(\w+,\s*"([^"]*)",\s*(?:[^"]|"\w*")*,\s*"([^"]*\[[^"]*)"\)', text)


def weights(out):
    like = Input("f32[" + ",".join(map(str, out.shape)) + "]")
    return torch.tensor(numbers(like, OUTPUT_PLACE), dtype=torch.float32).reshape(out.shape)


def describe(expression, inputs):
    """The lines of one layer."""
    torch.manual_seed(0)
    m = eval(expression, {"nn": nn, "torch": torch})
    xs = [make(torch, Input(t), i) for i, t in enumerate(tokens(inputs)) if "[" in t]
    if xs[0].is_floating_point():
        xs[0].requires_grad_()
    state = m.state_dict()
    yield "text " + repr(m).replace("\n", "\\n")
    yield f"version {state._metadata['']['version']}"
    for name, value in state.items():
        yield f"state {name} " + ("lazy" if nn.parameter.is_lazy(value) else written(value))
    text = repr(m)
    torch.manual_seed(1)
    out = m.train()(*xs)
    yield "train " + written(out)
    if repr(m) != text:  # a lazy layer has become another
        yield "text " + repr(m).replace("\n", "\\n")
    if out.requires_grad:
        (out * weights(out)).sum().backward()
    for name, x in [("0", xs[0]), *m.named_parameters()]:
        if x.grad is not None:
            yield f"grad {name} {written(x.grad)}"
    for name, value in m.named_buffers():
        yield f"after {name} {written(value)}"
    torch.manual_seed(1)
    yield "eval " + written(m.eval()(*xs))


def write(path):
    with open(path, "w", encoding="utf-8") as out:
        out.write("# written by tests/parity/layers.py --write\n")
        for expression, inputs in samples():
            if "!" not in inputs:
                out.write(f"= {expression} | {inputs}\n" + "".join(line + "\n" for line in describe(expression, inputs)))


if __name__ == "__main__":
    if "--write" in sys.argv:
        write(os.path.join(root, "tests", "values", "layers.txt"))
    else:
        program = os.path.abspath(os.path.join(os.environ.get("BUILD", os.path.join(root, "build")), "tests", "test_layers"))
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "layers.txt")
            write(path)
            subprocess.run([program, path], cwd=root, check=False)
