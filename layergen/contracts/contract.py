"""What a contract is: which runs of a layer it watches, and how it judges what was seen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from layergen.diagnostics import Finding
from layergen.resolve.program import Program
from layergen.run.watching import Evidence, Runs, Seen, Watch


@dataclass(frozen=True)
class Ways:
    """A layer on every way through its forward."""

    program: Program
    runs: tuple[Runs, ...]  # of a setting for each way, at which the layer works

    def seen(self, watch: Watch[Evidence]) -> Iterator[Seen[Evidence]]:
        """What came of the runs of a watch, way by way; they are made as they are asked for."""
        for runs in self.runs:
            yield from runs.seen(watch)


@dataclass(frozen=True)
class Contract:
    """Something that a layer keeps on every way through its forward.

    Attributes:
        judge: Yields the breaches. It may ask for what its watches have seen, and for nothing else.
        watches: The runs that it watches. Each run is made once, whoever watches it.
    """

    judge: Callable[[Ways], Iterator[Finding]]
    watches: tuple[Watch[Any], ...] = ()
