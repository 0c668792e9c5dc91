"""What torch warns of at each call of an op, by whatever it is given."""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.sites import CPU, fill
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.rules.advice import WarnedOf
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import Watcher
from layergen.settings.choice import Setting

SENTENCE = re.compile(r"[.!](?:\s|$)")


class WarningWatch(Watcher[None]):
    """Notes of each call of a run whether torch warned of it, and with what words."""

    def __init__(self, instance: Instance, recorded: Sequence[warnings.WarningMessage]) -> None:
        super().__init__(instance)
        self.recorded = recorded
        self.before = 0
        self.last: ex.Call | None = None
        self.told: list[tuple[ex.Call, str | None]] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.evidence(None)
        self.last = node

    def evidence(self, run: Run | None) -> None:
        """Note what came of the last call."""
        new = [one for one in self.recorded[self.before :] if issubclass(one.category, UserWarning | FutureWarning)]
        if self.last is not None:
            self.told.append((self.last, str(new[0].message) if new else None))
        self.before, self.last = len(self.recorded), None


def warned_of(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the calls of which torch warns wherever they are made."""
    told: dict[ex.Call, list[str | None]] = {}
    for setting in settings:
        for training in program.modes:
            with suppress(TrialFault, RuntimeError), _warnings() as recorded, drawn():
                instance = Instance(program, setting, Placement(CPU))
                fill(instance)
                watch = WarningWatch(instance, recorded)
                instance.run(training, watch)
                watch.evidence(None)
                for node, text in watch.told:
                    told.setdefault(node, []).append(text)
    for node, texts in told.items():
        if texts[0] is not None and all(texts):
            words = SENTENCE.split(" ".join(texts[0].split()))[0]
            yield WarnedOf.at(Place(FORWARD, node.span), f"torch warns of `{node.function}` at each call: {words}")


@contextmanager
def _warnings() -> Iterator[Sequence[warnings.WarningMessage]]:
    """The warnings of what is run inside, also those that torch gives once alone."""
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings(record=True) as recorded:
            warnings.simplefilter("always")
            yield recorded
    finally:
        torch.set_warn_always(always)
