"""Counts of calls: a buffer that each call makes larger by a number is compared where many calls have been made."""

from collections.abc import Iterable, Iterator
from contextlib import suppress

import torch

from layergen.compare.compared import started
from layergen.compare.definition import differences, evaluated
from layergen.definition.draws import RandomFault
from layergen.definition.numbers import TooLongError
from layergen.definition.scene import Definition, parts
from layergen.faults import refuse
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.visitor import nodes, sources
from layergen.probe.sites import WITH_DATA
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.watching import Runs
from layergen.settings.choice import Setting

MOST = 100_000  # of the numbers that a count may be compared with
SOME = 3  # calls, after which nothing is as at the start
WAYS = 2  # on which counts are tried
TRIES = 12  # values of a count that are tried on one


def hold_at_far_counts(program: Program, runs: Iterable[Runs]) -> None:
    """Compare a layer with its definition after so many calls as its numbers tell apart, and after more.

    Raises:
        SpecError: If they differ there.
    """
    definition, counts = program.definition, tuple(counters(program))
    if definition is None or definition.draws or definition.mentions.isdisjoint(counts):
        return
    for one in list(runs)[:WAYS]:
        if one.admits(WITH_DATA):
            for number in _tried(program, definition, one.setting):
                _compare(program, definition, one.setting, counts, number)


def counters(program: Program) -> Iterator[str]:
    """The integers among the buffers to which each assignment adds a number, so that calls bring them to any value."""
    for name, part in program.buffers.items():
        own = tuple(sources(program.forward.statements, name))
        if part.dtype in ("int64", "int32") and own and all(_adds(node, name) for node in own):
            yield name


def _adds(node: ex.Expression, name: str) -> bool:
    match node:
        case ex.Binary(operator="+", left=ex.Name(id=own), right=ex.Literal(value=int(number))):
            return own == name and number > 0
    return False


def _tried(program: Program, definition: Definition, setting: Setting) -> list[int]:
    """Numbers of calls: about those that the layer or its definition knows, and beyond, the largest ones first."""
    told = nodes(program.forward.statements)
    defined = (node for equation in definition.equations for part in parts(equation) for node in ex.walk(part))
    literals = (node.value for each in (told, defined) for node in each if isinstance(node, ex.Literal))
    known = {number for number in (*literals, *setting.values.values()) if type(number) is int and 1 < number <= MOST}
    far = {times * max(known) + 1 for times in (1, 2, 4)} if known else set()
    near = {number + step for number in known for step in (-1, 0, 1)}
    return sorted({SOME, *far, *near}, reverse=True)[:TRIES]


def _compare(program: Program, definition: Definition, setting: Setting, counts: Iterable[str], number: int) -> None:
    note = f"calls before: {number}"
    for training in (False, True) if definition.tells_training and definition.knows_training else (False,):
        with suppress(TooLongError, TrialFault, EvaluationFault, RandomFault):
            instance = started(program, setting)
            with torch.no_grad():
                for name in counts:
                    if (buffer := instance.state[name]) is not None:
                        buffer.fill_(number)
            evaluation = evaluated(instance, definition, training)
            found = differences(instance, evaluation, training)
            refuse(finding._replace(notes=(*finding.notes, note)) for finding in found)
