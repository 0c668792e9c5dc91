"""Runs that are watched: each is made once, whoever watches it.

A `Watch` says in plain data which run of a layer is looked at, where and in which modes, and who looks. `Runs` makes
the runs of one setting when somebody asks for what was seen, with all watchers in place, and keeps what came of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch

from layergen.diagnostics import Finding
from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import drawn, fill, fits, placement_with_data
from layergen.settings.choice import Setting

Evidence = TypeVar("Evidence")

TRAINING, EVALUATION, BOTH = (True,), (False,), (True, False)


class Watcher(Generic[Evidence]):
    """Watches one run of a forward, and tells afterwards what it has seen."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        """A function is about to be called."""

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        """Two values are about to be combined."""

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        """A value has come of a call of a function, or of two values."""

    def decided(self, test: ex.Expression, outcome: bool) -> None:
        """A condition has said which way to go."""

    def turned(self, over: ex.Expression, turns: int) -> None:
        """A loop over something is about to take so many turns."""

    def evidence(self, run: Run | None) -> Evidence:
        """What was seen, once the run is over; None came of a run that failed."""
        raise NotImplementedError


class Bystander(Watcher[None]):
    """For whom what comes of a run is enough."""

    def evidence(self, run: Run | None) -> None:
        return None


@dataclass(frozen=True)
class Site:
    """Where a layer is set up and run."""

    placement: Placement = field(default_factory=Placement)
    within: Callable[[], AbstractContextManager[object]] = nullcontext  # set-up and runs take place inside
    prepare: Callable[[Instance], None] | None = None  # gives the tensors their values
    admission: "Watch[bool] | None" = None  # of a run elsewhere: whether the layer can be run here


WITHOUT_DATA = Site()


@dataclass(frozen=True)
class Watch(Generic[Evidence]):
    """Which runs somebody watches: where, in which modes, and as whom."""

    site: Site
    modes: tuple[bool, ...]  # `TRAINING`, `EVALUATION` or `BOTH`; all one where the forward does not ask which it is
    watcher: Callable[[Instance], Watcher[Evidence]]


@dataclass(frozen=True)
class Seen(Generic[Evidence]):
    """What came of a run, and what one of its watchers has seen."""

    instance: Instance
    training: bool
    outcome: Run | TrialFault
    evidence: Evidence

    @property
    def fault(self) -> Finding | None:
        """Why the run failed, if it did."""
        return self.outcome.finding if isinstance(self.outcome, TrialFault) else None

    @property
    def run(self) -> Run:
        """What came of the run.

        Raises:
            TrialFault: If it failed.
        """
        if isinstance(self.outcome, TrialFault):
            raise self.outcome
        return self.outcome


@dataclass(frozen=True)
class Ran:
    """A run that was made, and what each watch has seen of it."""

    instance: Instance
    outcome: Run | TrialFault
    evidence: Mapping[Watch[Any], Any]


class Runs:
    """The runs of a layer at one setting, each made once, when somebody asks for what was seen.

    Args:
        program: The layer.
        setting: Where it is run.
        watches: All that may be asked for.
    """

    def __init__(self, program: Program, setting: Setting, watches: Iterable[Watch[Any]]) -> None:
        self.program = program
        self.setting = setting
        asked = tuple(watches)
        admissions = (watch.site.admission for watch in asked)
        self.watches = tuple(dict.fromkeys((*asked, *(watch for watch in admissions if watch))))
        self.made: dict[Site, Mapping[bool, Ran]] = {}

    def seen(self, watch: Watch[Evidence]) -> Iterator[Seen[Evidence]]:
        """What came of the runs of a watch, mode by mode; nothing where the layer cannot be run there."""
        assert watch in self.watches, "to be asked for, a watch has to be there when the run is made"
        if self.admits(watch.site):
            for training in self.modes(watch):
                ran = self.at(watch.site).get(training)
                if ran is None:  # torch cannot tell without data, and here there is none
                    continue
                yield Seen(ran.instance, training, ran.outcome, ran.evidence[watch])

    def admits(self, site: Site) -> bool:
        """Whether the layer can be run at a site."""
        return site.admission is None or all(seen.evidence for seen in self.seen(site.admission))

    def modes(self, watch: Watch[Any]) -> tuple[bool, ...]:
        there = self.program.modes
        return tuple(mode for mode in watch.modes if mode in there) or there

    def at(self, site: Site) -> Mapping[bool, Ran]:
        """All runs at a site by their modes; made here, one after the other, if this is the first question about it.

        Where torch cannot run the layer without data, they are runs on data, or none where data cannot be had.
        """
        if site not in self.made:
            made = self.runs_at(site, site)
            if any(isinstance(ran.outcome, TrialFault) and ran.outcome.for_data for ran in made.values()):
                placement = placement_with_data(site.placement)
                if placement is None:
                    made = {}
                elif fits(next(iter(made.values())).instance):
                    made = {mode: ran for mode, ran in self.runs_at(site, on_data(placement)).items() if _is_told(ran)}
            self.made[site] = made
        return self.made[site]

    def runs_at(self, asked: Site, site: Site) -> Mapping[bool, Ran]:
        """The runs for those who watch one site, made at the same or at another one."""
        watches = [watch for watch in self.watches if watch.site == asked]
        modes = sorted({training for watch in watches for training in self.modes(watch)}, reverse=True)
        with site.within():
            instance = Instance(self.program, self.setting, site.placement)
            if site.prepare is not None:
                site.prepare(instance)
            return {
                training: _ran(instance, training, [watch for watch in watches if training in self.modes(watch)])
                for training in modes
            }


def on_data(placement: Placement) -> Site:
    """A site where tensors have values."""
    return Site(placement, drawn, fill)


def _is_told(ran: Ran) -> bool:
    """Whether a run on data tells something of the layer: that the CPU lacks an op in half precision does not."""
    fault = ran.outcome
    half = ran.instance.placement.dtype in (torch.float16, torch.bfloat16)
    return not (isinstance(fault, TrialFault) and half and "not implemented for" in fault.finding.message)


def _ran(instance: Instance, training: bool, watches: Sequence[Watch[Any]]) -> Ran:
    """Run a layer once, with everybody watching."""
    watchers = {watch: watch.watcher(instance) for watch in watches}
    outcome: Run | TrialFault
    try:
        outcome = instance.run(training, *watchers.values())
    except TrialFault as fault:
        outcome = fault
    result = outcome if isinstance(outcome, Run) else None
    return Ran(instance, outcome, {watch: watcher.evidence(result) for watch, watcher in watchers.items()})
