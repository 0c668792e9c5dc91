"""The ops that a spec may call: what they are, what they take, and whether a call fits."""

from layergen.ops.binding import Argument, Binding, BindingFault, Fault, FaultKind, bind
from layergen.ops.model import Formal, Op, Signature
from layergen.ops.registry import called, find, get, names, nearest, update

__all__ = [
    "Argument",
    "Binding",
    "BindingFault",
    "Fault",
    "FaultKind",
    "Formal",
    "Op",
    "Signature",
    "bind",
    "called",
    "find",
    "get",
    "names",
    "nearest",
    "update",
]
