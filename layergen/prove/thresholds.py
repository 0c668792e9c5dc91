"""The least size at which a layer works, as a formula of its other numbers, where trying tells one.

Where torch takes an argument as a number, what it asks of the sizes holds at that number alone, and of an index it asks
nothing before there is data. What it demands is then found as one finds it by hand: how small may a size be, and how
does that change with the other numbers? A formula counts only if it foretells what is tried on both of its sides.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, combinations, islice, product
from random import Random
from typing import Any

import sympy

from layergen.prove.formula import symbol, value, values
from layergen.prove.outcomes import Does, Outcomes, Point
from layergen.prove.points import WIDE
from layergen.prove.preconditions import Precondition, told, units_of
from layergen.settings.choice import Setting

LITTLE = 2  # size that is small, and yet nothing that torch stretches
LARGEST = 64  # size up to which one is looked for at which a layer works
ROOM = (12, LARGEST)  # sizes at which other dimensions are out of the way, the cheaper one first
STEPS = (1, 2)  # by which a number is moved to see how the least size follows it
BEYOND = (1, 2, 7)  # by how much a number is above its largest one
MOVES = (0, 1, 3)  # by which the numbers of a formula are moved together
FURTHER = (0, 1, 2, 3, 4)  # the same, where they may fit by accident
MANY = 100  # points at which they are held then
BESIDE = 18  # points at which a formula is held against what torch does, on either side
AGAIN = 6  # the same, of a condition that has foretold it at other arguments


def conditions(outcomes: Outcomes, refused: Point) -> Iterator[Any]:
    """Yield conditions that may say why a layer is refused where some numbers are changed.

    Args:
        outcomes: What the layer does near a setting at which it works.
        refused: What is changed.
    """
    program = outcomes.program
    point = outcomes.point(refused)
    sizes = [name for name in point if name.split("[")[0] not in program.arguments]
    arguments = [name for name in point if name not in sizes]
    for name in sorted(sizes, key=lambda name: name not in refused) + arguments:
        least = _least(outcomes, point, name)
        if least is None or least == 1:
            continue
        formula = _formula(outcomes, {**point, name: least}, name)
        if formula is not None:
            yield _condition(symbol(name), formula, name in arguments)


def _condition(size: Any, least: Any, bounds: bool) -> Any:
    """That a size is the least or more; of sizes of which one alone must be above 1, that their product is."""
    names = sorted(least.free_symbols, key=str)
    if names and sympy.expand(least + sum(names) - 2 - len(names)) == 0:
        return sympy.Ge(sympy.Mul(size, *names), 2)
    return sympy.Le(least, size) if bounds else sympy.Ge(size, least)


def _least(outcomes: Outcomes, point: Point, name: str, guess: int = 1) -> int | None:
    """The least value of a number at which a layer works, if larger ones do; None where none does.

    Args:
        outcomes: What the layer does.
        point: The other numbers.
        name: The number.
        guess: What it may be.
    """

    def works(number: int) -> bool:
        return outcomes.works({**point, name: number})

    if works(guess) and (guess == 1 or not works(guess - 1)):
        return guess
    if works(1):
        return 1
    above = 2
    while above < LARGEST and not works(above):
        above *= 2
    if not works(above):
        return None
    below = above // 2
    while above - below > 1:
        middle = (above + below) // 2
        above, below = (middle, below) if works(middle) else (above, middle)
    return above


def _formula(outcomes: Outcomes, point: Point, name: str) -> Any | None:
    """The least value of a number, in those of the others that it follows; None if it does not follow them simply."""
    least = point[name]
    slopes: dict[str, int] = {}
    for other in point:
        if other == name:
            continue
        slope = _slope(outcomes, point, name, other)
        if slope is None:
            return None
        if slope:
            slopes[other] = slope
    formula = least + sum(slope * _moved(other, point) for other, slope in slopes.items())
    for one, two in combinations(slopes, 2):
        expected = max(1, least + slopes[one] + slopes[two])
        both = _least(outcomes, {**point, one: point[one] + 1, two: point[two] + 1}, name, expected)
        if both is None:
            return None
        if both != expected:
            twist = both - least - slopes[one] - slopes[two]
            formula += twist * _moved(one, point) * _moved(two, point)
    return sympy.expand(formula)


def _moved(name: str, point: Point) -> Any:
    return symbol(name) - point[name]


def _slope(outcomes: Outcomes, point: Point, name: str, other: str) -> int | None:
    """By how much the least value of a number grows with another number; None if that is not the same at each step."""
    found: int | None = None
    for step in STEPS:
        moved = {**point, other: point[other] + step}
        if all(outcomes.setting({**moved, name: number}) is None for number in (LARGEST, point[name])):
            continue  # no such value is allowed
        expected = max(1, point[name] + (found or 0) * step)
        least = _least(outcomes, moved, name, expected)
        if least is None or (found is not None and least != expected):
            return None
        found = least - point[name] if found is None else found
    return found or 0


def precondition(outcomes: Outcomes, condition: Any, known: Sequence[Any], again: bool = False) -> Precondition | None:
    """A condition with a setting on either side.

    None if the layer does not work at all points of the one side, or is not refused at all of the other.

    Args:
        outcomes: What the layer does.
        condition: The condition, as a bound of a number.
        known: Conditions that hold as well.
        again: Whether it foretells what the layer does elsewhere, and fewer points will do.
    """
    found: dict[bool, Setting] = {}
    stretched: list[set[str]] = []  # names that were 1 where the layer works all the same
    passed: Setting | None = None
    refused: set[str] = set()  # names that were 1 where the layer is refused
    often = AGAIN if again else BESIDE
    near = islice(_beside(outcomes, condition), 2 * often)
    far = islice(_spread(outcomes, condition), 2 * often)
    # A product may fit at few points by accident: `k * p` is `2 * p` at a kernel of 2.
    further = _spread(outcomes, condition, FURTHER, MANY) if _has_product(condition) and not again else ()
    for changes, holds in chain(near, far, further):
        changes = _with_room(outcomes, changes, condition) if holds else changes
        point, setting, does = outcomes.point(changes), outcomes.setting(changes), outcomes.at(changes)
        if setting is None or does is None or not all(value(other, point) for other in known):
            continue
        if does is (Does.WORK if holds else Does.REFUSE):
            found.setdefault(holds, setting)
            refused |= set() if holds else {*units_of(condition, point)}
        elif does is Does.WORK and (units := units_of(condition, point)):
            stretched.append({*units})
            passed = passed or setting
        else:
            return None
    if len(found) < 2:
        return None
    refused |= {name for name in set().union(*stretched) - refused if _is_refused_at_one(outcomes, condition, name)}
    if any(units <= refused for units in stretched):
        return None
    return Precondition(told(outcomes.program, condition), condition, found[True], found[False], passed)


def _has_product(condition: Any) -> bool:
    """Whether a product of names stands in a condition that compares sums."""
    terms = sympy.Add.make_args(sympy.expand(condition.lhs - condition.rhs))
    return any(len(term.free_symbols) > 1 for term in terms)


def _is_refused_at_one(outcomes: Outcomes, condition: Any, name: str) -> bool:
    """Whether a layer is refused somewhere where a name is 1 and a condition is broken: then it excuses nothing."""
    broken = ({**changes, name: 1} for changes, holds in islice(_spread(outcomes, condition), 2 * BESIDE) if not holds)
    still = (changes for changes in broken if not value(condition, outcomes.point(changes)))
    return any(outcomes.at(changes) is Does.REFUSE for changes in still)


def spares(outcomes: Outcomes, condition: Any) -> bool:
    """Whether a layer works where a condition only just does not hold, and no name of it is 1, as what is stretched."""
    if not {part.name for part in condition.free_symbols} <= outcomes.ground.names.keys():
        return True
    broken = (changes for changes, holds in islice(_beside(outcomes, condition), 2 * BESIDE) if not holds)
    return any(outcomes.works(each) and not units_of(condition, outcomes.point(each)) for each in broken)


def is_needed(outcomes: Outcomes, condition: Any) -> bool:
    """Whether a layer works at none of many sizes that break a condition; those aside at which a name of it is 1."""
    changes = [{name: number} for name in outcomes.ground.setting.sizes for number in WIDE]
    broken = (each for each in changes if not value(condition, outcomes.point(each)))
    return not any(outcomes.works(each) and not units_of(condition, outcomes.point(each)) for each in broken)


def most(outcomes: Outcomes, name: str, number: int) -> Precondition | None:
    """That a number is no larger than some, if the layer works up to there and not beyond, whatever the others are."""
    others = [other for other in outcomes.ground.names if other != name]
    for more in MOVES:
        moved = {other: outcomes.ground.names[other] + more for other in others}
        below = [outcomes.at({**moved, name: size}) for size in (number - 1, number)]
        above = [outcomes.at({**moved, name: number + step}) for step in BEYOND]
        if {*below} - {None} != {Does.WORK} or {*above} - {None} != {Does.REFUSE}:
            return None
    kept, broken = (outcomes.setting({name: size}) for size in (number, number + 1))
    condition = sympy.Le(symbol(name), number)
    return Precondition(told(outcomes.program, condition), condition, kept, broken) if kept and broken else None


def _beside(outcomes: Outcomes, condition: Any) -> Iterator[tuple[Point, bool]]:
    """Points at which a condition only just holds, and only just does not, the nearest first."""
    names = sorted(part.name for part in condition.free_symbols)
    for start in (outcomes.ground.names, dict.fromkeys(names, 1)):
        for moves in product(MOVES, repeat=len(names)):
            moved = {name: start[name] + move for name, move in zip(names, moves, strict=True)}
            for name in names:
                found = _edge(condition, outcomes.point(moved), name)
                if found is not None:
                    yield {**moved, name: found}, True
                    yield {**moved, name: found - 1}, False


def just_broken(outcomes: Outcomes, condition: Any) -> Iterator[Point]:
    """The sizes at which a condition only just does not hold."""
    names = {part.name for part in condition.free_symbols}
    for name in sorted(names & outcomes.ground.setting.sizes.keys()) if names <= outcomes.ground.names.keys() else ():
        found = _edge(condition, outcomes.ground.names, name)
        if found is not None:
            yield {name: found - 1}


def _spread(
    outcomes: Outcomes, condition: Any, moves: Sequence[int] = MOVES, often: int = BESIDE
) -> Iterator[tuple[Point, bool]]:
    """The same in no order, where all names of a condition move; where it does not hold, all others do as well.

    Where a condition holds whatever a size is, it is asked about a small one.
    """
    chance = Random(0)
    names = sorted(part.name for part in condition.free_symbols)
    others = [name for name in outcomes.ground.names if name not in names]
    for start in (outcomes.ground.names, dict.fromkeys(names, 1)) * often:
        moved = {name: start[name] + chance.choice(moves) for name in names}
        aside = {name: outcomes.ground.names[name] + chance.choice(MOVES) for name in others}
        name = chance.choice(names)
        found = _edge(condition, outcomes.point(moved), name)
        if found is not None:
            yield {**moved, name: found}, True
            yield {**moved, **aside, name: found - 1}, False
        elif name in outcomes.ground.setting.sizes and value(condition, outcomes.point({**moved, name: LITTLE})):
            yield {**moved, name: LITTLE}, True


def _with_room(outcomes: Outcomes, changes: Point, condition: Any) -> Point:
    """The same point; with other dimensions large where the layer does not work otherwise, and does then."""
    if outcomes.works(changes):
        return changes
    told = {part.name for part in condition.free_symbols}
    others = [name for name in outcomes.ground.setting.sizes if name not in told]
    roomy = ({**dict.fromkeys(others, size), **changes} for size in ROOM)
    return next(filter(outcomes.works, roomy), changes)


def _edge(condition: Any, point: Point, name: str) -> int | None:
    """The least value of a number at which a condition holds, if there is one that it breaks just below."""
    numbers = range(1, LARGEST)
    columns: dict[str, Sequence[int]] = {other: (number,) * len(numbers) for other, number in point.items()}
    try:
        holds = values(condition, {**columns, name: numbers}, len(numbers))
    except ArithmeticError:
        return None
    first = next((index for index in range(1, len(numbers)) if holds[index]), 0)
    return numbers[first] if first and not holds[first - 1] else None
