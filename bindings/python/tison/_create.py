"""Tensors out of Python's values: tensor, from_numpy, arange and what else the C functions write in another way."""
import struct as _struct

from . import _dtype
from ._call import call
from ._device import get_default_device
from ._tensor import Tensor, from_bytes, over_memory

float32 = _dtype.by_name["float32"]


def _flatten(value, shape, out):
    if isinstance(value, (list, tuple)):
        if len(value) != shape[0]:
            raise ValueError(f"expected sequence of length {shape[0]} at dim {_depth - len(shape)} (got {len(value)})")
        for v in value:
            _flatten(v, shape[1:], out)
    elif shape:
        raise TypeError("not a sequence")
    else:
        out.append(value.item() if hasattr(value, "item") else value)


_depth = 0


def _shape(value):
    shape = []
    while isinstance(value, (list, tuple)):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def _infer(values):
    kinds = {type(v) for v in values}
    if any(issubclass(k, complex) for k in kinds):
        return _dtype.by_name["complex128" if call("tn_get_default_dtype").name == "float64" else "complex64"]
    if any(issubclass(k, float) for k in kinds) or not kinds:
        return call("tn_get_default_dtype")
    return _dtype.by_name["bool"] if kinds == {bool} else _dtype.by_name["int64"]


def _pack(values, dtype):
    if dtype.is_complex:
        flat = [part for v in values for part in (complex(v).real, complex(v).imag)]
        return _struct.pack(f"={len(flat)}{'f' if dtype.itemsize == 8 else 'd'}", *flat)
    if dtype.code in "efd":
        return _struct.pack(f"={len(values)}{dtype.code}", *map(float, values))
    if dtype.code == "?":
        return bytes(bool(v) for v in values)
    try:
        return _struct.pack(f"={len(values)}{dtype.code}", *map(int, values))
    except _struct.error:
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow") from None


def tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """torch.tensor: a copy of numbers, nested lists, arrays or tensors."""
    if isinstance(data, Tensor):
        x = data.detach().to(device=_target(device), copy=True)
    elif hasattr(data, "__array_interface__"):
        x = from_numpy(data).to(device=_target(device), copy=True)
    else:
        global _depth
        shape, values = _shape(data), []
        _depth = len(shape)
        _flatten(data, shape, values)
        wanted = dtype or _infer(values)
        made = wanted if wanted.code or wanted.is_complex else float32
        x = from_bytes(_pack(values, made), shape, made, device)
        if made is not wanted:
            x = x.to(wanted)
    if dtype is not None and x.dtype is not dtype:
        x = x.to(dtype)
    return x.requires_grad_() if requires_grad else x


def as_tensor(data, dtype=None, device=None):
    """torch.as_tensor: the data itself where that is possible."""
    if not isinstance(data, Tensor) and not hasattr(data, "__array_interface__"):
        return tensor(data, dtype=dtype, device=device)
    x = data if isinstance(data, Tensor) else from_numpy(data)
    return x.to(dtype=dtype, device=_target(device))


def sparse_coo_tensor(indices=None, values=None, size=None, *, dtype=None, device=None, requires_grad=False, check_invariants=None,
                      is_coalesced=None):
    """torch.sparse_coo_tensor: of lists or tensors; or of a size alone, without places. Places are always checked."""
    if values is None:  # the size stands first, or is the keyword
        size = tuple(indices if size is None else size)
        indices, values = tensor([], device=device).reshape(len(size), 0), tensor([], dtype=dtype, device=device)
    places = as_tensor(indices, device=device).to(_dtype.by_name["int64"])
    return call("tn_sparse_coo_tensor", places, as_tensor(values, dtype=dtype, device=device), () if size is None else tuple(size),
                is_coalesced=bool(is_coalesced), requires_grad=requires_grad)


def _target(device):
    """Where a tensor of another one is made: as asked, on a default that is not the CPU, or where that one is."""
    default = get_default_device()
    return default if device is None and default.type != "cpu" else device


def from_numpy(array):
    """A tensor over the array's memory: what changes one changes the other."""
    about = array.__array_interface__
    dtype = _dtype.by_typestr.get(about["typestr"])
    if dtype is None:
        raise TypeError(f"can't convert np.ndarray of type {about['typestr']}")
    shape, strides = about["shape"], about.get("strides")
    if strides is None:
        step, strides = dtype.itemsize, []
        for n in reversed(shape):
            strides.insert(0, step)
            step *= n
    if any(s < 0 for s in strides):
        raise ValueError("At least one stride in the given numpy array is negative, and tensors with negative strides are not "
                         "currently supported. (You can probably work around this by making a copy of your array with "
                         "array.copy().)")
    if any(s % dtype.itemsize for s in strides):
        raise ValueError("given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
                         "reallocate the memory.")
    return over_memory(about["data"][0], shape, [s // dtype.itemsize for s in strides], dtype, array)


def arange(start, end=None, step=1, *, dtype=None, device=None, requires_grad=False):
    """torch.arange."""
    if end is None:
        start, end = 0, start
    return call("tn_arange", start, end, step, dtype=dtype, requires_grad=requires_grad, device=device)


def _like(name):
    def make(x, *value, dtype=None, requires_grad=False, memory_format=None, device=None):
        y = call(f"tn_{name}", x if dtype is None else x.to(dtype), *value, memory_format=memory_format or 0, device=device)
        return y.requires_grad_() if requires_grad else y
    make.__name__, make.__doc__ = name, f"torch.{name}."
    return make


def randint(low, high=None, size=None, **keywords):
    """torch.randint(high, size) or torch.randint(low, high, size)."""
    if size is None:
        low, high, size = 0, low, high
    return call("tn_randint", low, high, size, **keywords)


likes = {name: _like(name) for name in ("zeros_like", "ones_like", "empty_like", "rand_like", "randn_like", "full_like")}
