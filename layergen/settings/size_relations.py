"""Settings that tell each constraint on sizes from all that one mistake makes of it: on both sides of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice, permutations, zip_longest

from layergen.lang import expression as ex
from layergen.lang.bounds import refusal
from layergen.lang.condition import Condition
from layergen.resolve.program import Program
from layergen.settings.choice import Setting, allowed
from layergen.settings.limits import SizeLimit, grounds, has_shapes, moves
from layergen.settings.mistakes import mistakes, outcome
from layergen.settings.search import consistent, values_of

MOST = 24  # places of a row of settings that are looked at
STEP = 4  # by how much an entry of a list is moved
GROUNDS = 40  # settings that are moved
REFUSED = 3  # of the settings that tell a mistake, how many the layer may fail at

Told = tuple[Setting, Setting, frozenset[ex.Expression]]  # a setting, the one it was moved from, and what it tells


@dataclass
class SizeRelation:
    """A constraint on sizes that the forward checks, and those of its mistakes that nothing tells yet.

    Args:
        program: The layer.
        index: Which of its constraints on sizes it is.
        tested: The settings that values are compared at anyway.
        known: Settings that the tests see to be taken, or to be refused for this constraint.
    """

    program: Program
    index: int
    tested: Sequence[Setting]
    known: Sequence[Setting]
    untold: set[ex.Expression] = field(init=False)

    def __post_init__(self) -> None:
        counts = {name: part.type.count or 0 for name, part in self.program.arguments.items()}
        self.untold = set(mistakes(self.constraint, counts))
        for setting in (*self.tested, *self.known):
            self.untold -= self.told_by(setting)

    @property
    def constraint(self) -> ex.Expression:
        return self.program.size_constraints[self.index]

    def told_by(self, setting: Setting) -> frozenset[ex.Expression]:
        """The mistakes that decide otherwise at a setting."""
        holds = outcome(self.constraint, setting.names)
        return frozenset(one for one in self.untold if outcome(one, setting.names) != holds)

    def limits(self, works: Callable[[Setting], bool]) -> Iterator[SizeLimit]:
        """As few settings as tell all mistakes, those that are taken beside those that are refused."""
        if not self.untold:
            return
        near = list(self.near())
        broken = list(self.chosen([one for one in near if self.breaks(one[0])], lambda _: True))
        kept = list(self.chosen([one for one in near if allowed(self.program, one[0])], works)) if self.untold else []
        others = [*(setting for setting, _ in broken), *(one for one in self.known if self.breaks(one))]
        for taken, refused in zip_longest(kept, broken):
            if refused is not None:
                yield SizeLimit(self.constraint, refused[1] if taken is None else taken[0], refused[0])
            elif others:
                yield SizeLimit(self.constraint, taken[0], others[0])

    def chosen(self, found: list[Told], works: Callable[[Setting], bool]) -> Iterator[tuple[Setting, Setting]]:
        failures = 0
        while found and self.untold and failures < REFUSED:
            best = max(found, key=lambda one: len(one[2] & self.untold))
            if not best[2] & self.untold:
                return
            if works(best[0]):
                yield best[:2]
                self.untold -= best[2]
            else:
                failures += 1
                found = [one for one in found if one is not best]

    def breaks(self, setting: Setting) -> bool:
        """Whether a setting breaks this constraint, and none that is checked before it."""
        *before, last = map(Condition, self.program.size_constraints[: self.index + 1])
        names = setting.names
        return (
            last.holds(names) is False and all(one.holds(names) for one in before) and has_shapes(self.program, setting)
        )

    def near(self) -> Iterator[Told]:
        """The settings near those of the tests that tell a mistake."""
        base = self.tested[0]
        further = chain(grounds(self.program, base, self.constraint), self.numbers(base))
        for ground in islice(chain(self.tested, further), GROUNDS):
            rows = (row[:MOST] for row in moves(self.program, ground, self.constraint, 1))
            moved = chain((setting for row in rows for _, setting in row), self.lists(ground), turned(ground))
            for setting in moved:
                if told := self.told_by(setting):
                    yield setting, ground, told

    def numbers(self, base: Setting) -> Iterator[Setting]:
        """The settings in which an argument that is one integer is another one, below 0 as well."""
        for name in sorted(ex.names(self.constraint) & self.program.arguments.keys()):
            for value in range(-STEP, STEP + 1) if type(base.values[name]) is int else ():
                given = {**base.given, name: value}
                if consistent(self.program, given, set()):
                    yield replace(base, given=given, values=values_of(self.program, given))

    def lists(self, base: Setting) -> Iterator[Setting]:
        """The settings in which a call gives a list another entry, or one more or less of them."""
        for name in ex.names(self.constraint) & self.program.values.keys():
            entries = base.values.get(name)
            if not isinstance(entries, tuple):
                continue
            moved = (
                (*entries[:place], entry + step, *entries[place + 1 :])
                for place, entry in enumerate(entries)
                for step in range(-STEP, STEP + 1)
            )
            for value in ((1, *entries), entries[1:], *moved):
                if not refusal(name, self.program.values[name], value):
                    given = {**base.given, name: value}
                    yield replace(base, given=given, values=values_of(self.program, given))


def turned(base: Setting) -> Iterator[Setting]:
    """The settings in which what stands for `...` stands in another order."""
    if 1 < len(base.leading) <= STEP:
        yield from (replace(base, leading=leading) for leading in permutations(base.leading))
