"""Defined: a layer held to its definition at each setting, in training too where the definition speaks of it."""

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from layergen.contracts.compared import started
from layergen.contracts.definition import MOST_ENTRIES, differences, evaluated, is_exact
from layergen.contracts.sites import WITH_DATA
from layergen.contracts.values import SMALL, drawn
from layergen.definition.evaluate import Evaluation
from layergen.definition.faults import PATH
from layergen.definition.numbers import MOST_TURNS, TooLongError
from layergen.definition.scene import Definition
from layergen.faults import SpecError, refuse
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.resolve.method import draws
from layergen.resolve.program import Program
from layergen.rules.cases import IllDefined
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Bystander, Runs
from layergen.settings.choice import Setting

LITTLE = 0.1  # numbers up to it are taken for such as keep a divisor from zero


@dataclass(frozen=True)
class Compared:
    """The names of the settings at which a layer was compared with its definition."""

    settings: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()  # those of them at which plain Python computes it, which raises where a limit is meant
    small: tuple[str, ...] = ()  # those of these at which it was compared at small inputs, too
    trained: tuple[str, ...] = ()  # those of them at which it was compared in training, too
    exact: bool = True  # whether it was as near at all of them as float64 lets it be
    whole: bool = True  # whether each entry was compared, and not a part of those of a large output


def hold_to_definition(program: Program, runs: Iterable[Runs]) -> Compared:
    """Compare the forward with the definition, at each setting at which that can be done.

    Raises:
        SpecError: If they differ, with what does at the first setting where something does.
    """
    if program.definition is None:
        return Compared()
    settings: list[str] = []
    plain: list[str] = []
    small: list[str] = []
    trained: list[str] = []
    exact = whole = True
    for one in runs:
        if not one.admits(WITH_DATA):  # it is too large to be computed in a build
            continue
        instance = started(program, one.setting)
        evaluation = evaluated(instance, program.definition)
        try:
            exact &= _held(instance, evaluation)
        except (TooLongError, TrialFault):  # a layer that does not run is another contract's
            continue
        settings.append(one.setting.name)
        told = [math.prod(instance.declared_shape(name)) for name in instance.returned()]
        told += [buffer.numel() for name in program.definition.updates if (buffer := instance.state[name]) is not None]
        whole &= max(told, default=0) <= MOST_ENTRIES
        trained_too = in_training(instance, program.definition)
        exact &= trained_too is None or trained_too.exact
        if evaluation.account.limited or one.setting.shrunk:  # which the tests compute at full shape
            continue
        plain.append(one.setting.name)
        if trained_too is not None and not trained_too.limited:
            trained.append(one.setting.name)
        if _mentions_little(program, one.setting):
            exact &= _at_small_inputs(program, one.setting)  # which looks for faults, too
            small.append(one.setting.name)
    if not settings:
        message = f"the layer is too large at every setting, or the definition takes more than {MOST_TURNS} terms there"
        help = "give smaller settings under `cases`"
        raise SpecError([IllDefined.at(PATH, message, help=help)])
    return Compared(tuple(settings), tuple(plain), tuple(small), tuple(trained), exact, whole)


def _held(instance: Instance, evaluation: Evaluation, training: bool = False) -> bool:
    """Whether nothing but the last digits differ.

    Raises:
        SpecError: If more does.
        TooLongError: If the definition takes too long.
        TrialFault: If the layer does not run.
    """
    refuse(differences(instance, evaluation, training))
    return is_exact(instance, evaluation, training)


class InTraining(NamedTuple):
    """A comparison in training."""

    exact: bool  # whether it was as near as float64 lets it be
    limited: bool  # whether a value was a limit, which plain Python does not compute


def in_training(instance: Instance, definition: Definition) -> InTraining | None:
    """Compare them in training, where the definition speaks of it and the layer draws no random numbers.

    Raises:
        SpecError: If they differ.
    """
    if not definition.tells_training or not definition.knows_training:
        return None
    evaluation = evaluated(instance, definition, training=True)
    with suppress(TooLongError, TrialFault):
        if not is_random_in_training(instance):
            return InTraining(_held(instance, evaluation, training=True), evaluation.account.limited)
    return None


class _Draws(Bystander):
    """Tells whether an op that may draw random numbers has given something else than it was given."""

    changed = False

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        if isinstance(node, ex.Call) and draws(node):
            first = operands[0] if operands else None
            same = isinstance(first, Tensor) and isinstance(value, Tensor) and torch.equal(first, value)
            self.changed |= not same


def is_random_in_training(instance: Instance) -> bool:
    """Whether what training draws at random changes something, as dropout does unless it drops nothing.

    Raises:
        TrialFault: If the layer does not run.
    """
    if not instance.program.forward.draws:
        return instance.program.draws  # of what a member does, nothing is seen
    watcher = _Draws(instance)
    with drawn():
        instance.run(True, watcher)
    return watcher.changed or any(member.draws for member in instance.program.members.values())


def _mentions_little(program: Program, setting: Setting) -> bool:
    """Whether a small number, as that which keeps a divisor from zero, has a part in the layer."""
    literals = (node.value for node in nodes(program.forward.statements) if isinstance(node, ex.Literal))
    numbers = (*literals, *setting.values.values())
    return any(isinstance(number, float) and 0 < number <= LITTLE for number in numbers)


def _at_small_inputs(program: Program, setting: Setting) -> bool:
    """Whether nothing but the last digits differ where the inputs are about as small as such a number.

    Raises:
        SpecError: If more does.
    """
    instance = started(program, setting, SMALL)
    assert program.definition is not None
    evaluation = evaluated(instance, program.definition)
    note = f"the inputs are {SMALL.words.removeprefix('of ')}"
    with suppress(TooLongError, TrialFault):
        found = differences(instance, evaluation)
        refuse(finding._replace(notes=(*finding.notes, note)) for finding in found)
        return is_exact(instance, evaluation)
    return True
