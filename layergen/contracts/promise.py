"""What a promise is, one of those that make a contract: which runs it watches, and how it judges what was seen."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from layergen.diagnostics import Finding
from layergen.resolve.program import Program
from layergen.run.watching import Evidence, Runs, Seen, Watch
from layergen.settings.choice import Setting, settings


@dataclass(frozen=True)
class Shown:
    """What was shown of a layer by running it.

    Attributes:
        contract: Which promise was kept.
        detail: What was run, in words.
        modes: In which modes tests may ask for it too, by ``training``.
        of: The input that it is shown of, unless it is shown of all.
        kinds: What was tried, where not all of it could be.
    """

    contract: str
    detail: str
    modes: frozenset[bool] = frozenset()
    of: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ways:
    """A layer on every way through its forward."""

    program: Program
    runs: tuple[Runs, ...]  # of a setting for each way, at which the layer works
    shown: list[Shown] = field(default_factory=list)  # what contracts have said so far

    def seen(self, watch: Watch[Evidence]) -> Iterator[Seen[Evidence]]:
        """What came of the runs of a watch, way by way; they are made as they are asked for."""
        for runs in self.runs:
            yield from runs.seen(watch)

    @property
    def settings(self) -> list[Setting]:
        """The settings of the ways, and all others that are tried: a factor that is 0 in these may not be so there."""
        own = [runs.setting for runs in self.runs]
        return [*own, *(setting for setting in settings(self.program) if setting not in own)]

    def say(
        self, contract: str, detail: str, *, modes: Iterable[bool] = (), of: str = "", kinds: Iterable[str] = ()
    ) -> None:
        """Note what was run and held: nothing is claimed that did not take place."""
        self.shown.append(Shown(contract, detail, frozenset(modes), of, tuple(kinds)))


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
