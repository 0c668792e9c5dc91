"""Initial values that are computed are numbers at all arguments that are allowed, or else a bound is missing."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.diagnostics import Finding, Place
from layergen.domains.limits import behind, with_arguments
from layergen.lang import expression as ex
from layergen.lang.argument import Argument
from layergen.lang.inits import is_initializer
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.rules.cases import IncomputableValue
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.started import initial_value, start
from layergen.settings.choice import Setting
from layergen.settings.computable import condition_of

CPU = torch.device("cpu")
LARGEST = 65_536  # elements of a tensor that is computed so often
NUMBERS = (0, 1, -1, 2, 3)
FRACTIONS = (0.5, 1.5)
HALVINGS = 20  # by which the place is found where an argument becomes too small or too large
NEAR = 1e-4  # how near to a number that was tried this place is if it is the number

Number = int | float


@dataclass(frozen=True)
class Outcome:
    """What an initial value comes to."""

    fine: bool  # it is numbers, or that cannot be told
    fault: EvaluationFault | None = None  # that it cannot be computed
    nan: bool = False  # it is NaN somewhere


FINE = Outcome(True)


def check_numbers_at_start(program: Program, base: Setting) -> Iterator[Finding]:
    """Yield the initial values that are no numbers, or cannot be computed, at a number that an argument may be.

    Args:
        program: The layer.
        base: A setting of ordinary arguments.
    """
    for name, part in program.tensors.items():
        if is_initializer(part.init.value):
            continue
        usual = _outcome(program, base, name)
        if usual.nan:
            yield _nan(program, base, name)
            continue
        read = frozenset[str]().union(*(behind(program, node) for node in part.init.expressions))
        if not read or not usual.fine:
            continue
        for argument in (argument for argument in program.arguments if argument in read):
            found = {number: _at(program, base, name, argument, number) for number in _numbers(program, argument)}
            told = {number: outcome for number, outcome in found.items() if outcome is not None}
            failing = [number for number, outcome in told.items() if not outcome.fine]
            if failing:
                fine = [number for number in (base.values[argument], *told) if number not in failing]
                alone = all(_is_count(program, other) for other in read - {argument})
                bound = _bound(program, base, name, argument, fine, failing) if alone else None
                yield _finding(program, name, argument, failing[0], told[failing[0]], bound)
                break


def _nan(program: Program, base: Setting, name: str) -> Finding:
    """What is said of a tensor that is NaN at ordinary arguments."""
    place = Place((*program.path(name), "init"), program.tensors[name].init.value.span)
    message = f"`{program.shown(name)}` starts with NaN"
    help = "keep away from what has no value: a logarithm or a root of less than 0, and 0 / 0"
    return IncomputableValue.at(place, message, notes=Instance(program, base).explainer.notes(), help=help)


def _is_count(program: Program, name: str) -> bool:
    """Whether an argument is a whole number, as of features, or no number at all."""
    return not program.decided[name].type.fractional


def _numbers(program: Program, name: str) -> list[Number]:
    """What an argument is tried at, its bounds first: single numbers, which are no choice among a few."""
    part = program.arguments[name]
    if not part.type.numeric or part.type.listed or part.type.worded or part.finite:
        return []
    bounds = [bound for bound in (part.min, part.max) if bound is not None]
    tried = (*bounds, *NUMBERS) if part.type.integral else (*bounds, *FRACTIONS, *NUMBERS)
    return list(dict.fromkeys(int(number) if part.type.integral else float(number) for number in tried))


def _at(program: Program, base: Setting, name: str, argument: str, number: Number) -> Outcome | None:
    """What a tensor starts with where an argument is some number; None where that is not allowed."""
    try:
        moved = with_arguments(program, base, {argument: number})
    except EvaluationFault:  # of what is derived, which is told elsewhere
        return None
    return None if moved is None else _outcome(program, moved, name)


def _outcome(program: Program, setting: Setting, name: str) -> Outcome:
    """What a tensor starts with at a setting."""
    try:
        with drawn():
            instance = Instance(program, setting, Placement(CPU))
            target = instance.state.get(name)
            if target is None or not target.is_floating_point() or target.numel() > LARGEST:
                return FINE
            value = _value(instance, name, target)
    except TrialFault:  # what else does not work there is told where it is run
        return FINE
    except EvaluationFault as fault:
        return Outcome(False, fault)
    lost = ~value.isfinite() if name in program.parameters else value.isnan()  # a buffer may hold infinity on purpose
    return Outcome(not bool(lost.any()), nan=bool(value.isnan().any()))


@torch.no_grad()
def _value(instance: Instance, name: str, target: Tensor) -> Tensor:
    """What a tensor starts with; the others start before it, and whether they can is told of them.

    Raises:
        TrialFault: If another one does not start.
        EvaluationFault: If it cannot be computed itself.
    """
    part = instance.program.tensors[name]
    if part.init.mentions & instance.program.tensors.keys():
        start(instance)
    return initial_value(instance, part, target)


def _bound(
    program: Program, base: Setting, name: str, argument: str, fine: Sequence[Number], failing: Sequence[Number]
) -> str | None:
    """The bound that leaves out the numbers that fail, where all of them lie on one side."""
    part = program.arguments[argument]
    for end, near, far in (("max", max(fine), min(failing)), ("min", min(fine), max(failing))):
        if not (near < far if end == "max" else far < near):
            continue

        def works(number: Number) -> bool:
            outcome = _at(program, base, name, argument, number)
            return outcome is not None and outcome.fine

        if part.type.integral:
            return f"{end}: {int(near if abs(far - near) == 1 else far)}"
        last = _last(works, near, far)
        if abs(last - far) < NEAR:
            return _worded(part, end, far, exclusive=True)
        return _worded(part, end, near, exclusive=False) if abs(last - near) < NEAR else None
    return None


def _last(works: Callable[[float], bool], near: float, far: float) -> float:
    """The last number on the way to one that fails that does not."""
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        near, far = (middle, far) if works(middle) else (near, middle)
    return near


def _worded(part: Argument, end: str, number: float, *, exclusive: bool) -> str:
    """A bound as it is written beside the one that there is."""
    ends = {one: part.excludes(one) for one in ("min", "max") if getattr(part, one) is not None}
    before = part.exclusive
    ends[end] = exclusive
    after = True if all(ends.values()) else next((one for one, excluded in ends.items() if excluded), False)
    word = str(after).lower()
    return f"{end}: {number:g}" + (f", exclusive: {word}" if after != before and after is not False else "")


def _finding(
    program: Program, name: str, argument: str, number: Number, outcome: Outcome, bound: str | None
) -> Finding:
    part = program.tensors[name]
    node: ex.Node = part.init.value if outcome.fault is None else outcome.fault.node
    where = f"where `{argument}` is {number:g}"
    message = f"`{program.shown(name)}` starts with what is no number {where}"
    if outcome.fault is not None:
        shown = f"`{ex.show(node)}`" if isinstance(node, ex.Expression) else "this"
        message = f"{shown} cannot be computed {where}: {outcome.fault.message}"
    condition = None if outcome.fault is None else condition_of(program, node)
    if bound is not None:
        help = f"say which numbers `{argument}` may be: `{bound}`"
    elif condition is not None and ex.names(condition) <= program.arguments.keys():
        help = f"add the constraint `{ex.show(condition)}`"
    else:
        help = "rule it out by a constraint"
    return IncomputableValue.at(Place((*program.path(name), "init"), node.span), message, help=help)
