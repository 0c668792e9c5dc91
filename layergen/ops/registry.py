"""Which functions a spec may call: a closed list, computed from torch by rule.

A function is an op when torch documents it and `layergen.ops.schemas` finds a signature for it: tensors go in (or, for
a factory, are made), tensors come out, and nothing else that torch can do is asked for. Functions that read files, run
code, change settings or look into a tensor have no such signature.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from layergen import suggest
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.kinds import Kind
from layergen.ops import schemas, traits
from layergen.ops.model import TENSORS, Formal, Namespace, Op, Signature
from layergen.ops.updating import as_update, writes_statistics

WRITTEN = re.compile(r"(?:(?:fft|linalg)\.)?[a-z][a-z0-9]*(?:_[a-z0-9]+)*_?")
PREFIXES = re.compile(r"^(?:torch\.|nn\.|functional\.|F\.|special\.|init\.|Tensor\.)+")
UNTYPED_NAMESPACES = frozenset({"torch.fft", "torch.linalg", "torch.special"})
PYTHON_MODULES = frozenset({"torch.nn.functional", "torch.functional"})


@dataclass(frozen=True)
class Home:
    """A place where torch keeps functions."""

    namespace: Namespace
    holder: Any  # the module or class
    python: str  # how generated code reaches into it
    prefix: str = ""  # how a spec does


HOMES = (
    Home("F", functional, "F."),
    Home("torch", torch, "torch."),
    Home("torch.special", torch.special, "torch.special."),
    Home("torch.fft", torch.fft, "torch.fft.", "fft."),
    Home("torch.linalg", torch.linalg, "torch.linalg.", "linalg."),
    Home("Tensor", torch.Tensor, ""),
)


@cache
def find(name: str) -> Op | None:
    """The op that a spec calls by a name, if there is one."""
    if name in OWN:
        return OWN[name]
    if not WRITTEN.fullmatch(name) or name in traits.SKIPPED or traits.SKIPPED_PATTERN.search(name):
        return None
    for home in HOMES:
        if name.startswith(home.prefix):
            op = _find_at(home, name)
            if op:
                return op
    return None


def get(name: str) -> Op:
    """The op of a name that is known to be one."""
    op = find(name)
    if op is None:
        raise KeyError(name)
    return op


@cache
def update(name: str) -> Op | None:
    """The op of a name as one that gives back the statistics that it writes, if it writes some."""
    return as_update(get(name)) if writes_statistics(name) else None


def called(call: ex.Call) -> Op | None:
    """The op that a resolved call calls, if it calls one."""
    callee = call.callee
    if callee is None or callee.kind is not CalleeKind.OP:
        return None
    return (update(callee.name) if callee.updates else None) or get(callee.name)


@cache
def names() -> tuple[str, ...]:
    """The names of all ops, sorted."""
    candidates = {*OWN}.union(*({home.prefix + bare for bare in dir(home.holder)} for home in HOMES))
    return tuple(sorted(name for name in candidates if find(name)))


def nearest(name: str) -> str | None:
    """The op that someone probably means by a name that is none: a typo, a class (``ReLU``), a path (``F.relu``)."""
    bare = PREFIXES.sub("", name)
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", bare).lower()
    for spelling in (bare, bare.lower(), snake, f"linalg.{bare}", f"fft.{bare}"):
        if find(spelling):
            return spelling
    alike = [op for op in names() if op.endswith("_") == name.endswith("_")]  # nobody writes in place by accident
    close = suggest.nearest(snake, alike, cutoff=0.72)
    return close if close else None


def _find_at(home: Home, name: str) -> Op | None:
    """The op of that name which is kept at one place."""
    bare = name.removeprefix(home.prefix)
    function = getattr(home.holder, bare, None)
    if not inspect.isroutine(function):
        return None
    methodic = home.namespace == "Tensor" or (home.namespace == "torch" and name in traits.METHODIC)
    operator = bare if methodic else getattr(function, "__name__", bare)
    signatures = _signatures(name, operator, function, method=methodic)
    if not signatures:
        return None
    factories = tuple(signature for signature in signatures if not _takes_tensors(signature))
    return Op(
        name=name,
        namespace=home.namespace,
        python=home.python + bare,
        function=getattr(torch.Tensor, bare) if methodic else function,
        signatures=factories or signatures,
        methodic=methodic,
        random=name in traits.RANDOM or schemas.is_random(operator),
        floating=traits.FLOATING.get(name, "always") if factories else None,
        untyped=home.namespace in UNTYPED_NAMESPACES or name in traits.UNTYPED,
    )


def _signatures(name: str, operator: str, function: Callable[..., Any], *, method: bool) -> tuple[Signature, ...]:
    if name in traits.SCHEMAS:
        found = [signature for text in traits.SCHEMAS[name] for signature in schemas.from_text(name, text)]
        return tuple(_spread(signature) if name in traits.SPREAD else signature for signature in found)
    if method and name in traits.CONVERSIONS:
        return schemas.from_text(name, f"{name}(Tensor input) -> Tensor", method=True)
    if inspect.isfunction(function) and name not in traits.METHODIC:
        known = function.__module__ in PYTHON_MODULES
        return schemas.from_annotations(name, function) if known else ()
    return schemas.from_operator(name, operator, method=method) if function.__doc__ else ()


def _takes_tensors(signature: Signature) -> bool:
    return any(parameter.accepts & TENSORS for parameter in signature.parameters)


def _spread(signature: Signature) -> Signature:
    """The signature with its list spread over several arguments: ``einsum("ij,jk->ik", a, b)``."""
    parameters = [replace(parameter, variadic=Kind.TENSORS in parameter.accepts) for parameter in signature.parameters]
    return replace(signature, parameters=tuple(parameters))


def _own(name: str, function: Callable[..., Tensor], *parameters: str) -> Op:
    """An op of the language's own, which takes tensors and gives one."""
    formals = tuple(Formal(parameter, frozenset({Kind.TENSOR})) for parameter in parameters)
    return Op(
        name=name,
        namespace="torch",
        python=name,
        function=function,
        signatures=(Signature(name, formals, frozenset({Kind.TENSOR})),),
        methodic=False,
        random=False,
        floating=None,
        untyped=False,
    )


def _upcast(x: Tensor) -> Tensor:
    """A tensor in float32 or wider."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _loss_as(loss: Tensor, x: Tensor) -> Tensor:
    """A loss in the dtype of an input; as it is under autocast, which is tried on the CPU."""
    return loss if torch.is_autocast_enabled("cpu") else loss.type_as(x)


OWN = {"upcast": _own("upcast", _upcast, "input"), "loss_as": _own("loss_as", _loss_as, "input", "other")}
