"""The numbered statements of docs/parameter-semantics.md from Python: Parameters, their data, gradients, copies; Buffers."""
import copy
import pickle
import warnings

import pytest


def P(lib, *shape, **keywords):
    return lib.nn.Parameter(lib.ones(*(shape or (2,))), **keywords)


def plain(lib, *tensors):
    return all(isinstance(t, lib.Tensor) and not isinstance(t, lib.nn.Parameter) for t in tensors)


def is_torch(lib):
    return lib.__name__ == "torch"


# ---- building ----

def test_005_versions_are_shared(lib):
    t = lib.ones(2)
    p = lib.nn.Parameter(t)
    t.add_(1)
    assert p._version == t._version == 1
    with lib.no_grad():
        p.add_(1)
    assert p._version == t._version == 2


def test_009_of_nothing(lib):
    for p in (lib.nn.Parameter(), lib.nn.Parameter(None)):
        assert p.shape == (0,) and p.dtype == lib.float32 and p.requires_grad
    assert not lib.nn.Parameter(requires_grad=False).requires_grad


def test_012_dtypes(lib):
    for dtype in (lib.complex64, lib.float16, lib.bfloat16, lib.float64):
        assert lib.nn.Parameter(lib.zeros(2, dtype=dtype)).requires_grad


def test_014_of_no_tensor(lib):
    for value in ([1.0], 3.0):
        with pytest.raises(AttributeError, match="has no attribute 'detach'"):
            lib.nn.Parameter(value)


def test_017_018_019_020_021_inference_mode(lib):
    outside = lib.ones(2)
    with lib.inference_mode():
        inside = lib.ones(2)
        p, q = lib.nn.Parameter(inside), lib.nn.Parameter(outside)
        assert p.requires_grad and p.is_leaf and p.is_inference() and not q.is_inference()
    with pytest.raises(RuntimeError, match="inference tensor"):
        lib.nn.Parameter(inside)
    (p * 2).sum().backward()
    assert p.grad.tolist() == [2, 2]
    with lib.no_grad(), pytest.raises(RuntimeError, match="[Ii]nplace update to inference tensor"):
        p.add_(1)


# ---- as a tensor ----

def test_024_operators_give_plain_tensors(lib):
    p = P(lib, 2, 2)
    assert plain(lib, p.view(4), p.double(), p.t(), p.reshape(-1), p[0, 0], p.sum(), -p, p @ p)


def test_025_the_same_object(lib):
    p = P(lib)
    assert p.float() is p and p.to(lib.float32) is p and p.contiguous() is p and p.to("cpu") is p


def test_026_in_its_likeness(lib):
    p = P(lib)
    made = lib.zeros_like(p), lib.ones_like(p), p.new_zeros(3), p.new_ones(1), lib.rand_like(p)
    assert plain(lib, *made) and not any(t.requires_grad for t in made)


def test_027_in_place(lib):
    p = P(lib)
    with pytest.raises(RuntimeError, match="^a leaf Variable that requires grad is being used in an in-place operation"):
        p += 1
    with pytest.raises(RuntimeError, match="^a view of a leaf Variable that requires grad is being used in an in-place operation"):
        p[0:1].add_(1)
    with pytest.raises(RuntimeError, match="^a view of a leaf Variable that requires grad"):
        p[0] = 3
    assert p.tolist() == [1, 1]


def test_029_030_032_the_flag(lib):
    p = P(lib)
    p.requires_grad = False
    p.add_(1)
    p.requires_grad = True
    assert p.tolist() == [2, 2] and p.requires_grad
    with pytest.raises(RuntimeError, match="requires_grad must be a bool"):
        p.requires_grad = 1
    y = p * 2
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        y.requires_grad_(False)
    with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf variables"):
        y.requires_grad = False


def test_034_equality_and_identity(lib):
    p, q = P(lib), P(lib)
    assert (p == q).tolist() == [True, True] and hash(p) != hash(q)
    assert p in {p} and q not in {p} and {p: 1}.get(q) is None and p in [p]
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is ambiguous"):
        q in [p]


def test_035_reading_values(lib):
    p = P(lib)
    with pytest.raises(RuntimeError, match="Can't call numpy\\(\\) on Tensor that requires grad"):
        p.numpy()
    assert p.detach().numpy().tolist() == p.tolist() == [1, 1] and p[0].item() == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's float() of one that requires grad
        assert float(P(lib, 1)) == 1


def test_036_hooks_need_a_flag(lib):
    t, p = lib.ones(1), P(lib)
    with pytest.raises(RuntimeError, match="cannot register a hook on a tensor that doesn't require gradient"):
        t.register_hook(lambda g: g)
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"):
        t.retain_grad()
    p.retain_grad()
    assert p.grad is None


# ---- data, detach, version ----

