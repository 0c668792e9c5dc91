"""Float16: where what a layer computes on the way is more than float16 holds, though what comes out is not.

It is run at inputs whose squares are too large, in float16 and in float64 on the same numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.contracts.results import Node, Result, Results, first_infinite, results_in
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.attempts import TOLERANCE, Attempt, comparable, worst
from layergen.probe.open_inputs import first_floating
from layergen.probe.values import HUGE, SQUARED, Point
from layergen.resolve.program import Program
from layergen.rules.advice import HalfOverflow
from layergen.run.instance import Instance
from layergen.settings.choice import Setting

HALF = torch.float16
POINTS = (SQUARED, HUGE)
SUMS = frozenset({"cumsum", "nansum", "sum"})  # which are as large as their number makes them, and no power
SMALL = 1024.0  # what is larger than this grows with its inputs, and would overflow by itself before long


@dataclass(frozen=True)
class Overflow:
    """An op that gave infinity or NaN in float16 alone, and an output that is another one for it."""

    node: Node
    late: bool  # whether a number makes small enough what it gave
    output: str
    found: float
    right: float


def half_overflows(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the first op that overflows in float16 alone, at the first setting at which an output shows it.

    Args:
        program: A layer without a fault.
        settings: Those at which it is small enough to be run with data.
    """
    for setting in settings:
        for training in (mode for mode in program.modes if comparable(program, mode)):
            for point in POINTS:
                found = _overflow(Attempt(program, setting, HALF, training, point))
                if found is not None:
                    yield _finding(program, Instance(program, setting).explainer.notes(), point, found)
                    return


def _overflow(attempt: Attempt) -> Overflow | None:
    """What overflows in a run in float16, if its outputs are further off for it than rounding makes them."""
    ours, theirs = results_in(attempt, HALF), results_in(attempt, torch.float64)
    if ours is None or theirs is None:
        return None
    (half, found), (exact, results) = ours, theirs
    right = first_infinite(found, results)
    late = right is not None and _scaled_late(right, results)
    if right is None or not (late or _is_power(right)):
        return None
    if worst(half, exact, HALF) <= TOLERANCE or attempt.excused():
        return None
    for name, output in exact.outputs.items():
        apart = _most_apart(half.outputs[name], output)
        if apart is not None:
            return Overflow(right.node, late, name, *apart)
    return None


def _is_power(result: Result) -> bool:
    """Whether an op makes more of one tensor, as a square or a variance; a product of two says how large it may be."""
    tensors = [part for part in result.operands if isinstance(part, Tensor)]
    match result.node:
        case ex.Binary(operator=sign):
            return sign == "**" or (sign == "*" and len(tensors) > 1 and tensors[0] is tensors[1])
    return len(tensors) == 1 and result.node.function not in SUMS


def _scaled_late(result: Result, results: Results) -> bool:
    """Whether what an op gives is brought to what float16 holds by a number, which could be done before."""
    for later in results:
        if any(part is result.value for part in later.operands):
            scales = isinstance(later.node, ex.Binary) and later.node.operator in ("*", "/")
            tensors = sum(isinstance(part, Tensor) for part in later.operands)
            return scales and tensors == 1 and bool((later.value.abs() < torch.finfo(HALF).max).all())
    return False


def _most_apart(found: Tensor, right: Tensor) -> tuple[float, float] | None:
    """The entries of an output that differ most; None where they differ little, or are not all small."""
    ours, theirs = (tensor.double().flatten() for tensor in (found, right))
    if not found.is_floating_point() or ours.shape != theirs.shape or not (theirs.abs() <= SMALL).all():
        return None
    apart = (ours - theirs).abs().nan_to_num(nan=torch.inf)
    if not apart.numel() or float(apart.max()) <= TOLERANCE * float(theirs.abs().max()):
        return None
    index = int(torch.where(apart == apart.max(), theirs.abs(), -1).argmax())
    return float(ours[index]), float(theirs[index])


def _finding(program: Program, notes: Sequence[str], point: Point, overflow: Overflow) -> Finding:
    node = overflow.node
    op = node.function if isinstance(node, ex.Call) else node.operator
    message = f"in float16, `{op}` overflows for inputs {point.words}: `{overflow.output}` is {_shown(overflow.found)} "
    message += f"where {_shown(overflow.right)} is right"
    wide = first_floating(program) or "x"
    help = f"compute in float32 or wider: `h = upcast({wide})`, and come back with `type_as(…, {wide})`"
    help = f"scale what the op is given, rather than what it gives, or {help}" if overflow.late else help
    return HalfOverflow.at(Place(FORWARD, node.span), message, notes=notes, help=help)


def _shown(number: float) -> str:
    return "NaN" if number != number else "infinite" if abs(number) == float("inf") else f"{number + 0:.4g}"
