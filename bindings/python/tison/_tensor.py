"""torch.Tensor: a handle, its attributes, values in and out, indexing."""
import ctypes
import struct as _struct

from . import _device, _dtype
from ._api import Scope, check, options, raw, text
from ._call import call, wrap, wrappers
from ._object import Object, adopt

_ndim, _numel, _sizes, _strides, _offset = (raw(f"tn_{n}") for n in ("ndim", "numel", "sizes", "strides", "storage_offset"))
_get_dtype, _device_of, _is_meta, _is_contiguous, _version = (raw(f"tn_{n}") for n in (
    "get_dtype", "device", "is_meta", "is_contiguous", "version_counter"))
_is_sparse, _sparse_dim, _dense_dim = (raw(f"tn_{n}") for n in ("is_sparse", "sparse_dim", "dense_dim"))
_is_parameter, _is_buffer, _to_string, _data, _copy_to = (raw(f"tn_{n}") for n in (
    "is_parameter", "is_buffer", "to_string", "data", "copy_to"))
_requires_grad, _is_leaf, _grad, _grad_fn_name = (raw(f"tn_{n}") for n in ("requires_grad", "is_leaf", "grad", "grad_fn_name"))
_from_blob = raw("tn_from_blob")


def _known(answer):
    """Nothing, 0 or False may be an answer, or the error that an uninitialized parameter has none."""
    if not answer:
        check()
    return answer


class Size(tuple):
    """torch.Size."""

    def numel(self):
        n = 1
        for v in self:
            n *= v
        return n

    def __repr__(self):
        return f"torch.Size({list(self)})"


class _Node:
    """grad_fn: its name, as torch prints it."""

    def __init__(self, name):
        self._name = name

    def name(self):
        return self._name

    def __repr__(self):
        return f"<{self._name} object>"


