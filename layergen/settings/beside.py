"""Settings for the generated tests alone, beside those at which a layer is checked: where what was moved apart meets.

At one of them flags, choices and numbers move together, so that a number matters too on the ways that a flag opens; of
sizes it has what no other setting has: entries that are not equal, or one number for all of them; loops and lists of
members are longer than elsewhere, and integers come in another dtype. Others are of single samples, or there for an
operand of a condition.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

from layergen.lang import expression as ex
from layergen.lang.argument_types import ArgumentType, Base
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Argument
from layergen.lang.visitor import nodes
from layergen.resolve.program import Program
from layergen.resolve.unbatched import telling
from layergen.settings.choice import Setting, allowed, case_sizes, setting_with
from layergen.settings.operands import crossing
from layergen.settings.pairs import divides
from layergen.settings.search import candidates, cycled

TOGETHER = "together"
UNEQUAL = ((2, 3, 4), (3, 2, 1), (1, 2, 3))
NUMBERS = "other_values"  # the setting at which all numbers are away from their defaults
RESTS = (1, 2)  # by which sizes grow, so that a division leaves another rest
MANY = 6  # turns of a loop, or members of a list: more than a mistake that is right for a few hides behind
SOME = (3, 8)  # whole numbers by default, beyond which one more is still small
MOST_KEPT = 2  # of what moves, as much may stay as it is where constraints refuse the rest


class Move(NamedTuple):
    """What is given other values than in the base."""

    values: Mapping[str, Any]
    untried: bool = False  # whether no setting has any like these


def beside(program: Program, usual: Sequence[Setting]) -> Iterator[Setting]:
    """Settings that bounds and constraints allow, at which a layer is tested though it takes no other way there.

    Args:
        program: The layer.
        usual: The settings at which it is checked, the base first.
    """
    together = _together(program, usual)
    made = [*usual, *([together] if together is not None else []), *_single_samples(program, usual)]
    yield from made[len(usual) :]
    yield from crossing(program, made)


def _together(program: Program, usual: Sequence[Setting]) -> Setting | None:
    """The setting at which all moves that constraints let, unless another one has as much."""
    base = usual[0]
    moves = list(_moves(program, usual))
    more = _more(program, usual)
    if more and (len(moves) > 1 or any(move.untried for move in moves)):
        moves.append(Move(more))
    for count in range(MOST_KEPT + 1):
        for kept in combinations(range(len(moves)), count):
            made = [move for place, move in enumerate(moves) if place not in kept]
            if len(made) < 2 and not any(move.untried for move in made):
                continue  # which another setting is
            given = {**base.given, **{name: value for move in made for name, value in move.values.items()}}
            try:
                setting = setting_with(program, TOGETHER, given, case_sizes(program, base))
            except EvaluationFault:
                continue
            if setting is not None and allowed(program, setting):
                setting = replace(setting, dtypes=_other_dtypes(program, setting))
                return _with_rests(program, setting, base, [name for move in made for name in move.values])
    return None


def _with_rests(program: Program, setting: Setting, base: Setting, moved: Sequence[str]) -> Setting:
    """The setting at sizes at which most of the flags that were turned make a difference to the shapes."""
    if not divides(program):
        return setting
    turned = [name for name in moved if isinstance(setting.values[name], bool)]
    fixed = case_sizes(program, base)
    grown = [
        replace(setting, sizes={name: size if name in fixed else size + rest for name, size in setting.sizes.items()})
        for rest in (0, *RESTS)
    ]
    return max(
        (other for other in grown if allowed(program, other)),
        key=lambda other: sum(
            _sizes(program, other.names) != _sizes(program, _turned_back(other, name)) for name in turned
        ),
    )


def _other_dtypes(program: Program, setting: Setting) -> dict[str, str]:
    """The last of the dtypes of each input that may have several, and is there."""
    several = {name: part.dtypes for name, part in program.inputs.items() if len(part.dtypes) > 1}
    return {name: dtypes[-1] for name, dtypes in several.items() if name not in setting.absent}


def _turned_back(setting: Setting, flag: str) -> dict[str, Any]:
    return {**setting.names, flag: not setting.values[flag]}


def _sizes(program: Program, names: Mapping[str, Any]) -> list[Any]:
    """What the entries of the outputs' shapes are that can be computed."""
    known = Interpreter(names)
    found: list[Any] = []
    for output in program.outputs.values():
        for entry in output.entries:
            with suppress(EvaluationFault):
                found.append(known.evaluate(entry))
    return found