def test_037_038_data_and_detach(lib):
    p = P(lib)
    for t in (p.data, p.detach()):
        assert plain(lib, t) and t.data_ptr() == p.data_ptr() and not t.requires_grad
    p.data.add_(1)
    assert p._version == 0 and p.tolist() == [2, 2]
    p.detach().add_(1)
    assert p._version == 1 and p.tolist() == [3, 3]


def test_039_editing_what_was_saved(lib):
    p = P(lib)
    y = (p * p).sum()
    p.data.fill_(5)
    y.backward()
    assert p.grad.tolist() == [10, 10]  # of the new values, silently
    y = (p * p).sum()
    with lib.no_grad():
        p.fill_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_040_041_042_043_setting_data(lib):
    p, x = P(lib), lib.zeros(3, dtype=lib.float64)
    seen = []
    p.register_hook(lambda g: seen.append(g.shape))
    p.data = x
    assert isinstance(p, lib.nn.Parameter) and p.requires_grad and p.is_leaf and p._version == 0
    assert p.data_ptr() == x.data_ptr() and p.shape == (3,) and p.dtype == lib.float64
    x.add_(1)
    assert p.tolist() == [1, 1, 1] and p._version == 0
    (p * 2).sum().backward()
    assert p.grad.dtype == lib.float64 and seen == [(3,)]
    with pytest.raises(RuntimeError, match="data set to a tensor that requires gradients must be floating point or complex dtype"):
        p.data = lib.ones(3, dtype=lib.int64)
    p.data = lib.ones(3, requires_grad=True) * 7
    assert p.is_leaf and p.tolist() == [7, 7, 7]
    for value in (None, 3):
        with pytest.raises(TypeError):
            p.data = value


def test_044_a_gradient_that_no_longer_fits(lib):
    p = P(lib)
    (p * 2).sum().backward()
    p.data = lib.ones(3)
    assert p.grad.shape == (2,)
    with pytest.raises(RuntimeError):
        (p * 2).sum().backward()


# ---- gradients ----

def test_047_create_graph(lib):
    p = P(lib)
    (p * 2).sum().backward()
    old = p.grad
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (p * p).sum().backward(create_graph=True)
    assert p.grad is not old and old.tolist() == [2, 2] and p.grad.tolist() == [4, 4] and p.grad.requires_grad
    p.grad = None


def test_048_what_backward_was_given_is_copied(lib):
    p, g = P(lib), lib.ones(2)
    (p * 1).backward(g)
    other = P(lib)
    other.backward(g)
    g.fill_(7)
    assert p.grad.tolist() == other.grad.tolist() == [1, 1]


def test_049_layout_of_the_gradient(lib):
    p = lib.nn.Parameter(lib.ones(2, 3).t())
    (p * 2).sum().backward()
    assert p.grad.stride() == (1, 3)
    q = P(lib, 2, 3)
    q.sum().backward()
    assert q.grad.stride() == (3, 1)
    image = lib.nn.Parameter(lib.ones(1, 2, 3, 3).contiguous(memory_format=lib.channels_last))
    (image * 2).sum().backward()
    assert image.grad.stride() == image.stride() == (18, 1, 6, 2)


def test_051_what_backward_refuses(lib):
    p = P(lib)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outputs"):
        (p * 2).backward()
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        lib.ones(1).backward()
    y = (p * p).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()
    scalar = lib.nn.Parameter(lib.tensor(3.0))
    scalar.backward()
    assert scalar.grad.item() == 1


def test_052_assigning_grad(lib):
    p = P(lib)
    with pytest.raises(RuntimeError, match="attempting to assign a gradient with dtype 'double' to a tensor with grad_dtype 'Float'"):
        p.grad = lib.ones(2, dtype=lib.float64)
    with pytest.raises(TypeError, match="assigned grad expected to be a Tensor or None"):
        p.grad = 3
    with pytest.raises(RuntimeError, match="can't assign Variable as its own grad"):
        p.grad = p
    p.grad = g = lib.ones(2)
    assert p.grad is g
    del p.grad
    assert p.grad is None


def test_053_grad_dtype(lib):
    p = P(lib)
    assert p.grad_dtype == lib.float32
    p.grad_dtype = lib.float64
    for _ in range(2):
        (p * 2).sum().backward()
    assert p.grad.dtype == lib.float64 and p.grad.tolist() == [4, 4]
    q = P(lib)
    q.grad_dtype = None
    q.grad = lib.ones(2, dtype=lib.float64)
    assert q.grad_dtype is None and q.grad.dtype == lib.float64


def test_054_of_a_computed_tensor(lib):
    p = P(lib)
    y, kept = p * 2, p * 3
    kept.retain_grad()
    (y + kept).sum().backward()
    with pytest.warns(UserWarning, match="The .grad attribute of a Tensor that is not a leaf Tensor is being accessed"):
        assert y.grad is None
    assert kept.grad.tolist() == [1, 1]


def test_055_float16(lib):
    p = lib.nn.Parameter(lib.ones(2, dtype=lib.float16))
    (p * 2).sum().backward()
    assert p.grad.dtype == lib.float16


