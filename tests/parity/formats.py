"""NumPy's files, safetensors and DLPack, in both directions: what the C program wrote, and what the library reads of others."""
import ctypes
import gzip
import io
import struct

import numpy as np
from parity import bits, folder, report, torch
from safetensors.torch import load_file, save_file

lib = ctypes.CDLL(f"{folder}/../../libtison.so")
P, S = ctypes.c_void_p, ctypes.c_char_p
for name, result, *arguments in [
    ("tn_error_message", S), ("tn_clear_error", None), ("tn_load_npy", P, S), ("tn_save_npy", ctypes.c_bool, P, S), ("tn_load_npz", P, S),
    ("tn_load", P, S), ("tn_save", ctypes.c_bool, P, S), ("tn_load_idx", P, S), ("tn_load_csv", P, S, P), ("tn_state_get", P, P, S),
    ("tn_to_dlpack", P, P), ("tn_from_dlpack", P, P), ("tn_from_dlpack_legacy", P, P), ("tn_free", ctypes.c_bool, P),
]:
    function = getattr(lib, name)
    function.restype, function.argtypes = result, arguments

api = ctypes.pythonapi
api.PyCapsule_New.restype, api.PyCapsule_New.argtypes = ctypes.py_object, [P, S, P]
api.PyCapsule_GetPointer.restype, api.PyCapsule_GetPointer.argtypes = P, [ctypes.py_object, S]
api.PyCapsule_SetName.argtypes = [ctypes.py_object, S]
VERSIONED, USED, LEGACY, USED_LEGACY = b"dltensor_versioned", b"used_dltensor_versioned", b"dltensor", b"used_dltensor"


def to_torch(x):
    assert x, lib.tn_error_message()
    return torch.utils.dlpack.from_dlpack(api.PyCapsule_New(lib.tn_to_dlpack(x), VERSIONED, None))


class Exporter:
    """What NumPy asks for an array."""

    def __init__(self, x):
        self.x = x

    def __dlpack__(self, **_):
        return api.PyCapsule_New(lib.tn_to_dlpack(self.x), VERSIONED, None)

    def __dlpack_device__(self):
        return (1, 0)


def from_capsule(capsule):
    name = VERSIONED if "_versioned" in repr(capsule) else LEGACY
    take = lib.tn_from_dlpack if name == VERSIONED else lib.tn_from_dlpack_legacy
    x = take(api.PyCapsule_GetPointer(capsule, name))
    assert x, lib.tn_error_message()
    api.PyCapsule_SetName(capsule, USED if name == VERSIONED else USED_LEGACY)
    return x


def path(name):
    return f"{folder}/{name}"


dtypes = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"]
expected = {d: torch.arange(12, dtype=torch.float64).reshape(3, 4).to(getattr(torch, d)) for d in dtypes}

for d in dtypes:  # what the library wrote
    array = expected[d].numpy().T
    bits(f"npy {d}", torch.from_numpy(np.load(path(f"{d}.npy"))), expected[d].T)
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array))
    report(f"npy {d}, bytes", buffer.getvalue() == open(path(f"{d}.npy"), "rb").read())
for name in "stored", "packed":
    with np.load(path(f"{name}.npz")) as archive:
        report(f"npz {name}, names", sorted(archive) == sorted(dtypes))
        for d in dtypes:
            bits(f"npz {name} {d}", torch.from_numpy(archive[d]), expected[d])
tensors = load_file(path("all.safetensors"))
for d in dtypes[:-1] + ["bfloat16"]:
    bits(f"safetensors {d}", tensors[d], expected["float64"].to(getattr(torch, d)))

for d in dtypes:  # what NumPy wrote
    array = expected[d].numpy()
    for order, name in ("<", "little"), (">", "big"):
        np.save(path("x.npy"), array.astype(array.dtype.newbyteorder(order)))
        bits(f"load npy {d} {name}", to_torch(lib.tn_load_npy(path("x.npy").encode())), expected[d])
    np.save(path("x.npy"), np.asfortranarray(array))
    x = to_torch(lib.tn_load_npy(path("x.npy").encode()))
    bits(f"load npy {d} fortran", x, expected[d])
    report(f"load npy {d} strides", x.stride() == torch.from_numpy(np.load(path("x.npy"))).stride())
    for version in (1, 0), (2, 0), (3, 0):
        with open(path("x.npy"), "wb") as file:
            np.lib.format.write_array(file, array, version=version)
        bits(f"load npy {d} {version[0]}.0", to_torch(lib.tn_load_npy(path("x.npy").encode())), expected[d])
