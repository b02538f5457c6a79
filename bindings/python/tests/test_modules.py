"""Modules defined by assignment, layers, state dicts, hooks, printing."""
import collections
import copy
import gc
import pickle
import weakref

import pytest
import tison


def make_net(lib):
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self, width=8):
            super().__init__()
            self.hidden = nn.Linear(4, width)
            self.out = nn.Linear(width, 2, bias=False)
            self.scale = nn.Parameter(lib.ones(2))
            self.register_buffer("mean", lib.zeros(4))
            self.register_buffer("scratch", lib.zeros(1), persistent=False)
            self.plain = lib.ones(3)
            self.width = width

        def forward(self, x, factor=1.0):
            return self.out(lib.relu(self.hidden(x - self.mean))) * self.scale * factor
    return Net()


def test_assignment_registers(lib):
    net = make_net(lib)
    assert [n for n, _ in net.named_parameters()] == ["scale", "hidden.weight", "hidden.bias", "out.weight"]
    assert [n for n, _ in net.named_buffers()] == ["mean", "scratch"]
    assert list(net.state_dict()) == ["scale", "mean", "hidden.weight", "hidden.bias", "out.weight"]
    assert [n for n, _ in net.named_modules()] == ["", "hidden", "out"] and list(net.children()) == [net.hidden, net.out]
    assert net.width == 8 and net.plain.tolist() == [1, 1, 1] and net.out.bias is None
    assert isinstance(net.scale, lib.nn.Parameter) and net.scale.requires_grad and not net.mean.requires_grad
    net.scale = lib.nn.Parameter(lib.zeros(2))
    assert net.scale.tolist() == [0, 0] and len(list(net.parameters())) == 4
    del net.scale
    assert len(list(net.parameters())) == 3 and not hasattr(net, "scale")


def test_assignments_that_are_refused(lib):
    net = make_net(lib)
    with pytest.raises(TypeError, match="cannot assign 'torch.FloatTensor' as parameter 'scale'"):
        net.scale = lib.zeros(2)
    with pytest.raises(TypeError, match="cannot assign 'int' as parameter 'scale'"):
        net.scale = 3
    with pytest.raises(TypeError, match="as child module 'hidden'"):
        net.hidden = 3
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'absent'"):
        net.absent
    with pytest.raises(KeyError):
        net.register_parameter("a.b", lib.nn.Parameter(lib.ones(1)))
    with pytest.raises(KeyError):
        net.register_buffer("forward", lib.ones(1))

    class Early(lib.nn.Module):
        def __init__(self):
            self.weight = lib.nn.Parameter(lib.ones(1))
    with pytest.raises(AttributeError, match="before Module.__init__"):
        Early()


def test_calls(lib):
    net = make_net(lib)
    x = lib.ones(3, 4)
    assert net(x).shape == (3, 2) and (net(x, factor=2.0) - net(x) * 2).abs().max().item() < 1e-6
    with pytest.raises(NotImplementedError, match="missing the required \"forward\""):
        lib.nn.Module()(x)
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        net.hidden(lib.ones(3, 5))


def test_sequential(lib):
    nn = lib.nn
    net = make_net(lib)
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), net)
    assert len(model) == 3 and model[2] is net and model[-1] is net and model(lib.ones(2, 4)).shape == (2, 2)
    assert [n for n, _ in model.named_parameters()][0] == "0.weight" and len(model[:2]) == 2
    named = nn.Sequential(collections.OrderedDict([("first", nn.Linear(4, 2)), ("act", nn.ReLU())]))
    assert list(named.state_dict()) == ["first.weight", "first.bias"] and named(lib.ones(1, 4)).shape == (1, 2)
    modules = nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 2)])
    modules.append(nn.ReLU())
    assert len(modules) == 3 and [type(m).__name__ for m in modules] == ["Linear", "Linear", "ReLU"]


def test_layers(lib):
    nn = lib.nn
    x = lib.randn(2, 3, 8, 8)
    conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    assert conv(x).shape == (2, 4, 4, 4) and conv.stride == (2, 2) and conv.in_channels == 3
    assert nn.Conv2d(3, 4, (3, 1), padding=(1, 0))(x).shape == (2, 4, 8, 8)
    assert nn.MaxPool2d(2)(x).shape == (2, 3, 4, 4) and nn.Flatten()(x).shape == (2, 192)
    drop = nn.Dropout(0.5)
    assert drop.p == 0.5 and drop.eval()(x).tolist() == x.tolist() and not drop.training
    linear = nn.Linear(in_features=3, out_features=2, bias=True, dtype=lib.float64)
    assert linear.weight.dtype == lib.float64 and linear.in_features == 3 and linear.weight.shape == (2, 3)
    linear.weight = nn.Parameter(lib.zeros(2, 3, dtype=lib.float64))
    assert linear(lib.ones(1, 3, dtype=lib.float64)).tolist() == [linear.bias.tolist()]
    with pytest.raises(ValueError):
        nn.Dropout(2)


