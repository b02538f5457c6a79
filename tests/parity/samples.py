"""Every operator on its sample lines (src/ops: .samples), live against PyTorch: values, dtypes, shapes, strides, errors, gradients.

    samples.py [--write] [NAME ...]

It needs no program of its own: operators and lines come from bindings/api.json, inputs are made as tests/unit/sample.h makes them,
both libraries are called by the schema's name. A new operator needs nothing here. --write puts PyTorch's results into
tests/values/, which `make test` compares with (tests/unit/test_values.c).
"""
import math
import os
import sys
import warnings

import torch

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(root, "bindings", "python"))
import tison  # noqa: E402
from tison import _operators as by_name  # noqa: E402

torch.set_num_threads(1)
warnings.simplefilter("ignore")
api = tison._api_json
short = {"f32": "float32", "f64": "float64", "i64": "int64", "i32": "int32", "u8": "uint8", "bool": "bool", "f16": "float16",
         "bf16": "bfloat16", "i8": "int8", "i16": "int16", "c64": "complex64", "c128": "complex128"}


# ---- reading a line ----

def tokens(line):
    """Parts between spaces outside of brackets."""
    out, depth, part = [], 0, ""
    for c in line + " ":
        if c == " " and depth == 0:
            out += [part] if part else []
            part = ""
            continue
        depth += (c in "([") - (c in ")]")
        part += c
    return out


class Input:
    """"f32[3,4]^T>0.5": dtype None for "-", an absent one."""

    def __init__(self, text):
        self.dtype = None
        if text == "-":
            return
        name, _, rest = text.partition("[")
        sizes, _, rest = rest.partition("]")
        self.dtype = short[name]
        self.sizes = [int(n) for n in sizes.split(",") if n]
        self.transposed = rest.startswith("^T")
        rest = rest.removeprefix("^T")
        self.kind, self.bound = rest[:1], float(rest[1:] or 0)
        self.floating = self.dtype.startswith(("float", "bfloat", "complex"))


class Sample:
    """Values for the parameters of a schema, in its order: Input, a list of them, or a plain value; absent ones are left out."""

    def __init__(self, schema, line):
        self.given, self.fails, self.nograd, self.results = {}, None, False, None
        parts = tokens(line)
        types = dict(zip(schema.parameters, schema.types))
        for name, kind in types.items():
            if kind.startswith("Tensor"):
                text = parts.pop(0)
                is_list = "[]" in kind.replace("(a)", "").replace("(a!)", "")
                self.given[name] = [Input(t) for t in tokens(text[1:-1])] if is_list else Input(text)
        rest = [n for n in types if not types[n].startswith("Tensor")]
        for part in parts:
            if part.startswith("!"):
                self.fails = "TN_ERR_" + part[1:].upper()
            elif part == "small":
                continue
            elif part in ("nograd", "random"):  # the generator is seeded before every call
                self.nograd = True
            elif not part.startswith("@"):
                name, equals, text = part.partition("=")
                if not equals or name not in types:
                    name, text = rest[0], part
                rest = [n for n in rest if n != name] if equals else rest[1:]
                self.given[name] = value(types[name], text)

    def tensors(self):
        """All inputs in the order of their places."""
        return [i for v in self.given.values() for i in (v if isinstance(v, list) else [v]) if isinstance(i, Input)]


def value(kind, text):
    if text == "None":
        return None
    if kind.startswith(("int[", "SymInt[", "float[")) and text[0] in "([":
        return [float(t) if kind.startswith("float") else int(t) for t in text[1:-1].split(",") if t]
    if kind.startswith("bool"):
        return text[0] in "Tt"
    if kind.startswith("ScalarType"):
        return ("dtype", text)
    if kind.startswith("str"):
        return text.strip("'\"")
    if kind.startswith(("int[", "SymInt[")):
        return [int(text)] * int(kind.partition("[")[2].partition("]")[0] or 1)
    if text.strip("'").lower() in ("none", "mean", "sum"):  # of a reduction
        return ["none", "mean", "sum"].index(text.strip("'").lower())
    return int(text) if text.lstrip("-").isdigit() else float(text)


# ---- inputs: tests/unit/sample.h, sample_value ----

