"""Proves the shapes of a layer: runs at symbols for each way through its forward."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from layergen.diagnostics import Finding
from layergen.prove.abstract_run import AbstractRun
from layergen.prove.formula import shown
from layergen.prove.hints import Hints, Search, at_point
from layergen.prove.proven import Proof, Tried
from layergen.prove.symbolic_run import TurnsDiffer, symbolic_run
from layergen.resolve.program import Program
from layergen.rules.loops import ChangingState
from layergen.rules.members import WrongMember
from layergen.rules.shapes import HiddenCoupling, OpFailed
from layergen.run.budget import budget
from layergen.run.forward import TrialFault
from layergen.run.missing import holds_for_all_sizes, missing_constraint
from layergen.run.trial import fault_at, works_at
from layergen.settings.branches import way
from layergen.settings.choice import Setting
from layergen.settings.runs import pattern, sizes_of

LONG = 4099  # longer than windows are
MULTIPLE = 10_000  # dimensions that are a multiple of all arguments get no larger than some times this


def prove(program: Program, settings: Sequence[Setting]) -> Iterator[Proof | Tried]:
    """Prove a layer's shapes for each way that the settings take through it.

    Raises:
        SpecError: At the first way that shows a fault, which mostly shows on all of them.
    """
    for index, setting in enumerate(paths(program, settings)):
        search = Search(program, setting)
        for training in program.modes:
            yield _prove_path(search, training, measured=index == 0 and training)


def paths(program: Program, settings: Sequence[Setting]) -> Iterator[Setting]:
    """The settings that differ in more than their numbers: in what is there, or in what conditions come to."""
    seen: list[object] = []
    for setting in settings:
        axes = {name for name, part in program.arguments.items() if part.of is not None}
        values = setting.values.items()
        flags = {name: kept for name, kept in values if name in axes or isinstance(kept, bool | str) or kept is None}
        runs = pattern(program, setting.leading, setting.further)
        key = (flags, setting.absent, runs, way(program, setting))
        if key not in seen:
            seen.append(key)
            yield setting


def _prove_path(search: Search, training: bool, measured: bool) -> Proof | Tried:
    """Run at symbols, with one choice of hints after the other until one gives a proof; else the first has its say.

    Raises:
        SpecError: If that is a fault.
    """
    program, setting = search.program, search.setting
    nothing = Tried(setting, "no values were found to stand in for the symbols")
    first: Tried | TrialFault = nothing
    for choose in (search.usual, search.close, search.partial, search.own):
        try:
            outcome = _prove_at(program, setting, training, choose, measured) or nothing
        except TrialFault as fault:
            first = fault if first == nothing else first
            if fault.of_kind:
                break
            if choose == search.usual and not program.cases and _fails_at_all_sizes(search):
                break
            if fault.finding.rule not in (OpFailed, HiddenCoupling, WrongMember) or not works_at(program, setting):
                first = first if isinstance(first, TrialFault) else fault
                break  # no other sizes will help
        else:
            if isinstance(outcome, Proof) or outcome.for_data or outcome.by_turn or outcome.by_size:
                return outcome
            first = outcome if first == nothing else first
    if isinstance(first, TrialFault):
        raise TrialFault(_with_way_out(program, setting, first.finding))
    return first


def _fails_at_all_sizes(search: Search) -> bool:
    """Whether it is the arguments at the hints that do not go together, whatever the dimensions."""
    program, found = search.program, search.usual()
    if found is None:
        return False
    values = [value for name, value in found.names.items() if name.split("[")[0] in program.decided]
    multiple = math.prod(values) ** 2
    factors = (3, 4, 5, 7, 11, 13, 17, 19, 23, 29)
    choices = [dict(zip(found.setting.sizes, factors, strict=False)), dict.fromkeys(found.setting.sizes, 1)]
    choices += [{**choices[0], name: LONG} for name in found.setting.sizes]
    if multiple <= MULTIPLE:
        choices.append({name: multiple * factor for name, factor in zip(found.setting.sizes, factors, strict=False)})
    with budget():
        return not any(works_at(program, replace(found.setting, sizes=sizes)) for sizes in choices)


def _prove_at(
    program: Program, setting: Setting, training: bool, choose: Callable[[frozenset[str]], Hints | None], measured: bool
) -> Proof | Tried | None:
    """Run at symbols; where an argument turns out to be needed as a number, run again with that number.

    Raises:
        TrialFault: If it is not for the symbols that it fails.
    """
    concrete: frozenset[str] = frozenset()
    reason = ""
    for _ in range(5):
        found = choose(concrete)
        if found is None and not concrete:  # a constraint may tie what is 1 here to that: `stride == (1, 1)`
            concrete = frozenset(_units(program, setting))
            found = choose(concrete) if concrete else None
        if found is None:
            break
        run = AbstractRun(found.names)
        try:
            proof = symbolic_run(program, setting, found, run, training, measured)
        except TurnsDiffer as difference:
            return Tried(setting, str(difference), by_turn=True)
        except TrialFault as fault:
            if fault.for_data:
                return Tried(setting, fault.finding.message, for_data=True)
            if measured:  # with gradients torch refuses more, and what it says then is not the layer's fault
                measured = False
                continue
            if fault.of_kind:
                raise
            if fault.finding.rule is ChangingState or not works_at(program, found.setting):
                raise _at_numbers(program, found.setting, fault) from None
            reason, needed = fault.finding.message, frozenset(program.decided)
        else:
            lost = {name for name, formula in run.lost().items() if formula.is_number}
            if not lost:
                return replace(proof, concrete=_numbers(program, found), tied=tuple(_tied(program, found, run)))
            reason = f"torch takes {', '.join(f'`{name}`' for name in sorted(lost))} as a number"
            needed = frozenset(name.split("[")[0] for name in lost)
            if lost & {*setting.sizes, *sizes_of(program, setting.leading, setting.further)}:
                return Tried(setting, reason, by_size=True)
        if needed <= concrete:
            break
        concrete |= needed
    return Tried(setting, reason) if reason else None


def _at_numbers(program: Program, setting: Setting, fault: TrialFault) -> TrialFault:
    """The fault at numbers, where it is another one: what fails at symbols may do so for these alone."""
    other = fault_at(program, setting)
    return other if other is not None and other.finding.place != fault.finding.place else fault


def _units(program: Program, setting: Setting) -> Iterator[str]:
    """The integer arguments that are 1 or 0, or lists of nothing else."""
    for name in _integers(program, setting):
        value = setting.values[name]
        if set(value if isinstance(value, tuple) else (value,)) <= {0, 1}:
            yield name


def _numbers(program: Program, found: Hints) -> dict[str, Any]:
    """The integer arguments that are numbers in a run, not symbols."""
    symbols = {name.split("[")[0] for name in found.names}
    return {name: found.setting.values[name] for name in _integers(program, found.setting) if name not in symbols}


def _tied(program: Program, found: Hints, run: AbstractRun) -> Iterator[str]:
    """The names for which torch has put a formula of others, though another value would have been allowed."""
    taken = way(program, found.setting)
    for name, formula in run.lost().items():
        others = (at_point(program, found, {**found.names, name: other}) for other in range(2, found.names[name]))
        if any(other is not None and way(program, other) == taken for other in others):
            yield f"{name} == {shown(formula)}"


def _with_way_out(program: Program, setting: Setting, finding: Finding) -> Finding:
    """A finding at the hints, with what helps where the layer does work at the setting itself."""
    if finding.rule is not ChangingState and (
        finding.help is not None or finding.rule not in (OpFailed, HiddenCoupling)
    ):
        return finding
    missing = missing_constraint(program, setting, works_at)
    if missing is not None:
        return finding._replace(help=missing)
    if finding.rule is not OpFailed or not holds_for_all_sizes(program, setting, works_at):
        return finding
    works = ", ".join(f"{name}={setting.values[name]}" for name in _integers(program, setting))
    help = f"it works where {works}: say under `constraints` what it takes" if works else None
    return finding._replace(help=help)


def _integers(program: Program, setting: Setting) -> list[str]:
    """The arguments of a setting that are integers."""
    found = (name for name, part in program.decided.items() if part.type.integral)
    return [name for name in found if isinstance(setting.values[name], int | tuple)]
