"""Sizes for the dimensions of a layer: distinct ones, that keep the constraints on sizes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from layergen.lang.tuples import item_name, wholes
from layergen.resolve.program import Program

SIZES_TO_TRY = (7, 9, 11, 13, 5, 8, 10, 12, 14, 15)
BATCH_SIZES = (2, 3, 5)
ENDS = 2  # of a range
MULTIPLES = (1, 2, 3, 4, 5)
SMALL = (6, 4, 3, 2, 16, 18, 20, 24, 32, 36, 48, 64, 1)
LARGEST = 4096  # size that a case may give
BUDGET = 20_000  # looks at a size


def keeps(program: Program, values: Mapping[str, Any], sizes: Mapping[str, int], latest: str | None = None) -> bool:
    """Whether the constraints on sizes hold, as far as the sizes are known.

    Args:
        program: The layer.
        values: Its arguments and derived values.
        sizes: Those of its dimensions that are known.
        latest: The dimension without which they are known to hold.
    """
    known = {**values, **sizes}
    return all(
        condition.holds(known)
        for condition in program.size_conditions
        if (latest is None or latest in condition.names) and condition.names <= known.keys()
    )


def of_call(
    program: Program,
    values: Mapping[str, Any],
    runs: tuple[Sequence[int], Mapping[str, Sequence[int]]],
    absent: frozenset[str] = frozenset(),
) -> Mapping[str, Any]:
    """The values of arguments, the sizes of the runs that have names, and of what is asked whether it is there."""
    leading, further = runs
    named = {**({program.run: leading} if program.run else {}), **further}
    return {**values, **{name: list(sizes) for name, sizes in named.items()}, **presence(program.asked, absent)}


def presence(asked: Iterable[str], absent: frozenset[str]) -> dict[str, bool | None]:
    """For inputs of which it is asked whether they are there, None where one is not, and else something.

    A definition asks it of the first tensor of a tuple.
    """
    missing = set(wholes(absent))
    return {key: None if name in missing else True for name in asked for key in (name, item_name(name, 0))}


def find_sizes(
    program: Program,
    values: Mapping[str, Any],
    given: Mapping[str, int],
    pools: Mapping[str, Sequence[int]],
    strict: bool = False,
    leading: Sequence[int] = (),
) -> dict[str, int] | None:
    """A size for each dimension that keeps the constraints, none of which another dimension or an argument has.

    Args:
        program: The layer.
        values: Its arguments and derived values.
        given: The sizes that are settled.
        pools: What to try for the others, best first; where a constraint wants another, multiples and small sizes.
        strict: Whether sizes must be distinct; else they are if they can be.
        leading: What stands for `...`, of which no size is taken if it can be.
    """
    steps = 0
    held = frozenset[str]().union(*(condition.names for condition in program.size_conditions))
    lists = (values[name] for name in program.runs if name in values)
    listed = (size for sizes in lists for size in sizes)
    numbers = {value for value in (*values.values(), *leading, *listed) if isinstance(value, int)}
    wanted = [name for name in pools if name not in given]
    candidates = {
        name: tuple(dict.fromkeys((*pools[name], *_further(values, pools[name])))) for name in held & pools.keys()
    }

    @cache
    def fits(name: str, size: int) -> bool:
        """Whether a size keeps the constraints in which no other dimension is open."""
        return keeps(program, values, {**given, name: size}, name)

    if not all(any(fits(name, size) for size in candidates[name]) for name in wanted if name in held):
        return None

    def extend(sizes: dict[str, int], remaining: Sequence[str], latest: str | None = None) -> dict[str, int] | None:
        nonlocal steps
        steps += 1
        if steps > BUDGET or not keeps(program, values, sizes, latest):
            return None
        if not remaining:
            return sizes
        name, *rest = remaining
        taken = numbers | set(sizes.values())
        pool = pools[name]
        tried = candidates.get(name, pool)
        free = [size for size in tried if size not in taken]
        if name not in held:
            others = [] if strict else [pool[list(program.dimensions).index(name) % len(pool)]]
            return extend({**sizes, name: (free or others)[0]}, rest, name) if free or others else None
        others = [] if strict else [size for size in tried if size in taken]
        for size in (*free, *others):
            found = extend({**sizes, name: size}, rest, name) if fits(name, size) else None
            if found is not None:
                return found
        return None

    return extend(dict(given), wanted)


def _further(values: Mapping[str, Any], pool: Sequence[int]) -> Iterator[int]:
    """Sizes that constraints may want: what arguments divide or bound, and small ones."""
    parts = [part for value in values.values() for part in (value if isinstance(value, tuple) else (value,))]
    ints = sorted({part for part in parts if type(part) is int and 0 < part <= LARGEST})
    found = [part * times for part in ints for times in (*MULTIPLES, *pool[:2])]
    found += [part * part * times for part in ints for times in (*MULTIPLES, *pool[:2])]
    found += [part + step for part in ints for step in (1, -1)]
    found += [*SMALL, *(2 * size for size in pool[:4])]
    return (size for size in found if 0 < size <= 16 * LARGEST)


def default_pools(program: Program) -> dict[str, Sequence[int]]:
    """What to try for each dimension; the first is mostly a batch, and small.

    It has room for the ends of a range, for what may stand beside it, and for one more.
    """
    first = next(iter(program.dimensions), None)
    beside = max((len(part.also) for part in program.inputs.values()), default=0)
    batch = tuple(size for size in BATCH_SIZES if not beside or size > ENDS + beside)
    return {name: batch + SIZES_TO_TRY if name == first else SIZES_TO_TRY for name in program.dimensions}
