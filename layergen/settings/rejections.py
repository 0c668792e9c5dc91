"""Finds settings that break each bound and each constraint, and nothing else, and some that only just keep one."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.bounds import allows
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.model import Argument
from layergen.resolve.program import Program
from layergen.settings.choice import Setting
from layergen.settings.mistakes import outcome
from layergen.settings.relations import FLOATS, INTS, Relation, spelled
from layergen.settings.search import given_values, values_of


@dataclass(frozen=True)
class Acceptance:
    """A setting of the arguments that keeps a constraint, where a mistaken one would refuse it."""

    name: str
    given: Mapping[str, object]  # what the constructor is called with


@dataclass(frozen=True)
class Rejection:
    """A setting of the arguments that one bound or one constraint refuses."""

    name: str
    given: Mapping[str, object]  # what the constructor is called with
    argument: str | None  # whose bound it breaks; None: the constraint on arguments of this index
    constraint: int = 0
    values: Mapping[str, object] | None = None  # normalized arguments and derived values


def rejections(program: Program, base: Setting, others: Sequence[Setting] = ()) -> Iterator[Rejection]:
    """Settings that the constructor must refuse, each for one reason.

    Args:
        program: The layer.
        base: From which one argument is changed.
        others: Those from which one argument or two are changed too, where a constraint or a part of it is not broken
            near the base alone; and from the first that can be, for each constraint that derived values have a part
            in, so that all that they are computed of counts.
    """
    for name, argument in program.arguments.items():
        usual = {**base.values, **given_values(program, base.given)}.get(name)
        for value in _refused(argument):
            given = {**base.given, name: _last(argument, value, usual)}
            values = _values(program, given)
            if values is not None and _only_breaks(program, {**values, **given_values(program, given)}, name):
                yield Rejection(f"{name}_{_word(value)}", _ordered(program, given), name, values=values)
    for index, constraint in enumerate(program.argument_constraints):
        chosen = list(Relation(program, index, [base, *others]).refused())
        for place, tried in enumerate(chosen):
            name = f"constraint_{index}_alone_{place - 1}" if place else f"constraint_{index}"
            yield Rejection(name, _ordered(program, tried.given), None, index, tried.values)
        if ex.names(constraint) & program.derived.keys() and all(tried.base is base for tried in chosen):
            for tried in islice(Relation(program, index, others).breaking(), 1):
                name = f"constraint_{index}_elsewhere"
                yield Rejection(name, _ordered(program, tried.given), None, index, tried.values)


def acceptances(
    program: Program,
    tested: Sequence[Setting],
    refused: Sequence[Rejection],
    works: Callable[[Mapping[str, Any]], bool],
) -> Iterator[Acceptance]:
    """Settings that the constructor must take, which a check of a constraint by a mistake refuses.

    Args:
        program: The layer.
        tested: The settings that its tests make it at anyway.
        refused: What they see to be refused.
        works: Whether the layer works with some arguments.
    """
    for index in range(len(program.argument_constraints)):
        relation = Relation(program, index, tested)
        for one in refused:
            if one.argument is None and one.constraint == index:
                relation.untold -= {mistake for mistake in relation.untold if outcome(mistake, one.values or {})}
        for place, tried in enumerate(relation.accepted(works)):
            yield Acceptance(f"constraint_{index}_kept_{place}", _ordered(program, tried.given))


def _refused(argument: Argument) -> Iterator[Any]:
    """Values just outside an argument's bounds or choices."""
    if argument.choices is not None:
        yield "unknown" if argument.type.textual else max(int(choice) for choice in argument.choices) + 1
    step = 0.5 if argument.type.fractional else 1
    if argument.min is not None:
        yield argument.min if argument.excludes("min") else argument.min - step
    if argument.max is not None:
        yield argument.max if argument.excludes("max") else argument.max + step
    if argument.type.fractional and not (argument.min is argument.max is None):
        yield math.nan  # which no comparison finds beyond a bound


def _values(program: Program, given: dict[str, Any]) -> dict[str, Any] | None:
    """All values of a setting; those that a refused value keeps from being computed are left out."""
    try:
        return values_of(program, given)
    except EvaluationFault:
        pass
    try:
        return values_of(replace(program, derived={}), given)
    except EvaluationFault:
        return None


def _only_breaks(program: Program, values: dict[str, Any], name: str) -> bool:
    """Whether an argument is the first whose bounds are broken."""
    broken = [other for other, argument in program.arguments.items() if not allows(argument, values[other])]
    return broken[:1] == [name]


def _last(argument: Argument, value: Any, usual: object) -> Any:
    """A refused value; of a list the last entry alone, as checks of the first one and of the greatest overlook it."""
    if not argument.type.listed or argument.type.count == 1 or isinstance(value, str):
        return spelled(argument, value)
    entries = usual if isinstance(usual, tuple) else ()
    tried = (*entries, *(FLOATS if argument.type.fractional else INTS))
    entry = next((part for part in tried if part is not None and allows(argument, (part,))), value)
    entries = entries if len(entries) > 1 else (entry,) * (argument.type.count or 2)
    return [*entries[:-1], value]


def _ordered(program: Program, given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in program.arguments if name in given}


def _word(value: object) -> str:
    """A value as part of a test's name."""
    return str(value).replace("-", "minus_").replace(".", "_")
