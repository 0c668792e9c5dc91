"""Fresh sizes: those that depend on the values of tensors, which an author accepts where they spare work."""

from collections.abc import Iterator

from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding, Place
from layergen.probe.ways import Ways
from layergen.rules.calls import SizeOfValues
from layergen.run.trial import faults_without_data


def check_fresh_sizes(ways: Ways) -> Iterator[Finding]:
    """Yield the first size of each way that depends on values; where it is not accepted, no way has come so far."""
    if SizeOfValues.name not in ways.program.accept:
        return
    said: set[Place] = set()
    for finding in (fault.finding for runs in ways.runs for fault in faults_without_data(ways.program, runs.setting)):
        if finding.rule is SizeOfValues and finding.place not in said:
            said.add(finding.place)
            yield finding


FRESH_SIZES = Promise(check_fresh_sizes)
