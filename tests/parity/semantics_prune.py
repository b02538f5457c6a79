"""The twin of semantics_prune.c."""
import torch
from observe import compare, error, keys, say, sayf
from torch import nn
from torch.nn.utils import prune


def errors():
    l, norm = nn.Linear(4, 3), nn.BatchNorm1d(3)
    both = nn.Sequential(l, norm)
    for amount in (1.5, 1e-7 - 1, float("inf"), -1):
        error(219, lambda: prune.l1_unstructured(l, "weight", amount))
    for amount in (float("nan"), None, 13):
        error(219, lambda: prune.random_unstructured(l, "weight", amount))
    error(219, lambda: prune.ln_structured(l, "weight", 4, 2, 0))
    error(219, lambda: prune.ln_structured(l, "weight", 1, "nuc", 0))
    error(219, lambda: prune.ln_structured(l, "weight", 1, "all", 0))
    error(219, lambda: prune.random_structured(l, "weight", 5, 1))
    error(219, lambda: prune.random_structured(l, "bias", 1, 0))
    error(219, lambda: prune.ln_structured(l, "weight", 1, 2, 2))
    error(219, lambda: prune.random_structured(l, "weight", 1, -3))
    error(219, lambda: prune.l1_unstructured(l, "weight", 1, importance_scores=torch.ones(2)))
    error(219, lambda: prune.custom_from_mask(l, "weight", torch.ones(2)))
    error(219, lambda: prune.identity(l, "none"))
    error(219, lambda: prune.identity(nn.Linear(2, 2, bias=False), "bias"))
    error(219, lambda: prune.identity(norm, "running_mean"))
    error(219, lambda: prune.remove(l, "weight"))
    error(219, lambda: prune.remove(both, "weight"))
    error(219, lambda: prune.Identity().prune(torch.ones(2), importance_scores=torch.ones(3)))
    error(220, lambda: prune.global_unstructured([], prune.Identity))
    l = both[0]
    parts = [(l, "weight"), (l, "bias")]
    error(220, lambda: prune.global_unstructured(parts, prune.L1Unstructured, amount=16))
    error(220, lambda: prune.global_unstructured(parts, prune.L1Unstructured, {(l, "weight"): torch.ones(3)}, amount=1))
    sayf(220, prune.is_pruned(both))
    prune.identity(l, "weight")
    error(219, lambda: prune.random_structured(l, "weight", 1, -3))
    prune.identity(l, "bias")  # PyTorch lost the weight's hook
    sayf(220, prune.is_pruned(both))


def order():
    m = nn.ModuleList()
    m.a, m.b = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))
    m.register_buffer("c", torch.ones(1))
    prune.l1_unstructured(m, "a", 0.5)
    say(219, keys(m.state_dict()))
    prune.identity(m, "b")
    prune.random_unstructured(m, "a", 0.25)
    say(219, keys(m.state_dict()))
    sayf(219, m.a_mask.sum())
    say(219, type(m.a.grad_fn).__name__)
    prune.remove(m, "a")
    say(219, keys(m.state_dict()))


def lazy():
    every = [nn.LazyInstanceNorm1d(), nn.LazyInstanceNorm2d(), nn.LazyInstanceNorm3d(), nn.LazyBatchNorm1d(),
             nn.LazyBatchNorm2d(1e-3, None), nn.LazyBatchNorm3d(affine=False, bias=False)]
    for m, dims in zip(every, (3, 4, 5, 3, 4, 5)):
        say(206, m), say(206, keys(m.state_dict()))
        m(torch.ones((2, 3, 2, 2, 2)[:dims]))
        say(206, m), sayf(206, m.running_mean.sum()), sayf(206, m.running_var.sum()), sayf(206, m.num_batches_tracked)
        sayf(206, m.state_dict()._metadata[""]["version"])
    error(206, lambda: nn.BatchNorm1d(4).load_state_dict(nn.LazyBatchNorm1d().state_dict()))


def stacked():
    stack = torch.func.stack_module_state
    a, b = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    error(224, lambda: stack([]))
    error(224, lambda: stack([nn.ReLU(), nn.Tanh()]))
    b.eval()
    error(224, lambda: stack([a, b]))
    a.eval().bias.requires_grad_(False)
    error(224, lambda: stack([a, b]))
    b.bias.requires_grad_(False)
    parameters, buffers = stack([a, b])
    for name, x in parameters.items():
        say(224, name), say(224, x), sayf(224, x.requires_grad), sayf(224, x.is_leaf)
    for name, x in buffers.items():
        say(224, name), say(224, x)
    error(224, lambda: stack([nn.Linear(2, 2), nn.Linear(2, 2, bias=False)]))


for part in errors, order, lazy, stacked:
    part()
compare("semantics_prune")
