"""On which ways through a forward a condition is demanded that is demanded on some.

A way is asked where the condition is broken. If it works there, it does not demand it. If it is refused, it may be for
the condition, or for another that is broken there as well: of a longer kernel, or one that says more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from layergen.prove.formula import value
from layergen.prove.hints import Hints, at_point, lowered, numbers, raised
from layergen.prove.outcomes import Does, Outcomes, Point
from layergen.prove.points import Points
from layergen.prove.preconditions import TRIALS
from layergen.resolve.program import Program
from layergen.settings.branches import way as taken
from layergen.settings.choice import Setting


@dataclass(frozen=True)
class Demanded:
    """A condition that is demanded on some way, and a point of its names at which it is broken."""

    condition: Any  # as a formula
    broken: Point


@dataclass
class OnWays:
    """What the ways through a forward demand.

    Args:
        program: The layer.
    """

    program: Program
    grounds: dict[str, list[Outcomes]] = field(default_factory=dict)

    def judged(self, way: Setting, conditions: Mapping[str, Demanded]) -> Mapping[str, Does | None]:
        """What the layer does on a way where each condition is broken; none that others of the way may imply."""
        judged = {text: self.does(way, demanded) for text, demanded in conditions.items()}
        refused = {text: conditions[text] for text, does in judged.items() if does is not Does.WORK}
        for last in (False, True):  # what is not demanded implies nothing
            for text in tuple(refused):
                others = [other.condition for name, other in refused.items() if name != text]
                does = self.does_beside(way, conditions[text], others)
                if does is Does.WORK or (last and does is None):
                    del refused[text]
                judged[text] = does
        return {text: does for text, does in judged.items() if does is not None}

    def does(self, way: Setting, demanded: Demanded) -> Does | None:
        """What the layer does on a way where a condition is broken, whatever its other arguments are.

        It works where it does not ask for the names of the condition, and where it does so at some other arguments.
        """
        found: Does | None = None
        for ground in self.near(way, {*demanded.broken}):
            if not demanded.broken.keys() <= ground.ground.names.keys():
                return Does.WORK
            does = ground.at(demanded.broken)
            if does is Does.WORK:
                return does
            found = does if found is None else found
        return found

    def does_beside(self, way: Setting, demanded: Demanded, others: Sequence[Any]) -> Does | None:
        """The same, where no other condition is broken that the way may demand; None if there is no such point."""
        found: Does | None = None
        for ground in self.near(way, {*demanded.broken}):
            if all(_holds(other, ground.point(demanded.broken)) for other in others):
                return ground.at(demanded.broken) or Does.REFUSE
            points = Points(self.program, ground.ground, demanded.condition, others)
            for setting in islice(points.settings(False), TRIALS):
                names = numbers(self.program, setting).names
                found = ground.at({name: names[name] for name in demanded.broken}) or found
                if found is Does.WORK:
                    return found
        return found

    def near(self, way: Setting, names: set[str]) -> list[Outcomes]:
        """What the layer does near a way, as it is, and with all arguments low that a condition does not mention.

        At last with these raised that are 1: of a stride of 1, one condition may seem to imply another.
        """
        key = f"{way.name} {sorted(names)}"
        if key not in self.grounds:
            ground = numbers(self.program, way)
            moved = (lowered(self.program, ground, names), raised(self.program, ground, names))
            others = [other for other in moved if other != ground and self.same(way, other)]
            self.grounds[key] = [Outcomes(self.program, each) for each in (ground, *others)]
        return self.grounds[key]

    def same(self, way: Setting, moved: Hints) -> bool:
        """Whether other arguments take the same way."""
        setting = at_point(self.program, moved, moved.names)
        return setting is not None and taken(self.program, setting) == taken(self.program, way)


def _holds(condition: Any, point: Point) -> bool:
    """Whether a condition holds at a point, as it does where it is not about it."""
    try:
        return bool(value(condition, point))
    except (ArithmeticError, ValueError, KeyError):
        return True
