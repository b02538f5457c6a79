"""Every function of the library that takes tensors, called with meta tensors: what it makes is as on the CPU, but for the values, or it
refuses; and nothing that it answers is a value read from nowhere.

The functions, their parameters and options are those of api.json, so that a new one is called, too; each with the same arguments on both
devices, and on both at once."""
import ctypes
import functools
import itertools

import pytest
import tison
from tison._api import Scope, constants, functions, option_fields, options, scalar
from tison._api import raw as _raw

pytestmark = pytest.mark.filterwarnings("ignore")  # of the values on the CPU
raw = functools.lru_cache(None)(_raw)
NOT_IMPLEMENTED, INDEX, LINALG = (constants[f"TN_ERR_{n}"] for n in ("NOT_IMPLEMENTED", "INDEX", "LINALG"))

# The tensors of the calls: dtype, shape; a capital letter requires grad. On the CPU their values are 0 and 1 in turn: indices, masks, classes.
KINDS = {"f": ("float32", (2, 3)), "i": ("int64", (2, 3)), "b": ("bool", (2, 3)), "c": ("complex64", (2, 3)), "h": ("float16", (2, 3)),
         "s": ("float32", ()), "j": ("int64", ()), "0": ("float32", (0, 3)), "q": ("float32", (3, 3)), "z": ("complex64", (3, 3)),
         "v": ("float32", (3,)), "w": ("int64", (2,)), "t": ("float32", (2, 3, 4)), "m": ("float32", (2, 3, 3)),
         "p": ("float32", (2, 3, 4, 4)), "k": ("float32", (3, 3, 2, 2)), "u": ("float64", (3, 2)), "F": ("float32", (2, 3)),
         "S": ("float32", ())}
FIRST, SECOND, THIRD = "FfibchSs0qzvwmtpu", "FfibcsjqvwkmtSu", "fiscvwtq"

# The other arguments, by kind, and by name where the kind says too little.
VALUES = {"int": [0, 1], "ints": [(2, 3), (0,), (1, 0)], "double": [0.5], "bool": [False, True], "scalar": [1], "dtype": ["float64", "int64"],
          "enum": [0], "string": ["sum"]}
NAMED = {"equation": ["ij->ji", "ij,ij->i", "ij,jk"], "kernel": [(2, 2), 1], "normalized_shape": [(3,)], "end": [1, 3], "length": [1],
         "num_groups": [1, 3], "step": [1], "strides": [(1, 1), (3, 1)], "repeats": [(1, 2), 2], "k": [1], "chunks": [2], "sections": [2],
         "split_size": [1], "lambd": [1.0], "std": [1.0], "to": [1.0], "reduce": ["sum", "add"]}
OPTIONS = {"tn_clamp": {"min": 0.5}, "tn_clamp_": {"min": 0.5}, "tn_one_hot": {"num_classes": 2},
           "tn_autograd_grad": {"allow_unused": True}, "tn_roll": {"dims": None}}

ANSWERS = {f"tn_{n}" for n in (  # what is known without values
    "requires_grad", "is_leaf", "grad_dtype", "is_shared", "grad_fn_name", "is_lazy", "ndim", "numel", "size", "stride", "sizes", "strides",
    "storage_offset", "get_dtype", "element_size", "device", "is_contiguous", "is_meta", "is_parameter", "is_buffer", "is_persistent",
    "is_inference", "is_sparse", "sparse_dim", "dense_dim", "version_counter", "tensors_count", "tensors_name")}
ACTIONS = {f"tn_{n}" for n in (  # of those that return a bool
    "set_grad", "set_grad_dtype", "set_data", "swap_data", "swap_tensors", "retain_grad", "backward", "nn_utils_clip_grad_value_",
    "nn_utils_vector_to_parameters", "materialize")}
REFUSED = {f"tn_{n}" for n in (  # whatever the arguments: values are asked for
    "allclose", "equal", "item", "item_int", "data", "data_f32", "data_f64", "data_i64", "data_i32", "data_u8", "data_bool", "bincount",
    "masked_select", "nonzero", "repeat_interleave_tensor", "share_memory_", "materialize",
    # of sparse tensors
    "coalesce", "indices", "is_coalesced", "nnz", "sparse_coo_tensor", "sparse_mm", "sparse_parts", "to_sparse", "values")}