def test_a_layer_with_a_forward_of_ones_own(lib):
    class Twice(lib.nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2
    layer = Twice(2, 2)
    x = lib.ones(1, 2)
    once = lib.nn.functional.linear(x, layer.weight, layer.bias)
    for m in (layer, lib.nn.Sequential(layer), copy.deepcopy(layer), copy.deepcopy(lib.nn.Sequential(layer))):
        assert (m(x) - once * 2).abs().max().item() < 1e-6
    assert repr(layer) == "Twice(in_features=2, out_features=2, bias=True)" and type(copy.deepcopy(layer)) is Twice
    with pytest.raises(RuntimeError, match="loading state_dict for Twice"):
        layer.load_state_dict({})

    class Named(lib.nn.Sequential):
        def extra_repr(self):
            return "named"
    named = Named(layer, lib.nn.ReLU())
    assert repr(named).startswith("Named(\n  named\n  (0): Twice(") and len(named.append(lib.nn.Tanh())) == 3


def test_printing(both):
    texts = []
    for lib in both:
        nn = lib.nn
        texts.append(repr(nn.Sequential(make_net(lib), nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Dropout(), nn.Flatten())))
    assert texts[0] == texts[1]


def test_extra_repr(lib):
    class Named(lib.nn.Module):
        def extra_repr(self):
            return "k=3"
    assert repr(Named()) == "Named(k=3)"


def test_state_dict_round_trip(lib):
    a, b = make_net(lib), make_net(lib)
    state = a.state_dict()
    assert str(b.load_state_dict(state)) == "<All keys matched successfully>"
    assert b.hidden.weight.tolist() == a.hidden.weight.tolist() and b.hidden.weight.data_ptr() != a.hidden.weight.data_ptr()
    a.mean.add_(1)
    assert state["mean"].tolist() == [1] * 4
    del state["scale"]
    state["more"] = lib.ones(1)
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: \"scale\""):
        b.load_state_dict(state)
    result = b.load_state_dict(state, strict=False)
    assert result.missing_keys == ["scale"] and result.unexpected_keys == ["more"]


def test_state_travels(both):
    ours, theirs = both
    a, b = make_net(ours), make_net(theirs)
    a.load_state_dict({k: ours.from_numpy(v.numpy()) for k, v in b.state_dict().items()})
    x = theirs.randn(3, 4)
    assert abs(a(ours.from_numpy(x.numpy())).detach().numpy() - b(x).detach().numpy()).max() < 1e-6


def test_train_eval_apply(lib):
    net = make_net(lib)
    seen = []
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net and seen == ["Linear", "Linear", "Net"]
    assert net.training and not net.eval().training and not net.hidden.training and net.train().hidden.training
    net(lib.ones(1, 4)).sum().backward()
    assert net.scale.grad is not None
    net.zero_grad()
    assert net.scale.grad is None
    weight = net.hidden.weight
    assert net.double().hidden.weight is weight and weight.dtype == lib.float64 and net.mean.dtype == lib.float64
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    assert net.get_parameter("hidden.weight") is weight and net.get_submodule("out") is net.out


@pytest.mark.parametrize("where", ["python", "layer"])
def test_module_hooks(lib, where):
    module = make_net(lib) if where == "python" else lib.nn.Linear(4, 2)
    seen = []
    before = module.register_forward_pre_hook(lambda m, args: seen.append(("pre", m is module, len(args))))
    after = module.register_forward_hook(lambda m, args, out: out * 0)
    x = lib.ones(1, 4)
    assert module(x).abs().sum().item() == 0 and seen == [("pre", True, 1)]
    inside = lib.nn.Sequential(module)
    assert inside(x).abs().sum().item() == 0
    before.remove(), after.remove()
    assert module(x).shape == (1, 2) and len(seen) == 2


