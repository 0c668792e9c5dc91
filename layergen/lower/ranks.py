"""Says a constraint on how many dimensions a run has as one on how many an input has, which callers know."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lower.checks import is_not
from layergen.resolve.program import Program
from layergen.words import listed

MOST = 8  # dimensions of a run that are looked at


class Ranks(NamedTuple):
    """How many dimensions an input may have."""

    input: str
    besides: int  # how many of them are not of the run
    run: str
    words: str  # "2 or 3 dimensions"

    @property
    def read(self) -> str:
        """How many it has, as Python."""
        return f"{self.input}.dim()"

    def count(self, values: Mapping[str, object]) -> int:
        """How many it has where names have these values."""
        sizes = values[self.run]
        assert isinstance(sizes, list | tuple)
        return len(sizes) + self.besides


def ranks_told(program: Program, node: ex.Expression) -> Ranks | None:
    """What a constraint says of an input, if it asks for nothing but how many dimensions one of its runs has."""
    names = ex.names(node)
    run = next(iter(names & {*program.runs}), None)
    source = program.sources.get(run) if run is not None and len(names) == 1 else None
    if run is None or source is None or any(isinstance(part, ex.Subscript | ex.Splice) for part in ex.walk(node)):
        return None
    alone = sum(isinstance(entry, ex.Splice) or entry == ex.Literal(...) for entry in source.sizes.entries) == 1
    counted = [part for part in ex.walk(node) if part == ex.Call("len", (ex.Name(run),))]
    if not alone or len(counted) < sum(part == ex.Name(run) for part in ex.walk(node)):
        return None
    besides = len(source.sizes.entries) - 1
    try:
        held = [count for count in range(MOST) if Interpreter({run: [1] * count}).truth(node)]
    except EvaluationFault:
        return None
    words = _words([count + besides for count in held], besides + MOST - 1)
    return Ranks(source.input, besides, run, words) if words else None


def _words(ranks: Sequence[int], last: int) -> str | None:
    """Some numbers of dimensions, of which all further ones are meant if the last one is."""
    if not ranks:
        return None
    if not {last, last - 1} & {*ranks}:
        plural = "" if ranks == [1] else "s"
        return f"{listed(map(str, ranks), 'or')} dimension{plural}"
    whole = ranks == list(range(ranks[0], last + 1))
    return f"at least {ranks[0]} dimension{'' if ranks[0] == 1 else 's'}" if whole else None


def is_not_kept(program: Program, node: ex.Expression, code: Callable[[str], str]) -> str:
    """That a constraint is not kept, as `is_not` says it, or by the dimensions of an input."""
    ranks = ranks_told(program, node)
    return f"{code(ranks.input)} has not {ranks.words}" if ranks else is_not(node, code)
