"""The network and the training of examples/fashion.c in PyTorch: torch_fashion.py [FOLDER [EPOCHS [THREADS]]]."""
import gzip
import sys
import time

import numpy as np
import torch
from torch import nn

folder = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist"
epochs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
if len(sys.argv) > 3:
    torch.set_num_threads(int(sys.argv[3]))


def load(name, offset):
    with gzip.open(f"{folder}/{name}") as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=offset).copy())


def fashion(name):
    images = load(f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    return (images.float() - 72.94) / 90.02, load(f"{name}-labels-idx1-ubyte.gz", 8).long()


def accuracy(net, images, labels):
    net.eval()
    with torch.no_grad():
        right = sum(int((net(images[i : i + 500]).argmax(1) == labels[i : i + 500]).sum()) for i in range(0, len(images), 500))
    net.train()
    return right / len(images)


torch.manual_seed(0)
images, labels = fashion("train")
test = fashion("t10k")
net = nn.Sequential(
    nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(800, 128), nn.ReLU(), nn.Linear(128, 10),
)
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
print(f"{torch.get_num_threads()} threads")
for epoch in range(1, epochs + 1):
    start = time.monotonic()
    total = 0.0
    order = torch.randperm(len(images)).split(64)  # no DataLoader: its Python would be what is measured
    for rows in order:
        loss = nn.functional.cross_entropy(net(images[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    trained = time.monotonic()
    right = accuracy(net, *test)
    print(
        f"epoch {epoch:2}/{epochs}  loss {total / len(order):.4f}  test accuracy {100 * right:.2f} %"
        f"  {60000 / (trained - start):.0f} images/s in training, {10000 / (time.monotonic() - trained):.0f} in testing"
    )
