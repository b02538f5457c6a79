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


def run(prefix, dtype, tolerance):
    torch.manual_seed(0)
    train = DataLoader(TensorDataset(saved["train.input"], saved["train.target"]), batch_size=32, shuffle=True)
    test = DataLoader(TensorDataset(saved["test.input"], saved["test.target"]), batch_size=256)
    net = DigitNet().to(dtype)
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0)
    for name, p in net.named_parameters():
        bits(f"digits {prefix}: initial {name}", saved[f"{prefix}.start.{name}"], p)
    losses, rights = [], []
    while len(losses) < 100:
        for x, y in train:
            loss = F.cross_entropy(net(x.to(dtype)), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            if not losses:
                for name, p in net.named_parameters():
                    near(f"digits {prefix}: first gradient of {name}", saved[f"{prefix}.grad.{name}"], p.grad)
                    near(f"digits {prefix}: {name} after one step", saved[f"{prefix}.step.{name}"], p)
            losses.append(loss.item())
            if len(losses) == 100:
                break
        net.eval()
        with torch.no_grad():
            rights.append(sum(int((net(x.to(dtype)).argmax(1) == y).sum()) for x, y in test))
        net.train()

    lines = [line.split() for line in open(f"{folder}/losses")]
    got = [float(value) for key, value in lines if key == prefix]
    got_rights = [int(value) for key, value in lines if key == f"{prefix}.right"]
    off = [abs(a - b) / abs(b) for a, b in zip(got, losses)]
    worst = max(range(len(off)), key=off.__getitem__)
    report(f"digits {prefix}: losses of 100 steps", len(got) == len(losses) and off[worst] <= tolerance,
           f"largest relative difference {off[worst]:.2g} at step {worst}, allowed {tolerance:.2g}; first step {off[0]:.2g}")
    report(f"digits {prefix}: right answers on the test images", got_rights == rights, f"{got_rights}, PyTorch {rights}")
    for name, p in net.named_parameters():
        near(f"digits {prefix}: trained {name}", saved[f"{prefix}.end.{name}"], p, rtol=tolerance, atol=tolerance)
    bits(f"digits {prefix}: the generator afterwards", saved[f"{prefix}.next"], torch.rand(4))


run("float64", torch.float64, 1e-5)
run("float32", torch.float32, 1e-5)
