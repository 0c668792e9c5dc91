"""Which constraints on sizes need no check: torch keeps them, for the layer as for the module that it matches.

A layer that restates a module refuses what that does. Where the forward by itself refuses whatever breaks a constraint,
with the very error of the module, a check would only say it twice, at each call. So the constraint is broken in many
ways: by arguments on both sides of their range, by sizes, and by the number of leading dimensions. Layer and module are
tried at each of them, on data; where one is let through, or refused in other words, the layer checks.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch

from layergen.lang import expression as ex
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.matched import loaded_module, matched_inputs
from layergen.run.on_data import CPU, drawn, fill
from layergen.settings.choice import Setting
from layergen.settings.search import consistent, values_of

NUMBERS = range(-4, 6)  # what integer arguments are given
SIZES = range(1, 6)  # what dimensions are given
RUNS = ((), (3,), (2, 3), (4, 3, 2))  # what stands for `...`
BASES = 2  # settings from which it is broken
MOST = 3  # names of which a constraint may speak
LEAST = 3  # ways of breaking a constraint that must be found
TRIED = 12  # of those that break it at one place
NO_SHAPES: Mapping[str, Sequence[int]] = {}
REFUSALS = (IndexError, RuntimeError, ValueError)


@dataclass(frozen=True)
class KeptByTorch:
    """A constraint that torch keeps by itself."""

    constraint: ex.Expression
    errors: tuple[str, ...]  # the names of the exceptions


def kept_by_torch(program: Program, bases: Sequence[Setting]) -> Iterator[KeptByTorch]:
    """The constraints on sizes whose breach torch refuses, with the error of the module that the layer matches.

    Args:
        program: The layer.
        bases: Settings at which it works.
    """
    if program.matches is None:
        return
    for constraint in program.size_constraints:
        before = program.size_constraints[: program.size_constraints.index(constraint)]
        found = [refusal_of_both(program, setting) for setting in _broken(program, bases, constraint, before)]
        errors = tuple(sorted({error for error in found if error is not None}))
        if errors and None not in found:
            yield KeptByTorch(constraint, errors)


def _broken(
    program: Program, bases: Sequence[Setting], constraint: ex.Expression, before: Sequence[ex.Expression]
) -> list[Setting]:
    """Settings that break a constraint at each of its places, and none before it; none if they cannot be had."""
    moved = (setting for base in bases[:BASES] for setting in _moved(program, base, ex.names(constraint)))
    settings = [setting for setting in moved if not any(_fails(node, setting) for node in before)]
    chosen: list[Setting] = []
    for part in _links(constraint):
        broken = [setting for setting in settings if _fails(part, setting)]
        if len(broken) < LEAST:
            return []
        chosen += broken[:: max(1, len(broken) // TRIED)]
    return chosen


def _links(constraint: ex.Expression) -> Iterator[ex.Expression]:
    """The places at which a constraint may break: each comparison of a chain."""
    if not isinstance(constraint, ex.Compare):
        yield constraint
        return
    operands = (constraint.left, *constraint.comparators)
    for left, operator, right in zip(operands, constraint.operators, operands[1:], strict=False):
        yield replace(constraint, left=left, operators=(operator,), comparators=(right,))


def _moved(program: Program, base: Setting, mentioned: frozenset[str]) -> Iterator[Setting]:
    """A setting in which all that a constraint speaks of is another, as the bounds of arguments allow."""
    arguments = {name: part for name, part in program.arguments.items() if type(base.values[name]) is int}
    arguments = {name: part for name, part in arguments.items() if name in mentioned}
    sizes = [name for name in program.dimensions if name in mentioned]
    if len(arguments) + len(sizes) > MOST:
        return
    ranks = RUNS if program.run in mentioned else (base.leading,)
    beside = (RUNS if name in mentioned else (own,) for name, own in base.further.items())
    runs = [(leading, dict(zip(base.further, own, strict=True))) for leading, *own in product(ranks, *beside)]
    for numbers in product(NUMBERS, repeat=len(arguments)):
        given = {**base.given, **dict(zip(arguments, numbers, strict=True))}
        allowed = not any(refusal(name, part, given[name]) for name, part in arguments.items())
        if not allowed or not consistent(program, given, set()):
            continue
        values = values_of(program, given)
        for (leading, further), measured in product(runs, product(SIZES, repeat=len(sizes))):
            own = {**base.sizes, **dict(zip(sizes, measured, strict=True))}
            yield replace(base, given=given, values=values, sizes=own, leading=leading, further=further)


def _fails(part: ex.Expression, setting: Setting) -> bool:
    """Whether a part of a constraint can be computed at a setting, and does not hold."""
    try:
        return not Interpreter(setting.names).truth(part)
    except EvaluationFault:
        return False


def refusal_of_both(program: Program, setting: Setting, shapes: Mapping[str, Sequence[int]] = NO_SHAPES) -> str | None:
    """The name of the error with which torch refuses a setting on data, if the layer and its match get the same.

    Args:
        program: The layer.
        setting: Where it is tried.
        shapes: Those of the inputs that have other ones there.
    """
    try:
        with drawn(), torch.no_grad():
            instance = Instance(program, setting, Placement(CPU))
            fill(instance)
            for name, shape in shapes.items():
                original = instance.inputs[name]
                assert original is not None
                instance.inputs[name] = original.new_ones(shape)
            match = loaded_module(instance)
            given = matched_inputs(instance, instance.inputs)
    except (TrialFault, EvaluationFault):
        return None
    own = [_error(lambda: instance.run(training)) for training in program.modes]  # noqa: B023 (called at once)
    theirs = [_error(lambda: match.train(training)(*given)) for training in program.modes]  # noqa: B023
    told = {(type(error), str(error)) for error in (*own, *theirs)}
    kinds = {kind for kind, _ in told}
    return kinds.pop().__name__ if len(told) == 1 and kinds <= {*REFUSALS} else None


def _error(run: Callable[[], object]) -> BaseException | None:
    """What something raises in the end, behind what has been made of it."""
    error: BaseException | None
    try:
        run()
    except Exception as raised:  # torch raises nearly everything
        error = raised
        while error.__context__ is not None:
            error = error.__context__
        return error
    return None
