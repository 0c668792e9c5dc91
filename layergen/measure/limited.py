"""The limits of a layer, where values are compared as they are elsewhere: bounds, and what the forward tells apart.

Inputs that an op compares with a number, or with a buffer's entries, are equal to these: `<=` does there what `<` does
not. Both the forward and the definition have to compare what they are given as it is, or by steps that do not round;
else it cannot be said on which side of a number a value is, and nothing is compared.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from torch import Tensor

from layergen.compare.at_start import hold_starts
from layergen.compare.compared import HELP, started
from layergen.compare.defined import in_training
from layergen.compare.definition import computes_at_full_shape, differences, evaluated, is_exact
from layergen.compare.in_law import Lawful, hold_to_law
from layergen.contracts.agreement import Mismatch, disagreement, matched_by
from layergen.contracts.laws import Case
from layergen.definition.draws import RandomFault
from layergen.definition.numbers import TooLongError
from layergen.diagnostics import Finding, Place
from layergen.domains.joined import FAR_OFF, IDLE, LARGE, UNTOLD
from layergen.domains.limits import behind
from layergen.faults import SpecError, refuse
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.visitor import sources
from layergen.measure.edges import Edges, at_edges, compared, ignored, turns, unmarked
from layergen.probe.sites import WITH_DATA
from layergen.probe.values import drawn
from layergen.resolve.method import draws
from layergen.resolve.program import Program
from layergen.rules.cases import MatchMismatch
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Runs
from layergen.settings.choice import Setting

LAWS = 2  # settings at bounds at which the law of what is drawn is compared
MOST_TURNS = 20_000  # terms of a definition that a test computes: more take as long as all its other tests


@dataclass(frozen=True)
class Limited:
    """A setting at which a layer is compared with what tells its values.

    Attributes:
        plain: Whether plain Python computes its definition there.
        trained: Whether it does so in training, too, where the definition speaks of it.
        edges: What its inputs are taken from, where they are not drawn as elsewhere.
    """

    setting: str
    plain: bool
    trained: bool = False
    edges: Edges | None = None
    turns: int = 1  # until each of these was there
    law: Lawful | None = None  # by how much the law of what is drawn in training was held, if tests hold it, too


def hold_at_bounds(program: Program, runs: Iterable[Runs]) -> tuple[Limited, ...]:
    """Compare a layer with its definition, its match and its laws at settings at its bounds, and how it starts there.

    Returns:
        Those at which all that could be compared is the same, in numbers.

    Raises:
        SpecError: If something differs.
    """
    found: list[Limited] = []
    laws, runs = 0, tuple(runs)
    hold_starts(program, runs)
    for one in runs:
        if one.admits(WITH_DATA):
            instance = started(program, one.setting)
            idle = one.setting.name == IDLE
            if idle and _differs(program, one.setting):
                continue
            plain = _compare(program, instance, program.modes)
            if laws < LAWS and _draws_most(program, one.setting):
                laws += _in_law(instance) is not None
            if plain is not None:
                laws_held = program.laws if one.setting.name not in FAR_OFF and not idle else ()
                cases = (Case(program, law, index, [one.setting]) for index, law in enumerate(laws_held))
                refuse(finding for case in cases if (finding := case.broken()) is not None)
                trained = plain and _told_in_training(instance)
                law = _in_law(instance) if _draws_much(program, one.setting) else None
                found.append(Limited(one.setting.name, plain, trained, law=law))
    return tuple(found)


def _differs(program: Program, setting: Setting) -> bool:
    """Whether a definition says something else, or nothing, of loops without a turn, as few speak of these.

    What a layer matches has gradients there where the layer, which reads nothing, may have none: it is not compared.
    """
    if matched_by(program) is not None:
        return True
    try:
        if _compare(program, started(program, setting), program.modes):
            _told_in_training(started(program, setting))
    except SpecError:
        return True
    return False


def _draws_most(program: Program, setting: Setting) -> bool:
    """Whether a number of which a layer draws, as a probability, is at its upper bound."""
    if program.definition is None or not program.definition.draws:
        return False
    calls = [call for call in program.forward.calls if draws(call)]
    read = frozenset[str]().union(*(behind(program, part) for call in calls for part in _arguments(program, call)))
    bounds = {name: part.max for name, part in program.arguments.items() if name in read and part.type.fractional}
    return any(bound is not None and setting.values[name] == bound for name, bound in bounds.items())


def _draws_much(program: Program, setting: Setting) -> bool:
    """Whether a layer draws by larger numbers than usual what nothing that it matches draws alike."""
    drawn = program.definition is not None and program.definition.draws
    return bool(drawn) and setting.name == LARGE and matched_by(program) is None


def _arguments(program: Program, call: ex.Call) -> Iterator[ex.Expression]:
    """What a call is given, and what names in it are assigned."""
    for part in (*call.arguments, *(keyword.value for keyword in call.keywords)):
        yield part
        for name in ex.names(part) - program.arguments.keys():
            yield from sources(program.forward.statements, name)


def _in_law(instance: Instance) -> Lawful | None:
    """How far a layer could be held to the law of its definition in training, if that gives numbers alone.

    Raises:
        SpecError: If a moment differs.
    """
    definition = instance.program.definition
    assert definition is not None, "there is what draws in it"
    if not definition.tells_training or not definition.knows_training:
        return None
    with suppress(TooLongError, TrialFault, EvaluationFault):
        return hold_to_law(instance, definition, True, finite=True)
    return None


def hold_at_edges(program: Program, ways: Iterable[Runs], tested: Iterable[Runs]) -> tuple[Limited, ...]:
    """Compare a layer with its definition and its match where inputs are equal to what it compares them with.

    Args:
        program: The layer.
        ways: Its runs on each way through the forward.
        tested: Its runs at all settings of its tests: in few of these a label may be the one that is ignored.

    Returns:
        The settings and inputs at which all that could be compared is the same.

    Raises:
        SpecError: If something differs.
    """
    if program.definition is None and matched_by(program) is None:
        return ()
    known: list[tuple[Edges, Mapping[str, object]]] = []
    limited: list[Limited] = []
    for runs, edges in ((ways, compared), (ways, unmarked), (tested, ignored)):
        for one in (one for one in runs if one.admits(WITH_DATA)):
            for found in edges(program, started(program, one.setting)):
                if (found, one.setting.given) not in known:
                    known.append((found, one.setting.given))
                    limited += _at_edges(program, one, found)
    return tuple(limited)


def _at_edges(program: Program, one: Runs, found: Edges) -> Iterator[Limited]:
    told: list[bool | None] = []
    for turn in range(turns(started(program, one.setting), found)):
        instance = started(program, one.setting)
        with drawn(turn):
            at_edges(instance, found, turn)
        told.append(_compare(program, instance, (False,), found))
    if None not in told:
        yield Limited(one.setting.name, all(told), edges=found, turns=len(told))


def _told_in_training(instance: Instance) -> bool:
    """Whether plain Python computes the definition in training, too.

    Raises:
        SpecError: If the layer gives something else there.
    """
    definition = instance.program.definition
    if definition is None or definition.draws:
        return False
    compared = in_training(instance, definition)
    return compared is not None and compared.exact and not compared.limited


def _compare(program: Program, instance: Instance, modes: Iterable[bool], found: Edges | None = None) -> bool | None:
    """Compare a layer with what tells its values, at those of an instance.

    Returns:
        Whether plain Python computes the definition there; None where nothing can be said.

    Raises:
        SpecError: If something differs.
    """
    notes = () if found is None else (f"the inputs have values that are told apart: {found.words}",)
    try:
        if not _finite(instance):
            return None
        plain = program.definition is not None
        if program.definition is not None:
            evaluation = evaluated(instance, program.definition)
            lenient = instance.setting.name in UNTOLD if found is None else found.finite
            if lenient and not is_exact(instance, evaluation, within=math.inf):
                return None
            refuse(finding._replace(notes=(*finding.notes, *notes)) for finding in differences(instance, evaluation))
            if not is_exact(instance, evaluation):
                return None
            plain = not evaluation.account.limited and computes_at_full_shape(instance.setting, program.definition)
            plain &= evaluation.account.turns <= MOST_TURNS
        matched = matched_by(program)
        if matched is not None and not program.always_draws:
            for training in modes if program.formula is None and not program.draws else (False,):
                message = disagreement(instance, training)
                if message is not None:
                    refuse([_mismatch(instance, message, notes)])
        return plain
    except (TooLongError, TrialFault, Mismatch, EvaluationFault, RandomFault):
        return None


def _mismatch(instance: Instance, message: str, notes: Iterable[str]) -> Finding:
    path, node = matched_by(instance.program) or ((), ex.Literal(None))
    place = Place(path, node.span)
    return MatchMismatch.at(place, message, notes=(*instance.explainer.notes(), *notes), help=HELP)


def is_finite_at(program: Program, setting: Setting) -> bool:
    """Whether values can be compared at a setting: all that comes out is finite in evaluation."""
    try:
        return _finite(started(program, setting))
    except (TrialFault, EvaluationFault):
        return False


def _finite(instance: Instance) -> bool:
    """Whether all that comes out is finite in evaluation."""
    with drawn():
        outputs: Mapping[str, Tensor] = instance.run(training=False).outputs
    return all(bool(output.isfinite().all()) for output in outputs.values())
