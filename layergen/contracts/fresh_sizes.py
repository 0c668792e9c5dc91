"""Fresh sizes: those that depend on the values of tensors, which an author accepts where they spare work."""

from collections.abc import Iterator

from layergen.contracts.promise import Promise, Ways
from layergen.diagnostics import Finding, Place
from layergen.rules.calls import SizeOfValues
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance


def check_fresh_sizes(ways: Ways) -> Iterator[Finding]:
    """Yield the first size of each way that depends on values; where it is not accepted, no way has come so far."""
    if SizeOfValues.name not in ways.program.accept:
        return
    said: set[Place] = set()
    for runs in ways.runs:
        try:
            Instance(ways.program, runs.setting).run(training=True)
        except TrialFault as fault:
            if fault.finding.rule is SizeOfValues and fault.finding.place not in said:
                said.add(fault.finding.place)
                yield fault.finding


FRESH_SIZES = Promise(check_fresh_sizes)
