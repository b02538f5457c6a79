"""States of modules: dicts of the library's states, hooks before and after, extra state."""
import collections
import collections.abc
import ctypes
import threading

from .._api import Scope, check, hold, options, raw
from .._call import call, wrap
from .._create import tensor
from .._hooks import callback, hook_of
from .._object import find
from .._tensor import Tensor


class IncompatibleKeys(collections.namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    def __repr__(self):
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"


IncompatibleKeys.__name__ = "_IncompatibleKeys"

_load = raw("tn_load_state_dict")

# ---- a state holds tensors; an extra state of another kind travels as an empty one, whose Python object has it ----

_boxes = threading.local()  # .made: by get_extra_state, until the state is read


def _box(value):
    if isinstance(value, Tensor):
        return value
    box = tensor([])
    box.__dict__["_boxed"] = value
    return box


def _open(x):
    return x.__dict__.get("_boxed", x)


@callback(ctypes.c_void_p, ctypes.c_void_p, failed=None)
def _get_extra_state(module):
    box = _box(find(module).get_extra_state())
    _boxes.__dict__.setdefault("made", []).append(box)
    return hold(box._handle)


@callback(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
def _set_extra_state(module, value):
    find(module).set_extra_state(_open(wrap(value)))
    return True


extra_state = {"get_extra_state": _get_extra_state, "set_extra_state": _set_extra_state}


# ---- states as dicts ----

def state_items(state):
    """Names and values of a tn_state."""
    with Scope():
        return [(call("tn_state_name", state, i), _open(call("tn_state_at", state, i)))
                for i in range(call("tn_state_count", state))]


def make_state(values):
    """A tn_state of a dict; to be called in a scope."""
    state = call("tn_state_new")
    state.__dict__["_boxes"] = boxes = []
    for name, value in values.items():
        if name.rpartition(".")[2] == "_extra_state":
            boxes.append(_box(value))
            value = boxes[-1]
        if not isinstance(value, Tensor):
            raise TypeError(f"expected torch.Tensor or Tensor-like object from checkpoint but received {type(value)}")
        call("tn_state_set", state, name, value)
    for path, entry in getattr(values, "_metadata", {}).items():
        if "version" in entry:
            call("tn_state_set_version", state, path, entry["version"])
    return state


def save(module, destination, prefix, keep_vars):
    out = collections.OrderedDict() if destination is None else destination
    if destination is None:
        out._metadata = collections.OrderedDict()
    with Scope():
        state = call("tn_state_dict", module, prefix=prefix, keep_vars=keep_vars)
        out.update(state_items(state))
        _boxes.__dict__.pop("made", None)
        for i in range(call("tn_state_version_count", state) if hasattr(out, "_metadata") else 0):
            path = call("tn_state_version_path", state, i)
            out._metadata[path] = {"version": call("tn_state_version", state, path)}
    return out


def load(module, values, strict, assign):
    keys = ctypes.c_void_p()
    chosen, _ = options("tn_load_state_dict", {"strict": strict, "assign": assign, "incompatible": ctypes.addressof(keys)})
    with Scope():
        state = make_state(values)
        _load(module._handle, state._handle, ctypes.addressof(chosen))
        check()
        return IncompatibleKeys(*_lists(keys.value)[:2])


# ---- hooks ----

class _State(collections.abc.MutableMapping):
    """A tn_state as the dict that hooks see."""

    def __init__(self, address):
        self._handle = address

    def __getitem__(self, name):
        return _open(call("tn_state_get", self, name))

    def __setitem__(self, name, value):
        call("tn_state_set", self, name, value)

    def __delitem__(self, name):
        call("tn_state_delete", self, name)

    def __contains__(self, name):
        return call("tn_state_has", self, name)

    def __len__(self):
        return call("tn_state_count", self)

    def __iter__(self):
        return iter([call("tn_state_name", self, i) for i in range(len(self))])


class _Address:
    def __init__(self, address):
        self._handle = address


_KINDS = ("missing_keys", "unexpected_keys", "load_errors")


def _lists(address):
    """What a load found missing, unexpected and wrong."""
    keys = _Address(address)
    return [[call("tn_incompatible_get", keys, kind, i) for i in range(call("tn_incompatible_count", keys, kind))] for kind in _KINDS]


def _put_back(address, before, now):
    """What a hook has changed in these lists."""
    keys = _Address(address)
    for kind, old, new in zip(_KINDS, before, now):
        if old != new:
            call("tn_incompatible_clear", keys, kind)
            for text in new:
                call("tn_incompatible_add", keys, kind, text)


@callback(ctypes.c_bool, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_bool, ctypes.c_void_p)
def _before_saving(address, prefix, keep_vars, number):
    module, hook, _ = hook_of(address, number)
    hook(module, prefix.decode(), keep_vars)
    return True


@callback(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
def _after_saving(address, state, prefix, number):
    module, hook, _ = hook_of(address, number)
    state, prefix = _State(state), prefix.decode()
    if hook(module, state, prefix, {"version": call("tn_state_version", state, prefix[:-1])}) is not None:
        raise RuntimeError("state_dict post-hook must return None")
    return True


@callback(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int64, ctypes.c_bool, ctypes.c_void_p,
          ctypes.c_void_p)
def _before_loading(address, state, prefix, version, strict, keys, number):
    module, hook, _ = hook_of(address, number)
    before, now = _lists(keys), _lists(keys)
    hook(module, _State(state), prefix.decode(), {"version": version} if version else {}, strict, *now)
    _put_back(keys, before, now)
    return True


@callback(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
def _after_loading(address, keys, number):
    module, hook, _ = hook_of(address, number)
    before, now = _lists(keys), _lists(keys)
    if hook(module, IncompatibleKeys(*now[:2])) is not None:
        raise AssertionError("Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new values, if "
                             "incompatible_keys need to be modified, it should be done inplace.")
    _put_back(keys, before, now)
    return True


hooks = {"state_dict_pre_hook": _before_saving, "state_dict_post_hook": _after_saving,
         "load_state_dict_pre_hook": _before_loading, "load_state_dict_post_hook": _after_loading}
