"""The twin of semantics_flags.c: the same observations of PyTorch, in the same order."""
import copy

import torch
from observe import compare, say, sayf, seen, warned
from observe import error as plain_error
from torch import nn

F = torch.__future__
formats = torch.contiguous_format, torch.preserve_format, torch.channels_last, torch.channels_last_3d
f16, f32, f64, bf16 = torch.float16, torch.float32, torch.float64, torch.bfloat16


def error(n, what):
    """With what caused it, where PyTorch keeps that apart."""
    def with_cause():
        try:
            what()
        except RuntimeError as e:
            raise type(e)(f"{e}: {e.__cause__}" if e.__cause__ else str(e)) from None
    plain_error(n, with_cause)


def dtype(n, x):
    say(n, "None" if x is None else str(x.dtype)[6:])


def strides(n, what):
    try:
        x = what()
    except RuntimeError as e:
        say(n, f"RuntimeError: {e}")
    else:
        say(n, "".join(f"{s} " for s in x.stride()))


def put(p, name, value):
    return lambda: setattr(p, name, value)


def grad_dtypes():
    p = nn.Parameter(torch.ones(3))
    p.grad_dtype = f64
    say(53, str(p.grad_dtype)[6:])
    error(53, put(p, "grad", torch.ones(3)))
    error(53, put(p, "grad", torch.arange(3)))
    (p * 0.1).sum().backward(), p.sum().backward(), dtype(53, p.grad), sayf(53, p.grad.sum())
    error(53, put(p, "grad_dtype", bf16))
    p.grad_dtype, p.grad = None, torch.ones(3, dtype=f16)
    p.sum().backward(), dtype(53, p.grad), error(53, put(p, "grad_dtype", f64))
    p.grad, p.grad_dtype = None, f16
    (p * p).sum().backward(create_graph=True), dtype(53, p.grad), dtype(53, torch.autograd.grad(p.sum(), p)[0])
    say(53, str(copy.deepcopy(p).grad_dtype)[6:])
    y = p * 2
    error(53, lambda: y.grad_dtype), error(53, put(y, "grad_dtype", f64))
    for i in range(4):
        q, steps = nn.Parameter(torch.ones(2)), torch.full((2,), 0.3, dtype=f64 if i & 1 else bf16)
        o = torch.optim.SGD([q], lr=0.1, weight_decay=0.01 if i & 2 else 0)
        q.grad_dtype, q.grad = None, steps
        o.step(), o.step(), say(53, f"{q[0].item():.9g}")


def memory_formats():
    for shape in (2, 3, 4, 5), (1, 3, 4, 5), (2, 1, 4, 5), (2, 3, 1, 1), (2, 3, 1, 5), (1, 1, 1, 1), (2, 3, 4, 5, 6), (2, 3, 4):
        for f in formats:
            x = torch.ones(shape)
            try:
                say(134, x.to(memory_format=f) is x)
            except RuntimeError:
                say(134, False)
            strides(134, lambda: x.to(memory_format=f)), say(134, x.is_contiguous(memory_format=f))
            strides(134, lambda: x.clone(memory_format=f)), strides(134, lambda: x.contiguous(memory_format=f))
            try:
                y = torch.empty_like(x, memory_format=f)
            except RuntimeError as e:
                say(134, f"RuntimeError: {e}")
                continue
            say(134, y.is_contiguous()), say(134, y.is_contiguous(memory_format=torch.channels_last))
            for z in y.clone(), y.to(f64), y.contiguous(), torch.zeros_like(y):
                strides(134, lambda: z)
    m = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 1, 1), nn.Linear(2, 2)).to(memory_format=torch.channels_last)
    for p in m.parameters():
        strides(134, lambda: p)
    error(134, lambda: m.to(memory_format=torch.channels_last_3d))
    strides(134, lambda: m.to(f64)[0].weight), strides(134, lambda: m.to(f32, memory_format=torch.contiguous_format)[0].weight)


def mixed():
    m = nn.ModuleList()
    m.w, m.z = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2, dtype=torch.complex64))
    m.i = nn.Parameter(torch.arange(3), False)
    m.register_buffer("b", torch.ones(2)), m.register_buffer("bz", torch.ones(2, dtype=torch.complex64))
    m.register_buffer("steps", torch.arange(3))
    m.w.sum().backward()
    return m