ELSEWHERE = {"tn_save_npy", "tn_to_dlpack", "tn_autograd_grads"}  # called in test_meta.c
SHAPE_ALONE = {f"tn_{n}" for n in (  # what they make of a tensor of the CPU needs but the shape of the meta one, or nothing of it
    "expand_as", "view_as", "meshgrid", "tensors_get", "tensors_new", "copy_", "autograd_grad")}
NO_GRADIENTS = {"tn_nn_utils_clip_grad_norm_"}  # gives a zero of the CPU, as PyTorch does
HANDLES = {"handle", "module"}


def of_lists(p):
    return p["kind"] == "tensors" or p["type"] == "tn_tensors *"


def of_tensors(f):
    return [p for p in f["parameters"] if p["kind"] == "tensor" or of_lists(p)]


def is_called(f):
    known = {"tensor", "tensor_out", "count", "options", *VALUES}
    return f["name"] not in ELSEWHERE and of_tensors(f) and all(p["kind"] in known or of_lists(p) for p in f["parameters"])


NAMES = sorted(name for name, f in functions.items() if is_called(f))


@functools.lru_cache(None)
def template(kind, device):
    dtype, shape = KINDS[kind]
    dtype = getattr(tison, dtype)
    if device == "meta":
        return tison.empty(shape, dtype=dtype, device="meta")
    n = functools.reduce(lambda a, b: a * b, shape, 1)
    return tison.tensor([i % 2 for i in range(n)]).reshape(shape).to(dtype)


class Call:
    """One call of a function. devices: of the first tensor and of the others."""

    def __init__(self, name, kinds, choice, devices):
        self.f, self.kinds, self.devices = functions[name], kinds, devices
        self.tensors, self.values, self.outs, self.kept = [], [], [], []
        for p in self.f["parameters"]:
            if p["kind"] == "tensor":
                self.values.append(self.tensor())
            elif of_lists(p):
                pair = (ctypes.c_void_p * 2)(self.tensor(), self.tensor())
                self.kept.append(pair)
                self.values += [raw("tn_tensors_new")(pair, 2)] if p["kind"] == "handle" else [pair, 2]
            elif p["kind"] == "tensor_out":
                self.outs.append(ctypes.c_void_p())
                self.values.append(ctypes.addressof(self.outs[-1]))
            elif p["kind"] == "options":
                self.values.append(self.options(name) if choice["options"] else None)
            elif p["kind"] != "count":
                self.add(p["kind"], choice[p["name"]])

    def tensor(self):
        kind = self.kinds[min(len(self.tensors), len(self.kinds) - 1)]
        x = kind and raw("tn_clone")(template(kind, self.devices[bool(self.tensors)])._handle, None)
        if x and kind.isupper():
            raw("tn_requires_grad_")(x, True)
        self.tensors.append(x or None)
        return x or None

    def options(self, name):
        tensors = [f["name"] for f in option_fields(name) if f["kind"] == "tensor"]
        o, kept = options(name, OPTIONS.get(name, {}))
        for field in tensors:
            setattr(o, field, self.tensor())
        self.kept += [o, kept]
        return ctypes.addressof(o)

    def add(self, kind, value):
        if kind == "ints":
            self.values += [(ctypes.c_int64 * max(len(value), 1))(*value), len(value)]
        elif kind == "dtype":
            self.values.append(int(getattr(tison, value)))
        else:
            self.values.append(scalar(value) if kind == "scalar" else value.encode() if kind == "string" else value)

    def run(self):
        """The status, and the text of the error or what was made."""
        result = raw(self.f["name"])(*self.values)
        status = raw("tn_error")()
        if status:
            text = raw("tn_error_message")().decode()
            raw("tn_clear_error")()
            return status, text
        kind, made = self.f["returns"]["kind"], [o.value for o in self.outs]
        if kind == "tensor":
            made.append(result)
        elif self.f["returns"]["type"] == "tn_tensors *":
            made += [raw("tn_tensors_get")(result, i) for i in range(raw("tn_tensors_count")(result))]
        elif kind not in HANDLES and not self.outs:
            made.append(f"the answer {result}")
        return 0, [self.about(m) for m in made]

    def about(self, x):
        """Is it on the meta device; and what does not depend on that."""
        if x is None or isinstance(x, str):
            return None, x
        n, numel = raw("tn_ndim")(x), raw("tn_numel")(x)
        sizes = tuple(raw("tn_size")(x, i) for i in range(n))
        strides = tuple(raw("tn_stride")(x, i) for i in range(n)) if numel else None
        own = self.tensors.index(x) if x in self.tensors else None  # in place, or as it was
        return raw("tn_is_meta")(x), (sizes, strides, raw("tn_get_dtype")(x), raw("tn_requires_grad")(x), own)


