"""The twin of semantics_tensors.c."""
import copy
import warnings

import torch
from observe import compare, error, keys, names, say, sayf, warned
from torch import nn
from torch.nn import Parameter


def truths(*items):
    return " ".join(f"{x:g}" if isinstance(x, float) else str(x) if isinstance(x, str) else str(int(x)) for x in items)


def error_from(n, what, begin, end):
    try:
        what()
    except Exception as e:
        text = str(e)[str(e).find(begin):]
        say(n, f"{type(e).__name__}: {text.split(end)[0] if end else text}")


def P():
    return Parameter(torch.ones(2))


def is_parameter(x):
    return isinstance(x, Parameter)


def building():
    t, asks = torch.ones(2, 3), torch.ones(2, requires_grad=True)
    p = Parameter(t)
    say(2, truths(p.requires_grad, Parameter(asks).requires_grad, Parameter(asks, False).requires_grad))
    say(3, truths(t.requires_grad))
    part = torch.ones(3, 4).t()[1:4:2]
    of_part = Parameter(part)
    say(4, truths(of_part.data_ptr() == part.data_ptr(), of_part.storage_offset(), *of_part.shape, *of_part.stride()))
    with torch.no_grad():
        part.fill_(3)
        sayf(4, of_part.sum())
        of_part.fill_(4)
        sayf(4, part.sum())
        p.add_(1)
        say(5, truths(p._version, t._version))
        say(16, truths(Parameter(torch.ones(1)).requires_grad))
    computed = asks * 2
    leaf = Parameter(computed)
    say(6, truths(leaf.is_leaf, leaf.grad_fn is None, leaf.grad is None, leaf.data_ptr() == computed.data_ptr()))
    again = Parameter(p)
    say(7, truths(again is p, is_parameter(again), again.data_ptr() == p.data_ptr()))
    say(8, truths(Parameter(Parameter(t, False)).requires_grad))
    say(9, Parameter(None))
    say(9, truths(Parameter(None).ndim, Parameter(None, False).shape[0]))
    error(10, lambda: Parameter(torch.ones(2) > 0))
    for dtype in torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128:
        say(12, Parameter(torch.zeros(2, dtype=dtype)))


def inference():
    outside = torch.ones(2)
    with torch.inference_mode():
        inside, wrapped, plain = P(), Parameter(outside), torch.ones(2)
        say(17, truths(inside.requires_grad, inside.is_leaf))
    asks, cat = torch.ones(2, requires_grad=True), torch.cat
    for x in (inside * inside, inside + inside, plain.exp(), inside.sum(), inside.softmax(0), inside.detach(), inside.t(), inside.clone(),
              inside.double(), inside * 2, plain.clone(), plain * 2, nn.functional.mse_loss(inside, plain), cat([inside, inside]),
              nn.functional.linear(plain.reshape(1, 2), inside.reshape(1, 2))):
        say(17, truths(x.requires_grad))
    say(17, truths((asks + inside).requires_grad, (inside + torch.ones(2)).requires_grad))
    for x, y in (asks, inside), (asks, plain), (inside, asks):
        error(17, lambda: x * y)
    error_from(21, inside.zero_, "Inplace", ".You can make")
    with torch.no_grad():
        wrapped.add_(1)
        sayf(18, outside.sum())
        error_from(21, lambda: inside.add_(1), "Inplace", ".You can make")
    error(19, lambda: Parameter(plain))
    say(19, Parameter(plain, False))
    (inside * 3).sum().backward()
    say(20, inside.grad)
    none = wrapped.grad
    wrapped.sum().backward()
    say(20, truths(none is None, wrapped.grad.sum().item()))


def used():
    p = Parameter(torch.ones(2, 2))
    for x in p.clone(), p + 1, p[0], p.view(4), p.double(), p.detach(), p.data, p.t(), -p:
        say(24, truths(is_parameter(x), x.requires_grad))
    say(25, truths(p.float() is p, p.contiguous() is p, p.clone() is p))
    say(26, torch.zeros_like(p))
    error(27, lambda: p.add_(1))
    error(27, lambda: p[0].mul_(2))
    say(27, truths(p._version))
    with torch.no_grad():
        p.add_(1)
        p[0].zero_()
        say(28, p)
    p.requires_grad_(False).add_(1).requires_grad_(True)
    say(29, p)
    say(30, truths(p.requires_grad_(True) is p))
    error(32, lambda: (p * 2).requires_grad_(False))
    p.sum().backward()
    p.requires_grad_(False)
    say(33, truths(p.grad is not None, p.grad.sum().item()))
    q = P()
    twin = Parameter(q)
    say(34, q == twin)
    sayf(35, Parameter(torch.full((1,), 2.5)).item())
    error(36, lambda: torch.ones(1).register_hook(lambda g: g))
    error(36, lambda: torch.ones(1).retain_grad())
    q.retain_grad()
    say(36, truths(True))
    for x in q.data, q.detach():
        say(37, truths(x.requires_grad, x.data_ptr() == q.data_ptr(), is_parameter(x)))
    loss = (q * q).sum()
    q.data.mul_(10)
    loss.backward()
    say(39, q.grad)
    loss = (q * q).sum()
    with torch.no_grad():
        q.add_(1)
    error_from(39, loss.backward, "one of the", " Hint")
    say(39, q.grad)


