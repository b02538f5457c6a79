"""The twin of digits.c: the same network, data, seed, optimizer and steps."""
import torch
import torch.nn.functional as F
from parity import bits, folder, load, near, report
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

saved = load("digits.safetensors")


class DigitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1)
        self.hidden = nn.Linear(16 * 4 * 4, 64)
        self.out = nn.Linear(64, 10)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv(x)), 2)
        x = F.relu(self.hidden(torch.flatten(x, 1)))
        return self.out(self.dropout(x))


torch.manual_seed(0)
train = DataLoader(TensorDataset(saved["train.input"], saved["train.target"]), batch_size=32, shuffle=True)
test = DataLoader(TensorDataset(saved["test.input"], saved["test.target"]), batch_size=256)
net = DigitNet()
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0)
for name, p in net.named_parameters():
    bits(f"digits: initial {name}", saved[f"start.{name}"], p)

losses, rights = [], []
while len(losses) < 100:
    for x, y in train:
        loss = F.cross_entropy(net(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
        if len(losses) == 100:
            break
    net.eval()
    with torch.no_grad():
        rights.append(sum(int((net(x).argmax(1) == y).sum()) for x, y in test))
    net.train()

got, got_rights = [], []
for line in open(f"{folder}/losses"):
    if line.startswith("right"):
        got_rights.append(int(line.split()[1]))
    else:
        got.append(float(line))
if len(got) != len(losses):
    report("digits: losses", False, f"{len(got)} of them, PyTorch {len(losses)}")
else:
    off = [abs(a - b) / max(abs(b), 1e-30) for a, b in zip(got, losses)]
    worst = max(range(len(off)), key=off.__getitem__)
    report("digits: losses of 100 steps, relative 1e-5", off[worst] <= 1e-5,
           f"largest difference {off[worst]:.2g} at step {worst}: {got[worst]!r}, PyTorch {losses[worst]:.9g}")
report("digits: right answers on the test images", got_rights == rights, f"{got_rights}, PyTorch {rights}")
for name, p in net.named_parameters():
    near(f"digits: trained {name}", saved[f"end.{name}"], p, rtol=1e-3, atol=1e-4)
bits("digits: the generator afterwards", saved["next"], torch.rand(4))
