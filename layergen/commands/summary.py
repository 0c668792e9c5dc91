"""What a build or a check says at its end, in one line."""

from collections import Counter

from layergen.pipeline import BuildResult
from layergen.project.writing import State
from layergen.words import plural


def faults(result: BuildResult) -> str:
    """The first half of a build's summary."""
    specs = plural(result.specs, "spec")
    if not result.diagnostics:
        return f"{specs}: "
    files = {item.location.file for item in result.diagnostics}
    generated = any(file.startswith(f"{result.plan.output}/") for file in files)
    where = plural(len(files), "file") if generated else f"{len(files)} of {specs}"
    return f"{plural(len(result.diagnostics), 'fault')} in {where}: "


def clean(result: BuildResult) -> str:
    """The second half of a check's summary, where it has met no fault: what could not be checked may have some."""
    if not result.bugs:
        return f"no faults{f', {_advised(result)}' if result.advice else ''}"
    rest = result.specs - len(result.bugs)
    return f"{len(result.bugs)} not checked, for a bug in layergen{', no faults in the others' if rest else ''}"


def counts(result: BuildResult, dry: bool) -> list[str]:
    """What a build did to files, or what it would do."""
    failed = {item.location.file for item in result.diagnostics}
    states = Counter(
        change.state for change in result.plan.changes if f"{result.plan.output}/{change.path}" not in failed
    )
    written, removed = states[State.NEW] + states[State.CHANGED], states[State.ORPHANED]
    counts = [f"{plural(written, 'file')} {'to write' if dry else 'written'}", f"{states[State.UNCHANGED]} unchanged"]
    return [*counts, f"{removed} {'to remove' if dry else 'removed'}"] if removed else counts


def proven(result: BuildResult) -> str:
    """The last part of a summary: for how many layers no size was left out, and how many nobody tells the values of.

    Of a spec with a fault, nothing is told: its shapes may have been proven, or not looked at.
    """
    if not result.specs:
        return "; `layergen new NAME` writes a first spec"
    if not result.sound:
        return ""
    whole = str(result.specs) if result.sound == result.specs else f"the {result.sound} without faults"
    shapes = f"; shapes proven for all sizes: {result.proven} of {whole}"
    return f"{shapes}; without definition, match or law: {result.untold}" if result.untold else shapes


def _advised(result: BuildResult) -> str:
    """How much advice there is."""
    return f"{plural(len(result.advice), 'piece')} of advice"


def hint(result: BuildResult) -> str:
    """Where advice is to be read, which a build only counts; a check shows none as long as there are faults."""
    return f"; {_advised(result)}: see `layergen check`" if result.advice and not result.diagnostics else ""
