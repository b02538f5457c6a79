"""The twin of prune.c: the same calls on the weights of the C program. Masks and values must have the same bits."""
import torch
from parity import bits, load, near
from torch import nn
from torch.nn.utils import prune

saved = load("prune.safetensors")


def conv(key):
    """A layer with the weight that the C program's had before."""
    weight = saved[f"{key}|before"]
    m = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2])
    m.weight = nn.Parameter(weight.clone())
    return m


def compare(key, m, name="weight"):
    bits(f"{key}: value", saved[f"{key}|value"], getattr(m, name))
    bits(f"{key}: mask", saved[f"{key}|mask"], getattr(m, name + "_mask"))


m = conv("l1")
prune.l1_unstructured(m, "weight", 0.3)
compare("l1 0", m)
prune.l1_unstructured(m, "weight", 11)
compare("l1 1", m)
prune.l1_unstructured(m, "weight", 0.5, torch.arange(162, dtype=torch.float64).sin().reshape(6, 3, 3, 3))
compare("l1 2", m)
m = conv("random")
torch.manual_seed(11)
for i, amount in enumerate((0.3, 20, 0.999)):
    prune.random_unstructured(m, "weight", amount)
    compare(f"random {i}", m)
m = conv("mixed")
torch.manual_seed(11)
prune.custom_from_mask(m, "weight", torch.randn(6, 3, 3, 3) > 0)
compare("mixed 0", m)
prune.ln_structured(m, "weight", 2, 2, 0)
compare("mixed 1", m)
prune.l1_unstructured(m, "weight", 0.2)
compare("mixed 2", m)
prune.identity(m, "weight")
compare("mixed 3", m)
prune.random_structured(m, "weight", 1, 1)
compare("mixed 4", m)
prune.random_unstructured(m, "weight", 3)
compare("mixed 5", m)
prune.remove(m, "weight")
bits("mixed 6: removed", saved["mixed 6|value"], m.weight)
bits("mixed: the numbers that come next", saved["mixed|next"], torch.rand(5))

m = nn.BatchNorm1d(50)
prune.l1_unstructured(m, "weight", 0.3)
compare("equal 0", m)
prune.l1_unstructured(m, "weight", 3)
compare("equal 1", m)
prune.remove(m, "weight")
prune.l1_unstructured(m, "weight", 7)
compare("equal 2", m)

for i, n in enumerate((0, 1, 2, 3.5, float("inf"), float("-inf"))):
    for dim in range(-4, 4, 3):
        m = conv(f"ln {i} {dim}")
        for k in range(3):
            scores = m.weight.detach().cos() if k == 2 else None
            prune.ln_structured(m, "weight", 0.4 if k == 0 else 1, n, dim, scores)
            compare(f"ln {i} {dim} {k}", m)
for dim in range(-3, 3, 2):
    for k in range(2):
        m = nn.Conv1d(5, 12, 4)
        m.weight = nn.Parameter(saved[f"nuclear {k} {dim}|before"].clone())
        for i in range(2):
            prune.ln_structured(m, "weight", 0.2 if i else 0.3, "nuc", dim, m.weight.detach().cos() if k else None)
            compare(f"nuclear {k} {dim} {i}", m)
torch.manual_seed(12)
for dim in range(-4, 4):
    nn.Conv2d(5, 6, 3)  # draws as the C program does
    state = torch.get_rng_state()
    m = conv(f"channels {dim}")
    torch.set_rng_state(state)
    for k in range(3):
        prune.random_structured(m, "weight", 1 if k == 0 else 0.5, dim)
        compare(f"channels {dim} {k}", m)
bits("channels: the numbers that come next", saved["channels|next"], torch.rand(5))

for n in range(1, 13):
    taken = [(prune.L1Unstructured(i / 40).prune(torch.arange(n) + 1.0) == 0).sum() for i in range(41)]
    bits(f"amounts of {n}", saved[f"amounts|{n}"], torch.stack(taken).float())

a, b = nn.Linear(5, 4), nn.Linear(4, 7)
a.weight, b.weight, b.bias = (nn.Parameter(saved[f"global|{k}"].clone()) for k in "abc")
a.bias = nn.Parameter(saved["global|bias"])
torch.manual_seed(13)
parts = [(a, "weight"), (b, "weight"), (b, "bias")]
scores = torch.arange(28, dtype=torch.float32).sin().reshape(7, 4)
for i, (method, amount, given) in enumerate(((prune.L1Unstructured, 0.4, None), (prune.RandomUnstructured, 9, None),
                                             (prune.L1Unstructured, 0.4, {(b, "weight"): scores}))):
    prune.global_unstructured(parts, method, given, amount=amount)
    for key, (m, name) in zip("abc", parts):
        compare(f"global {key} {i}", m, name)
y = b(a(torch.ones(2, 5)))
y.square().sum().backward()
near("global: result", saved["global|y"], y, rtol=1e-5, atol=1e-6)
near("global: gradient of a weight", saved["global|grad a"], a.weight_orig.grad, rtol=1e-5, atol=1e-6)
near("global: gradient of a bias", saved["global|grad c"], b.bias_orig.grad, rtol=1e-5, atol=1e-6)