for shape in [(), (0,), (0, 3), (1,), (100000, 1), (2, 1, 3, 1, 2), (7,) * 6]:
    array = np.zeros(shape, np.float32)
    np.save(path("x.npy"), array)
    x = lib.tn_load_npy(path("x.npy").encode())
    got = to_torch(x)
    report(f"load npy {shape}", got.shape == array.shape and got.dtype == torch.float32 and not got.any())
    report(f"save npy {shape}", lib.tn_save_npy(x, path("y.npy").encode()) and open(path("x.npy"), "rb").read() == open(path("y.npy"), "rb").read())
for name, save in ("savez", np.savez), ("savez_compressed", np.savez_compressed):
    save(path("x.npz"), **{d: x.numpy() for d, x in expected.items()})
    state = lib.tn_load_npz(path("x.npz").encode())
    for d in dtypes:
        bits(f"load {name} {d}", to_torch(lib.tn_state_get(state, d.encode())), expected[d])

stored = [torch.float8_e5m2, torch.float8_e4m3fn, torch.float8_e5m2fnuz, torch.float8_e4m3fnuz, torch.uint16, torch.uint32, torch.uint64]
every = {d: expected[d] for d in dtypes if d != "complex128"} | {"bfloat16": expected["float64"].to(torch.bfloat16)}  # no C128 in the format
every |= {str(d).removeprefix("torch."): expected["float64"].to(d) for d in stored}
save_file(every, path("x.safetensors"), metadata={"format": "pt"})
state = lib.tn_load(path("x.safetensors").encode())
for d, x in every.items():
    bits(f"load safetensors {d}", to_torch(lib.tn_state_get(state, d.encode())).view(torch.uint8), x.view(torch.uint8))
report("save safetensors, bytes", lib.tn_save(state, path("y.safetensors").encode()) and
       open(path("x.safetensors"), "rb").read() == open(path("y.safetensors"), "rb").read())

np.savetxt(path("x.csv"), np.random.default_rng(0).standard_normal((50, 7)), delimiter=",")
bits("load csv", to_torch(lib.tn_load_csv(path("x.csv").encode(), None)), torch.from_numpy(np.loadtxt(path("x.csv"), delimiter=",")).float())
with gzip.open(path("x.idx.gz"), "wb") as file:
    file.write(struct.pack(">BBBBII", 0, 0, 13, 2, 3, 4) + expected["float32"].numpy().astype(">f4").tobytes())
bits("load idx.gz", to_torch(lib.tn_load_idx(path("x.idx.gz").encode())), expected["float32"])

for d in dtypes + ["bfloat16"] + stored:  # DLPack
    dtype = getattr(torch, d) if isinstance(d, str) else d
    y = torch.arange(12, dtype=torch.float64).reshape(3, 4).to(dtype).T[1:]
    for version in None, (1, 0):
        if version is None and dtype.itemsize == 1 and dtype.is_floating_point:
            continue
        x = from_capsule(y.__dlpack__(max_version=version))
        back = to_torch(x)
        report(f"dlpack {dtype} {version}", back.dtype == dtype and back.stride() == y.stride() and back.data_ptr() == y.data_ptr())
array = np.arange(6, dtype=np.float32).reshape(2, 3)
x = from_capsule(array.__dlpack__(max_version=(1, 0)))
back = np.from_dlpack(Exporter(x))
array[1, 2] = 70
report("dlpack numpy shares", back[1, 2] == 70 and back.strides == array.strides)
fixed = np.arange(3, dtype=np.float64)
fixed.flags.writeable = False
copy = to_torch(from_capsule(fixed.__dlpack__(max_version=(1, 0))))
report("dlpack numpy read-only is copied", copy.tolist() == [0, 1, 2] and copy.data_ptr() != fixed.ctypes.data)
backwards = np.arange(6, dtype=np.float32)[::-1]
capsule = backwards.__dlpack__(max_version=(1, 0))
report("dlpack negative strides", not lib.tn_from_dlpack(api.PyCapsule_GetPointer(capsule, VERSIONED)) and b"negative" in lib.tn_error_message())
lib.tn_clear_error()
