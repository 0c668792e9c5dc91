"""Chooses the values that stand in for symbols: large enough, distinct, and within bounds and constraints."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Argument
from layergen.resolve.program import Program
from layergen.settings.branches import Decision, branchings, way
from layergen.settings.choice import Setting, holds_runs
from layergen.settings.runs import Standing, sizes_of
from layergen.settings.runs import at as runs_at
from layergen.settings.search import consistent, search, values_of
from layergen.settings.sizes import find_sizes, keeps, of_call

# Primes are equal to nothing by accident; where a constraint wants one number to divide another, the others serve.
INTS = (5, 7, 11, 13, 17, 19, 23, 29, 12, 24, 36, 60, 48, 84, 2, 3, 4, 6, 8, 9, 10)
SIZE_INTS = (3, 5, 2, 7, 4, 6, 11, 13)
DIMENSIONS = (211, 223, 227, 229, 233, 239, 241, 251, 257, 263, 269, 271)
LARGE_INTS = (*DIMENSIONS, *(multiple * DIMENSIONS[0] for multiple in (2, 3, 4, 5)))
LOOKS = 60  # at values that may take the same way
WITHOUT_SIZES = 150  # values for which no sizes are found, before none are looked for
LEADING = (13, 17, 31, 37)  # two unless a case wants more
EVEN_LEADING = (26, 34, 62, 74)  # where a constraint wants one to be halved
BESIDE = (19, 41, 43, 47, 53, 59, 61, 67)  # of runs beside `...`
LEADING_NAMES = tuple(f"...[{index}]" for index in range(len(LEADING)))


@dataclass(frozen=True)
class Hints:
    """A setting whose integers may become symbols."""

    setting: Setting  # with numbers for all names
    names: Mapping[str, int]  # the hint of each symbol: ``in_channels``, ``kernel_size[0]``, ``H``
    known: dict[tuple[Any, ...], dict[str, Any] | None] = field(default_factory=dict, compare=False, repr=False)

    def values(self, program: Program, given: Mapping[str, Any]) -> dict[str, Any] | None:
        """The values of all names for some arguments, None where these are refused; computed once for all sizes."""
        key = tuple(tuple(value) if isinstance(value, list) else value for value in given.values())
        if key not in self.known:
            self.known[key] = values_of(program, given) if consistent(program, given, set()) else None
        return self.known[key]


@dataclass
class Search:
    """Looks for the hints of one setting; what was looked for once is known.

    Args:
        program: The layer.
        setting: What is not an integer is kept of it.
    """

    program: Program
    setting: Setting
    known: dict[tuple[frozenset[str], Sequence[int]], Hints | None] = field(default_factory=dict)

    def usual(self, concrete: frozenset[str] = frozenset()) -> Hints | None:
        """Values for the integers: small arguments, large dimensions. Those that are concrete stay as they are."""
        return self.chosen(concrete, INTS, DIMENSIONS)

    def close(self, concrete: frozenset[str] = frozenset()) -> Hints | None:
        """The other way round, for layers whose arguments bound their dimensions: `L <= max_length`."""
        return self.chosen(concrete, LARGE_INTS, INTS[:8])

    def partial(self, concrete: frozenset[str] = frozenset()) -> Hints | None:
        """The usual ones, but arguments that are 0 or 1 in the setting stay so: its way may depend on it."""
        small = {name for name, value in numbers(self.program, self.setting).names.items() if value <= 1}
        settled = {name.split("[")[0] for name in small if name not in self.setting.sizes} - set(LEADING_NAMES)
        return self.usual(concrete | settled) if settled - concrete else None

    def own(self, concrete: frozenset[str] = frozenset()) -> Hints | None:
        """The setting's own values, for layers that need what only their author knows; 0 and 1 stay numbers."""
        own, concrete = numbers(self.program, self.setting), concrete | self.program.replaced
        telling = {name: value for name, value in own.names.items() if value > 1 and name.split("[")[0] not in concrete}
        whole = {name.split("[")[0] for name, value in own.names.items() if value <= 1}
        telling = {name: value for name, value in telling.items() if name.split("[")[0] not in whole}
        return Hints(self.setting, telling) if len(set(telling.values())) == len(telling) else None

    def chosen(self, concrete: frozenset[str], ints: Sequence[int], dimensions: Sequence[int]) -> Hints | None:
        key = (concrete, ints)
        if key not in self.known:
            self.known[key] = _chosen(self.program, self.setting, concrete, ints, dimensions)
        return self.known[key]


