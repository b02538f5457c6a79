"""Losses as modules, CrossEntropyLoss and its kin: made from the functions *_loss and cross_entropy of the library."""
from .._api import functions, option_fields
from .._call import function
from .module import Module

_printed = {"mse": "MSE", "nll": "NLL", "l1": "L1", "bce": "BCE", "kl": "KL", "ctc": "CTC", "kldiv": "KLDiv"}


def _class_name(name):
    words = name[3:].removesuffix("_loss").split("_")
    return "".join(_printed.get(w, w.capitalize()) for w in words) + "Loss"


def _make(name):
    f, tensors = function(name), {p["name"] for p in option_fields(name) if p["kind"] == "tensor"}

    def __init__(self, *args, **keywords):
        Module.__init__(self)
        names = [n for n in f.by_place if n in f.fields]
        given = {**dict(zip(names, args)), **keywords}
        for key, value in given.items():
            if key in tensors:
                self.register_buffer(key, value)
        object.__setattr__(self, "_given", {k: v for k, v in given.items() if k not in tensors})

    def forward(self, *tensors_in):
        held = {k: getattr(self, k) for k in tensors if self._member(k)[0]}
        return f(*tensors_in, **self._given, **held)
    return type(_class_name(name), (Module,), {"__init__": __init__, "forward": forward, "__doc__": functions[name]["doc"],
                                               "__module__": "tison.nn"})


classes = {_class_name(n): _make(n) for n, f in functions.items()
           if f["header"] == "ops" and (n.endswith("_loss") or n == "tn_cross_entropy") and option_fields(n)}