def data():
    p, x = Parameter(torch.ones(2, 3)), torch.full((4, 5), 2.0, dtype=torch.float64).t()
    p.register_hook(lambda g: g * 2)
    p.sum().backward()
    p.data = x
    say(40, p)
    say(40, truths(*p.stride(), p.is_leaf, p.data_ptr() == x.data_ptr()))
    p.grad = None
    p.sum().backward()
    sayf(40, p.grad.sum())
    error(42, lambda: setattr(p, "data", torch.ones(2) > 0))
    frozen = Parameter(torch.ones(2), False)
    frozen.data = torch.arange(3)
    say(42, frozen)
    p.data = torch.ones(2, dtype=torch.float16)
    say(42, p)
    p.data = torch.ones(3, requires_grad=True) * 2
    say(43, p)
    q = Parameter(torch.ones(2, 3))
    q.sum().backward()
    q.data = torch.ones(4)
    say(44, q.grad)
    try:
        q.sum().backward()
    except RuntimeError:
        say(44, "RuntimeError")


def gradients():
    p, idle = Parameter(torch.ones(2, 3)), P()
    p.sum().backward()
    g = p.grad
    say(45, g), say(45, truths(is_parameter(g), g.requires_grad))
    p.sum().backward()
    say(46, truths(p.grad is g, g.sum().item()))
    (p * p).sum().backward(create_graph=True)
    say(47, truths(p.grad is g, g.sum().item(), p.grad.sum().item(), p.grad.grad_fn.name()))
    p.grad = None
    seed = torch.ones(2, 3)
    p.backward(seed)
    seed.zero_()
    sayf(48, p.grad.sum())
    last, wide = Parameter(torch.ones(2, 4, 4, 3).permute(0, 3, 1, 2)), Parameter(torch.ones(2, 3))
    (last * 2).sum().backward()
    wide.backward(torch.ones(1).expand(2, 3))
    say(49, truths(*last.grad.stride())), say(49, truths(*wide.grad.stride()))
    say(50, truths(idle.grad is None))
    error(51, torch.ones(1).backward)
    scalar = Parameter(torch.tensor(5.0))
    scalar.backward()
    say(51, scalar.grad)
    r = Parameter(torch.ones(3))
    r.grad = torch.ones(3)
    r.grad = None
    say(52, truths(r.grad is None))
    error(52, lambda: setattr(r, "grad", torch.ones(2)))
    error(52, lambda: setattr(r, "grad", torch.ones(3, dtype=torch.float64)))
    made = r * 3
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        say(54, "warned" if made.grad is None and caught else "")
    made.retain_grad()
    made.sum().backward()
    say(54, made.grad), warned(54, lambda: made.grad)
    half = Parameter(torch.ones(2).half())
    half.sum().backward()
    say(55, half.grad)
    odd = P()
    odd.register_hook(lambda g: g[0])
    error_from(56, odd.sum().backward, "has changed", "")
    say(56, truths(odd.grad is None))
    seen = P()
    seen.register_hook(lambda g: g * 2)
    seen.register_post_accumulate_grad_hook(lambda leaf: sayf(57, leaf.grad.sum()))
    seen.sum().backward(), seen.sum().backward()
    error(57, lambda: (seen * 2).register_post_accumulate_grad_hook(lambda leaf: None))


def copies_and_buffers():
    p, frozen = Parameter(torch.full((2, 3), 2.0)), Parameter(torch.ones(2), False)
    p.sum().backward()
    duplicate = copy.deepcopy(p)
    say(58, duplicate), say(58, copy.deepcopy(frozen))
    say(58, truths(duplicate is p, duplicate.data_ptr() == p.data_ptr(), duplicate.grad is None))
    pair = copy.deepcopy([p, p])
    say(60, truths(pair[0] is pair[1], pair[0] is p))
    base = torch.arange(6, dtype=torch.float32)
    for make in (lambda x: x), Parameter:
        both = copy.deepcopy([make(base), make(base[3:6])])
        both[0].detach().fill_(7)
        say(61, both[1])
    error(63, lambda: copy.deepcopy(p * 2))
    own = torch.full((2,), 3.0)
    say(67, truths(own.is_shared())), say(67, truths(own.share_memory_() is own))
    say(67, truths(own.is_shared(), own.sum().item()))
    t = torch.ones(2, requires_grad=True)
    b = nn.Buffer(t)
    say(69, b)
    say(69, truths(isinstance(b, nn.Buffer), is_parameter(b), b.data_ptr() == t.data_ptr(), isinstance(t, nn.Buffer)))
    say(69, truths(nn.Buffer(torch.ones(1)).requires_grad))
    m = nn.Module()
    m.a, m.b = nn.Buffer(torch.ones(1)), nn.Buffer(torch.ones(1), persistent=False)
    say(69, keys(m.state_dict()))
    m.register_buffer("extra", torch.ones(1))
    say(70, truths(isinstance(m.get_buffer("extra"), nn.Buffer)))
    say(71, nn.Buffer(None))
    say(72, nn.Buffer(t * 2))
    m.w = P()
    for on in False, True:
        m.requires_grad_(on)
        say(72, truths(m.w.requires_grad, m.a.requires_grad))
    m.register_buffer("odd", P())
    names(73, m.named_buffers()), names(73, m.named_parameters()), say(73, keys(m.state_dict()))


for part in building, inference, used, data, gradients, copies_and_buffers:
    part()
compare("semantics_tensors")
