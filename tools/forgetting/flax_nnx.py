#!/usr/bin/env python3
"""What flax nnx does when something is forgotten: one line "case<TAB>what happened" for each.

tools/forgetting/run.py runs it. The cases have the same names in pytorch.py and libtorch.cpp."""
import copy
import warnings

import flax
import jax
import jax.numpy as jnp
import optax
from flax import nnx

warnings.simplefilter("error")


def linear():
    return nnx.Linear(2, 2, rngs=nnx.Rngs(0))


class Net(nnx.Module):
    """What it holds beside head, each case says."""

    def __init__(self, **members):
        self.head = linear()
        for name, value in members.items():
            setattr(self, name, value)

    def __call__(self, x):
        for layer in getattr(self, "layers", ()):
            x = layer(x)
        return self.head(x) * getattr(self, "scale", 1.0)


stray = linear()


class Runs(Net):
    """A module that no attribute holds, run inside of the call."""

    def __call__(self, x):
        return self.head(stray(x))


loose = nnx.Param(jnp.full(2, 3.0))


class Uses(Net):
    """A Param that no attribute holds."""

    def __call__(self, x):
        return self.head(x) * loose[...]


rest = [linear()]


class Part(Net):
    """One layer of two stands in a list of the model's."""

    def __init__(self):
        super().__init__(layers=nnx.List([linear()]))

    def __call__(self, x):
        for layer in list(self.layers) + rest:
            x = layer(x)
        return self.head(x)


def optimizer(m):
    return nnx.Optimizer(m, optax.sgd(0.1, momentum=0.9), wrt=nnx.Param)


def steps(m, opt):
    for _ in range(3):
        grads = nnx.grad(lambda m: m(jnp.ones((1, 2))).sum())(m)
        opt.update(m, grads)


def error_of(f, otherwise):
    try:
        return f() or otherwise
    except Exception as e:
        return f"{type(e).__name__}: {' '.join(str(e).split())[:200]}"


def value(x):
    return jnp.array(x[...] if isinstance(x, nnx.Variable) else x)


def was(before, now):
    return "not trained" if bool((before == value(now)).all()) else "trained"


def trained(make, get):
    def run():
        m = make()
        before = value(get(m))
        steps(m, optimizer(m))
        saved = any(bool((value(get(m)) == x).all()) for x in jax.tree.leaves(nnx.state(m)) if x.shape == before.shape)
        return f"{was(before, get(m))}, {'saved' if saved else 'not saved'}, nothing is said"
    return error_of(run, "")


def after(change, get):
    """The optimizer is made, `change` changes the module or makes another, which is trained."""
    def run():
        m = Net()
        opt = optimizer(m)
        m = change(m) or m
        before = value(get(m))
        steps(m, opt)
        return f"{was(before, get(m))}, nothing is said"
    return error_of(run, "")


def replace(m):
    m.head.kernel = nnx.Param(jnp.ones((2, 2)))


def add(m):
    m.layers = nnx.List([linear()])


def over():
    def run():
        m = Net()
        m.head.kernel = jnp.ones((2, 2))
        before = value(m.head.kernel)
        steps(m, optimizer(m))
        return f"{type(m.head.kernel).__name__} now, {was(before, m.head.kernel)}, nothing is said"
    return error_of(run, "")


def load(other):
    m = linear()
    m.kernel = nnx.Param(jnp.zeros((2, 2)))
    state = nnx.state(linear())
    if other:
        state["bias"] = nnx.Param(jnp.ones(3))
    else:
        del state["bias"]
    state["kernel"] = nnx.Param(jnp.ones((2, 2)))
    said = error_of(lambda: nnx.update(m, state), "nothing is said")
    return f"{said}; the weight is {'as before' if float(m.kernel[...].sum()) == 0 else 'overwritten'}, the bias has the shape {m.bias.shape}"


def dot():
    m = Net()
    return error_of(lambda: setattr(m, "a.b", linear()), "nothing is said") + f"; its paths are {list(nnx.to_flat_state(nnx.state(m)).paths)}"


class Empty(nnx.Module):
    pass


def main():
    print(f"version\tflax {flax.__version__}, jax {jax.__version__}")
    cases = {
        "nothing": lambda: after(lambda m: None, lambda m: m.head.kernel),
        "unnamed": lambda: trained(lambda: Net(layers=[linear(), linear()]), lambda m: m.layers[0].kernel),
        "part": lambda: trained(Part, lambda m: rest[0].kernel),
        "unmarked": lambda: trained(lambda: Net(scale=jnp.full(2, 3.0)), lambda m: m.scale),
        "of_nobody": lambda: trained(Runs, lambda m: stray.kernel),
        "loose": lambda: trained(Uses, lambda m: loose),
        "replaced": lambda: after(replace, lambda m: m.head.kernel),
        "added": lambda: after(add, lambda m: m.layers[0].kernel),
        "copied": lambda: after(copy.deepcopy, lambda m: m.head.kernel),
        "over": over,
        "empty": lambda: error_of(lambda: optimizer(Empty()) and None, "nothing is said"),
        "load": lambda: load(False),
        "load_other_shape": lambda: load(True),
        "dot": dot,
        "by_value": lambda: "cannot be",
    }
    for case, run in cases.items():
        print(f"{case}\t{run()}")


main()
