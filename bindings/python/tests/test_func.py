"""torch.func: functional_call, stack_module_state."""
import pytest


def make(lib, n=1):
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(lib.ones(3))
            self.register_buffer("steps", lib.zeros(1))
            self.l = nn.Linear(3, 2)

        def forward(self, x):
            self.steps = self.steps + 1
            return self.l(x * self.scale)
    return [Net() for _ in range(n)]


def test_functional_call(lib):
    (net,), call = make(lib), lib.func.functional_call
    x, scale = lib.ones(1, 3), (lib.ones(3) * 2).requires_grad_()
    values = {"scale": scale, "steps": lib.zeros(1)}
    y = call(net, values, x)
    assert y.tolist() == net.l(x * 2).tolist() and values["steps"].item() == 1 and net.steps.item() == 0
    y.sum().backward()
    assert scale.grad is not None and net.scale.grad is None and net.scale.tolist() == [1, 1, 1]
    assert call(net, ({"scale": scale}, {"steps": lib.zeros(1)}), (x,)).tolist() == y.tolist()
    with pytest.raises(RuntimeError, match="Missing key"):
        call(net, {"scale": scale}, x, strict=True)
    with pytest.raises(ValueError, match="appeared in multiple dictionaries"):
        call(net, ({"scale": scale}, {"scale": scale}), x)


def test_stack_module_state(lib):
    models = make(lib, 3)
    parameters, buffers = lib.func.stack_module_state(models)
    assert list(parameters) == ["scale", "l.weight", "l.bias"] and list(buffers) == ["steps"]
    assert list(parameters["l.weight"].shape) == [3, 2, 3] and parameters["scale"].requires_grad and parameters["scale"].is_leaf
    x = lib.randn(4, 3)
    for i, m in enumerate(models):
        part = {k: v[i] for k, v in {**parameters, **buffers}.items()}
        assert lib.func.functional_call(models[0], part, (x,)).tolist() == m(x).tolist()
    with pytest.raises(RuntimeError, match="Expected at least one model, got 0"):
        lib.func.stack_module_state([])
    with pytest.raises(RuntimeError, match="of the same class"):
        lib.func.stack_module_state([models[0], lib.nn.ReLU()])
