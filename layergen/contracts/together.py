"""Settings: flags and numbers that move together, on small real tensors, at sizes that leave another rest each.

Each way through a forward is taken by flags that are turned one by one. Here every two of what a setting decides meet:
a flag with a stride, an absent input with a choice, windows that are not square with either.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from layergen.contracts.execution import may_mark_nothing, not_a_number
from layergen.diagnostics import Finding
from layergen.domains.twin import match_fails_too
from layergen.faults import SpecError
from layergen.probe.sites import CPU, WITH_DATA, fill
from layergen.resolve.program import Program
from layergen.rules.cases import EmptyTensor
from layergen.rules.shapes import ShapeMismatch
from layergen.run.emptied import empty_members
from layergen.run.explain import Explainer
from layergen.run.fitting import fitted
from layergen.run.instance import META, Instance, Placement
from layergen.run.missing import missing_constraint
from layergen.run.room import has_room
from layergen.run.trial import check_shapes
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed
from layergen.settings.emptiness import empty_output, empty_tensors
from layergen.settings.pairs import divides, pairs

RESTS = (1, 2)  # by which sizes grow, so that a division by 2 or 3 leaves every rest
INDEX = re.compile(r"\bindex\b.*\bout of\b")


def check_together(program: Program, runs: Sequence[Runs]) -> Iterator[Finding]:
    """Yield the first fault of a layer where data is given at settings of its runs, or what they decide is combined."""
    trials, own = Trials(program, all(made.admits(WITH_DATA) for made in runs)), [made.setting for made in runs]
    for setting in (*own, *pairs(program, own[0])):
        emptied = (*empty_tensors(program, setting), *empty_members(program, setting))
        found = next(iter(emptied), None) or trials.first_fault(setting)
        found = found or (trials.not_a_number(setting) if setting in own else None)
        if found is not None:
            yield found
            return


class Trials:
    """Runs of one layer, on data or without.

    Args:
        program: The layer.
        on_data: Whether there is room for data.
    """

    def __init__(self, program: Program, on_data: bool) -> None:
        self.program = program
        self.on_data = on_data

    def first_fault(self, setting: Setting) -> Finding | None:
        """The first fault at a setting, at sizes that suit it."""
        near, fault = setting, self.fault(setting)
        if fault is not None:
            if fault.rule is EmptyTensor:  # which torch takes, though nothing comes of it
                return fault
            near = fitted(self.program, setting, self.works, units=INDEX.search(fault.message) is not None)
            if near is setting:
                return self.with_help(setting, fault)
        for rest in RESTS if divides(self.program) else ():
            other = replace(near, sizes={name: size + rest for name, size in near.sizes.items()})
            fault = self.fault(other) if allowed(self.program, other) else None
            if fault is not None and fault.rule is ShapeMismatch:
                return fault
        return None

    def with_help(self, setting: Setting, fault: Finding) -> Finding:
        if fault.help is not None or INDEX.search(fault.message):  # what a table lacks, no constraint gives it
            return fault
        return fault._replace(help=missing_constraint(self.program, setting, self.works))

    def works(self, program: Program, setting: Setting) -> bool:
        """Whether a layer runs at a setting, and on data where it is run so: there, it is not tried without room."""
        with suppress(SpecError):
            return (not self.on_data or has_room(program, setting)) and self.fault(setting) is None
        return False

    def fault(self, setting: Setting) -> Finding | None:
        """What is wrong at a setting, if anything is."""
        explainer = Explainer(self.program, setting, str)  # no name for a size that is equal to it here
        try:
            instance = Instance(self.program, setting, Placement(CPU if self.on_data else META), explainer)
            with WITH_DATA.within():
                if self.on_data:
                    fill(instance)
                for training in self.program.modes:
                    run = instance.run(training)
                    for finding in check_shapes(instance, run):
                        return finding
        except SpecError as fault:
            return fault.findings[0]
        given = all(tensor is None or tensor.numel() for tensor in instance.inputs.values())
        for name, result in run.outputs.items():
            if given and not result.numel():
                return empty_output(self.program, setting, name)
        return None

    def not_a_number(self, setting: Setting) -> Finding | None:
        """What is no number at a setting of which values are recorded, though it was one on every way."""
        if not self.on_data or may_mark_nothing(self.program):
            return None
        with WITH_DATA.within(), suppress(SpecError):  # at its own sizes it may not run on data
            instance = Instance(self.program, setting, Placement(CPU))
            fill(instance)
            for training in self.program.modes:
                found = not_a_number(instance, instance.run(training), training)
                if found is not None and not match_fails_too(instance, training):
                    return found
        return None
