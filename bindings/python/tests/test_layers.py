"""Layers with the same arguments: printed text, names of the state, results in training and in evaluation."""
import pytest

CASES = [
    ("Linear", lambda n: n.Linear(3, 2, bias=False), (2, 3)),
    ("Conv2d", lambda n: n.Conv2d(2, 4, (3, 1), stride=(2, 1), padding=1, groups=2), (1, 2, 5, 4)),
    ("MaxPool2d", lambda n: n.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), (1, 2, 6, 5)),
    ("AvgPool2d", lambda n: n.AvgPool2d((2, 1), stride=(2, 1), padding=(1, 0)), (1, 2, 4, 4)),
    ("AdaptiveAvgPool2d", lambda n: n.AdaptiveAvgPool2d((2, 1)), (1, 2, 5, 5)),
    ("LayerNorm", lambda n: n.LayerNorm((3, 4), eps=1e-3), (2, 3, 4)),
    ("LayerNorm", lambda n: n.LayerNorm(4, elementwise_affine=False), (2, 4)),
    ("RMSNorm", lambda n: n.RMSNorm(4), (2, 4)),
    ("GroupNorm", lambda n: n.GroupNorm(2, 4), (2, 4, 3)),
    ("BatchNorm1d", lambda n: n.BatchNorm1d(4), (5, 4)),
    ("BatchNorm2d", lambda n: n.BatchNorm2d(4, momentum=None), (5, 4, 2, 2)),
    ("BatchNorm2d", lambda n: n.BatchNorm2d(4, affine=False, track_running_stats=False), (5, 4, 2, 2)),
    ("InstanceNorm2d", lambda n: n.InstanceNorm2d(4, affine=True), (5, 4, 2, 2)),
    ("Softmax", lambda n: n.Softmax(dim=1), (2, 3)),
    ("LogSoftmax", lambda n: n.LogSoftmax(dim=-1), (2, 3)),
    ("Identity", lambda n: n.Identity(), (2, 3)),
    ("Flatten", lambda n: n.Flatten(), (2, 3, 4)),
    ("Unflatten", lambda n: n.Unflatten(1, (2, 2)), (3, 4)),
    ("Dropout", lambda n: n.Dropout(0.3), (4, 5)),
    ("Dropout2d", lambda n: n.Dropout2d(0.3), (2, 3, 2, 2)),
    ("ReLU", lambda n: n.ReLU(), (2, 3)),
    ("Tanh", lambda n: n.Tanh(), (2, 3)),
    ("Sigmoid", lambda n: n.Sigmoid(), (2, 3)),
    ("GELU", lambda n: n.GELU(), (2, 3)),
    ("GELU", lambda n: n.GELU(approximate="tanh"), (2, 3)),
    ("SiLU", lambda n: n.SiLU(), (2, 3)),
    ("LeakyReLU", lambda n: n.LeakyReLU(0.2), (2, 3)),
    ("ELU", lambda n: n.ELU(alpha=0.5), (2, 3)),
    ("Softplus", lambda n: n.Softplus(), (2, 3)),
]


def near(a, b):
    if isinstance(a, list):
        return len(a) == len(b) and all(map(near, a, b))
    return a == b or abs(a - b) < 1e-5


@pytest.mark.parametrize("name,make,shape", CASES, ids=[f"{c[0]}{i}" for i, c in enumerate(CASES)])
def test_a_layer(both, name, make, shape):
    if not hasattr(both[0].nn, name):
        pytest.skip(f"no {name} in this version")
    seen = []
    for lib in both:
        lib.manual_seed(0)
        layer = make(lib.nn)
        x = lib.randn(*shape, requires_grad=True)
        y = layer(x)
        (y * y).sum().backward()
        seen.append((repr(layer), list(layer.state_dict()), y.tolist(), x.grad.tolist(), layer.eval()(x).tolist()))
    ours, theirs = seen
    assert ours[:2] == theirs[:2]
    assert near(list(ours[2:]), list(theirs[2:]))


def test_containers(lib):
    nn = lib.nn
    modules = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(2, 2)})
    modules["c"] = nn.Tanh()
    assert list(modules) == ["a", "b", "c"] == list(modules.keys()) and "b" in modules and len(modules) == 3
    assert [type(m).__name__ for m in modules.values()] == ["ReLU", "Linear", "Tanh"] and modules["b"].weight.shape == (2, 2)
    del modules["a"]
    assert [k for k, _ in modules.items()] == ["b", "c"] and list(modules.state_dict()) == ["b.weight", "b.bias"]
    values = nn.ParameterList([nn.Parameter(lib.ones(2)), nn.Parameter(lib.zeros(1))])
    values.append(nn.Parameter(lib.ones(3)))
    assert len(values) == 3 and [tuple(p.shape) for p in values] == [(2,), (1,), (3,)] and values[-1].shape == (3,)
    named = nn.ParameterDict({"w": nn.Parameter(lib.ones(2))})
    named["v"] = nn.Parameter(lib.ones(1))
    assert sorted(named.keys()) == ["v", "w"] and len(list(named.parameters())) == 2
    listed = nn.ModuleList([nn.ReLU()])
    listed.extend([nn.Tanh()])
    listed.insert(0, nn.Sigmoid())
    assert [type(m).__name__ for m in listed] == ["Sigmoid", "ReLU", "Tanh"] and isinstance(listed[1:], nn.ModuleList)


def test_lazy_norms(lib):
    nn = lib.nn
    m = nn.LazyInstanceNorm1d()
    assert repr(m).startswith("LazyInstanceNorm1d(0, eps=1e-05, momentum=0.1, affine=True")
    x = lib.randn(2, 3, 4)
    m(x)
    assert repr(m).startswith("InstanceNorm1d(3, ") and m.weight.tolist() == [1, 1, 1] and m.num_batches_tracked.item() == 0
    b = nn.LazyBatchNorm2d(momentum=None, bias=False)
    b(lib.randn(2, 3, 4, 4))
    assert b.bias is None and list(b.running_mean.shape) == [3] and b.num_batches_tracked.item() == 1


def test_calls_that_do_not_fit_name_the_layer(lib):
    with pytest.raises(TypeError, match=r"Linear.__init__\(\) missing 1 required positional argument: 'out_features'"):
        lib.nn.Linear(2)
    with pytest.raises(TypeError, match=r"Linear.__init__\(\) got an unexpected keyword argument 'foo'"):
        lib.nn.Linear(2, 2, foo=1)
    with pytest.raises(TypeError, match=r"^Linear.forward\(\) takes"):
        lib.nn.Linear(2, 2)(lib.ones(2), lib.ones(2))
    with pytest.raises(TypeError, match=r"^Linear.forward\(\) missing 1 required positional argument"):
        lib.nn.Linear(2, 2)()
