"""A layer on every way through its forward, and what was shown of it there."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

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
