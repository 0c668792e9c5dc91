"""A layer held to its definition far from zero: at usual inputs, a clamp at 6 or a line beyond 5 does nothing."""

import math
from contextlib import suppress

from layergen.compare.compared import started
from layergen.compare.definition import differences, evaluated, is_exact
from layergen.compare.ties import TiedError
from layergen.definition.draws import RandomFault
from layergen.definition.numbers import TooLongError
from layergen.definition.scene import Definition
from layergen.faults import refuse
from layergen.probe.values import FAR, FARTHER, Point
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.settings.choice import Setting

SEEDS = (1, 2, 3)  # of further draws, at the first setting


def has_open_inputs(program: Program) -> bool:
    """Whether an input may be any number."""
    return any(part.floating and part.range is None for part in program.inputs.values())


def hold_far_off(program: Program, setting: Setting, first: bool) -> bool:
    """Compare a layer with its definition at inputs of some 9, where both are finite.

    Args:
        program: The layer.
        setting: Where it is compared.
        first: Whether it is at further draws, too, and farther off: what a clamp does to few entries, one may not show.

    Returns:
        Whether they are as near there as float64 lets them be, as a test of other draws asks for.

    Raises:
        SpecError: If they differ by more than rounding.
    """
    if program.definition is None or not has_open_inputs(program):
        return False
    exact = _is_exact(program, program.definition, setting, FAR)
    return exact and (not first or _is_exact_elsewhere(program, program.definition, setting))


def _is_exact_elsewhere(program: Program, definition: Definition, setting: Setting) -> bool:
    """The same at further draws; farther off, only what differs by more than rounding tells something."""
    with suppress(TiedError):
        _is_exact(program, definition, setting, FARTHER)
        exact = [_is_exact(program, definition, setting, FAR, seed) for seed in SEEDS]
        return all(exact)
    return False


def _is_exact(program: Program, definition: Definition, setting: Setting, point: Point, seed: int = 0) -> bool:
    instance = started(program, setting, point, seed=seed)
    note = f"the inputs are {point.words.removeprefix('of ')}"
    with suppress(TooLongError, TrialFault, RandomFault):
        evaluation = evaluated(instance, definition)
        if is_exact(instance, evaluation, within=math.inf) and not evaluation.account.limited:
            refuse(finding._replace(notes=(*finding.notes, note)) for finding in differences(instance, evaluation))
            return is_exact(instance, evaluation)
    return False
