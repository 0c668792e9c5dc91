"""A norm that is written out, for which torch has one op: what it centres, by what it divides, and what comes after."""

from collections.abc import Iterator
from dataclasses import dataclass

from layergen.advice.patterns import given, number, optionally, owned, unindexed, wide
from layergen.advice.proposal import Proposal, spelled
from layergen.advice.spreads import Spread, normalised
from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.resolve.values import Site
from layergen.rules.writing import WrittenOutNorm

RESHAPED = ("reshape", "view", "unflatten", "flatten")


@dataclass(frozen=True, eq=False)
class Norm:
    """A tensor that is normalised, and what it is multiplied with and moved by then."""

    spread: Spread
    weight: ex.Expression | None = None
    bias: ex.Expression | None = None
    reshaped: ex.Expression | None = None  # the value before it was brought into groups


def norms(site: Site, program: Program) -> Iterator[Proposal]:
    """Propose the op where a norm is written out."""
    value, narrowed = site.value, False
    if (cast := given(value, "type_as")) and len(cast) == 2:
        value, narrowed = cast[0], True
    for norm in _norms(value, program):
        x = norm.reshaped if norm.reshaped is not None else norm.spread.x
        words = spelled(wide(x) if narrowed else x, site)
        weight, bias = (None if part is None else spelled(unindexed(part), site) for part in (norm.weight, norm.bias))
        lost = (norm.weight is not None and weight is None) or (norm.bias is not None and bias is None)
        eps = spelled(norm.spread.eps, site)
        if words is None or lost or eps is None:
            continue
        for text in _calls(norm, words, weight, bias, eps, program):
            message = f"this norm is written out, which `{text.partition('(')[0]}` does in one op"
            yield Proposal(WrittenOutNorm, site, text, norm.spread.core, message)


def _norms(value: ex.Expression, program: Program) -> Iterator[Norm]:
    """The norms that a value may be."""
    for scaled, bias in (*_owned(value, "+", program), (value, None)):
        for core, weight in (*_owned(scaled, "*", program), (scaled, None)):
            inner = given(core, *RESHAPED)
            for spread in normalised(inner[0] if inner else core):
                before = given(spread.x, *RESHAPED)
                if bool(inner) == bool(before):
                    yield Norm(spread, weight, bias, before[0] if before else None)
    if isinstance(value, ex.Conditional):  # with a weight and a bias under one condition
        for full, bare in ((value.then, value.orelse), (value.orelse, value.then)):
            for norm in _norms(full, program):
                if norm.weight is not None and any(one.core is norm.spread.core for one in normalised(bare)):
                    yield norm


def _owned(value: ex.Expression, operator: str, program: Program) -> Iterator[tuple[ex.Expression, ex.Expression]]:
    """A value without a tensor of the layer's own, and that."""
    return (pair for pair in optionally(value, operator) if owned(pair[1], program))


def _calls(norm: Norm, x: str, weight: str | None, bias: str | None, eps: str, program: Program) -> Iterator[str]:
    """The calls that may give a norm."""
    spread = norm.spread
    affine = f"{f', weight={weight}' if weight else ''}{f', bias={bias}' if bias else ''}"
    if spread.statistics is not None:
        if all(owned(part, program) for part in spread.statistics):
            mean, variance = (ex.show(unindexed(part)) for part in spread.statistics)
            yield f"batch_norm({x}, {mean}, {variance}{affine}, eps={eps})"
        return
    if norm.reshaped is not None:
        groups = _groups(spread.x)
        if spread.centred and groups is not None:
            yield f"group_norm({x}, {groups}{affine}, eps={eps})"
        return
    for sizes in _sizes(norm, program):
        if spread.centred:
            yield f"layer_norm({x}, [{sizes}]{affine}, eps={eps})"
        elif not bias:
            yield f"rms_norm({x}, [{sizes}]{affine}, eps={eps})"
    if spread.centred and spread.dims and min(spread.dims) == 0:
        yield f"batch_norm({x}, None, None{affine}, training=True, eps={eps})"
    elif spread.centred and len(spread.dims) > 0:
        yield f"instance_norm({x}{affine}, eps={eps})"


def _groups(x: ex.Expression) -> str | None:
    """How many groups a tensor was brought into."""
    arguments = given(x, *RESHAPED) or ()
    sizes = arguments[1].items if len(arguments) == 2 and isinstance(arguments[1], ex.Sequence) else arguments[1:]
    return ex.show(sizes[1]) if len(sizes) > 2 and number(sizes[1]) != -1 else None


def _sizes(norm: Norm, program: Program) -> Iterator[str]:
    """What the sizes may be of the dimensions over which a tensor is normalised: its last ones."""
    count = len(norm.spread.dims)
    for tensor in (norm.weight, norm.bias, norm.spread.x):
        name = unindexed(tensor) if tensor is not None else None
        part = {**program.inputs, **program.tensors}.get(name.id) if isinstance(name, ex.Name) else None
        if part is None or not isinstance(part.shape, tuple) or len(part.shape) < count:
            continue
        last = part.shape[-count:]
        if not any(isinstance(size, ex.Splice) or number(size) is ... for size in last):
            yield ", ".join(map(ex.show, last))