def choices(f):
    rows = {"options": [False, True] if option_fields(f["name"]) else [False]}
    for p in f["parameters"]:
        if p["kind"] in VALUES and not of_lists(p):
            values = NAMED.get(p["name"], VALUES[p["kind"]])
            if p["kind"] == "ints":
                values = [v if isinstance(v, tuple) else (v,) for v in values]
            elif p["kind"] == "int":
                values = [v for v in values if isinstance(v, int)]
            rows[p["name"]] = values
    return [dict(zip(rows, v)) for v in itertools.product(*rows.values())][:16]


def kinds_of(f, firsts=FIRST, seconds=SECOND, thirds=THIRD):
    n = len(of_tensors(f)) + sum(map(of_lists, f["parameters"])) + sum(o["kind"] == "tensor" for o in option_fields(f["name"]))
    for first in firsts:
        for second in [*seconds, None] if n > 1 else [None]:
            for third in [*thirds, None] if n > 2 and second else [None]:
                yield first, second, third


def answers(name, kinds, choice, *devices):
    with Scope():
        return Call(name, kinds, choice, devices).run()


def by_value(status, text):
    """What the CPU may say of values, or of a dtype that it has no kernel for."""
    return (status in (NOT_IMPLEMENTED, LINALG) or text == "ZeroDivisionError" or (status == INDEX and "out of" in text)
            or "Number of elements of source" in text)


def refuses(status, text):
    return status == NOT_IMPLEMENTED or "meta tensors" in text or "only available on CPU" in text 


def difference(name, real, meta):
    """What is wrong on the meta device, given what the CPU says; None: nothing."""
    if meta[0]:
        return None if real[0] or refuses(*meta) else f"fails: {meta[1]}"
    if real[0]:
        return None if by_value(*real) else f"works, while the CPU says {real[1]}"
    for a, b in zip(real[1], meta[1], strict=True):
        if b[0] is None and b[1] is not None:
            if name not in ANSWERS | ACTIONS:
                return f"gives {b[1]}"
        elif a[1] != b[1] or (b[0] is False and name not in NO_GRADIENTS):
            return f"gives {b}, the CPU {a}"
    return None


@pytest.mark.parametrize("name", NAMES)
def test_every_function(name):
    f, wrong, works = functions[name], [], False
    for kinds in kinds_of(f):
        for choice in choices(f):
            real, meta = (answers(name, kinds, choice, device, device) for device in ("cpu", "meta"))
            works = works or not meta[0]
            what = difference(name, real, meta)
            if what:
                wrong.append(f"{kinds} {choice}: {what}")
    assert not wrong, f"{len(wrong)} calls of {name}:\n" + "\n".join(wrong[:5])
    assert works != (name in REFUSED)


@pytest.mark.parametrize("name", [n for n in NAMES if len(functions[n]["parameters"]) > 1 and n not in SHAPE_ALONE | NO_GRADIENTS])
def test_both_devices(name):
    """Beside a meta tensor one of the CPU is refused, or what is made is a meta tensor."""
    for kinds in kinds_of(functions[name], "fFibsqt", "fFibsjqvt", "fisv"):
        for choice, devices in itertools.product(choices(functions[name]) if kinds[1] else (), (("cpu", "meta"), ("meta", "cpu"))):
            with Scope():
                call = Call(name, kinds, choice, devices)
                status, made = call.run() if sum(map(bool, call.tensors)) > 1 else (0, [])
            wrong = not status and any(x[0] is False or (x[1] and x[0] is None and name not in ANSWERS | ACTIONS) for x in made)
            assert not wrong, f"{kinds} {choice} {devices}: {made}"
