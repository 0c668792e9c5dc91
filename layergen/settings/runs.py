"""What stands for the runs of dimensions of a layer: for `...`, and for those beside it.

Runs that are broadcast with each other have the same sizes where they meet, counted from the last dimension, or 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from layergen.resolve.program import Program

LEADING = (3, 2)  # dimensions to stand for `...`
OTHER_LEADING = ((3,), (), (4, 2), (2, 4), (2, 3, 4))  # where constraints refuse these
BESIDE = (4, 5)  # dimensions to stand for a run beside it
OTHER_BESIDE = ((4,), (), (5, 4))
DIVISIBLE = 12  # what each of fewer dimensions may be, where constraints refuse the sizes of more
MOST = 4  # dimensions that a case may have in their place
RUN = "..."

Leading = tuple[int, ...]
Further = Mapping[str, Leading]  # what stands for each run beside `...`, by their names


class Standing(NamedTuple):
    """What stands for the runs of a layer."""

    leading: Leading
    further: Further


def standing(program: Program, given: Mapping[str, int | Sequence[int]], leads: bool, held: bool) -> Iterator[Standing]:
    """What may stand for the runs, best first.

    Args:
        program: The layer.
        given: The sizes that a case gives, those of runs under their names.
        leads: Whether some input has `...`.
        held: Whether constraints speak of runs.
    """
    settled = {name: tuple(sizes) for name in program.runs if not isinstance(sizes := given.get(name, 0), int)}
    first: Sequence[Leading] = ((LEADING, *OTHER_LEADING) if held else (LEADING,)) if leads else ((),)
    first = (settled[program.run],) if program.run in settled else first
    for leading in first:
        known = {program.run or RUN: leading, **settled}
        pools = [_beside(program, name, known, held) for name in program.runs[1:]]
        for several in product(*pools):
            yield Standing(leading, dict(zip(program.runs[1:], several, strict=True)))


def _beside(program: Program, name: str, known: Mapping[str, Leading], held: bool) -> Sequence[Leading]:
    """What may stand for a run beside `...`, best first: where it meets another one, the last of its sizes."""
    if name in known:
        return (known[name],)
    met = next((other for other in program.runs if name in program.met.get(other, ()) and other in known), None)
    own = (known[met][1:], known[met]) if met is not None else ()
    return tuple(dict.fromkeys((*own, BESIDE, *OTHER_BESIDE))) if held else (own or (BESIDE,))[:1]


def varied(program: Program, base: Standing) -> Iterator[tuple[str, Sequence[Standing]]]:
    """Names of settings, each with what may stand for the runs there, best first: fewer dimensions of one of them.

    None of any; and where runs meet, sizes of 1 in each, and more dimensions in the second one.
    """
    leading, further = base
    if leading:
        yield "leading_dimensions", [Standing(several, further) for several in _fewer(leading)]
    for name, own in further.items():
        yield f"dimensions_in_{name}", [Standing(leading, {**further, name: several}) for several in _fewer(own)]
    if leading and any(further.values()):
        yield "dimensions_in_any_run", [Standing((), dict.fromkeys(further, ())), base]  # which constraints allow
    for name in further:
        if program.run in program.met.get(name, ()) and len(leading) > 1:
            yield f"as_many_in_{name}", [Standing(leading, {**further, name: leading})]
            yield f"ones_in_{name}", [Standing(leading, {**further, name: (*leading[:-1], 1)})]
            yield f"ones_in_{program.run}", [Standing((*leading[:-1], 1), {**further, name: leading[1:]})]
            yield f"more_in_{name}", [Standing(leading[1:], {**further, name: leading})]


def _fewer(sizes: Leading) -> Iterator[Leading]:
    """Fewer dimensions: the first of those that there are, or, where constraints refuse these, others."""
    kept = [sizes[:count] for count in range(len(sizes))]
    others = [several for own in kept if own for several in (sizes[-len(own) :], (DIVISIBLE,) * len(own))]
    yield from dict.fromkeys((*kept, *others))


def symbols(program: Program, leading: Leading, further: Further) -> dict[str, tuple[str | None, ...]]:
    """What the size of each dimension of a run is called at symbols; None where it is a number.

    Where runs meet, the equal sizes are one symbol, and one that is 1 stays a number: it is not the same as the others.
    """
    found: dict[str, tuple[str | None, ...]] = {}
    for name, sizes in ((program.run or RUN, leading), *further.items()):
        prefix = RUN if not found else name
        own: list[str | None] = [f"{prefix}[{index}]" for index in range(len(sizes))]
        for other in (other for other in program.runs if other in program.met.get(name, ())):
            for place in range(-1, -1 - min(len(sizes), len(found.get(other, ()))), -1):
                own[place] = found[other][place] or own[place]
        if name in program.met:
            own = [None if size == 1 else symbol for symbol, size in zip(own, sizes, strict=True)]
        found[name] = tuple(own)
    return found


def sizes_of(program: Program, leading: Leading, further: Further) -> dict[str, int]:
    """The sizes of the runs by the names that they have at symbols."""
    called = symbols(program, leading, further)
    sizes = {program.run or RUN: leading, **further}
    pairs = ((symbol, size) for name in called for symbol, size in zip(called[name], sizes[name], strict=True))
    return {symbol: size for symbol, size in pairs if symbol is not None}


def at(program: Program, leading: Leading, further: Further, point: Mapping[str, int]) -> Standing:
    """What stands for the runs where symbols have other values."""
    called = symbols(program, leading, further)
    sizes = {program.run or RUN: leading, **further}
    pairs = (zip(called[name], own, strict=True) for name, own in sizes.items())
    first, *others = (tuple(point.get(symbol or "", size) for symbol, size in several) for several in pairs)
    return Standing(first, dict(zip(further, others, strict=True)))


def pattern(program: Program, leading: Leading, further: Further) -> tuple[object, ...]:
    """What of the runs tells a way through the forward: their numbers of dimensions, and where they meet."""
    met = symbols(program, leading, further) if program.met else {}
    return (len(leading), *((name, len(sizes)) for name, sizes in further.items()), *met.items())
