"""torch.nn.utils.prune: masks, names, errors, methods of one's own, their history."""
import copy
import importlib

import pytest


def parts(lib):
    return lib.nn, importlib.import_module(lib.__name__ + ".nn.utils.prune")


def test_masks_and_names(lib):
    nn, prune = parts(lib)
    m = nn.Linear(4, 3)
    w = m.weight
    assert prune.l1_unstructured(m, "weight", amount=0.25) is m
    assert list(m.state_dict()) == ["bias", "weight_orig", "weight_mask"]
    assert m.weight_orig is w and not isinstance(m.weight, nn.Parameter) and m.weight_mask.sum().item() == 9
    prune.ln_structured(m, "weight", amount=1, n=2, dim=0)
    prune.random_unstructured(m, "weight", amount=1)
    kept = m.weight_mask.sum().item()
    m(lib.ones(2, 4)).sum().backward()
    assert w.grad.sum().item() == kept * 2 and prune.is_pruned(nn.Sequential(m))
    prune.remove(m, "weight")
    assert m.weight is w and (w == 0).sum().item() == 12 - kept and not prune.is_pruned(m)
    with pytest.raises(ValueError, match="has to be pruned before pruning can be removed"):
        prune.remove(m, "weight")


def test_same_numbers_and_global(both):
    results = []
    for lib in both:
        nn, prune = parts(lib)
        lib.manual_seed(5)
        a, b = nn.Linear(6, 4), nn.Conv2d(2, 3, 3)
        prune.random_unstructured(a, "weight", 0.3)
        prune.random_structured(b, "weight", 1, dim=0)
        prune.custom_from_mask(b, "bias", mask=lib.tensor([1, 0, 1]))
        prune.identity(a, "bias")
        prune.global_unstructured([(a, "weight"), (b, "weight")], pruning_method=prune.RandomUnstructured, amount=7)
        prune.global_unstructured([(a, "weight"), (b, "bias")], prune.L1Unstructured, amount=0.5,
                                  importance_scores={(b, "bias"): lib.tensor([9.0, 8, 7])})
        prune.ln_structured(b, "weight", 0.4, n=2, dim=2, importance_scores=lib.ones(3, 2, 3, 3) * lib.arange(3.0)[:, None])
        prune.ln_structured(a, "weight", 1, "fro", dim=1)
        c = nn.Module()
        c.w = nn.Parameter(lib.randn(6, 3, 4))
        prune.ln_structured(c, "w", 2, "nuc", dim=0)
        with pytest.raises(RuntimeError, match="dim must be a 2-tuple. Got 1 2 3"):
            prune.ln_structured(b, "weight", 1, "nuc", dim=0)
        results.append([x.tolist() for x in (a.weight_mask, a.bias_mask, b.weight_mask, b.bias_mask, c.w_mask, lib.rand(3))])
    assert results[0] == results[1]


def test_errors(lib):
    nn, prune = parts(lib)
    m = nn.Linear(4, 3)
    for amount, error in ((1.5, ValueError), (-1, ValueError), ("a", TypeError), (None, TypeError), (13, ValueError)):
        with pytest.raises(error):
            prune.l1_unstructured(m, "weight", amount)
    with pytest.raises(AssertionError, match="importance_scores should have the same shape"):
        prune.l1_unstructured(m, "weight", 1, importance_scores=lib.ones(2))
    with pytest.raises(IndexError, match="Invalid index 2"):
        prune.random_structured(m, "weight", 1, dim=2)
    with pytest.raises(TypeError, match='Only "unstructured" PRUNING_TYPE supported'):
        prune.global_unstructured([(m, "weight")], prune.LnStructured, amount=1, n=2)
    with pytest.raises(AttributeError):
        prune.identity(m, "none")
    assert not prune.is_pruned(m) and prune.L1Unstructured(2).prune(lib.tensor([3.0, 1, 2])).tolist() == [3, 0, 0]


