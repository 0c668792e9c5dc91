"""Settings of the arguments that tell each constraint from all that one mistake makes of it: on both sides of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations, islice, product
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.argument_types import Base
from layergen.lang.bounds import allows
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.model import Argument
from layergen.resolve.program import Program
from layergen.settings.choice import Setting
from layergen.settings.mistakes import mistakes, outcome
from layergen.settings.search import consistent, cycled, given_values, values_of

INTS = (0, -1, 1, 2, 3, 4, 5, 7, 8, 9)
UNEQUAL = ((2, 3, 4), (4, 9, 8), (3, 2, 1))
FLOATS = (-1.0, 0.0, 0.5, 1.5, 2.0)
CLOSE = (1.0, 1.0 + 2.0**-20)  # numbers that are all but equal
GROUNDS = 4  # settings in which two arguments are changed together
BUDGET = 4_000  # settings with two changes that are looked at
REFUSED = 5  # of the settings that tell a mistake, how many the layer may fail at


@dataclass(frozen=True)
class Tried:
    """A setting of the arguments, what it computes, and which mistakes it tells."""

    given: dict[str, Any]
    values: dict[str, Any]
    base: Setting
    holds: bool
    told: frozenset[ex.Expression]


@dataclass
class Relation:
    """A constraint on arguments, and those of its mistakes that nothing tells yet.

    Args:
        program: The layer.
        index: Which of its constraints on arguments it is.
        settings: Those that the tests make a layer at anyway; arguments are changed from them.
    """

    program: Program
    index: int
    settings: Sequence[Setting]
    untold: set[ex.Expression] = field(init=False)

    def __post_init__(self) -> None:
        counts = {name: part.type.count or 0 for name, part in self.program.arguments.items()}
        self.untold = {
            mistake
            for mistake in mistakes(self.constraint, counts)
            if all(outcome(mistake, setting.values) for setting in self.settings)
        }

    @property
    def constraint(self) -> ex.Expression:
        return self.program.argument_constraints[self.index]

    def refused(self) -> Iterator[Tried]:
        """As few settings as tell all mistakes that let pass what the constraint refuses."""
        yield from self.chosen(holds=False)

    def breaking(self) -> Iterator[Tried]:
        """All settings near those of the tests that break the constraint, and none that is checked before it."""
        return (one for one in self.tried(self.changed_once()) if not one.holds)

    def accepted(self, works: Callable[[Mapping[str, Any]], bool]) -> Iterator[Tried]:
        """As few settings as tell all mistakes that refuse what the constraint lets pass; the layer works at them."""
        yield from self.chosen(holds=True, works=works)

    def chosen(self, holds: bool, works: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> Iterator[Tried]:
        for near in (self.changed_once, self.changed_twice):
            found = [one for one in self.tried(near()) if one.holds == holds] if self.untold else []
            failures = 0
            while found and failures < REFUSED:
                best = max(found, key=lambda one: len(one.told & self.untold))
                if not best.told & self.untold:
                    break
                if works(best.given):
                    yield best
                    self.untold -= best.told
                else:
                    failures += 1
                    found = [one for one in found if one is not best]

    def tried(self, near: Iterable[tuple[Setting, dict[str, Any]]]) -> Iterator[Tried]:
        """Those settings within all bounds, and before the constraint within all others, that tell a mistake."""
        for base, given in near:
            try:
                values = values_of(self.program, given)
                raw = {**values, **given_values(self.program, given)}
            except EvaluationFault:
                continue
            if not all(allows(part, raw[name]) for name, part in self.program.arguments.items()):
                continue
            holds = outcome(self.constraint, values)
            if holds is None or not all(outcome(other, values) for other in self.before()):
                continue
            told = frozenset(one for one in self.untold if outcome(one, values) != holds)
            if told and (not holds or consistent(self.program, given, set())):
                yield Tried(given, values, base, holds, told)

    def before(self) -> list[ex.Expression]:
        """The constraints that are checked before: those without derived values are first."""
        derived = set(self.program.derived)
        late = bool(ex.names(self.constraint) & derived)
        constraints = enumerate(self.program.argument_constraints)
        return [one for at, one in constraints if (bool(ex.names(one) & derived), at) < (late, self.index)]

    def mentioned(self) -> list[str]:
        """The arguments that the constraint is about, or of which it is computed."""
        names = set(ex.names(self.constraint))
        for name, expression in reversed([*self.program.derived.items()]):
            names |= ex.names(expression) if name in names else set()
        return [name for name in self.program.arguments if name in names]

    def changed_once(self) -> Iterator[tuple[Setting, dict[str, Any]]]:
        for setting in self.settings:
            for name in self.mentioned():
                for value in _values(self.program.arguments[name], setting.given.get(name)):
                    yield setting, {**setting.given, name: value}

    def changed_twice(self) -> Iterator[tuple[Setting, dict[str, Any]]]:
        unequal = self.unequal() if self.settings else ()
        yield from ((setting, dict(setting.given)) for setting in unequal)
        grounds = (*self.settings[:GROUNDS], *islice(unequal, GROUNDS))
        yield from islice(self._pairs(grounds), BUDGET)

    def _pairs(self, grounds: Sequence[Setting]) -> Iterator[tuple[Setting, dict[str, Any]]]:
        for setting in grounds:
            for one, other in combinations(self.mentioned(), 2):
                firsts, seconds = (
                    list(_values(self.program.arguments[name], setting.given.get(name))) for name in (one, other)
                )
                for first, second in product(firsts, seconds):
                    yield setting, {**setting.given, one: first, other: second}

    def unequal(self) -> list[Setting]:
        """The first setting with lists of unequal entries in all places of the constraint, where these keep all."""
        arguments, base = self.program.arguments, self.settings[0]
        counts = {name: arguments[name].type.count or 0 for name in self.mentioned()}
        pools = {name: [cycled(parts, count) for parts in UNEQUAL] for name, count in counts.items() if count}
        found = ({**base.given, **dict(zip(pools, lists, strict=True))} for lists in product(*pools.values()))
        return [
            replace(base, given=given, values=values_of(self.program, given))
            for given in (found if pools else ())
            if consistent(self.program, given, set())
        ]


def _values(argument: Argument, usual: object) -> Iterator[Any]:
    yield from _with_one_entry(argument, usual)
    yield from _candidates(argument)
    if (count := argument.type.count or 0) > 1:
        yield from (cycled(parts, count) for parts in ((CLOSE,) if argument.type.fractional else UNEQUAL))


def _with_one_entry(argument: Argument, value: object) -> Iterator[list[Any]]:
    """A list of integers with another number in one of its places."""
    count = argument.type.count or 1
    entries = [value] * count if isinstance(value, int) and count > 1 else value
    if isinstance(entries, list | tuple) and argument.type.numeric and not argument.type.fractional:
        for place in range(len(entries)):
            yield from ([*entries[:place], number, *entries[place + 1 :]] for number in INTS)


def _candidates(argument: Argument) -> tuple[Any, ...]:
    if argument.finite and argument.choices is not None:
        return argument.choices
    if argument.type.base is Base.BOOL:
        return (True, False)
    if argument.type.base is Base.STR:
        return ("unknown",)
    assert argument.type.numeric, f"nothing to try for type {argument.type}"
    numbers = FLOATS if argument.type.fractional else INTS
    return (*(argument.choices or ()), *(spelled(argument, number) for number in numbers))


def spelled(argument: Argument, value: Any) -> Any:
    """A value, as a list with it for each entry where no number stands for all."""
    return [value] * (argument.type.count or 1) if argument.type.spelled and not isinstance(value, str) else value
