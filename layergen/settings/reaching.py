"""Finds settings that take the branches, conditional values and alternatives which the usual settings leave out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, product
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.argument_types import Base
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.model import Argument
from layergen.lang.tuples import spread, wholes
from layergen.lang.visitor import sources
from layergen.resolve.program import Member, Program
from layergen.settings.alternative import Alternative, alternatives
from layergen.settings.branches import (
    Branching,
    Decision,
    branchings,
    choices,
    foreseen,
    is_foreseen,
    leanings,
    loops,
    turned,
)
from layergen.settings.choice import Setting, allowed, case_sizes, setting_with, sizable
from layergen.settings.search import candidates, consistent, cycled, search, values_of

Foresight = Callable[[Program, Setting], set[Decision]]  # what is decided at a setting

TRIES = 3_000  # settings that are looked at for one branch
FEWER = 300  # the same for the greater of two numbers, of which one may always be it
LARGEST = 512  # numbers of a setting that is tried without being asked for
POWERS = (16, 32, 64, 128, 256, 512, 1024)
SIZED = (7, 5, 2, 3, 12, 16)  # sizes to try for a dimension
TOGETHER = 3  # names that are changed at once

Change = tuple[str, Any]  # a name, and its value; for an optional input, whether it is there


@dataclass(frozen=True)
class Reached:
    """A setting that takes a branch, and in what it differs from the first one."""

    setting: Setting
    changes: Mapping[str, Any]

    @property
    def modest(self) -> bool:
        """Whether it is small enough to be tried without being asked for."""
        parts = [part for value in self.changes.values() for part in (value if isinstance(value, list) else [value])]
        return all(part <= LARGEST for part in parts if isinstance(part, int))


@dataclass(frozen=True)
class Names:
    """The names of settings, each of which has one of its own."""

    taken: set[str]

    def named(self, setting: Setting) -> Setting:
        """The setting, with a number in its name if another has that name."""
        name = f"{setting.name}_{len(self.taken)}" if setting.name in self.taken else setting.name
        self.taken.add(name)
        return replace(setting, name=name)


def reaching(program: Program, chosen: Sequence[Setting]) -> Iterator[Setting]:
    """Settings that take what none of the chosen ones takes, as far as they can be found."""
    names = Names({setting.name for setting in chosen})
    made = list(chosen)
    for every, seen in ((branchings, foreseen), (choices, leanings), (loops, turned)):
        found = list(every(program))
        taken = set[Decision]().union(*(seen(program, setting) for setting in chosen)) if found else set()
        for branching, outcome in untaken(found, taken):
            if (branching.key, outcome) in taken:
                continue  # one that was found for another takes it
            reached = reach(program, chosen[0], branching, outcome, seen)
            if reached is not None and reached.modest:
                taken |= seen(program, reached.setting)
                made.append(names.named(reached.setting))
                yield made[-1]
    for alternative in (part for constraint in program.constraints for part in alternatives(constraint)):
        if not any(alternative.alone(setting.names) for setting in made):
            reached = _by(program, chosen[0], alternative)
            if reached is not None and reached.modest:
                made.append(names.named(reached.setting))
                yield made[-1]


def _by(program: Program, base: Setting, alternative: Alternative) -> Reached | None:
    """A setting near the base that keeps a constraint by one alternative alone."""
    for changes in islice(changes_of(program, base, [alternative.constraint]), FEWER):
        setting = _beside(program, base, changes)
        if setting is not None and alternative.alone(setting.names) and allowed(program, setting):
            return Reached(replace(setting, by=alternative), changes)
    return None


def _beside(program: Program, base: Setting, changes: Mapping[str, Any]) -> Setting | None:
    """The base with some changes and nothing else, which looks for no sizes."""
    given = {name: {**base.given, **changes}[name] for name in program.decided if name in {**base.given, **changes}}
    if not consistent(program, given, set()):
        return None
    sizes = {name: changes.get(name, size) for name, size in base.sizes.items()}
    values, absent = values_of(program, given), base.absent ^ _moved(program, changes)
    return replace(base, name=_named(changes), given=given, values=values, sizes=sizes, absent=absent, path=())


def _moved(program: Program, changes: Mapping[str, Any]) -> frozenset[str]:
    """The inputs that come or go with some changes."""
    return frozenset(spread((name for name in changes if name in wholes(program.inputs)), program.tuples))


def _named(changes: Mapping[str, Any]) -> str:
    return "_".join(_word(name, value) for name, value in changes.items())


def untaken(found: Sequence[Branching], taken: set[Decision]) -> Iterator[tuple[Branching, bool]]:
    """The ways that nothing takes, of those in each other the outermost."""
    for branching in found:
        if all(decision in taken for decision in branching.around):
            for outcome in (True, False):
                if (branching.key, outcome) not in taken:
                    yield branching, outcome


def reach(
    program: Program, base: Setting, branching: Branching, outcome: bool, seen: Foresight = foreseen
) -> Reached | None:
    """A setting near the base at which a condition comes to an outcome."""
    wanted, inputs = (branching.key, outcome), wholes(program.inputs)
    tries = FEWER if seen is leanings else TRIES
    tests = [branching.test, *_around(program, branching)]
    for changes in islice(changes_of(program, base, tests), tries):
        setting = changed(program, base, changes)
        if setting is not None and _is_seen(program, setting, wanted, seen):
            return Reached(setting, {name: value for name, value in changes.items() if name not in inputs})
    return None


def _is_seen(program: Program, setting: Setting, wanted: Decision, seen: Foresight) -> bool:
    """Whether a setting takes a way; of branches, no others are looked at."""
    return is_foreseen(program, setting, wanted) if seen is foreseen else wanted in seen(program, setting)


def changes_of(program: Program, base: Setting, tests: Sequence[ex.Expression]) -> Iterator[dict[str, Any]]:
    """What to change of the base: of what conditions depend on one after the other, then several at once."""
    names, numbers = _relevant(program, tests)
    pools = {name: list(_pool(program, base, name, numbers)) for name in names}
    pools = {name: pool for name, pool in pools.items() if pool}
    for count in range(1, TOGETHER + 1):
        for several in combinations(pools, count):
            for values in product(*(pools[name] for name in several)):
                yield dict(zip(several, values, strict=True))


def _around(program: Program, branching: Branching) -> list[ex.Expression]:
    keys = {key for key, _ in branching.around}
    return [other.test for other in branchings(program) if other.key in keys]


def _relevant(program: Program, tests: Sequence[ex.Expression]) -> tuple[list[str], set[float | str]]:
    """The names that conditions depend on in the end, those that they name ahead, and the numbers and texts in them."""
    names: dict[str, None] = {}
    literals: set[float | str] = set()
    pending, seen = list(tests), set[str]()
    while pending:
        expression = pending.pop(0)
        for node in ex.walk(expression):
            if isinstance(node, ex.Literal) and isinstance(node.value, int | float | str) and node.value is not True:
                literals.add(node.value)
            if isinstance(node, ex.Name) and node.id not in seen:
                seen.add(node.id)
                if node.id in program.decided or node.id in program.dimensions or node.id in wholes(program.inputs):
                    names[node.id] = None
                pending += _behind(program, node.id)
    return list(names), literals


def _behind(program: Program, name: str) -> Iterator[ex.Expression]:
    """What a name gets its value from."""
    if name in program.derived:
        yield program.derived[name]
    argument, tensor = program.decided.get(name), program.tensors.get(name)
    if argument is not None and argument.default is not None:
        yield argument.default
    part = tensor or program.members.get(name)
    if part is not None and part.when is not None:
        yield part.when
    if isinstance(part, Member) and isinstance(part.constructor, ex.Comprehension):
        yield part.constructor.iterable
    yield from sources(program.forward.statements, name)


def _pool(program: Program, base: Setting, name: str, literals: set[float | str]) -> Iterator[Any]:
    """Values to try for a name: those that the conditions speak of and those beside them, then the usual ones."""
    ints = sorted({value for value in literals if type(value) is int})
    near = [value + step for value in ints for step in (1, 0, -1)]
    near += [2 * value for value in ints]
    near += [sign * left * right + step for left in ints for right in ints for sign in (1, -1) for step in (0, 1, -1)]
    argument = program.decided.get(name)
    if argument is None:
        if name in wholes(program.inputs):
            first, *_ = spread([name], program.tuples)
            yield from (first not in base.absent,) if program.inputs[first].optional else ()
        else:
            yield from (size for size in dict.fromkeys((*SIZED, *near, *POWERS)) if size > 0)
        return
    tried: list[Any] = [None] if argument.optional else []
    tried += _of_type(argument, near, literals)
    for index, value in enumerate(tried):
        if value not in tried[:index] and (value is None or not refusal(name, argument, value)):
            yield value


def _of_type(argument: Argument, near: Sequence[int], literals: set[float | str]) -> list[Any]:
    usual = candidates(argument, defaulted=not argument.required)
    if argument.finite:
        return usual
    if argument.type.base is Base.STR:
        return [value for value in sorted(map(str, literals)) if value in literals]
    floats = sorted({float(value) for value in literals if not isinstance(value, str)})
    beside = near if argument.type.integral else [value + step for value in floats for step in (0.0, 0.5, -0.5, 1.0)]
    if not argument.type.listed:
        numbers = [*usual[:4], *near, *usual[4:], *POWERS] if argument.type.integral else [*beside, *usual]
        return [*(argument.choices or ()), *numbers]
    lengths = (argument.type.count,) if argument.type.count else range(1, 5)
    starts = ([3, 2, 4, 5], [2, 3, 1, 4], [3], [1]) if argument.type.integral else ([0.5, 0.25], [2.0, 3.0])
    lists: list[Any] = [cycled(start, count) for count in lengths for start in starts]
    return [*(argument.choices or ()), *lists, *([value] * count for count in lengths for value in beside), *usual]


def changed(program: Program, base: Setting, changes: Mapping[str, Any]) -> Setting | None:
    """The base with some changes, and what else must change with them."""
    arguments = {name: value for name, value in changes.items() if name in program.decided}
    sizes = {name: value for name, value in changes.items() if name in program.dimensions}
    name = _named(changes)
    held = {**case_sizes(program, base), **sizes}
    try:
        setting = setting_with(program, name, {**base.given, **arguments}, held, base.absent ^ _moved(program, changes))
        if setting is None and arguments and len(changes) == 1:  # what must change with one name, the search finds
            given = search(program, arguments, {}, sizable(program, held))
            setting = None if given is None else setting_with(program, name, given, held)
    except EvaluationFault:
        return None
    return setting


def _word(name: str, value: Any) -> str:
    """A change as a part of a name: `dim_101`, `kernel_size_3_2`."""
    parts = value if isinstance(value, list) else [value]
    text = "_".join(str(part).lower() for part in parts)
    return f"{name}_{''.join(letter if letter.isalnum() else '_' for letter in text).strip('_') or 'empty'}"
