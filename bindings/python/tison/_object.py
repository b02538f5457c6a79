"""Python objects that stand for objects of the library.

An object holds a claim (tn_keep) and gives it back when it dies, on whatever thread the collector runs. One address has one Python
object at a time, so that `p.grad is p.grad`. The claim is given back by the weak reference's callback: by then the table cannot
hand the dying object out any more.
"""
import atexit
import weakref

from ._api import check, free, keep

_living = {}  # address: the claim of the object that stands for it
_claims = set()


class _Claim(weakref.ref):
    __slots__ = ("address",)


def _release(claim, free=free, living=_living, claims=_claims):
    if living.get(claim.address) is claim:
        del living[claim.address]
    if claim in claims:
        claims.discard(claim)
        free(claim.address)


@atexit.register
def _release_all():
    """While Python can still be called back: what these objects own may have Python functions to call at its end."""
    while _claims:
        free(_claims.pop().address)


# Two equal referents must not make two claims one.
_Claim.__hash__ = object.__hash__
_Claim.__eq__ = object.__eq__


def adopt(obj, address, owned=False):
    """obj stands for the object at `address` from now on; owned: the claim is there already."""
    if not owned and not keep(address):
        check()
        raise RuntimeError("the object is not alive")
    obj.__dict__["_handle"] = address
    claim = _Claim(obj, _release)
    claim.address = address
    _claims.add(claim)
    _living[address] = claim
    return obj


def find(address):
    """The Python object that stands for an address, or None."""
    claim = _living.get(address)
    return None if claim is None else claim()


class Object:
    """Anything of the library that Python only hands on: a hook, a state, a dataset."""

    @classmethod
    def _wrap(cls, address):
        return adopt(cls.__new__(cls), address)
