"""The twin of pt.c: the same values by torch.save must give the same bytes; a run of Tison's goes on in PyTorch."""
import collections
import io
import os
import subprocess
import zipfile

import torch
import torch.nn.functional as F
from parity import bits, folder, load, report
from torch import nn
from torch.nn.utils import spectral_norm


def masked(path):
    """A file without the archive's id, which is a checksum of torch's own."""
    data = open(path, "rb").read()
    archive = zipfile.ZipFile(io.BytesIO(data))
    info = next(i for i in archive.infolist() if i.filename.endswith("serialization_id"))
    return data.replace(archive.read(info), b"#" * 40).replace(info.CRC.to_bytes(4, "little"), b"####")


def same_bytes(name, value):
    os.makedirs(f"{folder}/torch", exist_ok=True)
    torch.save(value, f"{folder}/torch/{name}")
    got, expected = masked(f"{folder}/{name}"), masked(f"{folder}/torch/{name}")
    at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
    report(f"pt: bytes of {name}", got == expected, f"{len(got)} bytes" if got == expected else f"differ at byte {at}")


torch.manual_seed(11)
same_bytes("seq.pt", nn.Sequential(*[nn.Linear(2, 2) for _ in range(11)]).state_dict())
a, b = nn.Linear(3, 2), nn.Linear(2, 2)
spectral_norm(a)
b.w = nn.Parameter(torch.ones(2, 3))
spectral_norm(spectral_norm(b), "w")
norms = nn.Sequential(a, nn.BatchNorm1d(2), b).state_dict()
for name in "0.weight_u", "0.weight_v", "2.weight_u", "2.weight_v", "2.w_u", "2.w_v":
    norms[name].fill_(0.5)
same_bytes("norms.pt", norms)
report("pt: _metadata of norms.pt", torch.load(f"{folder}/norms.pt")._metadata == norms._metadata)
x = torch.arange(10)
numbers = [0, 255, 256, 65536, -1, -(2**63), 2**63 - 1, 2**40, -0.0, None, True, "two words", "word", (1,), ("word", 2.5), ()]
numbers += [1 - 2j, b"\xff\0z", torch.float64]
values = {"list": numbers, "again": numbers, 7: "seven", "x": x, "view": x.reshape(2, 5).t(), "part": x[3:5]}
values |= {"parameter": nn.Parameter(torch.ones(2, 2)), "empty": torch.zeros(0, 3), "number": torch.tensor(2.5, dtype=torch.float64)}
values |= {"truth": x > 4, "many": {i: i for i in range(1000)}}
same_bytes("values.pt", values)
same_bytes("tensor.pt", torch.ones(3))
for name in ("seq.pt", "values.pt", "tensor.pt", "run.pt"):
    torch.load(f"{folder}/{name}", weights_only=True)
    report(f"pt: torch.load of {name}", True)


class net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 1)

    def forward(self, x):
        return self.second(self.first(x).relu())


run = torch.load(f"{folder}/run.pt", weights_only=True)
model = net()
optimizer = torch.optim.SGD(model.parameters(), lr=99)
model.load_state_dict(run["model"])
optimizer.load_state_dict(run["optimizer"])
torch.set_rng_state(run["rng_state"])
for _ in range(3):
    inputs, targets = torch.randn(5, 3), torch.randn(5, 1)
    optimizer.zero_grad()
    F.mse_loss(model(inputs), targets).backward()
    optimizer.step()
report("pt: step of the checkpoint", run["step"] == 3)
got = load("pt.safetensors")["after six steps"]
torch.testing.assert_close(got, model.first.weight.detach(), rtol=1e-6, atol=1e-7)
report("pt: a checkpoint goes on in PyTorch", True)

# the other way
model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
optimizer = torch.optim.AdamW([{"params": model[0].parameters()}, {"params": model[2].parameters(), "lr": 0.5}])
model(torch.randn(4, 2)).sum().backward()
optimizer.step()
kinds = [1 + 2j, 1j, {1}, b"a\xff", bytearray(b"z"), torch.float16, torch.Size([1, 2]), collections.Counter("aab"), float("nan"), 1e300]
files = {
    "od.pt": collections.OrderedDict((i, [i, str(i)]) for i in range(1500)),
    "optimizer.pt": optimizer.state_dict(),
    "kinds.pt": kinds,
    "model.pt": {"state": model.state_dict(), "epoch": 3},
    "protocol4.pt": {"x": torch.arange(3), "list": [1, 2.5, "three"]},
}
for name, value in files.items():
    torch.save(value, f"{folder}/{name}", pickle_protocol=4 if name == "protocol4.pt" else 2)
subprocess.run([f"{folder}/../pt", folder, "read"], check=True)
for part in open(f"{folder}/read").read().split("== ")[1:]:
    name, text = part.split("\n", 1)
    expected = repr(files[name])
    report(f"pt: what Tison reads of {name}", text[:-1] == expected, "" if text[:-1] == expected else f"{text[:300]!r}, not {expected[:300]!r}")
