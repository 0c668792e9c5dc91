"""The points on either side of a condition: where it only just holds, and where it only just does not.

They are small, unless the condition mentions larger numbers, or bounds and constraints allow nothing small on one side.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise, product
from typing import Any

import sympy

from layergen.prove.formula import values
from layergen.prove.hints import Hints, at_point
from layergen.resolve.program import Program
from layergen.settings.choice import Setting

SMALL = (1, 2, 3, 4, 5)  # values at which a condition may break
POINTS = 700  # values of the names of one condition that are looked at
WIDE = range(1, 41)  # values of one name that a condition is held against
LINE = (*range(SMALL[-1], 1200), *(2**power for power in range(11, 32)))  # along which a condition is followed


class Points:
    """The points at which a condition only just holds, and those at which it only just does not.

    Args:
        program: The layer.
        found: Values for the names that the condition does not mention.
        condition: The condition.
        accepted: Conditions that hold at all of the points.
        sizes: What a name may be.
        far: Whether names have their own values too, and others those beside which the condition changes there.
    """

    def __init__(
        self,
        program: Program,
        found: Hints,
        condition: Any,
        accepted: Sequence[Any],
        sizes: Sequence[int] = SMALL,
        far: bool = False,
    ) -> None:
        self.program = program
        self.found = found
        self.names = sorted(symbol.name for symbol in condition.free_symbols)
        own = {name: (found.names.get(name, 1),) if far else () for name in self.names}
        edges = far or names_larger(condition)
        around = {name: tuple(self.edges(condition, name)) if edges else () for name in self.names}
        choices = [tuple(dict.fromkeys((*sizes, *own[name], *around[name]))) for name in self.names]
        tried = list(islice(product(*choices), POINTS))
        judged = zip(tried, self.at(condition, tried), self.at(_slack(condition), tried), strict=True)
        sides: dict[bool, list[tuple[int, int, tuple[int, ...]]]] = {True: [], False: []}
        for point, holds, slack in judged:
            if holds is not None and slack is not None:
                sides[bool(holds)].append((abs(int(slack)), sum(point), point))
        self.sides = {
            holds: self.kept([point for *_, point in sorted(side)], accepted) for holds, side in sides.items()
        }

    def edges(self, condition: Any, name: str) -> Iterator[int]:
        """The values beside which a condition changes, with the other names as found."""
        others = tuple(self.found.names.get(other, 1) for other in self.names)
        place = self.names.index(name)

        def hold(numbers: Sequence[int]) -> Sequence[Any]:
            return self.at(condition, [(*others[:place], number, *others[place + 1 :]) for number in numbers])

        for (before, one), (after, other) in pairwise(zip(LINE, hold(LINE), strict=True)):
            if None not in (one, other) and bool(one) != bool(other):
                while after - before > 1:
                    middle = (before + after) // 2
                    before, after = (middle, after) if hold([middle])[0] == one else (before, middle)
                yield from (before, after)
                return

    def told_by_bounds(self, condition: Any) -> bool:
        """Whether each name has a bound on one side of which the condition holds, the other names as found."""
        lines = ([{**self.found.names, name: number} for number in WIDE] for name in self.names)
        held = (
            self.at(condition, [tuple(point.get(name, 1) for name in self.names) for point in line]) for line in lines
        )
        return all(sum(one != other for one, other in pairwise(line)) <= 1 for line in held)

    def at(self, formula: Any, points: Sequence[tuple[int, ...]]) -> Sequence[Any]:
        """What a formula comes to at some points; None where it cannot be computed."""
        if not points:
            return []
        columns: dict[str, Sequence[int]] = {name: (number,) * len(points) for name, number in self.found.names.items()}
        columns |= dict(zip(self.names, zip(*points, strict=True), strict=True))
        try:
            return values(formula, columns, len(points))
        except ValueError:  # a function that is not known: nothing can be said of the condition
            return [None] * len(points)
        except ArithmeticError:
            return [None] if len(points) == 1 else [self.at(formula, [point])[0] for point in points]

    def kept(self, points: list[tuple[int, ...]], accepted: Sequence[Any]) -> list[tuple[int, ...]]:
        """The points at which all accepted conditions hold."""
        for other in accepted:
            points = [point for point, holds in zip(points, self.at(other, points), strict=True) if holds]
        return points

    def settings(self, holds: bool) -> Iterator[Setting]:
        """The settings of one side that bounds and constraints allow, the nearest first."""
        for point in self.sides[holds]:
            setting = at_point(
                self.program, self.found, {**self.found.names, **dict(zip(self.names, point, strict=True))}
            )
            if setting is not None:
                yield setting


def names_larger(condition: Any) -> bool:
    """Whether a condition mentions a number that is not small."""
    return any(abs(number) > SMALL[-1] for number in condition.atoms(sympy.Integer))


def _slack(condition: Any) -> Any:
    """How far a condition is from its edge."""
    return condition.lhs - condition.rhs if isinstance(condition, sympy.core.relational.Relational) else sympy.S.Zero
