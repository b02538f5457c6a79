"""The twin of text.c: repr of the same things."""
import torch
import torch.nn.functional as F
from parity import folder, load, report
from torch import nn

saved = load("text.safetensors")
texts = {}
for part in open(f"{folder}/text").read().split("== ")[1:]:
    name, body = part.split("\n", 1)
    texts[name] = body[:-1]


class digit_net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.rest = nn.Sequential(nn.ReLU(), nn.Flatten())
        self.scale = nn.Parameter(torch.ones(1))


x = saved["leaf"].requires_grad_()
net = digit_net()
twins = {
    "leaf": x,
    "transposed": saved["transposed"],
    "AddBackward0": x + 1,
    "MulBackward0": x * x,
    "SumBackward0": x.sum(),
    "MeanBackward0": x.mean(),
    "TBackward0": x.t(),
    "ReluBackward0": x.relu(),
    "MmBackward0": x.mm(x),
    "LogSoftmaxBackward0": x.log_softmax(1),
    "NllLossBackward0": F.cross_entropy(x, torch.tensor([0, 1])),
    "ViewBackward0": x.view(4),
    "parameter": nn.Parameter(saved["parameter"]),
    "frozen parameter": nn.Parameter(saved["frozen parameter"], False),
    "Linear": nn.Linear(3, 4),
    "Linear without bias": nn.Linear(3, 4, bias=False),
    "Conv2d": nn.Conv2d(3, 4, 5),
    "Conv2d options": nn.Conv2d(4, 8, (3, 5), stride=2, padding=(1, 2), dilation=2, groups=2, bias=False),
    "Dropout": nn.Dropout(0.25),
    "Flatten": nn.Flatten(),
    "MaxPool2d": nn.MaxPool2d(2),
    "MaxPool2d options": nn.MaxPool2d((2, 3), stride=1, padding=1, ceil_mode=True),
    "ReLU": nn.ReLU(),
    "Tanh": nn.Tanh(),
    "Sigmoid": nn.Sigmoid(),
    "Sequential": nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 3), nn.Tanh())),
    "ModuleList": nn.ModuleList([nn.Linear(2, 3), nn.Linear(2, 3), nn.ReLU()]),
    "module of one's own": net,
}
for name, got in texts.items():
    expected = repr(twins[name] if name in twins else saved[name])
    report(f"text: {name}", got == expected, "" if got == expected else f"got {got!r}, PyTorch {expected!r}")
missing = set(twins) - set(texts)
report("text: nothing is missing", not missing, " ".join(sorted(missing)))
