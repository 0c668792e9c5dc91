"""Checks of a whole shape at once: ``x.shape != (N, dim)``, ``x2.shape != x1.shape``.

They say the same as one comparison for the number of dimensions and one for each size, and take less time.
"""

from collections.abc import Iterable, Mapping, Sequence

from layergen.lang import expression as ex
from layergen.prove.demands import BroadcastDemand, InputCheck, LeadingDemand, RankDemand, SizeDemand
from layergen.resolve.program import Program
from layergen.resolve.signature import Entry, Sizes


def is_whole(sizes: Sizes, checks: Sequence[InputCheck]) -> bool:
    """Whether checks are of all that there is to a shape: the number of its dimensions, and each size."""
    ranked = any(isinstance(check.demand, RankDemand) for check in checks)
    entries = [check.demand.entry for check in checks if isinstance(check.demand, SizeDemand | LeadingDemand)]
    all_sizes = {entry.position for entry in entries} == {*range(len(sizes.entries))}
    return ranked and all_sizes and len(entries) == len(checks) - 1


def sizes_in_order(checks: Iterable[InputCheck]) -> list[Entry]:
    """The sizes that checks are about, as they stand in the shape."""
    entries = [check.demand.entry for check in checks if isinstance(check.demand, SizeDemand)]
    return sorted(entries, key=lambda entry: entry.position)


def twin(program: Program, name: str, sizes: Sizes, checks: Sequence[InputCheck]) -> str | None:
    """The input that is always there and whose shape an input must have, where checks say no less and no more."""
    sources = {_source(program, check) for check in checks if not isinstance(check.demand, RankDemand)}
    alone = len(program.shapes[name]) == 1 and len(sources) == 1 and is_whole(sizes, checks)
    other = sources.pop() if alone else None
    same = other is not None and program.shapes[other] == (sizes,) and not program.inputs[other].optional
    return other if same else None


def _source(program: Program, check: InputCheck) -> str | None:
    """The input that a size is compared with."""
    match check.demand:
        case LeadingDemand(source=source):
            return source.input
        case SizeDemand(entry=Entry(expression=ex.Name(id=name))) if name in program.dimensions:
            return program.dimensions[name].source.input
    return None


def seldom_read(program: Program, checks: Mapping[str, Sequence[InputCheck]], read: set[str]) -> frozenset[str]:
    """The dimensions that are read where an input is there that need not be, or is refused, and nowhere else.

    Args:
        program: The layer.
        checks: Those of each input.
        read: What is read anyway.
    """
    mentioned, often = set[str](), {*read}
    for name, own in checks.items():
        for sizes in program.shapes[name]:
            these = [check for check in own if check.demand.sizes == sizes]
            names = set[str]().union(*map(_mentioned, these))
            mentioned |= names
            whole = any(isinstance(check.demand, BroadcastDemand) for check in these)
            if whole or not (program.inputs[name].optional or twin(program, name, sizes, these)):
                often |= names
    found = {name: program.dimensions[name] for name in mentioned - often if name in program.dimensions}
    return frozenset(name for name, part in found.items() if part.always and not part.ways)


def _mentioned(check: InputCheck) -> frozenset[str]:
    match check.demand:
        case BroadcastDemand(sizes=sizes):
            return frozenset[str]().union(*map(ex.names, sizes.entries))
        case SizeDemand(entry=entry):
            return ex.names(entry.expression)
    return frozenset()
