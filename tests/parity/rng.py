"""The twin of rng.c."""
import torch
import torch.nn.functional as F
from parity import bits, load, near, report
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

saved = load("rng.safetensors")
seen = set()


def check(name, expected, compare=bits):
    seen.add(name)
    if name not in saved:
        return report(f"random: {name}", False, "not saved")
    compare(f"random: {name}", saved[name], expected)


for i, n in enumerate((1, 15, 16, 17, 1000)):
    for dtype in (torch.float32, torch.float64):
        end = f"{n}.{str(dtype)[6:]}"
        torch.manual_seed(i + 1)
        empty = lambda: torch.empty(n, dtype=dtype)
        check(f"rand.{end}", torch.rand(n, dtype=dtype))
        check(f"randn.{end}", torch.randn(n, dtype=dtype))
        check(f"randn again.{end}", torch.randn(n, dtype=dtype))
        check(f"uniform_.{end}", empty().uniform_(-2, 3))
        check(f"normal_.{end}", empty().normal_(1.5, 0.25))
        check(f"bernoulli_.{end}", empty().bernoulli_(0.3))
        check(f"bernoulli.{end}", torch.bernoulli(torch.full((n,), 0.6, dtype=dtype)))
        check(f"exponential_.{end}", empty().exponential_(1.5))
        check(f"random_.{end}", empty().random_())
        check(f"dropout.{end}", F.dropout(torch.ones(n, dtype=dtype), 0.25))
        check(f"rand after.{end}", torch.rand(n, dtype=dtype))
for i, n in enumerate((1, 15, 16, 17, 1000)):
    torch.manual_seed(100 + i)
    check(f"randint.{n}", torch.randint(-5, 11, (n,)))
    check(f"randint wide.{n}", torch.randint(0, 1 << 40, (n,)))
    check(f"randint int32.{n}", torch.randint(0, 1000, (n,), dtype=torch.int32))
    check(f"randperm.{n}", torch.randperm(n))
torch.manual_seed(7)
check("transposed normal_", torch.empty(5, 8).t().normal_())
check("transposed uniform_", torch.empty(5, 8).t().uniform_())
for n in (1, 9, 100):
    check(f"complex64 randn.{n}", torch.view_as_real(torch.randn(n, dtype=torch.complex64)))
    check(f"complex128 randn.{n}", torch.view_as_real(torch.randn(n, dtype=torch.complex128)))
    check(f"complex64 rand.{n}", torch.view_as_real(torch.rand(n, dtype=torch.complex64)))
torch.manual_seed(0x123456789ABCDEF0)
check("large seed", torch.rand(8))

torch.manual_seed(11)


def check_list(prefix, module):
    for name, p in module.named_parameters():
        check(f"{prefix}.{name}", p)


check_list("linear", nn.Linear(37, 19))
check_list("linear without bias", nn.Linear(5, 3, bias=False))
check_list("linear float64", nn.Linear(5, 3, dtype=torch.float64))
check_list("conv", nn.Conv2d(6, 8, (3, 5), groups=2))
check_list("conv without bias", nn.Conv2d(3, 4, 3, bias=False))
# C does not fix the order in which arguments are evaluated; gcc and clang differ, so either order is right here.
state = torch.get_rng_state()
one, two = nn.Linear(4, 7), nn.Linear(7, 2)
if not torch.equal(saved["sequential.0.weight"], one.weight):
    torch.set_rng_state(state)
    two, one = nn.Linear(7, 2), nn.Linear(4, 7)
check_list("sequential", nn.Sequential(one, nn.Tanh(), two))
dropout = nn.Dropout(0.4)
check("dropout module", dropout(torch.ones(9, 31)))
x = torch.ones(9, 31, requires_grad=True)
dropout(x).sum().backward()
check("dropout gradient", x.grad)

torch.manual_seed(13)
for shuffle in (0, 1):
    loader = DataLoader(TensorDataset(torch.arange(103)), batch_size=8, shuffle=shuffle == 1, drop_last=True)
    for k in range(2):
        for b, (x,) in enumerate(loader):
            check(f"loader shuffle={shuffle} pass {k} batch {b}", x)
        check(f"after loader shuffle={shuffle} pass {k}", torch.rand(2))
torch.manual_seed(17)
empty = torch.empty(5, 7)
check("init uniform_", nn.init.uniform_(empty, -1, 2))
check("init normal_", nn.init.normal_(empty, 1, 2))
check("init trunc_normal_", nn.init.trunc_normal_(empty, std=0.5), near)  # its erfinv is another one
check("init xavier_uniform_", nn.init.xavier_uniform_(empty, gain=2))
check("init xavier_normal_", nn.init.xavier_normal_(torch.empty(5, 7, 3)))
check("init kaiming_uniform_", nn.init.kaiming_uniform_(empty, mode="fan_out"))
check("init kaiming_normal_", nn.init.kaiming_normal_(empty))
check("init orthogonal_ wide", nn.init.orthogonal_(empty), near)
check("init orthogonal_ tall", nn.init.orthogonal_(torch.empty(9, 4), gain=2), near)
check("rand after inits", torch.rand(3))
report("random: nothing else was saved", set(saved) == seen, " ".join(sorted(set(saved) - seen)))
