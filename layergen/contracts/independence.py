"""Independence: a sample gives what it gives, whoever else is in its batch."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import product

from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.model import Input
from layergen.lang.model import Tensor as TensorSpec
from layergen.lang.runs import dots
from layergen.probe.batches import batch_of, each_has, in_outputs
from layergen.probe.module import Matched
from layergen.probe.probing import Probe, differs, probed, resized
from layergen.probe.samples import ALONE, COMPANY, Dependence, Samples
from layergen.probe.sites import ON_DATA
from layergen.probe.ways import Ways
from layergen.resolve.meanings import LEADING, is_alone, marked_dimension
from layergen.resolve.program import Program
from layergen.resolve.standing import axes
from layergen.rules.meaning import DependentSamples, NeedlessMixes
from layergen.rules.spec import InvalidValue
from layergen.run.forward import Run, TrialFault
from layergen.run.trial import works_at
from layergen.settings.choice import allowed
from layergen.words import listed, plural

SEVERAL = 3  # samples, where a setting has but one
SORTED = 5  # samples, where they are put in order: two of them are back where they were if it is done twice
ORDERING = frozenset({"argsort", "sort", "msort", "topk"})
DRAWS = 8  # of integers, until samples are seen to meet that are said to


def check_independence(ways: Ways) -> Iterator[Finding]:
    """Yield how samples depend on each other, and where that is said in vain."""
    program, batch = ways.program, batch_of(ways.program)
    tried: list[Samples] = []
    skipped = False  # whether there is a way on which no output has samples
    mixed: list[bool] = []  # the modes in which samples were seen to depend on each other
    for way in probed(ways) if batch is not None else ():
        assert batch is not None
        probe = _several(way.probe, batch)
        if probe is None:
            skipped = True
            continue
        samples = Samples(probe, probe, way.training, batch)
        found = samples.dependence()
        declared = program.mixes.get(batch)
        if found is None and declared and any(part.range and not part.floating for part in program.inputs.values()):
            # Which samples meet is up to the integers that are drawn: the edges of a graph, for instance.
            others = (Samples(probe, probe, way.training, batch).dependence() for _ in range(DRAWS))
            found = next(filter(None, others), None)
        if found is None:
            tried += [samples] if samples.shown else []
            continue
        mixed.append(way.training)
        if declared == "always" or (declared == "training" and way.training and program.asks_mode):
            continue
        if not program.has_mixing_member(way.training) and not _matched_mixes(probe, way.training, batch):
            yield _finding(probe, way.training, batch, found)
            return
    yield from _needless(program, batch, tried, mixed)
    if batch is not None and tried and not mixed and not skipped:
        yield from _idle_marks(program, batch)
    settled = [samples for samples in tried if not samples.draws]
    kinds = [ALONE] if settled and all(ALONE in samples.shown for samples in settled) else []
    for modes, claim in _claims(program, tried):
        ways.say("independence", claim, modes=set(modes) - {*mixed}, kinds=kinds)


INDEPENDENCE = Promise(check_independence, (ON_DATA,))


def _several(probe: Probe, batch: str) -> Probe | None:
    """A probe with several samples, if some output has them."""
    setting = probe.setting
    ranks = {name: len(probe.instance.declared_shape(name)) for name in probe.results}
    if not any(axes(part, batch, ranks[name]) for name, part in probe.results.items()):
        return None
    size = setting.leading[0] if batch == LEADING else setting.sizes[batch]
    wanted = [SORTED] if any(op.name in ORDERING for op in probe.program.forward.ops) and size < SORTED else []
    for several in (*wanted, SEVERAL) if size == 1 else wanted:
        other = resized(setting, batch, several)
        with suppress(TrialFault):
            if several != SORTED or (allowed(probe.program, other) and works_at(probe.program, other)):
                return probe.at(other)
    return probe if size > 1 else None


def _matched_mixes(probe: Probe, training: bool, batch: str) -> bool:
    """Whether the samples of the module that the layer is to match depend on each other."""
    if probe.program.matches is None:
        return False
    try:
        module = Matched(probe)
    except (EvaluationFault, RuntimeError, KeyError):
        return False
    return Samples(probe, module, training, batch).dependence() is not None


def _finding(probe: Probe, training: bool, batch: str, found: Dependence) -> Finding:
    program = probe.program
    always = not program.asks_mode or (training and Samples(probe, probe, False, batch).dependence() is not None)
    mode = "" if always else " in training" if training else " in evaluation"
    message = f"`{found.output}` {found.words}{mode}"
    key = (program.run if batch == LEADING else None) or batch  # by which the author knows it
    line = f"mixes: {{{key}: training}}" if mode == " in training" else f"mixes: [{key}]"
    help = f"reduce within each sample, or declare that samples see each other: `{line}`"
    if program.mixes.get(batch) == "training":
        message, help = f"{message} too", f"keep samples apart there, or declare `mixes: [{key}]`"
    before = probe.run(training, found.before)
    after = None if found.after is None else probe.run(training, found.after)
    assert before is not None
    culprit = _culprit(probe, batch, found.place, training, before, after)
    place = Place(FORWARD, culprit.span) if culprit else before.place(found.output)
    notes = probe.instance.explainer.notes()
    return DependentSamples.at(place, message, notes=notes, help=help)


def _culprit(probe: Probe, batch: str, place: int, training: bool, before: Run, after: Run | None) -> ex.Name | None:
    """The first statement whose result has the samples in front, of which one has changed, and is not elsewhere."""
    if after is None or batch == LEADING:
        return None
    size = probe.setting.sizes[batch]
    other = _of_more(probe, batch, training)
    for index, (one, changed) in enumerate(zip(before.steps, after.steps, strict=False)):
        more = other.steps[index].value if other is not None and index < len(other.steps) else None
        by_chance = more is not None and not _has_samples(more, size + 1)
        both = _has_samples(one.value, size) and _has_samples(changed.value, size) and not by_chance
        if both and differs(one.value[place], changed.value[place]) and not _share(one.value, changed.value):
            return one.target
    return None


def _share(one: Tensor, other: Tensor) -> bool:
    """Whether some sample is in both, wherever it stands: they were put in another order."""
    return any(not differs(row, changed) for row, changed in product(one, other))


def _of_more(probe: Probe, batch: str, training: bool) -> Run | None:
    """A run with a sample more, whose results tell which sizes are as many as there are samples by chance."""
    larger = resized(probe.setting, batch, probe.setting.sizes[batch] + 1)
    if not allowed(probe.program, larger):
        return None
    try:
        other = probe.at(larger)
    except TrialFault:
        return None
    return other.run(training, other.drawn())


def _has_samples(value: object, size: int) -> bool:
    return isinstance(value, Tensor) and value.dim() > 0 and value.shape[0] == size


def _needless(
    program: Program, batch: str | None, tried: Sequence[Samples], mixed: Sequence[bool]
) -> Iterator[Finding]:
    """Yield where `mixes` allows what does not happen."""
    by_chance = program.draws or any(part.range and not part.floating for part in program.inputs.values())
    apart = program.asks_mode and any(not samples.training for samples in tried) and not by_chance
    told, key = (dots(program.run), program.run or LEADING) if batch == LEADING else (batch, batch)
    for name in program.mixes:
        own = dots(program.run) if name == LEADING else name
        if not in_outputs(program, name):
            message = f"no output has `{own}`: there are no samples to be told apart"
            yield NeedlessMixes.at(("mixes",), message, help="delete it")
        elif name != batch:
            what = f"the samples are those along `{told}`" if batch else "the first input has no dimension of samples"
            first = f"delete it, or let `{own}` be the first dimension of the first input where samples are along it"
            yield NeedlessMixes.at(("mixes",), f"`{own}` is not held apart: {what}", help=first)
        elif tried and not mixed and not program.draws:  # chance may have it that none meet
            message = f"no sample was seen to depend on another one along `{told}`"
            yield NeedlessMixes.at(("mixes",), message, help="delete it")
        elif program.mixes[name] == "always" and apart and True in mixed and False not in mixed:
            message = f"samples were seen to depend on each other along `{told}` in training alone"
            yield NeedlessMixes.at(("mixes",), message, help=f"write `mixes: {{{key}: training}}`")


def _idle_marks(program: Program, batch: str) -> Iterator[Finding]:
    """Yield the masks that mark whole samples, where no output is made of several of them."""
    for name, mask in program.inputs.items():
        marked = program.inputs[mask.marks[0]] if mask.marks else None
        if marked is not None and marked_dimension(mask, marked) == batch and each_has(program, batch):
            message = f"`{name}` marks samples, those along `{batch}`, but no output is made of several of them"
            yield InvalidValue.at(("inputs", name, "dim"), message, help=_of_positions(mask, marked, batch))


def _of_positions(mask: Input, marked: TensorSpec, batch: str) -> str:
    """Along what a mask may mark positions instead of samples."""
    names = [node.id for node in marked.entries if isinstance(node, ex.Name) and node.id != batch]
    shared = [name for name in names if is_alone(mask, name) and is_alone(marked, name)]
    help = "delete `marks` and `dim`: samples are independent without them"
    return f"write `dim: {shared[0]}`, where positions are meant; or {help}" if shared else help


def _claims(program: Program, tried: Sequence[Samples]) -> Iterator[tuple[Sequence[bool], str]]:
    """In which modes samples were seen not to depend on each other, on how many ways, and in which company."""
    found: dict[str, list[bool]] = {}
    for training in program.modes:
        several = [samples for samples in tried if samples.training == training]
        company = [kind for kind in COMPANY if several and all(kind in samples.shown for samples in several)]
        if company:
            detail = f"on {plural(len(several), 'way')}, along `{several[0].along}`: {listed(company)}"
            found.setdefault(detail, []).append(training)
    for detail, modes in found.items():
        words = listed("training" if training else "evaluation" for training in modes)
        yield modes, f"in {words}, {detail}" if program.asks_mode else detail
