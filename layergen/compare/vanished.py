"""Vanished: at further draws, what a definition takes the logarithm of may be 0, as a product of small densities is.

Generated tests draw numbers of their own. Where some of these make the formula infinite and the forward is not, they
would fail at a layer that is right.
"""

from contextlib import suppress

from layergen.compare.compared import started
from layergen.compare.definition import differences, evaluated
from layergen.compare.ties import TiedError
from layergen.definition.draws import RandomFault
from layergen.definition.numbers import TooLongError
from layergen.definition.scene import Definition
from layergen.faults import refuse
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.settings.choice import Setting

VANISHING = frozenset({"exp", "sigmoid"})
SEEDS = (1, 2, 3, 4)


def hold_where_sums_vanish(program: Program, definition: Definition, setting: Setting) -> None:
    """Compare a layer with its definition at further draws, if that takes a logarithm beside an exponential.

    Raises:
        SpecError: If they differ there.
    """
    if "log" not in definition.functions or VANISHING.isdisjoint(definition.functions):
        return
    for seed in SEEDS:
        with suppress(TooLongError, TrialFault, RandomFault, TiedError):
            instance = started(program, setting, seed=seed)
            refuse(differences(instance, evaluated(instance, definition)))