def test_an_exception_in_a_forward_comes_through(lib):
    class Broken(lib.nn.Module):
        def forward(self, x):
            raise ZeroDivisionError("here")
    with pytest.raises(ZeroDivisionError, match="here"):
        lib.nn.Sequential(lib.nn.Linear(1, 1), Broken())(lib.ones(1, 1))
    assert (lib.ones(1) + 1).item() == 2


def test_init(lib):
    w = lib.empty(3, 5)
    lib.nn.init.kaiming_uniform_(w, nonlinearity="relu")
    assert w.abs().max().item() <= (6 / 5) ** 0.5
    assert lib.nn.init.constant_(w, 2.0).tolist() == [[2] * 5] * 3
    lib.nn.init.normal_(w, mean=5, std=0.1), lib.nn.init.xavier_uniform_(w, gain=2.0), lib.nn.init.zeros_(w)
    assert w.sum().item() == 0


def test_copies(lib):
    p = lib.nn.Parameter(lib.ones(2))
    q = copy.deepcopy(p)
    assert isinstance(q, lib.nn.Parameter) and q is not p and q.tolist() == [1, 1]
    x = pickle.loads(pickle.dumps(lib.ones(2, dtype=lib.float64)))
    assert x.dtype == lib.float64 and x.tolist() == [1, 1]


def test_deep_copies_of_modules(lib):
    net = lib.nn.Sequential(make_net(lib), lib.nn.Linear(2, 2)).eval()
    net[0].again = net[1]
    other = copy.deepcopy(net)
    assert type(other[0]) is type(net[0]) and other[0].width == 8 and other[0].again is other[1] and not other.training
    assert list(other.state_dict()) == list(net.state_dict()) and other[1].weight.data_ptr() != net[1].weight.data_ptr()
    x = lib.ones(1, 4)
    assert other(x).tolist() == net(x).tolist()
    assert [n for n, _ in other.named_buffers()] == ["0.mean", "0.scratch"] and "0.scratch" not in other.state_dict()


def test_files(lib, tmp_path):
    net = make_net(lib)
    lib.save(net.state_dict(), tmp_path / "net.pt")
    assert {k: v.tolist() for k, v in lib.load(tmp_path / "net.pt").items()} == {k: v.tolist() for k, v in net.state_dict().items()}
    value = {"step": 3, "rate": 0.5, "names": ["a", None, True], "pair": (1, lib.ones(2)), 7: lib.float64}
    lib.save(value, str(tmp_path / "value.pt"))
    back = lib.load(str(tmp_path / "value.pt"))
    assert back["step"] == 3 and back["names"] == ["a", None, True] and back["pair"][1].tolist() == [1, 1]
    assert back[7] is lib.float64
    with pytest.raises(OSError):
        lib.load(tmp_path / "absent.pt")


def test_files_travel(both, tmp_path):
    ours, theirs = both
    theirs.save({"x": theirs.arange(3), "n": 2}, tmp_path / "a.pt")
    assert ours.load(tmp_path / "a.pt")["x"].tolist() == [0, 1, 2]
    ours.save({"x": ours.arange(3), "n": [2.5]}, tmp_path / "b.pt")
    back = theirs.load(tmp_path / "b.pt", weights_only=True)
    assert back["x"].tolist() == [0, 1, 2] and back["n"] == [2.5]
    ours.save({"x": ours.ones(2)}, tmp_path / "c.safetensors")
    assert ours.load(tmp_path / "c.safetensors")["x"].tolist() == [1, 1]


def test_places_keep_their_kind(lib):
    net = make_net(lib)
    net.mean = lib.ones(4)
    assert [n for n, _ in net.named_buffers()] == ["mean", "scratch"] and net.state_dict()["mean"].tolist() == [1] * 4
    net.scratch = lib.ones(2)
    assert "scratch" not in net.state_dict() and net.scratch.tolist() == [1, 1]
    net.scale = None
    assert net.scale is None and "scale" not in net.state_dict()
    net.scale = lib.nn.Parameter(lib.ones(2))
    assert "scale" in net.state_dict()
    net.plain = lib.nn.Parameter(lib.ones(1))
    assert "plain" in dict(net.named_parameters()) and "plain" not in net.__dict__
    net.hidden = lib.nn.Linear(4, 8, bias=False)
    assert net.hidden.bias is None and [n for n, _ in net.named_children()] == ["hidden", "out"]
    net.register_parameter("later", None)
    assert net.later is None
    net.shared = net.out
    assert len(list(net.named_modules())) == 3 and [n for n, _ in net.named_modules(remove_duplicate=False)][-1] == "shared"
    with pytest.raises(TypeError, match="as buffer 'mean'"):
        net.mean = 3


