"""The twin of ops.c: names, the calls, and whether bits must be equal."""
import torch
import torch.nn.functional as F
from parity import bits, load, near, report

saved = load("ops.safetensors")
seen = set()
inputs = {key[3:]: x for key, x in saved.items() if key.startswith("in.")}
a, b, c, d, e, f, g, h, l, m, n = (inputs[i].requires_grad_() for i in "abcdefghlmn")
k = inputs["k"]
e33 = e[0]
cases = [
    ("add", lambda: a + b, True),
    ("add broadcast", lambda: a + c, True),
    ("add alpha", lambda: torch.add(a, b, alpha=0.3), True),
    ("add number", lambda: a + 2, True),
    ("sub", lambda: a - b, True),
    ("sub alpha", lambda: torch.sub(a, b, alpha=-2), True),
    ("mul", lambda: a * b, True),
    ("mul broadcast", lambda: d * a, True),
    ("div", lambda: a / b, True),
    ("div number", lambda: a / 3, True),
    ("square", lambda: a.square(), True),
    ("pow 3", lambda: a ** 3, True),
    ("pow 0.5", lambda: e ** 0.5, False),
    ("pow tensor", lambda: e ** b, False),
    ("neg", lambda: -a, True),
    ("sign", lambda: a.sign(), True),
    ("abs", lambda: a.abs(), True),
    ("exp", lambda: a.exp(), False),
    ("log", lambda: e.log(), False),
    ("sqrt", lambda: e.sqrt(), False),
    ("tanh", lambda: a.tanh(), False),
    ("sigmoid", lambda: a.sigmoid(), False),
    ("relu", lambda: a.relu(), True),
    ("where", lambda: torch.where(a > b, a, b), True),
    ("where number", lambda: torch.where(a > 0, a, 0.25), True),
    ("eq", lambda: a == a, True),
    ("ne", lambda: a != b, True),
    ("lt", lambda: a < c, True),
    ("le", lambda: a <= 0, True),
    ("gt", lambda: a > b, True),
    ("ge", lambda: a >= b, True),
    ("sum", lambda: a.sum(), True),
    ("sum 0", lambda: a.sum(0), True),
    ("sum 1 keepdim", lambda: a.sum(1, keepdim=True), True),
    ("sum dims", lambda: f.sum((0, 2, 3)), True),
    ("sum float64", lambda: a.sum(dtype=torch.float64), True),
    ("sum of a transpose", lambda: a.t().sum(1), True),
    ("mean", lambda: a.mean(), True),
    ("mean 1", lambda: a.mean(1), True),
    ("large sum", lambda: h.sum(), True),
    ("large sum 0", lambda: h.sum(0), True),
    ("large sum 1", lambda: h.sum(1), True),
    ("sum to size", lambda: a.sum_to_size(1, 33), True),
    ("max", lambda: a.max(), True),
    ("argmax", lambda: a.argmax(), True),
    ("argmax 1", lambda: a.argmax(1, keepdim=True), True),
    ("softmax", lambda: a.softmax(1), False),
    ("softmax 0", lambda: a.softmax(0), False),
    ("log_softmax", lambda: a.log_softmax(-1), False),
    ("cross_entropy", lambda: F.cross_entropy(a, k), False),
    ("cross_entropy sum", lambda: F.cross_entropy(a, k, reduction="sum"), False),
    ("cross_entropy none", lambda: F.cross_entropy(a, k, reduction="none"), False),
    ("cross_entropy weight", lambda: F.cross_entropy(a, k, weight=e33.detach()), False),
    ("cross_entropy smooth", lambda: F.cross_entropy(a, k, label_smoothing=0.1), False),
    ("cross_entropy ignore", lambda: F.cross_entropy(a, k, ignore_index=2), False),
    ("cross_entropy probabilities", lambda: F.cross_entropy(a, b.softmax(1)), False),
    ("nll_loss", lambda: F.nll_loss(a.log_softmax(1), k), False),
    ("mse_loss", lambda: F.mse_loss(a, b), False),
    ("mse_loss sum", lambda: F.mse_loss(a, b, reduction="sum"), False),
    ("mm", lambda: a.mm(b.t()), False),
    ("bmm", lambda: l.bmm(l.transpose(1, 2)), False),
    ("linear", lambda: F.linear(b, a, d.sum(1)), False),
    ("matmul 1 1", lambda: torch.matmul(c, c), False),
    ("matmul 1 2", lambda: torch.matmul(c, a.t()), False),
    ("matmul 2 1", lambda: torch.matmul(a, c), False),
    ("matmul 2 2", lambda: torch.matmul(a.t(), b), False),
    ("matmul 1 3", lambda: torch.matmul(m, l), False),
    ("matmul 3 1", lambda: torch.matmul(l.transpose(1, 2), m), False),
    ("matmul 2 3", lambda: torch.matmul(a.narrow(1, 0, 4), l), False),
    ("matmul 3 2", lambda: torch.matmul(l.transpose(1, 2), a.t().narrow(0, 0, 4)), False),
    ("matmul 3 3", lambda: torch.matmul(l, l.transpose(1, 2)), False),
    ("matmul 4 3", lambda: torch.matmul(l.unsqueeze(1), l.transpose(1, 2)), False),
    ("conv2d", lambda: F.conv2d(f, g), False),
    ("conv2d bias", lambda: F.conv2d(f, g, n), False),
    ("conv2d stride padding", lambda: F.conv2d(f, g, n, stride=2, padding=1), False),
    ("conv2d dilation", lambda: F.conv2d(f, g, n, dilation=2, padding=2), False),
    ("conv2d pairs", lambda: F.conv2d(f, g, n, stride=(1, 2), padding=(2, 0)), False),
    ("conv2d groups", lambda: F.conv2d(f, g.narrow(1, 0, 2), n, groups=2), False),
    ("conv2d single", lambda: F.conv2d(f[1], g, n), False),
    ("max_pool2d", lambda: F.max_pool2d(f, 2), True),
    ("max_pool2d stride", lambda: F.max_pool2d(f, 3, stride=2, padding=1), True),
    ("max_pool2d ceil", lambda: F.max_pool2d(f, (2, 3), ceil_mode=True), True),
    ("max_pool2d dilation", lambda: F.max_pool2d(f, 2, stride=1, dilation=2), True),
    ("view", lambda: a.view(33, -1), True),
    ("reshape of transpose", lambda: a.t().reshape(3, -1), True),
    ("flatten", lambda: f.flatten(1, 2), True),
    ("transpose", lambda: f.transpose(1, 3), True),
    ("permute", lambda: f.permute(3, 0, 2, 1), True),
    ("expand", lambda: c.expand(4, 33), True),
    ("squeeze", lambda: d.squeeze(), True),
    ("unsqueeze", lambda: a.unsqueeze(1), True),
    ("select", lambda: a.select(1, -2), True),
    ("slice", lambda: a[:, 2:-3:4], True),
    ("narrow", lambda: a.narrow(0, 3, 5), True),
    ("as_strided", lambda: a.as_strided((3, 4), (2, 1), 5), True),
    ("cat", lambda: torch.cat([a, b, a], 1), True),
    ("stack", lambda: torch.stack([a, b], 1), True),
    ("clone", lambda: a.t().clone(), True),
    ("to float64", lambda: a.to(torch.float64), True),
    ("to int32", lambda: (a * 100).to(torch.int32), True),
    ("arange", lambda: torch.arange(-3, 20, 4), True),
    ("arange float", lambda: torch.arange(0.5, 9, 0.7), True),
    ("linspace", lambda: torch.linspace(-1, 2, 17), True),
    ("eye", lambda: torch.eye(3, 5), True),
    ("full int", lambda: torch.full((2, 2), 7), True),
    ("integer pow", lambda: k ** 3, True),
    ("integer sum", lambda: k.sum(), True),
    ("integer div", lambda: k / 7, True),
]