def test_056_tensor_hooks(lib):
    p, seen = P(lib), []
    p.register_hook(lambda g: seen.append(g.tolist()) or g * 2)
    p.register_hook(lambda g: seen.append(g.tolist()))
    handle = p.register_hook(lambda g: g + 1)
    (p * 3).sum().backward()
    assert seen == [[3, 3], [6, 6]] and p.grad.tolist() == [7, 7]
    handle.remove()
    with p.register_hook(lambda g: lib.ones(3)), pytest.raises(RuntimeError, match="has changed the size"):
        (p * 3).sum().backward()
    with p.register_hook(lambda g: 3), pytest.raises(TypeError):
        (p * 3).sum().backward()


def test_057_after_the_accumulation(lib):
    p, seen = P(lib), []
    p.register_hook(lambda g: g * 2)
    p.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.tolist()))
    for _ in range(2):
        p.sum().backward()
    assert seen == [[2, 2], [4, 4]]
    with pytest.raises(RuntimeError, match="post accumulate grad hooks cannot be registered on non-leaf tensors"):
        (p * 2).register_post_accumulate_grad_hook(lambda p: None)


# ---- copying, printing, sharing ----

def test_058_attributes_of_a_program(lib):
    p = P(lib)
    p.mine = 3
    assert p.mine == 3 and not hasattr(copy.deepcopy(p), "mine")


def test_059_061_strides_and_sharing(lib):
    transposed, strided = lib.nn.Parameter(lib.ones(2, 3).t()), lib.nn.Parameter(lib.ones(6)[::2])
    assert copy.deepcopy(transposed).stride() == (1, 3) and copy.deepcopy(strided).stride() == (1,)
    base = lib.ones(4)
    a, b = copy.deepcopy([lib.nn.Parameter(base), lib.nn.Parameter(base)])
    assert a.data_ptr() != b.data_ptr()
    m = lib.nn.Module()
    m.register_buffer("base", base)
    m.register_buffer("part", base[1:])
    m = copy.deepcopy(m)
    m.base.fill_(5)
    assert m.part.tolist() == [5, 5, 5] and base.tolist() == [1, 1, 1, 1]


def test_062_copy(lib):
    p = P(lib)
    p.mine = 3
    p.sum().backward()
    q = copy.copy(p)
    assert type(q) is type(p) and q is not p and q.data_ptr() == p.data_ptr() and q.grad is None and q.mine == 3
    frozen = copy.copy(P(lib, requires_grad=False))
    assert not frozen.requires_grad


def test_064_065_text(lib):
    p = P(lib)
    assert str(p) == repr(p) == f"{p}" == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert repr([p]) == "[Parameter containing:\ntensor([1., 1.], requires_grad=True)]"


def test_066_text_of_an_uninitialized_one(lib):
    assert repr(lib.nn.LazyLinear(3).weight) == "<UninitializedParameter>"


def test_067_share_memory(lib):
    p = P(lib)
    assert not p.is_shared() and p.share_memory_() is p and p.is_shared() and p.tolist() == [1, 1]


def test_068_pickling(lib):
    p = P(lib, requires_grad=False)
    p.mine = {"a": 1}
    q = P(lib)
    back, other = pickle.loads(pickle.dumps([p, q]))
    assert isinstance(back, lib.nn.Parameter) and not back.requires_grad and back.tolist() == [1, 1] and back.mine == {"a": 1}
    assert other.requires_grad and other.data_ptr() != q.data_ptr()


# ---- buffers ----

def test_069_070_071_buffers(lib):
    t = lib.ones(2, requires_grad=True)
    b = lib.nn.Buffer(t)
    assert b.data_ptr() == t.data_ptr() and b.requires_grad and b.persistent and isinstance(b, lib.nn.Buffer)
    assert not lib.nn.Buffer(lib.ones(1), persistent=False).persistent
    with pytest.raises(TypeError):
        lib.nn.Buffer(lib.ones(1), False)
    m = lib.nn.Module()
    m.register_buffer("b", lib.ones(1))
    assert not isinstance(m.b, lib.nn.Buffer) and isinstance(m.b, lib.Tensor)
    for empty in (lib.nn.Buffer(), lib.nn.Buffer(None)):
        assert empty.shape == (0,)
    assert repr(lib.nn.Buffer(lib.ones(2))) == "tensor([1., 1.])"


def test_072_a_buffer_with_history(lib):
    p, m = P(lib), lib.nn.Module()
    m.register_buffer("b", p * 2)
    m.register_buffer("leaf", lib.ones(1, requires_grad=True))
    assert m.b.grad_fn is not None
    m.requires_grad_(False)
    assert m.leaf.requires_grad and m.b.requires_grad


def test_073_a_parameter_as_a_buffer(lib):
    m, p = lib.nn.Module(), P(lib)
    m.register_buffer("b", p)
    assert [n for n, _ in m.named_buffers()] == ["b"] and not list(m.parameters()) and m.b is p