def _moves(program: Program, usual: Sequence[Setting]) -> Iterator[Move]:
    """What can be moved; all numbers with a default move as one."""
    base = usual[0]
    numbers = next((setting.given for setting in usual if setting.name == NUMBERS), {})
    moved = {name: value for name, value in numbers.items() if name not in base.given or value != base.given[name]}
    if moved:
        yield Move(moved)
    for name, argument in program.decided.items():
        current = base.values[name]
        if argument.type.base is Base.BOOL and current is not None:
            yield Move({name: not current})
        elif argument.choices is not None and name not in moved:
            others = [choice for choice in argument.choices if choice != current]
            yield from (Move({name: choice}) for choice in others[:1])
        elif argument.type.sized and name in program.arguments:
            found = _untried(name, argument, usual)
            yield from (Move({name: value}, untried=True) for value in found[:1])
    for name in counts(program):
        many = max(MANY, *(setting.values[name] + 1 for setting in usual if setting.values[name] is not None))
        yield Move({name: many}, untried=True)


def _more(program: Program, usual: Sequence[Setting]) -> dict[str, int]:
    """One more of each whole number that is smaller at all other settings than it is by default."""
    base, numbers = usual[0], next((setting for setting in usual if setting.name == NUMBERS), usual[0])
    moved = [name for name in program.decided if numbers.values[name] != base.values[name]]
    return {name: base.values[name] + 1 for name in moved if _is_some(program, name, base.values[name])}


def _is_some(program: Program, name: str, value: object) -> bool:
    """Whether a value is a small whole number, but not among the least."""
    return (
        program.decided[name].type == ArgumentType(Base.INT) and isinstance(value, int) and SOME[0] <= value <= SOME[1]
    )


def counts(program: Program) -> list[str]:
    """The whole numbers among the arguments that say how often something is done, or how many members a list has."""
    parts = [part.expression for part in program.scoped]
    found = (*nodes(program.forward.statements), *(node for part in parts for node in ex.walk(part)))
    ranges = (node for node in found if isinstance(node, ex.Call) and node.function == "range")
    named = set[str]().union(*map(ex.names, ranges))
    return [name for name, part in program.arguments.items() if name in named and part.type == ArgumentType(Base.INT)]


def _untried(name: str, argument: Argument, usual: Sequence[Setting]) -> list[Any]:
    """Values of sizes like which no setting has any: one number, or entries that are not equal."""
    given = [setting.given.get(name, _default(argument)) for setting in usual]
    lists = [value for value in given if isinstance(value, list | tuple)]
    one = any(isinstance(value, int | float) for value in given)
    if argument.type.count == 1 or any(_unequal(value) for value in lists):
        return [] if one else [value for value in candidates(argument, True) if isinstance(value, int | float)]
    if not argument.type.integral:
        return []
    return [value for value in _lists(argument) if not refusal(name, argument, value)]


def _default(argument: Argument) -> Any:
    return argument.default.value if isinstance(argument.default, ex.Literal) else None


def _lists(argument: Argument) -> list[list[int]]:
    return [cycled(parts, argument.type.count or 0) for parts in UNEQUAL]


def _unequal(value: Sequence[Any]) -> bool:
    """Whether no two neighbours are equal, the last and the first among them."""
    return all(one != other for one, other in zip(value, [*value[1:], value[0]], strict=True))


def _single_samples(program: Program, usual: Sequence[Setting]) -> Iterator[Setting]:
    """What asks for the shapes of outputs, at a single sample where this has none of any number of dimensions."""
    told = telling(program.inputs, program.left_out) if program.left_out else None
    if told is None or ex.Literal(...) not in program.inputs[told.input].entries:
        return
    entries = (entry for output in program.outputs.values() for entry in output.entries)
    asked = set[str]().union(*map(ex.names, entries))
    for setting in usual[1:]:
        other = any(setting.values[name] != usual[0].values[name] for name in asked & program.decided.keys())
        if other and setting.leading:
            single = replace(setting, name=f"{setting.name}_of_a_single_sample", leading=())
            if allowed(program, single):
                yield single