def dtypes(n, m):
    for x in m.w, m.z, m.i, m.b, m.bz, m.steps, m.w.grad:
        dtype(n, x)
    say(n, isinstance(m.i, nn.Parameter))


def conversions():
    m = mixed()
    for convert in m.half, m.bfloat16, m.float, m.double:
        convert(), dtypes(128, m)
    warned(132, lambda: m.to(torch.complex64)), dtypes(132, m)
    warned(132, lambda: m.to(f64))
    seen[-1] = (132, seen[-1][1].split(" (Triggered")[0])
    dtypes(132, m)
    m = mixed()
    m.to(f16), dtypes(132, m)
    for d in f64, torch.complex64, f16:
        m.type(d), dtypes(135, m)
    m = mixed()
    error(135, lambda: m.type(torch.int32)), dtypes(135, m)
    m.requires_grad_(False), m.type(torch.int16), dtypes(135, m), m.type(torch.bool), dtypes(135, m)
    for set_flag in F.set_overwrite_module_params_on_conversion, F.set_swap_module_params_on_conversion:
        set_flag(True)
        m = mixed()
        error(135, lambda: m.type(torch.int32)), dtypes(135, m)
        set_flag(False)


def overwriting():
    l, tied = nn.Linear(2, 2), nn.Linear(2, 2)
    tied.weight = l.weight
    m = nn.Sequential(l, tied)
    m(torch.ones(1, 2)).sum().backward()
    w, g = l.weight, l.weight.grad
    F.set_overwrite_module_params_on_conversion(True)
    m.double()
    say(137, l.weight is w), say(137, l.weight is tied.weight), say(137, w.grad is g), dtype(137, w), dtype(137, g)
    dtype(137, l.weight), dtype(137, l.weight.grad)
    w, g = l.weight, l.weight.grad
    m.double(), say(137, l.weight is w), say(137, l.weight.data_ptr() == w.data_ptr()), say(137, l.weight.grad is g)
    F.set_overwrite_module_params_on_conversion(False)


def swapping():
    l = nn.Linear(2, 2)
    m = nn.Sequential(l).double()
    m(torch.ones(1, 2).double()).sum().backward()
    w, g = l.weight, l.weight.grad
    F.set_swap_module_params_on_conversion(True)
    m.float(), say(138, l.weight is w), dtype(138, w), say(138, w.grad is g), dtype(138, g)
    view = w[0]
    error(138, m.double)
    del view
    y = l(torch.ones(1, 2))
    m.double(), dtype(138, w), error(138, y.sum().backward)
    y = l(torch.ones(1, 2).double())
    m.double(), error(138, y.sum().backward)
    y = l(torch.ones(1, 2).double().requires_grad_())
    error(138, m.float)
    y.sum().backward()
    s = nn.Linear(2, 2).state_dict()
    l.load_state_dict(s), say(171, l.weight is w), dtype(171, w), dtype(171, w.grad)
    l.load_state_dict(s, assign=True), say(171, l.weight is w), dtype(171, w)
    say(171, w.data_ptr() == s["weight"].data_ptr()), say(171, w.requires_grad)
    view = w[0]
    error(171, lambda: l.load_state_dict(s))
    del view
    s["weight"] = torch.zeros(2, 2, dtype=torch.int64)
    error(171, lambda: l.load_state_dict(s, assign=True))
    F.set_swap_module_params_on_conversion(False)


def swaps():
    swap = torch.utils.swap_tensors
    p, x = nn.Parameter(torch.ones(2)), torch.zeros(3, dtype=f64)
    p.sum().backward(), swap(p, x)
    say(225, isinstance(p, nn.Parameter)), say(225, isinstance(x, nn.Parameter)), dtype(225, p), dtype(225, x.grad)
    say(225, p.requires_grad)
    view = x[0]
    error(225, lambda: swap(x, p))
    with torch.no_grad():
        view = x[0]
    error(225, lambda: swap(p, x))
    del view
    y = x * x
    error(225, lambda: swap(x, p)), y.sum().backward()
    y = x + 1
    swap(x, p), error(225, y.sum().backward)


for part in grad_dtypes, memory_formats, conversions, overwriting, swapping, swaps:
    part()
compare("semantics_flags")
