"""Entries: each slice of a parameter is read, at some setting, size and draw."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from layergen.contracts.consumers import Consumers
from layergen.contracts.learning import START
from layergen.contracts.promise import Promise
from layergen.contracts.tables import chosen_by
from layergen.contracts.unread import MOST, Reading, Slices, without_slope
from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.probing import Probe
from layergen.probe.sites import SMALL
from layergen.probe.slopes import Slopes
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.meaning import UnusedEntries
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Seen
from layergen.settings.choice import Setting
from layergen.settings.larger import whole_values, with_larger_arguments, with_larger_sizes, with_other_values
from layergen.words import plural


@dataclass
class At:
    """What slices of a layer's parameters do nothing at a setting."""

    program: Program
    setting: Setting
    instance: Instance
    idle: dict[Slices, list[int]] = field(default_factory=dict)  # along each dimension of more than one index
    chosen: set[str] = field(default_factory=set)  # parameters of which ops read a part that values or sizes tell
    settled: dict[str, frozenset[str]] = field(default_factory=dict)  # tables, and the names of what tells their rows

    def shape(self, slices: Slices) -> int:
        """How many slices there are."""
        parameter = self.instance.state[slices.name]
        assert parameter is not None
        return int(parameter.shape[slices.axis])

    def along(self, slices: Slices) -> str | None:
        """The one dimension whose size alone tells which rows of a table are read, if there is one."""
        found = self.settled.get(slices.name, frozenset()) & self.setting.sizes.keys()
        return next(iter(found)) if len(found) == 1 and self.shape(slices) <= MOST else None

    def is_part(self, slices: Slices) -> bool:
        """Whether some slices do nothing, and others something."""
        return 0 < len(self.idle.get(slices, ())) < self.shape(slices)


def check_entries(ways: Ways) -> Iterator[Finding]:
    """Yield the parameters of which some slices are never read; one finding for all of them."""
    program = ways.program
    if program.matches or program.formula:  # whose values it has, as the tests will tell
        return
    if not any(tensor.floating for tensor in program.outputs.values()):
        return
    places = [_without_slope(program, seen) for runs in ways.runs if (seen := list(runs.seen(START)))]
    suspects = _everywhere(places)
    for at in places if suspects else ():
        reading = _reading(program, at.setting)
        for slices in (part for part in suspects if part in at.idle):
            at.idle[slices] = sorted(reading.unread(slices, at.idle[slices])) if reading else []
    found = [part for part in _everywhere(places) if any(at.is_part(part) for at in places)]
    found = [part for part in found if not any(_may_be_read(at, part) for at in places if at.is_part(part))]
    if found:
        yield _finding(places, found)
    else:
        _say(ways, places)


ENTRIES = Promise(check_entries, (START, SMALL))


def _say(ways: Ways, places: Sequence[At]) -> None:
    """Say of which parameters all slices were seen to matter."""
    every = dict.fromkeys(part.name for at in places for part in at.idle)
    untold = {part.name for part in _everywhere(places)} | {name for at in places for name in at.chosen}
    told = len(every.keys() - untold)
    if told:
        of = "each parameter" if told == len(every) else f"{told} of {plural(len(every), 'parameter')}"
        ways.say("entries", f"along each dimension of {of}, each slice matters at some setting and draw")


def _without_slope(program: Program, seen: Sequence[Seen[Slopes]]) -> At:
    """What has no slope where the layer starts."""
    at = At(program, seen[0].instance.setting, seen[0].instance)
    for name, parameter in _parameters(at.instance):
        slopes = [one.evidence.of[name] for one in seen if name in one.evidence.of]
        idle = without_slope(slopes, tuple(parameter.shape))
        at.idle |= {Slices(name, axis): indices for axis, indices in idle.items()}
    partly = {part.name: at.instance.state[part.name] for part, indices in at.idle.items() if indices}
    for one in seen if partly else ():
        if one.fault is None:
            consumers = Consumers(one.run.outputs.values(), at.instance.inputs.values())
            for name, tensor in partly.items():
                told = chosen_by(program, name.split(".")[0] if name in at.instance.inner else name)
                if tensor is not None and consumers.choose(tensor, settled=told is not None):
                    at.chosen.add(name)
                elif tensor is not None and consumers.choose(tensor):
                    at.settled[name] = told or frozenset()
    return at


def _parameters(instance: Instance) -> Iterator[tuple[str, Tensor]]:
    """The parameters that are learned, those of members whose authors accept no idle entries among them."""
    program = instance.program
    accepting = {
        name
        for name, member in program.members.items()
        if any(UnusedEntries.name in child.program.accept for child in member.children)
    }
    seen: set[int] = set()
    for name, tensor in instance.state.items():
        inner, own = instance.inner.get(name), program.parameters.get(name)
        wanted = inner.parameter and inner.gradient if inner else own is not None and own.gradient
        if not wanted or tensor is None or not tensor.requires_grad or id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if not inner or name.split(".")[0] not in accepting:
            yield name, tensor


