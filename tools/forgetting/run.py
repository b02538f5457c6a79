#!/usr/bin/env python3
"""Runs pytorch.py, libtorch.cpp and flax_nnx.py, and prints what each of them does in each case, as a table.

`tools/forgetting/run.py`. What is not installed is skipped. $TISON_PYTHON: a Python that has torch, whose headers and libraries
libtorch.cpp is built with, too (a minute); $FLAX_PYTHON: one that has flax, optax comes with it. Without them, this Python."""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = {
    "version": "",
    "nothing": "nothing (so training works)",
    "unnamed": "a member that is not named or registered",
    "part": "a table that covers a part of an array",
    "unmarked": "a trainable tensor that was not marked",
    "of_nobody": "a module that nobody holds, run in another's forward",
    "loose": "a Parameter that nobody holds",
    "replaced": "an optimizer made before a parameter was replaced",
    "added": "an optimizer made before a layer was added",
    "copied": "an optimizer made of the original, a deep copy trained",
    "converted": "an optimizer made before the module became float64",
    "over": "a plain tensor assigned over a parameter",
    "empty": "an optimizer without parameters",
    "buffer": "a buffer after a refused assignment",
    "load": "weights after a load of a file that lacks some",
    "load_other_shape": "weights after a load of another shape",
    "dot": "a child under a name with a dot",
    "by_value": "a module copied as a value",
}


def skip(what, why):
    print(f"{what}: skipped: {why}", file=sys.stderr)


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def has(python, package):
    return subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 0


def script(name, python, package):
    if not has(python, package):
        return skip(name, f"{python} has no {package}")
    return output(python, os.path.join(HERE, name))


def libtorch(python, folder):
    if not has(python, "torch"):
        return skip("libtorch.cpp", f"{python} has no torch")
    torch = os.path.dirname(output(python, "-c", "import torch; print(torch.__file__)").strip())
    program, compiler = os.path.join(folder, "libtorch"), os.environ.get("CXX", "g++")
    built = subprocess.run([
        compiler, "-std=c++20", "-O0", "-w", f"-I{torch}/include", f"-I{torch}/include/torch/csrc/api/include",
        os.path.join(HERE, "libtorch.cpp"), f"-L{torch}/lib", f"-Wl,-rpath,{torch}/lib", "-ltorch", "-ltorch_cpu", "-lc10", "-o", program])
    return output(program) if built.returncode == 0 else skip("libtorch.cpp", f"{compiler} does not build it")


def main():
    torch, flax = os.environ.get("TISON_PYTHON", sys.executable), os.environ.get("FLAX_PYTHON", sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        ran = [script("pytorch.py", torch, "torch"), libtorch(torch, folder), script("flax_nnx.py", flax, "flax")]
    columns = [dict(line.split("\t", 1) for line in text.splitlines()) for text in ran if text]
    if not columns:
        return 1
    for case, meaning in CASES.items():
        print(f"| {meaning} | " + " | ".join(c.get(case, "-").replace("|", "\\|") for c in columns) + " |")
        if case == "version":
            print("|---" * (len(columns) + 1) + "|")


sys.exit(main())
