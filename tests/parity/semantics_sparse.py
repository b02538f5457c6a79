"""The twin of semantics_sparse.c: the same observations of PyTorch, in the same order."""
import torch
from observe import compare, error, say, sayf
from torch import nn

f64 = torch.float64


def text(x):
    say(23, x)


def yes(right):
    say(23, bool(right))


def example():
    return torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], [3.0, 4.0, 5.0], (2, 3))


def twice():
    return torch.sparse_coo_tensor([[1, 0, 1, 1], [2, 2, 0, 2]], [2.0, 3.0, 4.0, 3.5], (2, 3))


def texts():
    s, t = example(), twice()
    text(s), text(t), text(t.coalesce()), text(t.to_dense()), text(nn.Parameter(s)), text(nn.Parameter(s, False))
    text(s.double()), text(s.long()), text(s.half()), text(s.to(torch.complex64))
    text(torch.sparse_coo_tensor([[3, 1]], torch.ones(2, 2))), text(torch.zeros_like(s)), text(torch.eye(3).to_sparse(1))
    torch.set_printoptions(threshold=5, edgeitems=1, linewidth=40)
    text(nn.Parameter(torch.arange(12.0).reshape(4, 3) + 1).to_sparse())
    torch.set_printoptions(profile="default")
    text(t.coalesce().indices()), text(t.coalesce().values())
    yes(s.is_sparse), yes(t.is_coalesced()), sayf(23, t._nnz()), sayf(23, s.dense_dim()), yes(s.is_contiguous())
    sayf(23, s.stride(0)), say(23, s.device), sayf(23, s.numel())


def arithmetic():
    s, t, ones = example().coalesce(), twice(), torch.ones(2, 3)
    text(t * 2), text(-s), text(s / 2), text((s + t).coalesce()), text(torch.sub(s, t, alpha=2).coalesce())
    text(ones + t), text(t.sum()), text(t.t().coalesce()), text(t.mm(torch.ones(3, 2))), text(s @ torch.ones(3))
    u = s.clone()
    u.mul_(3), text(u), u.add_(s), text(u.coalesce()), u.copy_(t), text(u), u.zero_(), text(u), text(ones.add_(s))
    error(23, lambda: s + torch.ones(2, 3))
    error(23, lambda: s.copy_(torch.ones(2, 3)))
    error(23, lambda: torch.ones(2, 3).copy_(s))
    error(23, t.indices)
    error(23, t.values)


def gradients():
    p, d = nn.Parameter(twice().coalesce()), nn.Parameter(torch.ones(3, 2))
    y = torch.sparse.mm(p, d)
    text(y), (y * y).sum().backward(), text(p.grad), text(d.grad)
    p.grad, y = None, p.to_dense()
    text(y), (y * y).sum().backward(), text(p.grad)
    v = torch.tensor([3.0, 4.0, 5.0], requires_grad=True)
    s = torch.sparse_coo_tensor([[0, 1, 1], [2, 0, 2]], v, (2, 3))
    text(s), text(s.coalesce()), text(s * 2), text(s.coalesce().values())
    y = s.to_dense()
    (y * y).sum().backward(), text(v.grad)
    x = torch.eye(2, requires_grad=True)
    text(x.to_sparse())
    y = (x.to_sparse() * 3).to_dense()
    (y * y).sum().backward(), text(x.grad)


def training():
    p = nn.Parameter(twice().coalesce())
    sgd = torch.optim.SGD([p], lr=0.1, momentum=0.9)
    for _ in range(3):
        sgd.zero_grad()
        y = torch.sparse.mm(p, torch.ones(3, 2))
        (y * y).sum().backward(), sgd.step(), text(p.detach().coalesce())
    error(23, torch.optim.Adam([p]).step)


class layer(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.w = nn.Parameter(w)

    def forward(self, x):
        return self.w.mm(x)


def modules():
    m, dense = layer(example()), layer(torch.ones(2, 3))
    text(list(m.parameters())[0]), text(m.state_dict()["w"]), text(m(torch.ones(3, 1)))
    m.double(), text(m.w)
    s = dense.state_dict()
    error(23, lambda: m.load_state_dict(s))
    error(23, lambda: dense.load_state_dict(m.state_dict()))
    m.float(), m.load_state_dict(m.state_dict()), text(m.w)
    m.load_state_dict(s, assign=True), text(m.w)
    m.w = nn.Parameter(example())
    m.to_empty(device="cpu"), text(m.w)


for part in texts, arithmetic, gradients, training, modules:
    part()
compare("semantics_sparse")