def test_summary_of_modules_made_in_python():
    import tison
    nn = tison.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(3)
            self.linear = nn.Linear(3, 4)

        def forward(self, x):
            return self.linear(self.norm(x))

    net = Net()
    def rows(*arguments, **keywords):
        return [line.split() for line in tison.utils.summary(net, *arguments, **keywords).splitlines()]

    assert ["linear", "Linear", "16", "64", "bytes", "weight", "[4,", "3],", "bias", "[4]"] in rows()
    assert ["model", "Net", "[5,", "4]"] in rows(tison.ones(5, 3)) and len(rows(depth=0)) == 3
    assert net.training and net.norm.num_batches_tracked.item() == 0
    with pytest.raises(RuntimeError):
        tison.utils.summary(net, tison.ones(5, 2))


def test_conversion_under_flags(lib):
    F, net = lib.__future__, lib.nn.Linear(2, 2)
    w = net.weight
    net(lib.ones(1, 2)).sum().backward()
    F.set_overwrite_module_params_on_conversion(True)
    try:
        assert F.get_overwrite_module_params_on_conversion() and not F.get_swap_module_params_on_conversion()
        net.double()
        assert net.weight is not w and w.dtype == lib.float32 and isinstance(net.weight, lib.nn.Parameter)
        assert net.weight.grad.dtype == lib.float64
    finally:
        F.set_overwrite_module_params_on_conversion(False)
    w = net.weight
    F.set_swap_module_params_on_conversion(True)
    try:
        g = w.grad
        net.float()
        assert net.weight is w and w.grad is g and g.dtype == lib.float32 and type(w) is lib.nn.Parameter
        view = w[0]
        with pytest.raises(RuntimeError, match="Couldn't swap Linear.weight"):
            net.double()
        del view
        net.load_state_dict({"weight": lib.ones(2, 2).double(), "bias": lib.ones(2)}, assign=True)
        assert net.weight is w and w.dtype == lib.float64 and w.grad is None
    finally:
        F.set_swap_module_params_on_conversion(False)


def test_module_to_memory_format(lib):
    net = lib.nn.Conv2d(2, 3, 3).to(memory_format=lib.channels_last)
    assert net.weight.stride() == (18, 1, 6, 2) and net.bias.stride() == (1,)
    with pytest.raises(RuntimeError, match="required rank 5 tensor"):
        net.to(memory_format=lib.channels_last_3d)


