"""Finds a setting that breaks each bound and each constraint, and nothing else."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.argument_types import Base
from layergen.lang.bounds import allows
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Argument
from layergen.resolve.program import Program
from layergen.settings.choice import Setting
from layergen.settings.search import consistent, cycled, given_values, values_of

INTS = (0, -1, 1, 2, 3, 4, 5, 7, 8, 9)
UNEQUAL = ((2, 3, 4), (4, 9, 8), (3, 2, 1))
FLOATS = (-1.0, 0.0, 0.5, 1.5, 2.0)


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
        others: From the first of which that can be, one is changed too for each constraint that derived values have a
            part in, so that all that they are computed of counts.
    """
    for name, argument in program.arguments.items():
        usual = {**base.values, **given_values(program, base.given)}.get(name)
        for value in _refused(argument):
            given = {**base.given, name: _last(argument, value, usual)}
            values = _values(program, given)
            if values is not None and _only_breaks(program, {**values, **given_values(program, given)}, name):
                yield Rejection(f"{name}_{_word(value)}", _ordered(program, given), name, values=values)
    for index, constraint in enumerate(program.argument_constraints):
        found = next(_breaking(program, base, index), None)
        if found is not None:
            yield Rejection(f"constraint_{index}", _ordered(program, found[0]), None, index, found[1])
        if ex.names(constraint) & program.derived.keys():
            further = next((one for other in others for one in _breaking(program, other, index)), None)
            if further is not None and further != found:
                yield Rejection(f"constraint_{index}_elsewhere", _ordered(program, further[0]), None, index, further[1])
        for place, alone in enumerate(_breaking_alone(program, [base, *others], index)):
            name = f"constraint_{index}_alone_{place}"
            yield Rejection(name, _ordered(program, alone[0]), None, index, alone[1])


def _breaking_alone(
    program: Program, settings: Sequence[Setting], index: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Settings that break a constraint, and keep one that has another entry of a list in one of its places.

    Where entries are equal, it makes no difference which of them is asked.
    """
    mistaken = list(_of_other_entries(program, program.argument_constraints[index]))
    for setting in (*settings, *_unequal(program, settings[0], index)) if mistaken else ():
        for given, values in _breaking(program, setting, index):
            kept = [other for other in mistaken if _holds(other, values)]
            if kept:
                yield given, values
                mistaken = [other for other in mistaken if other not in kept]


def _holds(constraint: ex.Expression, values: Mapping[str, Any]) -> bool:
    try:
        return Interpreter(values).truth(constraint)
    except EvaluationFault:
        return False


def _of_other_entries(program: Program, constraint: ex.Expression) -> Iterator[ex.Expression]:
    """A constraint with one entry of a list in the place of another one, each that there is."""
    for node in ex.walk(constraint):
        match node:
            case ex.Subscript(ex.Name(id=name), ex.Literal(value=int(place))) if name in program.arguments:
                for other in range(program.arguments[name].type.count or 0):
                    if other != place:
                        entry = replace(node, index=ex.Literal(other))
                        yield ex.transform(constraint, partial(_in_place, node, entry))


def _in_place(old: ex.Expression, new: ex.Expression, node: ex.Expression) -> ex.Expression | None:
    return new if node is old else None


def _unequal(program: Program, base: Setting, index: int) -> Iterator[Setting]:
    """The setting with lists of unequal entries in all places of a constraint, where these keep all constraints."""
    named = ex.names(program.argument_constraints[index])
    lists = [name for name in named if name in program.arguments and program.arguments[name].type.count]
    pools = {
        name: [cycled(parts, program.arguments[name].type.count or 0) for parts in UNEQUAL] for name in sorted(lists)
    }
    for chosen in product(*pools.values()):
        given = {**base.given, **dict(zip(pools, chosen, strict=True))}
        if consistent(program, given, set()):
            yield replace(base, given=given, values=values_of(program, given))


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


def _breaking(program: Program, base: Setting, index: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Settings within all bounds that break one constraint and none that is checked before it."""
    constraint = program.argument_constraints[index]
    late = bool(ex.names(constraint) & set(program.derived))
    before = [
        other
        for position, other in enumerate(program.argument_constraints)
        if (bool(ex.names(other) & set(program.derived)), position) < (late, index)
    ]
    mentioned = ex.names(constraint)
    for name, argument in program.arguments.items():
        if name not in mentioned and not late:
            continue
        for value in (*_with_one_entry(argument, base.given.get(name)), *_candidates(argument)):
            given = {**base.given, name: value}
            try:
                values = values_of(program, given)
                raw = {**values, **given_values(program, given)}
                if not all(allows(part, raw[other]) for other, part in program.arguments.items()):
                    continue
                interpreter = Interpreter(values)
                if all(interpreter.truth(other) for other in before) and not interpreter.truth(constraint):
                    yield given, values
            except EvaluationFault:
                continue


def _with_one_entry(argument: Argument, value: object) -> Iterator[list[Any]]:
    """A list of integers with another number in one of its places."""
    if isinstance(value, list | tuple) and argument.type.numeric and not argument.type.fractional:
        for place in range(len(value)):
            yield from ([*value[:place], number, *value[place + 1 :]] for number in INTS)


def _candidates(argument: Argument) -> tuple[Any, ...]:
    if argument.finite and argument.choices is not None:
        return argument.choices
    if argument.type.base is Base.BOOL:
        return (True, False)
    if argument.type.base is Base.STR:
        return ("unknown",)
    assert argument.type.numeric, f"nothing to try for type {argument.type}"
    numbers = FLOATS if argument.type.fractional else INTS
    return (*(argument.choices or ()), *(_spelled(argument, number) for number in numbers))


def _spelled(argument: Argument, value: Any) -> Any:
    """A value, as a list with it for each entry where no number stands for all."""
    return [value] * (argument.type.count or 1) if argument.type.spelled and not isinstance(value, str) else value


def _last(argument: Argument, value: Any, usual: object) -> Any:
    """A refused value; of a list the last entry alone, as checks of the first one and of the greatest overlook it."""
    if not argument.type.listed or argument.type.count == 1 or isinstance(value, str):
        return _spelled(argument, value)
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