def numbers(i, place):
    """The elements of an input in row-major order."""
    state, out = 977 * (place + 1), []

    def one():
        nonlocal state
        total = 0.0
        for _ in range(4):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2 ** 64
            u = (state >> 11) * 2.0 ** -53
            total += u
        if i.kind == "=":
            return i.bound
        if i.kind == "<":
            return math.floor(u * i.bound)
        if i.dtype == "bool":
            return u < 0.5
        if i.kind == ">":
            return i.bound + 2 * u if i.floating else math.ceil(i.bound + 2 * u)
        return 1.5 * (total - 2) if i.floating else math.floor(u * 9) - (0 if i.dtype == "uint8" else 4)

    for _ in range(math.prod(i.sizes)):
        out.append(complex(one(), one()) if i.dtype.startswith("complex") else one())
    return out


def make(lib, i, place, wide=False):
    if i.dtype is None:
        return None
    dtype = {"float32": "float64", "float16": "float64", "bfloat16": "float64"}.get(i.dtype, i.dtype) if wide else i.dtype
    exact = torch.complex128 if dtype.startswith("complex") else torch.float64 if i.floating else None
    x = torch.tensor(numbers(i, place), dtype=exact)
    x = x.reshape(i.sizes).to(getattr(torch, dtype))
    if lib is tison:
        x = tison.tensor(x.reshape(-1).tolist(), dtype=getattr(tison, dtype)).reshape(tuple(i.sizes))
    if i.transposed and len(i.sizes) > 1:
        x = x.transpose(-1, -2).contiguous().transpose(-1, -2)
    return x


def arguments(lib, sample, wide=False):
    """Values by parameter, and the tensors among them that can have a gradient."""
    place, out, leaves = 0, {}, []
    for name, v in sample.given.items():
        made = []
        for i in v if isinstance(v, list) and v and isinstance(v[0], Input) else [v]:
            if isinstance(i, Input):
                x = make(lib, i, place, wide)
                place += 1
                if x is not None and i.floating:
                    leaves.append(x)
                made.append(x)
            elif isinstance(i, tuple):
                made.append(getattr(lib, i[1]))
            else:
                made.append(i)
        out[name] = made if isinstance(v, list) and v and isinstance(v[0], Input) else made[0]
    return out, leaves


# ---- calling ----

def torch_functions(schema):
    """The functions that PyTorch has under the schema's name, the best first; [] when there are none."""
    out, packet, names = [], getattr(torch.ops.aten, schema.name, None), set(schema.parameters)
    overloads = [schema.full.partition(".")[2] or "default"]
    for overload in overloads + (packet.overloads() if packet else []):
        op = getattr(packet, overload, None)
        if op is not None and names <= {a.name for a in op._schema.arguments}:
            out.append(lambda given, op=op: op(**given))
    for place in (torch.nn.functional, torch, torch.Tensor):
        if callable(getattr(place, schema.name, None)):
            out.append(lambda given, f=getattr(place, schema.name): as_in_python(f, schema, given))
    if schema.name == "slice":
        part = ("start", "end", "step")
        out.append(lambda given: given["self"][(slice(None),) * given["dim"] + (slice(*(given[k] for k in part)),)])
    return out


def as_in_python(f, schema, given):
    """By keywords as functions of torch and torch.nn.functional name them, else by place."""
    words = {("input" if k == "self" else k): ["none", "mean", "sum"][v] if k == "reduction" else v for k, v in given.items()}
    try:
        return f(**words)
    except TypeError:
        return f(*[given[p] for p in schema.parameters if p in given][:schema.by_place],
                 **{p: given[p] for p in schema.parameters[schema.by_place:] if p in given})


def first_that_runs(functions, sample, schema):
    """Of PyTorch's functions the first that takes these arguments, and its results."""
    error = None
    for f in functions:
        try:
            return f, run(torch, f, sample, schema)
        except Exception as e:
            error = error or e
    raise error


def tison_function(schema):
    def call(given):
        place = [p for p in schema.parameters[:schema.by_place]]
        stop = next((i for i, p in enumerate(place) if p not in given), len(place))
        return by_name.run(schema.full, *[given[p] for p in place[:stop]],
                           **{p: given[p] for p in schema.parameters if p in given and p not in place[:stop]})
    return call


def results(y):
    return list(y) if isinstance(y, (tuple, list)) else [y]


def run(lib, f, sample, schema, wide=False, leaves=None):
    """The results of one call, from the same state of the generator."""
    given, found = arguments(lib, sample, wide)
    if leaves is not None:
        for x in found:
            x.requires_grad_()
        leaves += found
        if schema.name.endswith("_"):
            first = schema.parameters[0]
            given[first] = given[first].clone()
    lib.manual_seed(0)
    return results(f(given))