def check(key, name, expected, exact):
    seen.add(key)
    if key not in saved:
        return report(f"ops: {name}", False, "not saved")
    (bits if exact else near)(f"ops: {name}", saved[key], expected)


for name, call, exact in cases:
    y = call()
    check(f"out.{name}", name, y, exact)
    if y.requires_grad:
        y.backward((torch.arange(y.numel()) % 7 + 1).to(y.dtype).reshape(y.shape))
        for letter in sorted(inputs):
            if inputs[letter].grad is not None:
                check(f"grad.{name}.{letter}", f"{name}, gradient of {letter}", inputs[letter].grad, False)
                inputs[letter].grad = None

types = (torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool)
for s in types:
    for t in types:
        for flat in (False, True):
            x, y = torch.tensor([0, 1, 5]).to(s), torch.tensor([1, 0, 7]).to(t)
            name = f"promote {str(s)[6:]} {str(t)[6:]}" + (" 0-d" if flat else "")
            check(f"out.{name}", name, x + (y[2] if flat else y), True)
for s in types:
    x = torch.tensor([0, 1, 5]).to(s)
    for text, number in (("2", 2), ("2.5", 2.5), ("true", True)):
        check(f"out.promote {str(s)[6:]} {text}", f"promote {str(s)[6:]} {text}", x + number, True)
left = {key for key in saved if not key.startswith("in.")} - seen
report("ops: nothing else was saved", not left, " ".join(sorted(left)))