def _everywhere(places: Sequence[At]) -> list[Slices]:
    """Along which dimensions a parameter has slices that do nothing, at each setting at which it has several."""
    chosen = {name for at in places for name in at.chosen}
    known = dict.fromkeys(part for at in places for part in at.idle if part.name not in chosen)
    return [part for part in known if all(at.idle[part] for at in places if part in at.idle)]


def _reading(program: Program, setting: Setting) -> Reading | None:
    """The layer at a setting; None if it cannot be set up there."""
    try:
        return Reading(Probe(program, setting), program.modes)
    except (TrialFault, EvaluationFault):
        return None


def _may_be_read(at: At, slices: Slices) -> bool:
    """Whether slices are read for other inputs, at larger sizes, in other calls or with larger arguments, if told."""
    idle, size = at.idle[slices], at.shape(slices)
    here = _reading(at.program, at.setting)
    if here is None or here.varies(slices, sorted({*range(size)} - {*idle})):
        return True
    told = not at.setting.sizes
    along = at.along(slices)
    for setting in with_larger_sizes(at.program, at.setting, size, along):
        reading = _reading(at.program, setting)
        if not reading or not reading.usual:
            if along is not None:
                return True
            continue
        told = True
        if along is None and reading.reads(slices, idle):
            return True
        if along is not None:  # the larger it is, the more rows are read
            at.idle[slices] = idle = sorted(reading.unread(slices, idle))
            if not idle:
                return True
    if _read_by_other_calls(at, slices):
        return True
    for setting in with_larger_arguments(at.program, at.setting, size):
        reading = _reading(at.program, setting)
        kept = reading.probe.state.get(slices.name) if reading else None
        if reading and reading.usual and kept is not None:
            every = range(kept.shape[slices.axis])
            if len(every) > 1 and not reading.unread(slices, every):
                return True
    return not told


def _read_by_other_calls(at: At, slices: Slices) -> bool:
    """Whether calls with other numbers read the slices: each one, where it can be told, or else any."""
    size = at.shape(slices)
    each = size <= MOST and len(whole_values(at.program, at.setting)) == 1  # several may read more together than alone
    for setting in with_other_values(at.program, at.setting, size, each):
        reading = _reading(at.program, setting)
        if not reading or not reading.usual:
            continue
        if not each and reading.reads(slices, at.idle[slices]):
            return True
        at.idle[slices] = sorted(reading.unread(slices, at.idle[slices])) if each else at.idle[slices]
        if not at.idle[slices]:
            return True
    return False


def _finding(places: Sequence[At], found: Sequence[Slices]) -> Finding:
    """The finding for the first dimension of each parameter, and the first parameter at each place."""
    at = next(at for at in places if at.is_part(found[0]))
    firsts: dict[Place, Slices] = {}
    for part in found:
        firsts.setdefault(_place(at.instance, part.name), part)
    (place, first), *others = firsts.items()
    text = _shown(places, first)
    labels = [Label(other, f"nor on `{_shown(places, part)}`") for other, part in others]
    owner = first.name.split(".")[0] if first.name in at.instance.inner else first.name
    help = f"use all of `{owner}`, or make it as small as what is used"
    notes = at.instance.explainer.notes()
    return UnusedEntries.at(place, f"no output depends on `{text}`", labels=labels, notes=notes, help=help)


def _place(instance: Instance, name: str) -> Place:
    own = instance.program
    return Place(("modules", name.split(".")[0]) if name in instance.inner else own.path(name), key=True)


def _shown(places: Sequence[At], slices: Slices) -> str:
    """The slices that do nothing, as the parameter is indexed where it has several."""
    there = [at for at in places if at.is_part(slices)] or [at for at in places if slices in at.idle]
    at = there[0]
    own = at.instance.program
    name = slices.name if slices.name in at.instance.inner else own.shown(slices.name)
    indices, size = at.idle[slices], at.shape(slices)
    if indices != list(range(indices[0], indices[-1] + 1)):
        index = str(indices)
    elif len(indices) == 1 and size > 2:
        index = str(indices[0])
    else:
        starts = [(other, other.idle[slices][0]) for other in there]
        ends = [(other, other.idle[slices][-1] + 1) for other in there]
        low = _in_words(slices, starts) if indices[0] else ""
        high = _in_words(slices, ends) if indices[-1] + 1 < size else ""
        index = f"{low}:{high}"
    return f"{name}[{', '.join([':'] * slices.axis + [index])}]"


def _in_words(slices: Slices, found: Sequence[tuple[At, int]]) -> str:
    """An index in a name of the declared size, where it is the same multiple of it at all settings; or as a number."""
    at, first = found[0]
    tensor = at.program.parameters.get(slices.name)
    entries = tensor.entries if tensor is not None else ()
    for name in sorted(ex.names(entries[slices.axis])) if slices.axis < len(entries) else ():
        times = {_times(other.setting.names.get(name), number) for other, number in found}
        if len(times) == 1 and (count := times.pop()):
            return name if count == 1 else f"{count} * {name}"
    return str(first)


def _times(value: object, number: int) -> int:
    """How many times a value an index is; 0 where it is no multiple."""
    return number // value if type(value) is int and value > 0 and number % value == 0 else 0
