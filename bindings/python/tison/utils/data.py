"""torch.utils.data: datasets and the loader of the library; a dataset may be a Python class with __len__ and __getitem__."""
import ctypes

from .._api import Scope, check, fail, hold, raw, struct
from .._call import Function, call, function, wrap
from .._create import as_tensor, tensor
from .._dtype import by_name
from .._hooks import _alive, forget, remember
from .._object import Object, adopt
from .._tensor import Tensor

MOST_TENSORS = 16
_get, _next = raw("tn_dataset_get"), raw("tn_batch_next")


class Dataset:
    """torch.utils.data.Dataset."""

    def __getitem__(self, index):
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")


class _Native(Object, Dataset):
    def __len__(self):
        return call("tn_dataset_len", self)

    def __getitem__(self, index):
        out, n = (ctypes.c_void_p * MOST_TENSORS)(), ctypes.c_size_t(MOST_TENSORS)
        with Scope():
            if not _get(self._handle, index, out, ctypes.byref(n)):
                check()
            return tuple(wrap(out[i]) for i in range(n.value))


class TensorDataset(_Native):
    """torch.utils.data.TensorDataset."""

    def __init__(self, *tensors):
        self.tensors = tensors
        function("tn_data_tensor_dataset").make(lambda a: adopt(self, a), tensors)


@ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
def _length(number):
    try:
        return len(_alive[number])
    except BaseException as e:
        fail(e)
        return -1


@ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_int64, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t))
def _item(number, i, out, n):
    try:
        values = _alive[number][i]
        values = values if isinstance(values, (tuple, list)) else (values,)
        for k, v in enumerate(values):
            v = tensor(v, dtype=by_name["float64"]) if isinstance(v, float) else v if isinstance(v, Tensor) else as_tensor(v)
            out[k] = hold(v._handle)
        n[0] = len(values)
        return True
    except BaseException as e:
        return fail(e)


_class = struct("tn_data_class")()
_class.size = ctypes.sizeof(_class)
_class.length, _class.item = (ctypes.cast(f, ctypes.c_void_p).value for f in (_length, _item))
_class.destroy = forget.value


def _native(dataset):
    """The dataset itself, or one of the library that asks it."""
    if isinstance(dataset, Object):
        return dataset
    number, make = remember(dataset), raw("tn_data_dataset_new")
    with Scope():
        address = make(ctypes.addressof(_class), number)
        if not address:
            _alive.pop(number, None)
            check()
        return _Native._wrap(address)


class DataLoader(Object):
    """torch.utils.data.DataLoader, in the calling thread."""
    _make = staticmethod(Function("tn_data_loader_new"))

    def __init__(self, dataset, batch_size=1, shuffle=False, *, drop_last=False):
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self._make.make(lambda a: adopt(self, a), _native(dataset), batch_size, bool(shuffle), drop_last=drop_last)

    def __len__(self):
        return call("tn_data_loader_len", self)

    def __iter__(self):
        batch = raw("tn_batches")(self._handle)
        check()
        while _next(ctypes.byref(batch)):
            items = ctypes.cast(batch.item, ctypes.POINTER(ctypes.c_void_p))
            made = [wrap(items[i]) for i in range(batch.n)]
            yield made if batch.n > 1 or not isinstance(self.dataset, Dataset) or isinstance(self.dataset, Object) else made[0]
        check()


__all__ = ["Dataset", "TensorDataset", "DataLoader"]
