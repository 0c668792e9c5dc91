"""Corners: a grid is read with the meaning of its ends with which it was made."""

from collections.abc import Iterator
from typing import Any

from layergen.contracts.promise import Promise
from layergen.contracts.training import bound
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.ops import called
from layergen.ops.traits import ALIASING
from layergen.probe.ways import Ways
from layergen.resolve.values import Values
from layergen.rules.meaning import CornersApart

SAMPLE, MAKE = "grid_sample", "affine_grid"
KEEPS = (ALIASING - {"einsum"}) | {"clamp", "clip", "clone", "cat", "concat", "stack", "where", "add", "sub", "flip"}


def check_corners(ways: Ways) -> Iterator[Finding]:
    """Yield the calls of `grid_sample` that read a grid by another `align_corners` than `affine_grid` made it with."""
    sites = Values(ways.program.forward.statements).sites
    places = {id(site.value): Place(FORWARD, site.node.span) for site in sites if site.node is not None}
    calls = {id(site.value): site.value for site in sites if isinstance(site.value, ex.Call)}
    for call in calls.values():
        given = _given(call) if call.function == SAMPLE else {}
        read = _aligned(given)
        made = next((one for one in _grids(given.get("grid")) if {read, _aligned(_given(one))} == {True, False}), None)
        if made is not None:
            message = f"`{SAMPLE}` reads a grid with `align_corners={read}` that was made with `{not read}`"
            labels = (Label(places[id(made)], "made here"),)
            help = f"write `align_corners={not read}` in both, or `{read}`"
            yield CornersApart.at(places[id(call)], message, labels=labels, help=help)


CORNERS = Promise(check_corners)


def _given(call: ex.Call) -> dict[str, Any]:
    op = called(call)
    return {} if op is None else bound(op, call.arguments, {keyword.name: keyword.value for keyword in call.keywords})


def _aligned(given: dict[str, Any]) -> bool | None:
    """What `align_corners` is, where it is written or left out; None: an argument tells."""
    value = given.get("align_corners")
    if isinstance(value, ex.Expression):
        value = value.value if isinstance(value, ex.Literal) else ...
    return None if value is ... else bool(value)


def _grids(value: Any) -> Iterator[ex.Call]:
    """The calls of `affine_grid` that a value is made of, moved and put together as it may be."""
    parts: tuple[ex.Node, ...] = ()
    match value:
        case ex.Call(function=function) if function == MAKE:
            yield value
        case ex.Call(function=function, arguments=operands) if function in KEEPS:
            parts = operands
        case ex.Binary() | ex.Unary() | ex.Sequence() | ex.Conditional():
            parts = value.children
        case ex.Subscript(value=inner):
            parts = (inner,)
    for part in parts:
        yield from _grids(part)
