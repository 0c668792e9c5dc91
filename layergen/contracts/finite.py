"""Finite: outputs and gradients are numbers at special points too, where numbers are possible."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from layergen.contracts.closed_forms import closed_form
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place, Rule
from layergen.domains.twin import match_fails_too
from layergen.lang import expression as ex
from layergen.probe.kept_away import kept_away
from layergen.probe.open_inputs import open_input
from layergen.probe.sites import AT_POINTS, CPU, started
from layergen.probe.slopes import Slopes, SlopeWatch
from layergen.probe.values import EQUAL, ORDINARY, ZERO, Point, drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.behaviour import NotANumber
from layergen.rules.values import AvoidableOverflow, BrokenGradient
from layergen.run.forward import Run
from layergen.run.instance import Instance, Placement
from layergen.run.watching import BOTH, Runs, Seen, Watch, Watcher

POINTS = {point: tuple(Watch(site, BOTH, SlopeWatch) for site in sites) for point, sites in AT_POINTS.items()}
LARGEST = 1e38  # what float32 holds, with some room
NARROW = (ORDINARY, ZERO, EQUAL)  # where no number is so large that even float64 rounds away what matters

# Ops of torch that overflow by themselves: who calls them cannot mend it.
OVERFLOWING = frozenset({"soft_margin_loss"})
EXPONENTIALS = frozenset({"exp", "exp2", "expm1", "cosh", "sinh"})


class InfinityWatch(Watcher[bool]):
    """Tells whether an op was given something infinite: its gradients are then zero times infinity."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.found = False

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.look(*arguments, *keywords.values())

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        self.look(left, right)

    def look(self, *values: Any) -> None:
        tensors = [value for value in values if isinstance(value, Tensor)]
        self.found = self.found or any(bool(tensor.isinf().any()) for tensor in tensors)

    def evidence(self, run: Run | None) -> bool:
        return self.found


def check_finite(ways: Ways) -> Iterator[Finding]:
    """Yield the first value or gradient that is no number, and could be one."""
    for runs in ways.runs:
        for point, (usual, exact) in POINTS.items():
            if is_judged(ways.program, point) and (finding := at_point(runs, point, usual, exact)) is not None:
                yield finding
                return


def at_point(runs: Runs, point: Point, usual: Watch[Slopes], exact: Watch[Slopes]) -> Finding | None:
    """What is wrong at a point, which runs in float32 and in float64 have seen, if the module of `matches` gets it."""
    for seen in runs.seen(usual):
        if seen.fault is not None or not _suspicious(seen):
            continue
        wide = next(other for other in runs.seen(exact) if other.training == seen.training)
        finding = _judged(runs.program, point, seen, wide) if wide.fault is None else None
        if finding is not None and not match_fails_too(_again(seen, point), seen.training):
            return finding
    return None


FINITE = Promise(check_finite, tuple(watch for pair in POINTS.values() for watch in pair))


def is_judged(program: Program, point: Point) -> bool:
    """Whether what comes of a point is the layer's doing."""
    return point in NARROW or not any(op.name in OVERFLOWING for op in program.forward.ops)


def floats(run: Run) -> dict[str, Tensor]:
    """The outputs that may be no numbers."""
    outputs = run.outputs.items()
    return {name: output for name, output in outputs if output.is_floating_point() or output.is_complex()}


def _suspicious(seen: Seen[Slopes]) -> bool:
    return not all(_finite(tensor) for tensor in (*floats(seen.run).values(), *seen.evidence.of.values()))


def _finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())


def _judged(program: Program, point: Point, seen: Seen[Slopes], wide: Seen[Slopes]) -> Finding | None:
    """What is wrong at a point, if more is wrong than that a result is too large for its dtype.

    Args:
        program: The layer.
        point: What the inputs are.
        seen: The run in float32.
        wide: The run in float64, on the same numbers.
    """
    outputs, exact = floats(seen.run), floats(wide.run)
    masked = any(tensor.dtype == "bool" for tensor in program.inputs.values())  # and maybe nothing left
    for name, output in outputs.items():
        if _avoidable(output, exact[name]):
            return _overflow(program, point, seen, wide, name)
        if point in NARROW and not masked and _lost(output, exact[name]):
            message = f"`{name}` has NaN for inputs {point.said(program)}"
            help = kept_away(_again(seen, point), seen.training)
            return NotANumber.at(_first(seen, wide, name), message, notes=seen.instance.explainer.notes(), help=help)
    if all(map(_finite, outputs.values())) and not seen.evidence.steep and (point in NARROW or _overflows(seen, point)):
        for name, slope in seen.evidence.of.items():
            other = wide.evidence.of.get(name)
            if other is None:
                continue
            lost = point in NARROW and not masked and _lost(slope, other)
            if lost or _avoidable(slope, other):
                return _broken(program, point, seen, name, slope)
    return None


