"""The twin of semantics_orthogonal.c."""
import torch
from observe import compare, error, keys, names, say
from torch import nn
from torch.nn.utils.parametrizations import orthogonal

m, square, plain = nn.Linear(3, 2), nn.Linear(3, 3), nn.Linear(3, 3)
error(218, lambda: orthogonal(m, "bias"))
error(218, lambda: orthogonal(m, "none"))
error(218, lambda: orthogonal(m, orthogonal_map="polar"))
m.register_buffer("c", torch.zeros(2, 2, dtype=torch.complex64))
error(218, lambda: orthogonal(m, "c", "householder"))
say(218, m)
orthogonal(m), orthogonal(square), orthogonal(plain, use_trivialization=False)
for one in m, square, plain:
    say(218, keys(one.state_dict()))
    names(218, one.named_parameters()), names(218, one.named_buffers())
    say(218, one.parametrizations)
say(218, m.parametrizations.weight.original)
say(218, square.parametrizations.weight.original)
error(218, lambda: m.parametrizations.weight[0].right_inverse(torch.zeros(3, 2)))
error(218, lambda: plain.parametrizations.weight[0].right_inverse(torch.zeros(3, 3)))
compare("semantics_orthogonal")