def test_method_of_ones_own(lib):
    nn, prune = parts(lib)
    seen = []

    class EveryOther(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def __init__(self, first):
            self.first = first

        def compute_mask(self, t, default_mask):
            seen.append(list(t.shape))
            mask = default_mask.clone()
            mask.view(-1)[self.first::2] = 0
            return mask

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(lib.ones(2, 3))

        def forward(self, x):
            return (x * self.w).sum()

    net = Net()
    EveryOther.apply(net, "w", 0)
    assert net.w_mask.tolist() == [[0, 1, 0], [1, 0, 1]]
    EveryOther.apply(net, "w", first=1)
    assert net.w_mask.tolist() == [[0, 1, 0], [0, 0, 1]] and seen == [[2, 3], [3]]
    with lib.no_grad():
        net.w_orig.fill_(5)
    assert net(lib.ones(3)).item() == 10  # computed anew before a forward that is in Python, too
    prune.remove(net, "w")
    assert net.w.tolist() == [[0, 5, 0], [0, 0, 5]] and [n for n, _ in net.named_parameters()] == ["w"]

    class Wrong(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t, default_mask):
            raise KeyError("mine")
    with pytest.raises(KeyError, match="mine"):
        Wrong.apply(net, "w")
    assert [n for n, _ in net.named_parameters()] == ["w"] and net(lib.ones(3)).item() == 10


def test_container(lib):
    nn, prune = parts(lib)
    m = nn.Linear(4, 3)
    first = prune.L1Unstructured.apply(m, "weight", 3)
    assert isinstance(first, prune.L1Unstructured) and first._tensor_name == "weight"
    second = prune.LnStructured.apply(m, "weight", amount=1, n=2, dim=0)
    assert isinstance(second, prune.PruningContainer) and len(second) == 2 and second[0] is first
    prune.random_unstructured(m, "weight", 1), prune.identity(m, "bias")
    history = {h._tensor_name: h for h in m._forward_pre_hooks.values()}
    assert [type(x).__name__ for x in history["weight"]] == ["L1Unstructured", "LnStructured", "RandomUnstructured"]
    assert isinstance(history["bias"], prune.Identity)
    prune.remove(m, "weight")
    assert [h._tensor_name for h in m._forward_pre_hooks.values()] == ["bias"]
    prune.global_unstructured([(m, "bias"), (m, "weight")], prune.L1Unstructured, amount=2)
    history = {h._tensor_name: h for h in m._forward_pre_hooks.values()}
    assert isinstance(history["weight"], prune.CustomFromMask) and len(history["bias"]) == 2


def test_masks_of_a_container(lib):
    nn, prune = parts(lib)
    one, rows = prune.L1Unstructured(1), prune.LnStructured(1, 2, 0)
    one._tensor_name = rows._tensor_name = "w"
    t, before = lib.tensor([[1.0, 2], [3, 4], [5, 6]]), lib.tensor([[0.0, 0], [1, 1], [1, 1]])
    assert one.compute_mask(t, before).tolist() == [[0, 0], [1, 1], [1, 1]]
    container = prune.PruningContainer(one)
    assert container.compute_mask(t, before.clone()).tolist() == [[0, 0], [0, 1], [1, 1]]  # torch writes into what it is given
    container.add_pruning_method(rows)
    assert container.compute_mask(t, before).tolist() == [[0, 0], [0, 0], [1, 1]]
    assert [type(x).__name__ for x in container] == ["L1Unstructured", "LnStructured"] and len(container) == 2
    with pytest.raises(TypeError, match="is not a BasePruningMethod subclass"):
        container.add_pruning_method(3)
    one._tensor_name = "other"
    with pytest.raises(ValueError, match="Can only add pruning methods acting on the parameter named 'w'.* Found 'other'"):
        container.add_pruning_method(one)


def test_copies_are_pruned_too(lib):
    nn, prune = parts(lib)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(lib.ones(3))

        def forward(self, x):
            return (x * self.w).sum()
    net = Net()
    prune.custom_from_mask(net, "w", lib.tensor([1, 0, 1]))
    with lib.no_grad():
        net(lib.ones(3))  # torch copies the computed tensor only when it has no history
    other = copy.deepcopy(net)
    with lib.no_grad():
        other.w_orig.fill_(5)
    assert other(lib.ones(3)).item() == 10 and net(lib.ones(3)).item() == 2 and prune.is_pruned(other)
    prune.remove(other, "w")
    assert other.w.tolist() == [5, 0, 5] and prune.is_pruned(net)
