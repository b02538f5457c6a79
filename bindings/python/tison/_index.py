"""x[...] and x[...] = value: views for ints, slices, None and ...; the operators index and index_put_ for tensors and lists."""
from . import _create
from ._call import call
from ._tensor import Tensor


def _items(x, index):
    """The index as a tuple with as many slices in the place of ... as are missing."""
    items = list(index) if isinstance(index, tuple) else [index]
    for i, item in enumerate(items):
        if isinstance(item, (list, range)) or type(item).__name__ == "ndarray":
            items[i] = _create.tensor(list(item) if isinstance(item, range) else item, device=x.device)
    taken = sum(x_dims(item) for item in items)
    if taken > x.ndim:
        raise IndexError(f"too many indices for tensor of dimension {x.ndim}")
    if any(item is Ellipsis for item in items):
        at = next(i for i, item in enumerate(items) if item is Ellipsis)
        items[at:at + 1] = [slice(None)] * (x.ndim - taken)
    return items


def x_dims(item):
    """How many dims of the tensor an item of the index takes."""
    if item is None or item is Ellipsis or isinstance(item, bool):
        return 0
    if isinstance(item, Tensor) and item.dtype.name in ("bool", "uint8"):
        return item.ndim
    return 1


def _basic(x, items):
    """Applies all but tensors; returns the view and the tensors by the dim that they index."""
    dim, chosen = 0, {}
    for item in items:
        if isinstance(item, bool):
            x = x.unsqueeze(dim)
            chosen[dim] = _create.tensor([item], device=x.device)
            dim += 1
        elif item is None:
            x = x.unsqueeze(dim)
            dim += 1
        elif isinstance(item, slice):
            if item != slice(None):
                step = 1 if item.step is None else int(item.step)
                if step <= 0:
                    raise ValueError("step must be greater than zero")
                bound = [None if v is None else v.__index__() for v in (item.start, item.stop)]
                x = call("tn_slice", x, dim, bound[0], bound[1], step)
            dim += 1
        elif isinstance(item, Tensor) and (item.ndim or item.dtype.name == "bool"):
            chosen[dim] = item
            dim += x_dims(item)
        elif hasattr(item, "__index__"):
            x = _select(x, dim, item.__index__())
        else:
            raise TypeError(f"only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
                            f"(got {type(item).__name__})")
    return x, chosen


def _select(x, dim, i):
    n = x.shape[dim]
    if not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for dimension {dim} with size {n}")
    return call("tn_select", x, dim, i)


def _list(chosen):
    return [chosen.get(d) for d in range(max(chosen) + 1)]


def get(x, index):
    y, chosen = _basic(x, _items(x, index))
    if not chosen:
        return call("tn_slice", y, 0, None, None, 1) if y is x and y.ndim else y
    from ._operators import run
    return run("index", y, _list(chosen))


def put(x, index, value):
    from ._operators import run
    y, chosen = _basic(x, _items(x, index))
    if chosen:
        if not isinstance(value, Tensor):
            value = _create.tensor(value, device=x.device).to(x.dtype)
        run("index_put_", y, _list(chosen), value)
    elif isinstance(value, Tensor):
        while value.ndim > y.ndim and value.shape[0] == 1:
            value = value[0]
        run("copy_", y, value)
    elif isinstance(value, (int, float, bool, complex)):
        run("fill_", y, value)
    else:
        run("copy_", y, _create.tensor(value, dtype=x.dtype, device=x.device))
