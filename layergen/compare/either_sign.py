"""A layer held to its definition where its parameters have either sign: training keeps none that they start with."""

import math
from contextlib import suppress

from layergen.compare.compared import started
from layergen.compare.definition import differences, evaluated, is_exact
from layergen.definition.draws import RandomFault
from layergen.definition.numbers import TooLongError
from layergen.faults import refuse
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.moving import turn_signs
from layergen.settings.choice import Setting

NOTE = "every second entry of each parameter has the other sign, as training may leave it"


def hold_at_either_sign(program: Program, setting: Setting) -> bool:
    """Compare a layer with its definition where entries of its parameters have the sign that they do not start with.

    Where one of the two has no finite value there, as the logarithm of a scale, nothing is compared.

    Returns:
        Whether they were compared, and nothing but the last digits differ.

    Raises:
        SpecError: If more does.
    """
    instance = started(program, setting)
    if program.definition is None or not turn_signs(instance):
        return False
    with suppress(TooLongError, TrialFault, RandomFault):
        evaluation = evaluated(instance, program.definition)
        if not is_exact(instance, evaluation, within=math.inf) or evaluation.account.limited:
            return False
        found = differences(instance, evaluation)
        refuse(finding._replace(notes=(*finding.notes, NOTE)) for finding in found)
        return is_exact(instance, evaluation)
    return False