class _EnoughError(Exception):
    """So many values take another way, or have no sizes, that no others are looked at."""


def _chosen(
    program: Program, setting: Setting, concrete: frozenset[str], ints: Sequence[int], dimensions: Sequence[int]
) -> Hints | None:
    called = list(sizes_of(program, setting.leading, setting.further))
    for run in (LEADING, EVEN_LEADING) if holds_runs(program) else (LEADING,):
        leading, others = dict(zip(LEADING_NAMES, run, strict=True)), iter(BESIDE)
        point = {name: leading.get(name) or next(others) for name in called}
        runs = runs_at(program, setting.leading, setting.further, point)
        found = _with_runs(program, setting, concrete, ints, dimensions, runs)
        if found is not None:
            return found
    return None


def _with_runs(
    program: Program,
    setting: Setting,
    concrete: frozenset[str],
    ints: Sequence[int],
    dimensions: Sequence[int],
    runs: Standing,
) -> Hints | None:
    integers = {
        name: argument
        for name, argument in program.decided.items()
        if name not in concrete | program.replaced and _becomes_symbol(argument, setting.values[name])
    }
    pools = {name: _pool(argument, setting.values[name], ints) for name, argument in integers.items()}
    fixed = {name: value for name, value in setting.given.items() if name not in pools}
    if not all(pools.values()):
        return None
    dims = dict.fromkeys(setting.sizes, dimensions)
    looked = without_sizes = 0
    taken = way(program, setting)  # which the symbols are to take, too
    equal = {**dict(_same(program, setting.values)), **dict(_equal(program, taken or frozenset()))}

    def accept(given: Mapping[str, Any]) -> bool:
        if any(given.get(one) != given.get(other) for one, other in equal.items() if one in given and other in given):
            return False
        if not _telling(program, given, integers, equal):
            return False
        if not program.size_conditions and taken is None:
            return True
        nonlocal looked, without_sizes
        sizes = sized(given)
        without_sizes += sizes is None
        if without_sizes > WITHOUT_SIZES:
            raise _EnoughError
        if sizes is None or taken is None:
            return sizes is not None
        looked += 1
        if looked > LOOKS:
            raise _EnoughError
        return way(program, at(given, sizes)) == taken

    def known(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return of_call(program, values_of(program, given), runs, setting.absent)

    def sized(given: Mapping[str, Any]) -> dict[str, int] | None:
        found = find_sizes(program, known(given), {}, dims, strict=True)
        return found if found is not None and min(found.values(), default=2) > 1 else None

    def at(given: Mapping[str, Any], sizes: Mapping[str, int]) -> Setting:
        own = replace(setting, given=given, values=values_of(program, given), sizes=sizes)
        return replace(own, leading=runs.leading, further=runs.further)

    try:
        given = search(program, fixed, pools, accept)
    except _EnoughError:
        return None
    sizes = None if given is None else sized(given)
    if given is None or sizes is None:
        return None
    found = at(given, sizes)
    return Hints(found, {**_named(found.values, integers), **sizes, **sizes_of(program, *runs)})


def _telling(
    program: Program, given: Mapping[str, Any], integers: Mapping[str, Argument], equal: Mapping[str, str]
) -> bool:
    """Whether no two values are equal by accident, and none is 0 or 1; what is computed of none of them is a number."""
    values = values_of(program, given)
    names = [name for name in (*integers, *_computed(program, integers)) if equal.get(name, name) == name]
    telling = [values[name] for name in names if isinstance(values[name], int)]
    return len(set(telling)) == len(telling) and min(telling, default=2) > 1


def _computed(program: Program, integers: Iterable[str]) -> list[str]:
    """The derived names that change with some of these arguments."""
    changing = set(integers)
    for name, expression in program.derived.items():
        if ex.names(expression) & changing:
            changing.add(name)
    return [name for name in program.derived if name in changing]


def _same(program: Program, known: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The derived names that are another name on the way that some values take."""
    for name, node in program.derived.items():
        while isinstance(node, ex.Conditional) and ex.names(node.test) <= known.keys():
            node = node.then if Interpreter(known).truth(node.test) else node.orelse
        if isinstance(node, ex.Name):
            yield name, node.id


def _equal(program: Program, taken: frozenset[Decision]) -> Iterator[tuple[str, str]]:
    """The names that are equal to others on a way, as its conditions say."""
    for branching in branchings(program):
        for holds in (True, False):
            if (branching.key, holds) in taken and (branching.key, not holds) not in taken:
                yield from _equations(branching.test, holds)


def _equations(test: ex.Expression, holds: bool) -> Iterator[tuple[str, str]]:
    match test:
        case ex.Compare(ex.Name(id=left), ("==" | "!=" as sign,), (ex.Name(id=right),)) if holds == (sign == "=="):
            yield right, left
        case ex.Binary("and" | "or" as word, left, right) if holds == (word == "and"):
            yield from _equations(left, holds)
            yield from _equations(right, holds)
        case ex.Unary("not", operand):
            yield from _equations(operand, not holds)


def _becomes_symbol(argument: Argument, value: Any) -> bool:
    choosing = argument.choices is not None and not argument.type.worded
    return isinstance(value, int | tuple) and not choosing and argument.type.integral


def _pool(argument: Argument, value: Any, ints: Sequence[int]) -> list[Any]:
    """Hints to try for an argument; torch takes 0 and 1 for constants, so they are of no use."""
    if not argument.type.listed:
        tried: list[Any] = list(ints)
    elif len(value) > len(SIZE_INTS):
        tried = [list(range(2, 2 + len(value)))]
    elif argument.type.sized:
        count = len(value)
        tried = [[SIZE_INTS[(start + step) % len(SIZE_INTS)] for step in range(count)] for start in range(6)]
        tried += [list(SIZE_INTS[start::2][:count]) for start in range(4) if count <= 4]
    else:
        tried = [list(SIZE_INTS[: len(value)])]
    if argument.optional_entries:
        tried = [[own and part for own, part in zip(value, parts, strict=True)] for parts in tried]
    return [value for value in tried if not refusal("", argument, value)]


def _named(values: Mapping[str, Any], integers: Mapping[str, Argument]) -> dict[str, int]:
    """A name for each integer; the parts of a size are named by their index."""
    named: dict[str, int] = {}
    for name in integers:
        if isinstance(values[name], tuple):
            named |= {f"{name}[{index}]": part for index, part in enumerate(values[name]) if part is not None}
        else:
            named[name] = values[name]
    return named


def entries(name: str, value: Any, point: Mapping[str, Any]) -> list[Any] | None:
    """The entries of a list with those in the place of its own that a point names; None if it names none."""
    if not isinstance(value, tuple) or not any(f"{name}[{index}]" in point for index in range(len(value))):
        return None
    return [point.get(f"{name}[{index}]", part) for index, part in enumerate(value)]


def numbers(program: Program, setting: Setting) -> Hints:
    """A setting as it is, with a name for each of its integers."""
    integers = {name: part for name, part in program.decided.items() if _becomes_symbol(part, setting.values[name])}
    runs = sizes_of(program, setting.leading, setting.further)
    return Hints(setting, {**_named(setting.values, integers), **setting.sizes, **runs})


def at_point(program: Program, found: Hints, point: Mapping[str, int]) -> Setting | None:
    """The setting in which the symbols have these values, unless bounds or constraints refuse it."""
    setting = found.setting
    given = dict(setting.given)
    for name in program.decided:
        if name in point:
            given[name] = point[name]
        parts = entries(name, setting.values[name], point)
        if parts is not None:
            given[name] = parts
    values = found.values(program, given)
    if values is None:
        return None
    sizes = {name: point.get(name, size) for name, size in setting.sizes.items()}
    leading, further = runs_at(program, setting.leading, setting.further, point)
    if not keeps(program, of_call(program, values, (leading, further), setting.absent), sizes):
        return None
    return replace(setting, given=given, values=values, sizes=sizes, leading=leading, further=further)


def lowered(program: Program, found: Hints, told: Container[str]) -> Hints:
    """The same values, with the arguments that are not told at 1 where that is allowed."""
    names = dict(found.names)
    for name in found.names:
        if name not in told and name.split("[")[0] in program.decided:
            lower = {**names, name: 1}
            names = lower if at_point(program, found, lower) is not None else names
    return replace(found, names=names)


def raised(program: Program, found: Hints, told: Container[str]) -> Hints:
    """The same values, with the arguments that are not told and are 1 at 2 where that is allowed."""
    names = dict(found.names)
    for name, number in found.names.items():
        if number == 1 and name not in told and name.split("[")[0] in program.decided:
            higher = {**names, name: 2}
            names = higher if at_point(program, found, higher) is not None else names
    return replace(found, names=names)
