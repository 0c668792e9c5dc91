"""Beginnings: many turns forget what a state starts with, so that a layer is compared where there is one turn, too."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from layergen.compare.compared import started
from layergen.compare.definition import differences, evaluated
from layergen.compare.ties import TiedError
from layergen.definition.draws import RandomFault
from layergen.definition.numbers import TooLongError
from layergen.definition.scene import Definition
from layergen.faults import SpecError, refuse
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.visitor import statements
from layergen.probe.lengths import RUNNING
from layergen.probe.sites import WITH_DATA
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed

WAYS = 6  # on which this is tried


def hold_at_short_lengths(program: Program, runs: Iterable[Runs]) -> None:
    """Compare a layer that steps along a dimension with its definition where that has few entries, on each way.

    Raises:
        SpecError: If they differ there.
    """
    definition = program.definition
    if definition is None or definition.draws or not _steps(program):
        return
    for one in list(runs)[:WAYS]:
        for name in one.setting.sizes if one.admits(WITH_DATA) else ():
            shorter = next(_shorter(program, one.setting, name), None)
            if shorter is not None:
                _compare(program, definition, shorter)


def _steps(program: Program) -> bool:
    """Whether a forward carries something from one entry of a dimension to the next."""
    loops = any(isinstance(statement, ex.For) for statement in statements(program.forward.statements))
    return loops or any(call.function in RUNNING for call in program.forward.calls)


def _shorter(program: Program, setting: Setting, name: str) -> Iterator[Setting]:
    """The setting with few entries along a dimension."""
    for size in (1, 2):
        if size < setting.sizes[name]:
            changed = replace(setting, sizes={**setting.sizes, name: size})
            if allowed(program, changed):
                yield changed


def _compare(program: Program, definition: Definition, setting: Setting) -> None:
    for training in (False, True) if definition.tells_training and definition.knows_training else (False,):
        found = []
        with suppress(TooLongError, TrialFault, EvaluationFault, RandomFault, TiedError, SpecError):
            instance = started(program, setting)
            found = list(differences(instance, evaluated(instance, definition, training), training))
        refuse(found)