def as_torch(y):
    if not isinstance(y, tison.Tensor):
        return y
    dtype = getattr(torch, y.dtype.name)
    return torch.frombuffer(bytearray(y._bytes() or b"\0" * 16), dtype=dtype)[:y.numel()].reshape(tuple(y.shape))


# ---- comparing ----

class Different(Exception):
    pass


def same(got, expected, what, strides=False):
    if not isinstance(expected, torch.Tensor):
        got = got.item() if isinstance(got, tison.Tensor) else got
        if got != expected:
            raise Different(f"{what}: {got}, PyTorch {expected}")
        return
    if not isinstance(got, tison.Tensor):
        got = tison.tensor(got)
    if got.dtype.name != str(expected.dtype).removeprefix("torch.") or tuple(got.shape) != tuple(expected.shape):
        raise Different(f"{what}: {got.dtype} {tuple(got.shape)}, PyTorch {expected.dtype} {tuple(expected.shape)}")
    if strides and expected.numel() > 0:
        pairs = [(a, b) for a, b, n in zip(got.stride(), expected.stride(), expected.shape) if n > 1]
        if any(a != b for a, b in pairs):
            raise Different(f"{what}: strides {got.stride()}, PyTorch {expected.stride()}")
    close = {}
    if expected.dtype in (torch.float16, torch.bfloat16) and expected.numel():  # small differences of large terms keep their error
        largest = expected.detach().float().nan_to_num(0, 0, 0).abs().max().item()
        close = {"rtol": 1.6e-2 if expected.dtype is torch.bfloat16 else 1e-3,
                 "atol": max(torch.finfo(expected.dtype).eps * largest, 1e-5)}
    try:
        torch.testing.assert_close(as_torch(got), expected.detach(), equal_nan=True, **close)
    except AssertionError as e:
        raise Different(f"{what}: {' '.join(str(e).split())}") from None


def failure(lib, f, sample, schema):
    """The class of the exception, of Python's own ones, and its text; (None, "") when there is none."""
    try:
        run(lib, f, sample, schema)
    except Exception as e:
        return next(k for k in type(e).__mro__ if k.__module__ == "builtins"), str(e).split("\n")[0].rstrip(".")
    return None, ""


def check_error(sample, ours, theirs, schema):
    """PyTorch's class of exception, by whichever way PyTorch has to call the operator; whether the words are the same (None: another
    class on purpose)."""
    got, text = failure(tison, ours, sample, schema)
    expected = [failure(torch, f, sample, schema) for f in theirs]
    if got is IndexError and all(e is not got for e, _ in expected):
        return None  # ours is the exact class for an index out of range; PyTorch raises RuntimeError or does not look
    if got is None or all(e is not got for e, _ in expected):
        raise Different(f"{got and got.__name__}: {text}; PyTorch {expected[0][0] and expected[0][0].__name__}: {expected[0][1]}")
    return any(words in text for e, words in expected if e is got)


def cotangent(lib, y, place):
    i = Input(f"f32[{','.join(map(str, y.shape))}]")
    i.dtype = y.dtype.name if lib is tison else str(y.dtype).removeprefix("torch.")
    return make(lib, i, place)


def derivatives(lib, f, sample, schema):
    """First gradients, and those of their sum with weights; None where there is none."""
    leaves = []
    ys = [y for y in run(lib, f, sample, schema, True, leaves) if isinstance(y, lib.Tensor)]
    ys = [y for y in ys if y.requires_grad]
    if not ys or not leaves:
        return None
    y = ys[0]
    first = lib.autograd.grad(y, leaves, cotangent(lib, y, 50), create_graph=True, allow_unused=True)
    second, total = None, None
    for n, g in enumerate(first):
        if g is not None and g.requires_grad:
            part = (g * cotangent(lib, g, 60 + n)).sum()
            total = part if total is None else total + part
    if total is not None and total.dtype.is_complex:
        total = lib.real(total)
    if total is not None:
        second = lib.autograd.grad(total, leaves, allow_unused=True)
    return leaves, first, second


def zeros_for_none(lib, grads, leaves):
    return [lib.zeros_like(x) if g is None else g for g, x in zip(grads or [None] * len(leaves), leaves)]