def _overflows(seen: Seen[Slopes], point: Point) -> bool:
    """Whether some op of a run was given something infinite, told by running it again."""
    instance = _again(seen, point)
    watch = InfinityWatch(instance)
    with drawn():
        instance.run(seen.training, watch)
    return watch.found


def _again(seen: Seen[Slopes], point: Point) -> Instance:
    """The layer on the numbers of a run, before it."""
    with drawn():
        instance = Instance(seen.instance.program, seen.instance.setting, Placement(CPU, gradients=True))
        started(instance, point)
    return instance


def _avoidable(usual: Tensor, exact: Tensor) -> bool:
    """Whether float32 fails where float64 shows that the result is a number that float32 can hold."""
    return usual.shape == exact.shape and bool((~usual.isfinite() & exact.isfinite() & (exact.abs() < LARGEST)).any())


def _lost(usual: Tensor, exact: Tensor) -> bool:
    """Whether there is no number in either dtype."""
    return usual.shape == exact.shape and bool((usual.isnan() & exact.isnan()).any())


def _first(seen: Seen[Slopes], wide: Seen[Slopes] | None, name: str) -> Place:
    """The first step that is no number, on the way to an output."""
    for usual, exact in zip(seen.run.steps, (wide or seen).run.steps, strict=False):
        value, other = usual.value, exact.value
        if isinstance(value, Tensor) and not _finite(value) and (wide is None or value.isnan().any() or _finite(other)):
            return Place(FORWARD, usual.target.span)
    return Place(("outputs", name), key=True)


def _overflow(program: Program, point: Point, seen: Seen[Slopes], wide: Seen[Slopes], name: str) -> Finding:
    output, exact = seen.run.outputs[name], wide.run.outputs[name]
    index = int((~output.isfinite() & exact.isfinite()).flatten().nonzero()[0])
    found, right = output.flatten()[index].item(), exact.flatten()[index].item()
    message = f"`{name}` is {_number(found)} for inputs {point.said(program)}, where {right:.4g} is right"
    return _reported(AvoidableOverflow, program, seen, _first(seen, wide, name), message)


def _broken(program: Program, point: Point, seen: Seen[Slopes], name: str, slope: Tensor) -> Finding:
    found = slope[~slope.isfinite()].flatten()[0].item()
    message = (
        f"the gradient of `{name}` is {_number(found)} for inputs {point.said(program)}, though the outputs are numbers"
    )
    own = seen.instance.program
    path = own.path(name) if name in own.parameters else ("inputs", name)
    place = _first(seen, None, name)
    if place.path[0] == "outputs":  # no value is lost on the way, but a slope
        call = next((call for call in program.forward.calls if call.function in EXPONENTIALS), None)
        place = Place(FORWARD, call.span) if call else Place(path, key=True)
    return _reported(BrokenGradient, program, seen, place, message)


def _reported(rule: type[Rule], program: Program, seen: Seen[Slopes], place: Place, message: str) -> Finding:
    exponential = next((op.name for op in program.forward.ops if op.name in EXPONENTIALS), None)
    help = "keep away from the point before the op that fails there, as by `clamp(…, min=1e-6)`"
    closed = closed_form(program)
    if closed is not None:
        help = closed
    elif exponential is not None:
        help = f"take away the maximum before `{exponential}`, or call the op that does: `softmax`, `logsumexp`, "
        help += "`softplus`, `sigmoid`, `silu`"
        open_ended = _without_range(program, exponential)
        help += f"; or say how large `{open_ended}` is: `range: [low, high]`" if open_ended else ""
    elif rule is AvoidableOverflow:
        help = "compute such that no value on the way is larger than the result, or call an op that does"
    return rule.at(place, message, notes=seen.instance.explainer.notes(), help=help)


def _without_range(program: Program, exponential: str) -> str | None:
    """The input that an exponential is taken of, and of which nothing tells how large it is."""
    for call in program.forward.calls:
        if call.function == exponential:
            inner = call.arguments[0] if call.arguments else None
            if (found := open_input(program, inner)) or (found := _read_directly(program, call)):
                return found
    return None


def _read_directly(program: Program, call: ex.Call) -> str | None:
    for name in sorted(ex.names(call) & program.inputs.keys()):
        if program.inputs[name].floating and program.inputs[name].range is None:
            return name
    return None


def _number(value: complex) -> str:
    if isinstance(value, complex):
        return "no number"
    return "NaN" if value != value else "infinite"
