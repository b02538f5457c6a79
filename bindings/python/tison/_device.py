"""torch.device: the CPU, or meta, where tensors have no memory; and where tensors are made without one being named."""
import threading

from ._api import check, raw, text

_get, _set = raw("tn_get_default_device"), raw("tn_set_default_device")
_entered = threading.local()  # .before: the defaults behind the contexts that this thread is in
_known = {}


class device:
    """torch.device. with device("meta"): tensors and layers are made there."""

    def __init__(self, type, index=None):
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        self.type, _, number = _checked(type).partition(":")
        self.index = int(number) if number else index

    def __repr__(self):
        return f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"

    def __str__(self):
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other):
        return isinstance(other, device) and str(self) == str(other)

    def __hash__(self):
        return hash(str(self))

    def __reduce__(self):
        return device, (str(self),)

    def __enter__(self):
        before = text(_get)
        set_default_device(self)
        _entered.__dict__.setdefault("before", []).append(before)
        return self

    def __exit__(self, *_):
        set_default_device(_entered.before.pop())


def _checked(name):
    """The library says what is no device at all; those that it lacks have a name."""
    if not isinstance(name, str):
        raise TypeError(f"device must be a torch.device or a str, not {type(name).__name__}")
    before = text(_get)
    try:
        set_default_device(name)
    except NotImplementedError:
        pass
    finally:
        set_default_device(before)
    return name


def of(name):
    """The device of a name that the library gave."""
    if name not in _known:
        _known[name] = device(name)
    return _known[name]


def set_default_device(device):
    """torch.set_default_device, of this thread; None: the CPU."""
    _set(None if device is None else str(device).encode())
    check()


def get_default_device():
    """torch.get_default_device."""
    return of(text(_get))
