"""A layer held to its definition far from zero: at usual inputs, a clamp at 6 or a line beyond 5 does nothing."""

import math
from contextlib import suppress

from layergen.compare.compared import started
from layergen.compare.definition import differences, evaluated, is_exact
from layergen.definition.draws import RandomFault
from layergen.definition.numbers import TooLongError
from layergen.faults import refuse
from layergen.probe.values import FAR
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.settings.choice import Setting

NOTE = f"the inputs are {FAR.words.removeprefix('of ')}"


def has_open_inputs(program: Program) -> bool:
    """Whether an input may be any number."""
    return any(part.floating and part.range is None for part in program.inputs.values())


def hold_far_off(program: Program, setting: Setting) -> bool:
    """Compare a layer with its definition at inputs of some 9, where both are finite.

    Returns:
        Whether they are as near there as float64 lets them be.

    Raises:
        SpecError: If they differ by more than rounding.
    """
    if program.definition is None or not has_open_inputs(program):
        return False
    instance = started(program, setting, FAR)
    with suppress(TooLongError, TrialFault, RandomFault):
        evaluation = evaluated(instance, program.definition)
        if is_exact(instance, evaluation, within=math.inf) and not evaluation.account.limited:
            refuse(finding._replace(notes=(*finding.notes, NOTE)) for finding in differences(instance, evaluation))
            return is_exact(instance, evaluation)
    return False