class RemovableHandle(Object):
    """What registering a hook returns."""

    def remove(self):
        call("tn_hook_remove", self)
        hooks, number = self.__dict__.get("_kept", ({}, None))  # by the module's object
        hooks.pop(number, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


class Tensor:
    """torch.Tensor. The operators of the library are its methods; see tison._operators."""
    __module__ = "tison"

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)
        module, path = self.__dict__.get("_owner", (None, None))
        if module and module() is not None and name in self.__dict__:  # an attribute of the program's, which lives with the tensor
            module()._seen(path, self)

    @property
    def shape(self):
        n = _known(_ndim(self._handle))
        return Size(ctypes.cast(_sizes(self._handle), ctypes.POINTER(ctypes.c_int64))[:n]) if n else Size()

    def size(self, dim=None):
        return self.shape if dim is None else call("tn_size", self, dim)

    def stride(self, dim=None):
        n = _known(_ndim(self._handle))
        if dim is not None:
            return call("tn_stride", self, dim)
        return tuple(ctypes.cast(_strides(self._handle), ctypes.POINTER(ctypes.c_int64))[:n]) if n else ()

    def storage_offset(self):
        return _known(_offset(self._handle))

    @property
    def dtype(self):
        return _dtype.of(_get_dtype(self._handle))

    @property
    def device(self):
        return _device.of(text(_device_of, self._handle))

    @property
    def is_meta(self):
        return _is_meta(self._handle)

    @property
    def is_cpu(self):
        return not self.is_meta

    @property
    def ndim(self):
        return _known(_ndim(self._handle))

    def dim(self):
        return _known(_ndim(self._handle))

    def numel(self):
        return _known(_numel(self._handle))

    nelement = numel

    def element_size(self):
        return self.dtype.itemsize

    def is_contiguous(self, memory_format=None):
        return call("tn_is_contiguous", self, memory_format=memory_format) if memory_format else _known(_is_contiguous(self._handle, None))

    def is_floating_point(self):
        return self.dtype.is_floating_point

    def is_complex(self):
        return self.dtype.is_complex

    @property
    def _version(self):
        return _version(self._handle)

    def data_ptr(self):
        address = None if self.is_meta else _data(self._handle)
        if address is None and self.is_sparse:
            check()
        return address or 0

    @property
    def T(self):
        return self.t() if self.ndim == 2 else self.permute(*reversed(range(self.ndim)))

    @property
    def mT(self):
        return self.transpose(-2, -1)

    # ---- autograd ----

    @property
    def requires_grad(self):
        return _requires_grad(self._handle)

    @requires_grad.setter
    def requires_grad(self, on):
        if not isinstance(on, bool):
            raise RuntimeError("requires_grad must be a bool")
        self.requires_grad_(on)

    def requires_grad_(self, requires_grad=True):
        call("tn_requires_grad_", self, requires_grad)
        return self

    @property
    def is_leaf(self):
        return _is_leaf(self._handle)

    @property
    def grad(self):
        with Scope():
            return wrap(_grad(self._handle))

    @grad.setter
    def grad(self, value):
        if value is not None and not isinstance(value, Tensor):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
        call("tn_set_grad", self, value)

    @grad.deleter
    def grad(self):
        self.grad = None

    @property
    def grad_dtype(self):
        """The dtype that gradients have and add up in; None: any."""
        return call("tn_grad_dtype", self)

    @grad_dtype.setter
    def grad_dtype(self, value):
        if value is not None and not isinstance(value, _dtype.dtype):
            raise RuntimeError(f"grad_dtype must be a torch.dtype or None, but got {type(value).__name__}")
        call("tn_set_grad_dtype", self, value)

    @property
    def grad_fn(self):
        name = text(_grad_fn_name, self._handle)
        return _Node(name) if name else None

    @property
    def data(self):
        return call("tn_get_data", self)

    @data.setter
    def data(self, value):
        if not isinstance(value, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        call("tn_set_data", self, value)

    def backward(self, gradient=None, retain_graph=None, create_graph=False):
        keep_graph = create_graph if retain_graph is None else retain_graph
        call("tn_backward", self, gradient=gradient, retain_graph=keep_graph, create_graph=create_graph)

    def is_inference(self):
        return call("tn_is_inference", self)

    def is_shared(self):
        return call("tn_is_shared", self)

    def share_memory_(self):
        """Moves the values to memory that processes forked later share."""
        return call("tn_share_memory_", self)

    def retain_grad(self):
        call("tn_retain_grad", self)

    def register_hook(self, hook):
        from ._hooks import tensor_hook
        return tensor_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook):
        from ._hooks import after_hook
        return after_hook(self, hook)

    # ---- values ----

    def _bytes(self):
        """All elements, row-major."""
        out = ctypes.create_string_buffer(max(self.numel() * self.dtype.itemsize, 1))
        if not _copy_to(self._handle, out, self.numel() * self.dtype.itemsize):
            check()
        return out.raw[:self.numel() * self.dtype.itemsize]

    def _values(self):
        t = self.dtype
        if t.is_complex:
            code = {8: "f", 16: "d"}[t.itemsize]
            flat = _struct.unpack(f"={2 * self.numel()}{code}", self._bytes())
            return [complex(re, im) for re, im in zip(flat[::2], flat[1::2])]
        if t.code is None:
            return self.detach().to(_dtype.by_name["float32"])._values()
        return list(_struct.unpack(f"={self.numel()}{t.code}", self._bytes()))

    def tolist(self):
        def nest(values, shape):
            if len(shape) == 0:
                return values[0]
            step = len(values) // shape[0] if shape[0] else 0
            return [nest(values[i * step:(i + 1) * step], shape[1:]) for i in range(shape[0])]
        return nest(self._values(), self.shape)

    def item(self):
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        return call("tn_item", self) if self.is_meta else self._values()[0]

    @property
    def __array_interface__(self):
        if self.is_meta:
            raise TypeError("can't convert meta device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory "
                            "first.")
        if self.is_sparse:
            raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        t = self.dtype
        if t.typestr is None:
            raise TypeError(f"Got unsupported ScalarType {t.name}")
        return {"version": 3, "shape": tuple(self.shape), "typestr": t.typestr, "data": (self.data_ptr(), False),
                "strides": tuple(s * t.itemsize for s in self.stride())}

    def numpy(self):
        """An array over the same memory."""
        import numpy
        return numpy.asarray(_Memory(self))

    def __array__(self, dtype=None, copy=None):
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    def __repr__(self):
        return text(_to_string, self._handle)

    def __format__(self, spec):
        return format(self.item(), spec) if self.ndim == 0 and spec else repr(self)

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(self.shape[0]))

    def __bool__(self):
        if self.numel() != 1:
            what = "no values" if self.numel() == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
        return bool(self.item())

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        if self.dtype.is_floating_point or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __contains__(self, value):
        return bool((self == value).any())

    def __hash__(self):
        return id(self)

    def __deepcopy__(self, memo):
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                               "moment.")
        if id(self) not in memo:
            copy = self.detach().clone()
            memo[id(self)] = type(self)._like(self, copy)
        return memo[id(self)]

    def __copy__(self):
        """Another object over the same memory, with the attributes that a program has added."""
        other = type(self)._like(self, self.detach())
        other.__dict__.update(self._added())
        return other

    def _added(self):
        return {k: v for k, v in self.__dict__.items() if k not in ("_handle", "_owner")}

    @classmethod
    def _like(cls, old, copy):
        return copy.requires_grad_(old.requires_grad) if old.requires_grad else copy

    def __reduce__(self):
        values = (call("tn_sparse_parts", self), self.is_coalesced()) if self.is_sparse else None if self.is_meta else self._bytes()
        return _restored, (values, tuple(self.shape), self.dtype, self.requires_grad), self._added() or None

    # ---- dtypes and devices ----

    def to(self, *args, dtype=None, device=None, copy=False, non_blocking=False, memory_format=None):
        dtype, device = targets(args, dtype, device)
        x = call("tn_to", self, dtype, memory_format=memory_format or 0, device=device)
        return x.clone() if copy and x is self else x

    def clone(self, *, memory_format=None):
        return call("tn_clone", self, memory_format=memory_format or 0)

    def contiguous(self, memory_format=None):
        return call("tn_contiguous", self, memory_format=memory_format or 0)

    def type(self, dtype=None):
        if dtype is None:
            where = "meta." if self.is_meta else "sparse." if self.is_sparse else ""
            return f"torch.{where}{self.dtype.legacy}Tensor"
        return self.to(dtype)

    def cpu(self):
        return self.to("cpu")

    def type_as(self, other):
        return self.to(other)

    # ---- sparse tensors ----

    @property
    def is_sparse(self):
        return _is_sparse(self._handle)

    @property
    def layout(self):
        return _dtype.layouts["sparse_coo" if self.is_sparse else "strided"]

    def sparse_dim(self):
        return _sparse_dim(self._handle)

    def dense_dim(self):
        return _dense_dim(self._handle)

    def _nnz(self):
        return call("tn_nnz", self)

    def is_coalesced(self):
        return call("tn_is_coalesced", self)

    def coalesce(self):
        return call("tn_coalesce", self)

    def indices(self):
        return call("tn_indices", self)

    def values(self):
        return call("tn_values", self)

    def _indices(self):
        return call("tn_sparse_parts", self)[0]

    def to_dense(self):
        return call("tn_to_dense", self)

    def to_sparse(self, sparse_dim=None, *, layout=None):
        if layout not in (None, _dtype.layouts["sparse_coo"]):
            raise NotImplementedError(f"to_sparse: layout {layout}")
        return call("tn_to_sparse", self, sparse_dim=sparse_dim)

    # ---- indexing ----

    def __getitem__(self, index):
        from ._index import get
        return get(self, index)

    def __setitem__(self, index, value):
        from ._index import put
        put(self, index, value)


