"""Which optional inputs are there, where constraints say so: with arguments, with sizes, or with each other."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.bounds import normalize
from layergen.lang.tuples import spread, wholes
from layergen.resolve.program import Program
from layergen.settings.search import candidates

MOST = 64  # of the ways of leaving inputs out

Absent = frozenset[str]  # inputs that are left out


def absences(program: Program) -> Iterator[Absent]:
    """What may be left out so that constraints hold: nothing at best, then as few inputs as can be."""
    optional = wholes(name for name, part in program.inputs.items() if part.optional)
    asked = [name for name in optional if any(name in condition.names for condition in program.size_conditions)]
    several = (names for count in range(len(asked) + 1) for names in combinations(asked, count))
    return (frozenset(spread(names, program.tuples)) for names in islice(several, MOST))


def deciding(program: Program) -> dict[str, list[Any]]:
    """What to try for the arguments with a default by which constraints say which inputs may be there."""
    conditions = [each.node for each in program.size_conditions if each.names & program.asked]
    found: dict[str, list[Any]] = {}
    for name in sorted(_behind(program, conditions), key=list(program.decided).index):
        argument = program.decided[name]
        if argument.default is None:
            continue
        default = [argument.default.value] if isinstance(argument.default, ex.Literal) else []
        known = {repr(normalize(argument, value)) for value in default}
        tried = [*candidates(argument, defaulted=True), *([None] if argument.optional else [])]
        found[name] = [*default, *(value for value in tried if repr(normalize(argument, value)) not in known)]
    return found


def _behind(program: Program, conditions: Iterable[ex.Expression]) -> set[str]:
    """The arguments and values of the inputs that conditions name, or derived values in them."""
    derived: Mapping[str, ex.Expression] = program.derived
    seen: set[str] = set()
    pending = [name for node in conditions for name in ex.names(node)]
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += ex.names(derived[name]) if name in derived else ()
    return seen & program.decided.keys()