def test_copies_keep_what_is_shared(lib):
    class Net(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = lib.nn.Linear(2, 2), lib.nn.Linear(2, 2)
            self.b.weight = self.a.weight
            self.listed, self.named = [self.a], {"w": self.a.weight}

        def forward(self, x):
            return self.b(self.a(x))
    net, module, tensor = copy.deepcopy([Net(), lib.nn.ReLU(), lib.ones(1)])
    assert net.a.weight is net.b.weight and net.listed[0] is net.a and net.named["w"] is net.a.weight
    assert len(list(net.parameters())) == 3 and isinstance(module, lib.nn.ReLU) and tensor.tolist() == [1]


def test_attributes_of_parameters_live_with_them(lib):
    """What a program notes on a Parameter is found again, however it is reached and whatever Python has collected meanwhile."""
    m, p = lib.nn.Linear(2, 2), lib.nn.Parameter(lib.ones(2))
    p.given, m.extra = "before", p
    del p
    m.weight.decay = True
    net = lib.nn.Sequential(m)
    for q in net.parameters():
        q.seen = "walk"
    gc.collect()
    assert m.extra.given == "before" and m.weight.decay and not hasattr(m.bias, "decay")
    assert [q.seen for q in net.parameters()] == ["walk"] * 3 and m.bias.seen == "walk"
    m.weight = lib.nn.Parameter(lib.zeros(2, 2))
    assert not hasattr(m.weight, "decay") and not hasattr(copy.deepcopy(m).bias, "seen")


def test_replaced_parameters_with_attributes_are_freed(lib):
    m = lib.nn.Linear(2, 2)
    m.weight.note = 1
    old = weakref.ref(m.weight)
    m.weight = lib.nn.Parameter(lib.zeros(2, 2))
    gc.collect()
    assert old() is None


def test_dicts_of_members(lib):
    m = lib.nn.BatchNorm1d(2)
    m.register_buffer("scratch", lib.zeros(1), persistent=False)
    m.bias = None
    assert list(m._parameters) == ["weight", "bias"] and m._parameters["bias"] is None and m._parameters["weight"] is m.weight
    assert list(m._buffers) == ["running_mean", "running_var", "num_batches_tracked", "scratch"]
    assert m._non_persistent_buffers_set == {"scratch"} and m._get_name() == "BatchNorm1d"
    assert list(lib.nn.Sequential(m, None)._modules.values()) == [m, None]


def test_dicts_of_members_cannot_be_changed():
    """They are computed: a change would be lost, so it is refused."""
    with pytest.raises(TypeError):
        tison.nn.Linear(1, 1)._parameters["weight"] = None


def test_base_constructor_names_the_class(lib):
    class Net(lib.nn.Module):
        def __init__(self, *args, **keywords):
            super().__init__(*args, **keywords)
    with pytest.raises(TypeError, match=r"Net.__init__\(\) takes 1 positional argument but 2 were given"):
        Net(3)
    with pytest.raises(TypeError, match=r"Net.__init__\(\) got an unexpected keyword argument 'a'"):
        Net(a=3)


def test_conversion_as_it_is_called(lib):
    m = lib.nn.Linear(2, 2)
    assert m.to("cpu", lib.float64, True).weight.dtype == lib.float64
    assert m.to(dtype=lib.float16, non_blocking=True).weight.dtype == lib.float16
    assert m.type("torch.DoubleTensor").weight.dtype == lib.float64
    with pytest.raises(ValueError, match="invalid type: 'torch.NoTensor'"):
        m.type("torch.NoTensor")


def test_what_is_no_tensor_is_named(lib):
    with pytest.raises(AttributeError, match="'int' object has no attribute 'detach'"):
        lib.nn.Buffer(3)
    with pytest.raises(AttributeError, match="'list' object has no attribute 'detach'"):
        lib.nn.Buffer([1.0])


def test_what_is_no_object_of_the_library_is_named():
    with pytest.raises(TypeError, match="a Tensor, a Module or another object of the library is expected, not int"):
        tison.func.functional_call(3, {}, ())
    with pytest.raises(TypeError, match="argument 'x' must be Tensor, not str"):
        tison.nn.ParameterList().append("a")


def test_private_names_of_state_hooks(lib):
    m, log = lib.nn.Linear(2, 2), []
    m._register_state_dict_hook(lambda module, state, prefix, meta: log.append((prefix, sorted(state), meta["version"])))
    m._register_load_state_dict_pre_hook(lambda state, prefix, meta, strict, *lists: log.append((prefix, strict, len(lists))))
    m._register_load_state_dict_pre_hook(lambda module, state, *rest: log.append(module is m), with_module=True)
    m.load_state_dict(m.state_dict())
    assert log == [("", ["bias", "weight"], 1), ("", True, 3), True]


def test_registration_hooks_see_the_layers_own(lib):
    log = []
    hooks = lib.nn.modules.module
    with hooks.register_module_parameter_registration_hook(lambda m, name, p: log.append((type(m).__name__, name))), \
            hooks.register_module_buffer_registration_hook(lambda m, name, b: log.append((type(m).__name__, name))):
        lib.nn.Linear(1, 1)
        lib.nn.BatchNorm1d(1, affine=False)
    assert log == [("Linear", "weight"), ("Linear", "bias"), ("BatchNorm1d", "running_mean"), ("BatchNorm1d", "running_var"),
                   ("BatchNorm1d", "num_batches_tracked")]


def test_lazy_layers_below_another_change_their_class(lib):
    """The call that reaches them may come from the library."""
    net, seen = lib.nn.Sequential(lib.nn.LazyLinear(3)), []
    net[0].register_forward_hook(lambda module, args, out: seen.append(type(module)))
    assert net[0].has_uninitialized_params()
    net(lib.ones(1, 2))
    assert seen == [lib.nn.Linear] and type(net[0]) is lib.nn.Linear and not hasattr(net[0], "has_uninitialized_params")


@pytest.mark.parametrize("ask", ["numel", "dim", "stride", "is_contiguous", "__len__"])
def test_what_is_uninitialized_has_no(lib, ask):
    """The question fails, and not, later, a call that has nothing to do with it."""
    p = lib.nn.LazyLinear(2).weight
    with pytest.raises((RuntimeError, ValueError), match="uninitialized parameter"):
        getattr(p, ask)()
    assert lib.ones(1).tolist() == [1]