def check_gradients(sample, ours, theirs, schema):
    try:
        expected = derivatives(torch, theirs, sample, schema)
    except (RuntimeError, NotImplementedError):
        return  # PyTorch has no derivative here
    got = derivatives(tison, ours, sample, schema)
    if (got is None) != (expected is None):
        raise Different(f"the result {'has no' if got is None else 'has a'} gradient, unlike PyTorch's")
    if got is None:
        return
    for order in (1, 2):
        a, b = zeros_for_none(tison, got[order], got[0]), zeros_for_none(torch, expected[order], expected[0])
        for n, (g, e) in enumerate(zip(a, b)):
            same(g, e.contiguous(), f"gradient {n} of order {order}")


def check(schema, sample, theirs):
    """Raises Different; returns a remark, or "". PyTorch's results go into sample.results."""
    ours = tison_function(schema)
    if sample.fails:
        return {True: "", False: "other words in the error", None: "IndexError here"}[check_error(sample, ours, theirs, schema)]
    theirs, sample.results = first_that_runs(theirs, sample, schema)
    got, expected = run(tison, ours, sample, schema), sample.results
    expected = expected[:len(got)] if len(expected) > len(got) else expected
    if len(got) != len(expected):
        raise Different(f"{len(got)} results, PyTorch {len(expected)}")
    sample.results = expected
    for n, (a, b) in enumerate(zip(got, expected)):
        same(a, b, f"result {n}", strides=True)
    if not sample.nograd:
        check_gradients(sample, ours, theirs, schema)
    return ""


# ---- committed values ----

MANY = 64  # numbers; of larger results a few and sums are written


def written(y):
    """A result as text: dtype, sizes, then numbers; of a large one "~", its sum, the sum of magnitudes, and eight elements."""
    x = y.detach() if isinstance(y, torch.Tensor) else torch.tensor(y)
    head = f"{str(x.dtype).removeprefix('torch.')} {' '.join(map(str, x.shape))} :".replace("  ", " ")
    x = torch.view_as_real(x.resolve_conj()).reshape(-1) if x.dtype.is_complex else x.reshape(-1)
    digits = ".17g" if x.dtype == torch.float64 else ".9g"
    flat = x.to(torch.float64) if x.dtype.is_floating_point else x.to(torch.int64)
    if len(flat) <= MANY:
        return head + "".join(f" {format(v, digits) if isinstance(v, float) else v}" for v in flat.tolist())
    some = [flat[len(flat) * k // 8].item() for k in range(8)]
    sums = [flat.sum().item(), flat.abs().sum().item()]
    return head + " ~" + "".join(f" {format(v, digits) if isinstance(v, float) else v}" for v in sums + some)


def write(row, schema, lines):
    folder = os.path.join(root, "tests", "values")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, row["name"] + ".txt"), "w", encoding="utf-8") as out:
        out.write(f"# {schema.text}\n")
        for line, ys in lines:
            out.write(line + "\n" + "".join(f"  {written(y)}\n" for y in ys))


# ---- all of it ----

def one_operator(row, to_write):
    schema = by_name.Schema(row["schema"])
    theirs = torch_functions(schema)
    if not theirs:
        return print(f"skipped {row['name']}: PyTorch has no {schema.name} with these parameters", flush=True)
    lines = []
    for line in row["samples"]:
        name = f"{row['name']}: {line}"
        try:
            sample = Sample(schema, line)
            note = check(schema, sample, theirs)
            print(f"ok {name}" + (f" ({note})" if note else ""), flush=True)
        except Exception as e:
            kind = "" if isinstance(e, Different) else f"{type(e).__name__}: "
            print(f"FAILED {name}: {kind}{' '.join(str(e).split())[:400]}", flush=True)
        else:
            if sample.results:
                lines.append((line, sample.results))
    if to_write and lines:
        write(row, schema, lines)


def in_a_process(row, to_write):
    """A crash ends the comparison of one operator."""
    child = os.fork()
    if child == 0:
        one_operator(row, to_write)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if status:
        print(f"FAILED {row['name']}: the process ended with status {status}", flush=True)


def main(arguments):
    to_write = "--write" in arguments
    wanted = [a for a in arguments if not a.startswith("--") and not os.path.isdir(a)]
    for row in api["operators"]:
        if row["schema"] and row["samples"] and not row["hidden"] and (not wanted or row["name"] in wanted):
            in_a_process(row, to_write)


if __name__ == "__main__":
    main(sys.argv[1:])
