"""Defined: a layer held to its definition at each setting, in training too where the definition speaks of it."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor

from layergen.compare.at_start import hold_starts
from layergen.compare.at_values import draws_at_other_values, hold_at_values
from layergen.compare.compared import ROUNDED, started
from layergen.compare.definition import MOST_ENTRIES, computes_at_full_shape, differences, evaluated, is_exact
from layergen.compare.either_sign import hold_at_either_sign
from layergen.compare.far_off import hold_far_off
from layergen.compare.in_half import alike_in_half
from layergen.compare.in_law import SETTINGS, testable
from layergen.compare.rounded_tables import rounded_tables
from layergen.compare.ties import TiedError
from layergen.compare.told_penalty import hold_penalty
from layergen.definition.draws import RandomFault
from layergen.definition.evaluate import Evaluation
from layergen.definition.faults import PATH
from layergen.definition.numbers import MOST_TURNS, TooLongError
from layergen.definition.scene import Definition
from layergen.diagnostics import Finding
from layergen.faults import SpecError, refuse
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.probe.sites import WITH_DATA
from layergen.probe.values import SMALL, drawn
from layergen.resolve.method import draws
from layergen.resolve.program import Program
from layergen.rules.cases import IllDefined
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.trial import TrialAt
from layergen.run.watching import Bystander, Runs
from layergen.settings.choice import Setting
from layergen.words import listed

LITTLE = 0.1  # numbers up to it are taken for such as keep a divisor from zero


@dataclass(frozen=True)
class At:
    """How a layer was compared with its definition at a setting."""

    setting: str  # its name
    exact: bool  # whether it was as near as float64 lets it be
    whole: bool  # whether each entry was compared, and not a part of those of a large output
    plain: bool = False  # whether plain Python computes it, which raises where a limit is meant
    small: bool = False  # whether it was compared at small inputs, too
    far: bool = False  # whether it was as near at inputs far from zero, too
    signed: bool = False  # whether it was where parameters have either sign, too
    trained: bool = False  # whether it was compared in training, too
    rounded: bool = False  # whether tables are rounded to their dtype, which the definition computes
    drawn: Mapping[bool, int] = field(default_factory=dict)  # in training or not: over how many draws its law was
    half: Mapping[bool, TrialAt] = field(default_factory=dict)  # large batches, drawn by the same law in half precision


@dataclass(frozen=True)
class Compared:
    """How a layer was compared with its definition."""

    at: tuple[At, ...] = ()
    starts: Mapping[str, int] = field(default_factory=dict)  # over how many starts initial values were, by the setting
    penalties: tuple[str, ...] = ()  # the settings at which the penalty was

    @property
    def told(self) -> bool:
        """Whether generated tests can compute the definition."""
        return any(one.plain or one.drawn for one in self.at)

    @property
    def plain(self) -> tuple[str, ...]:
        """The settings at which values are compared in plain Python."""
        return tuple(one.setting for one in self.at if one.plain)

    @property
    def trained(self) -> tuple[str, ...]:
        """Those at which values in training are."""
        return tuple(one.setting for one in self.at if one.trained)

    @property
    def drawn(self) -> tuple[str, ...]:
        """Those at which the law of what is drawn at random is."""
        return tuple(one.setting for one in self.at if one.drawn)

    @property
    def exact(self) -> bool:
        return all(one.exact for one in self.at)

    @property
    def rounded(self) -> bool:
        return any(one.rounded for one in self.at)

    @property
    def whole(self) -> bool:
        return all(one.whole for one in self.at)


def hold_to_definition(program: Program, runs: Sequence[Runs]) -> Compared:
    """Compare the forward with the definition, at each setting at which that can be done, and initial values at some.

    Raises:
        SpecError: If they differ, with what does at the first setting where something does.
    """
    if program.definition is None:
        return Compared()
    found: list[At] = []
    tied: list[Finding] = []
    for one in runs:
        if one.admits(WITH_DATA):  # others are too large to be computed in a build
            lawful = sum(bool(at.drawn) for at in found) < SETTINGS
            first = not any(at.plain for at in found)
            signed = not any(at.signed for at in found)
            try:
                at = _compared_at(program, program.definition, one.setting, lawful, signed, first)
            except TiedError as difference:  # which tells nothing, unless it is the same at all settings
                tied.append(difference.finding)
                continue
            found += [at] if at is not None else []
    if not found:
        refuse(tied[:1])
        message = f"the layer is too large at every setting, or the definition takes more than {MOST_TURNS} terms there"
        help = "give smaller settings under `cases`"
        raise SpecError([IllDefined.at(PATH, message, help=help)])
    return Compared(tuple(found), hold_starts(program, runs), hold_penalty(program, runs))


def _compared_at(
    program: Program, definition: Definition, setting: Setting, lawful: bool, signed: bool, first: bool
) -> At | None:
    """Compare them at one setting, what is drawn at random too; None where it takes too long, or does not run."""
    instance = started(program, setting)
    evaluation = evaluated(instance, definition)
    try:
        values = _held(instance, evaluation)
    except TiedError:
        raise
    except (TooLongError, TrialFault):  # a layer that does not run is another contract's
        return None
    told = [math.prod(instance.declared_shape(name)) for name in instance.returned()]
    told += [buffer.numel() for name in definition.updates if (buffer := instance.state[name]) is not None]
    whole = max(told, default=0) <= MOST_ENTRIES
    trained = in_training(instance, definition) if lawful or not definition.draws else None
    exact = values.exact and (trained is None or trained.exact)
    if values.limited or not computes_at_full_shape(setting, definition):  # as the tests do
        return At(setting.name, exact, whole)
    small = not values.draws and (first or _mentions_little(program, setting))
    exact &= not small or _at_small_inputs(program, setting)  # which looks for faults, too
    drawn = {mode: held.tested for mode, held in ((False, values), (True, trained)) if held is not None and held.tested}
    valued = trained is not None and not trained.limited and not trained.draws
    far = not values.draws and hold_far_off(program, setting, first) and first
    signed = signed and values.exact and not values.draws and hold_at_either_sign(program, setting)
    half = {mode: large for mode in drawn if (large := alike_in_half(program, setting, mode)) is not None}
    plain = not values.draws
    rounded = not values.draws and _rounded(program, setting)
    return At(setting.name, exact, whole, plain, small, far, signed, valued, rounded, drawn, half)


def _rounded(program: Program, setting: Setting) -> bool:
    """Whether tables of the layer are rounded to their dtype, so that its values have the digits of that.

    Raises:
        SpecError: If they do so by more than that dtype explains.
    """
    told = list(rounded_tables(program))
    if not told:
        return False
    instance, wide = started(program, setting, rounded=True), started(program, setting)
    tables = [name for name in told if not _same(instance.state[name], wide.state[name])]
    if not tables or program.definition is None:
        return False
    evaluation = evaluated(instance, program.definition)
    note = f"{listed([f'`{name}`' for name in tables])} in the dtype of the spec"
    found = differences(instance, evaluation, within=ROUNDED)
    refuse(finding._replace(notes=(*finding.notes, note)) for finding in found)
    return True


def _same(rounded: Tensor | None, wide: Tensor | None) -> bool:
    return rounded is None or wide is None or torch.equal(rounded.to(wide.dtype), wide)


class Held(NamedTuple):
    """What a comparison came to that found no fault."""

    exact: bool  # whether it was as near as float64 lets it be
    limited: bool  # whether a value was a limit, which plain Python does not compute
    draws: int  # by how many, if it was one of laws and not of values
    tested: int = 0  # by how many of these a test can be held to them


def _held(instance: Instance, evaluation: Evaluation, training: bool = False) -> Held:
    """Compare values; of what is drawn at random, their law.

    Raises:
        SpecError: If they differ by more than rounding, or the laws by more than chance.
        TiedError: If they do where the forward puts equal values in order.
        TooLongError: If the definition takes too long.
        TrialFault: If the layer does not run.
    """
    exact, draws = True, 0
    try:
        refuse(differences(instance, evaluation, training))
        exact = is_exact(instance, evaluation, training)
        random = training and draws_at_other_values(instance, evaluation, training)
    except RandomFault:
        random = True
    if random:
        draws = hold_at_values(instance, evaluation, training)
    return Held(exact, evaluation.account.limited, draws, testable(evaluation, draws))


def in_training(instance: Instance, definition: Definition) -> Held | None:
    """Compare them in training, where the definition speaks of it: of random numbers, too, if the layer draws any.

    Raises:
        SpecError: If they differ.
    """
    if not definition.tells_training or not definition.knows_training:
        return None
    with suppress(TooLongError, TrialFault):
        if definition.draws or not is_random_in_training(instance):
            return _held(instance, evaluated(instance, definition, training=True), training=True)
    return None


class _Draws(Bystander):
    """Tells whether an op that may draw random numbers has given something else than it was given."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.changed = False
        self.state = torch.get_rng_state()

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        if isinstance(node, ex.Call) and draws(node):
            first = operands[0] if operands else None
            same = isinstance(first, Tensor) and isinstance(value, Tensor) and torch.equal(first, value)
            state, before = torch.get_rng_state(), self.state
            # An attention draws nothing unless it drops something, and neither does a dropout that drops all.
            self.changed |= not same and ("dropout" in node.function or not torch.equal(state, before))
            self.state = state


def is_random_in_training(instance: Instance) -> bool:
    """Whether what training draws at random changes something, as dropout does unless it drops nothing.

    Raises:
        TrialFault: If the layer does not run.
    """
    if not instance.program.forward.draws:
        return instance.program.draws  # of what a member does, nothing is seen
    with drawn():
        watcher = _Draws(instance)
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