def targets(args, dtype, device):
    """What to(dtype), to(device, dtype) and to(other) ask for: a dtype and a device."""
    for a in args:
        if isinstance(a, Tensor):
            dtype, device = a.dtype, a.device
        elif isinstance(a, _dtype.dtype):
            dtype = a
        else:
            device = a
    return dtype, device


def _caster(name):
    def cast(self):
        return self.to(_dtype.by_name[name])
    cast.__name__ = name
    return cast


def _maker(name):
    def make(self, *args, dtype=None, requires_grad=False, device=None):
        return call(f"tn_{name}", *args, dtype=dtype or self.dtype, requires_grad=requires_grad, device=device or self.device)
    make.__name__, make.__doc__ = f"new_{name}", f"torch.{name} with this tensor's dtype, on its device."
    return make


for _name in ("zeros", "ones", "empty", "full"):
    setattr(Tensor, f"new_{_name}", _maker(_name))
for _name in ("float", "double", "half", "bfloat16", "long", "int", "short", "bool"):
    setattr(Tensor, _name, _caster(_name))


class _Memory:
    """Holds a tensor as long as an array uses its memory."""

    def __init__(self, tensor):
        self.tensor, self.__array_interface__ = tensor, tensor.__array_interface__


def _restored(data, shape, dtype, requires_grad):
    if isinstance(data, tuple):
        (indices, values), coalesced = data
        x = call("tn_sparse_coo_tensor", indices, values, shape, is_coalesced=coalesced)
    else:
        x = call("tn_empty", shape, dtype=dtype, device="meta") if data is None else from_bytes(data, shape, dtype, "cpu")
    return x.requires_grad_(requires_grad)


def _make(address):
    """Of a handle that Python does not know yet."""
    from .nn.parameter import Buffer, Parameter
    cls = Parameter if _is_parameter(address) else Buffer if _is_buffer(address) else Tensor
    return adopt(object.__new__(cls), address)


wrappers["tn_tensor *"] = _make
wrappers["tn_tensor"] = lambda: object.__new__(Tensor)
wrappers["tn_hook *"] = lambda address: RemovableHandle._wrap(address)


# ---- memory of Python's own under a tensor ----

_lent = {}  # address: the owners of that memory, one for each tensor over it


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _give_back(address):
    owners = _lent.get(address or 0)
    if owners:
        owners.pop()
        if not owners:
            _lent.pop(address or 0, None)


def over_memory(address, shape, strides, dtype, owner):
    """A tensor over foreign memory, which `owner` keeps; strides in elements."""
    reach = 1 + sum((n - 1) * s for n, s in zip(shape, strides)) if all(shape) else 0
    sizes = (ctypes.c_int64 * 1)(reach)
    with Scope():
        _lent.setdefault(address or 0, []).append(owner)
        base = _from_blob(sizes, 1, int(dtype), address if reach else None, ctypes.cast(_give_back, ctypes.c_void_p))
        if not base:
            _lent[address or 0].pop()
            check()
        return call("tn_as_strided", wrap(base), tuple(shape), tuple(strides), 0).detach()


def from_bytes(data, shape, dtype, device=None):
    """A tensor of bytes in row-major order; a copy."""
    chosen, _kept = options("tn_from_data", {"device": device})
    with Scope():
        sizes = (ctypes.c_int64 * max(len(shape), 1))(*shape)
        buffer = ctypes.create_string_buffer(bytes(data), max(len(data), 1))
        return wrap(_checked(_from_data(sizes, len(shape), int(dtype), buffer, ctypes.addressof(chosen))))


_from_data = raw("tn_from_data")


def _checked(address):
    if not address:
        check()
    return address
