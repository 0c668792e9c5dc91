"""Calls of functions that are no ops: what was meant."""

from collections.abc import Iterable

from layergen import ops
from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.meant import OP_WORDS, unneeded
from layergen.resolve.repair import repair
from layergen.rules.calls import UnknownOp
from layergen.suggest import nearest
from layergen.words import listed

DIMENSION = "a dimension"


def unknown_op(call: ex.Call, path: Path, members: Iterable[str]) -> Finding:
    """The finding for a call of a function that is neither an op nor a member."""
    place = Place(path, call.function_span)
    message = f"`{call.function}` is no op"
    if member := nearest(call.function, sorted(members), cutoff=0.6):
        return UnknownOp.at(place, f"{message}, and no member", help=f"write `{member}`")
    if advice := unneeded(call.function):
        return UnknownOp.at(place, message, help=advice)
    if ranks := [f"`{name}`" for rank in "123" if ops.find(name := f"{call.function}{rank}d") is not None]:
        return UnknownOp.at(place, message, help=f"write {listed(ranks, 'or')}")
    near = OP_WORDS.get(call.function.lower()) or ops.nearest(call.function)
    op = ops.find(near) if near else None
    if op is None:
        return UnknownOp.at(place, message, help="`layergen ops` lists the ops that a forward may call")
    renamed = ex.Call(op.name, call.arguments, call.keywords)
    repaired = repair(renamed, op)
    remedy = f"write `{ex.show(repaired)}`" if repaired else f"the nearest is `{op.signatures[0]}`"
    return UnknownOp.at(place, message, help=remedy, fix=op.name)


def called_value(call: ex.Call, path: Path, what: str) -> Finding:
    """The finding for a call of a value, ``x(1)``, as a product is written on paper."""
    inner = ", ".join(ex.show(argument) for argument in call.arguments)
    help = f"write `{call.function} * ({inner})` for a product"
    help += f", `{call.function}[{inner}]` for a part of it" if what != DIMENSION else ""
    return UnknownOp.at(
        Place(path, call.function_span), f"`{call.function}` is {what}, and cannot be called", help=help
    )
