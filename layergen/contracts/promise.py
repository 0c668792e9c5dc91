"""What a promise is, one of those that make a contract: which runs it watches, and how it judges what was seen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from layergen.diagnostics import Finding
from layergen.probe.ways import Ways
from layergen.run.watching import Watch


@dataclass(frozen=True)
class Promise:
    """Something that a layer keeps on every way through its forward.

    Attributes:
        judge: Yields the breaches. It may ask for what its watches have seen, and make further runs of its own at
            the settings of the ways.
        watches: The runs that it watches. Each run is made once, whoever watches it.
    """

    judge: Callable[[Ways], Iterator[Finding]]
    watches: tuple[Watch[Any], ...] = ()
