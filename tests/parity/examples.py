"""The example programs that print losses, live against the same networks in PyTorch: every printed loss must agree.

It runs build/examples/8_resnet and 9_transformer, which need no arguments.
"""
import math
import os
import re
import subprocess
import sys

import torch
import torch.nn.functional as F
from torch import nn

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
torch.set_num_threads(1)
TOKENS, LENGTH, WIDTH, HEADS = 12, 10, 16, 2


class ResidualBlock(nn.Module):
    def __init__(self, channels_in, channels_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.shortcut = None
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False), nn.BatchNorm2d(channels_out))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (self.shortcut(x) if self.shortcut else x))


def resnet():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), ResidualBlock(8, 8, 1),
                        ResidualBlock(8, 16, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    x, t = torch.randn(16, 3, 12, 12), torch.randint(0, 10, (16,))
    yield from train(torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9), lambda: F.cross_entropy(net(x), t), 20)
    net.eval()
    yield F.cross_entropy(net(x), t).item()


class AttentionBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 4 * WIDTH)
        self.down = nn.Linear(4 * WIDTH, WIDTH)

    def attention(self, x):
        n, length, _ = x.shape
        q, k, v = (part.reshape(n, length, HEADS, -1).transpose(1, 2) for part in self.qkv(x).split(WIDTH, -1))
        at = torch.arange(length)
        scores = torch.where(at > at[:, None], -math.inf, q @ k.transpose(-2, -1) / math.sqrt(WIDTH / HEADS))
        return self.proj((torch.softmax(scores, -1) @ v).transpose(1, 2).reshape(n, length, WIDTH))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.places = nn.Parameter(torch.zeros(LENGTH, WIDTH))
        self.tokens = nn.Embedding(TOKENS, WIDTH)
        self.block = AttentionBlock()
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, TOKENS)

    def forward(self, x):
        return self.head(self.norm(self.block(self.tokens(x) + self.places[:x.shape[1]])))


def transformer():
    net, x = Transformer(), torch.randint(0, TOKENS, (8, LENGTH))
    yield from train(torch.optim.AdamW(net.parameters(), lr=1e-2),
                     lambda: F.cross_entropy(net(x[:, :-1]).reshape(-1, TOKENS), x[:, 1:].reshape(-1)), 30)


def train(optimizer, loss_of, steps):
    for _ in range(steps):
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss.item()


def compare(name, theirs):
    build = os.environ.get("BUILD", os.path.join(root, "build"))
    out = subprocess.run([os.path.abspath(os.path.join(build, "examples", name))], capture_output=True, text=True, check=False)
    ours = [float(v) for v in re.findall(r"loss (\S+)", out.stdout)]
    torch.manual_seed(0)
    theirs = list(theirs())
    worst = max((abs(a - b) / abs(b) for a, b in zip(ours, theirs)), default=math.inf)
    right = out.returncode == 0 and len(ours) == len(theirs) and worst < 1e-3 and abs(ours[0] - theirs[0]) < 1e-5
    print(f"{'ok' if right else 'FAILED'} example {name}: {len(ours)} losses, at most {worst:.1e} apart", flush=True)


if __name__ == "__main__":
    compare("8_resnet", resnet)
    compare("9_transformer", transformer)
    sys.exit(0)
