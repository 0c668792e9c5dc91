"""The pipeline: from the specs of a project to its generated code."""

import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from layergen.diagnostics import Diagnostic, Finding, Location
from layergen.faults import SourceError, SpecError, refuse
from layergen.project import writing as write
from layergen.project.cache import Cache, CacheLostError
from layergen.project.config import Config
from layergen.project.discovery import Discovery, SpecFile, discover, file_stem
from layergen.project.making import Generated, Maker, Order, Outcome, Progress
from layergen.project.manifest import Output
from layergen.project.packages import behaviours_module, package_files
from layergen.project.present import present_files
from layergen.project.signing import signed
from layergen.project.workers import Failure, runner
from layergen.project.writing import GeneratedFile, Plan, Texts
from layergen.rules.building import DuplicateOutput, MisnamedFile

if TYPE_CHECKING:
    from layergen.check import CheckedLayer
    from layergen.lang.model import LayerSpec
    from layergen.lang.source import SpecSource
    from layergen.resolve.program import Program


class BuildResult(NamedTuple):
    """What came of a build."""

    specs: int  # how many there were
    diagnostics: tuple[Diagnostic, ...]  # sorted; empty if all went well
    plan: Plan
    texts: Texts  # the texts that the plan writes, by their digests
    sound: int = 0  # how many of the specs are without a fault, of which alone the two below are told
    proven: int = 0  # how many have shapes that are proven for all sizes
    untold: int = 0  # how many have nothing beside the forward that tells their values
    bugs: tuple[tuple[str, Failure], ...] = ()  # where an error of layergen's own was met
    advice: tuple[Diagnostic, ...] = ()  # sorted; on specs without a fault


def build(
    config: Config,
    paths: Sequence[Path] = (),
    *,
    force: bool = False,
    dry: bool = False,
    jobs: int = 1,
    progress: Progress | None = None,
) -> BuildResult:
    """Generate the code of some specs, and write what changed.

    A spec with a fault writes nothing, and what an earlier build made from it stays; all other specs are built.

    Args:
        config: The project.
        paths: Files and folders of specs. Without any, all of the specs folder; only then, or when the folder itself
            is named, are files removed whose spec is gone.
        force: Overwrite also files that were edited by hand.
        dry: Find out what there is to do, and write nothing.
        jobs: How many processes to use at most.
        progress: Called after each spec.
    """
    try:
        return _build(config, paths, Cache(config), force, dry, jobs, progress)
    except CacheLostError:  # somebody has deleted it, or a part of it, in the meantime
        return _build(config, paths, Cache(config, volatile=True), force, dry, jobs, progress)


def _build(
    config: Config,
    paths: Sequence[Path],
    cache: Cache,
    force: bool,
    dry: bool,
    jobs: int,
    progress: Progress | None,
) -> BuildResult:
    found = discover(config, paths)
    present = present_files(config.root, config.output, cache)
    kept = _kept(config, found, present)
    maker = Maker(found.specs, config, cache, generate, present, _others(config, found))
    with runner(jobs, len(maker.changed)) as workers:
        outcomes = _refuse_shared_classes(maker.make(workers, progress), kept)
        made = {file.path: file for outcome in outcomes for file in outcome.files}
        left = _left(present, kept, made, found.whole and all(outcome.made for outcome in outcomes))

        layers = _plan(config, made.values(), present, force)
        blocked = {change.path for change in layers.refused()}
        there = {path: file.exports for path, file in {**kept, **left}.items()}
        there |= {path: file.exports for path, file in made.items() if path not in blocked}
        packages, failures = maker.packages(package_files(config.package, config.specs, there), workers)

    needed = {*kept, *left, *made, *failures, *(file.path for file in packages)}
    orphans = [path for path in present if path not in needed] if found.whole else []
    plan = layers.joined(_plan(config, packages, present, force, orphans))
    if dry:
        refused = plan.diagnostics
    else:
        written, unwritten = write.apply(plan, cache.text)
        cache.take(written)
        refused = plan.diagnostics + unwritten
    cache.save(whole=found.whole)
    return _result(found, outcomes, plan, cache, refused, failures)


def check(
    config: Config, paths: Sequence[Path] = (), *, jobs: int = 1, progress: Progress | None = None
) -> BuildResult:
    """Find the faults of some specs. As `build`, but what is on the disk counts for nothing and stays as it is."""
    found, cache = discover(config, paths), Cache(config)
    maker = Maker(found.specs, config, cache, generate, others=_others(config, found))
    with runner(jobs, len(maker.changed)) as workers:
        outcomes = _refuse_shared_classes(maker.make(workers, progress), {})
    cache.now.outputs, cache.now.packages = cache.before.outputs, cache.before.packages
    cache.save(whole=found.whole)
    return _result(found, outcomes, Plan(config.root, config.output), cache)


def generate(order: Order) -> Generated:
    """Take one spec through all stages, from its text to the texts of its module and its test."""
    try:
        return rendered(order, *examined(order))
    except SourceError as fault:
        return Generated(diagnostics=fault.diagnostics)


def rendered(order: Order, source: "SpecSource", checked: "CheckedLayer") -> Generated:
    """What comes of a spec that has no faults."""
    spec, package = order.spec, order.config.package
    from layergen.children import handed_on
    from layergen.lower import lower
    from layergen.render import render

    views = lower(checked, package, spec.module, behaviours_module(package))
    texts = tuple(signed(render(view), spec.name) for view in views)
    contract = handed_on(checked, source.data(), spec.name, spec.module, order.contracts)
    advice = tuple(map(source.diagnose, checked.advice))
    return Generated(checked.program.layer, texts, contract, checked.proven, checked.told, advice=advice)


def examine(spec: SpecFile, config: Config) -> "CheckedLayer":
    """Read and check one spec, after those that it is made of, and tell what was found out about it.

    Raises:
        SourceError: With all that is wrong with it.
    """
    return examined(order_of(spec, config))[1]


def resolved(spec: SpecFile, config: Config) -> "Program":
    """Read one spec, and tell what each word of it is, without a check of what the layer does.

    Raises:
        SourceError: With all that is wrong with it so far.
    """
    order = order_of(spec, config)
    from layergen.lang.validate import validate

    with _sourced(order) as source:
        return _resolved(order, validate(source))


def order_of(spec: SpecFile, config: Config, cache: Cache | None = None) -> Order:
    """What the stages of one spec get to see, when all that it is made of is made."""
    return Maker((spec,), config, cache or Cache(config), generate, others=_others(config)).order(spec)


def _others(config: Config, found: Discovery | None = None) -> tuple[SpecFile, ...]:
    """All specs of a project, for layers that are made of them; none where all are looked at in any case."""
    if (found is not None and found.whole) or not (config.root / config.specs).is_dir():
        return ()
    return discover(config).specs


def examined(order: Order) -> "tuple[SpecSource, CheckedLayer]":
    """Read and check the spec of an order.

    Raises:
        SourceError: With all that is wrong with it.
    """
    with _sourced(order) as source:
        return source, _checked(order, source)


@contextmanager
def _sourced(order: Order) -> "Iterator[SpecSource]":
    """The text of the spec of an order, in which what is found wrong with it is looked up."""
    from layergen.lang.source import load

    spec, root = order.spec, order.config.root
    source = load(spec.path, spec.name)
    try:
        yield source
    except SpecError as fault:
        others = lambda name: load(root / name, name)  # noqa: E731
        raise SourceError(source.diagnose(finding, others) for finding in fault.findings) from None


def _checked(order: Order, source: "SpecSource") -> "CheckedLayer":
    from layergen.lang.validate import UnreadForwardError, validate

    try:
        layer = validate(source)
    except UnreadForwardError as fault:
        misnamed = _misnamed(order.spec, fault.rest.layer)
        raise SpecError((*misnamed, *fault.findings, *_beside_forward(order, fault.rest))) from None
    except SpecError as fault:
        raise SpecError((*_misnamed(order.spec, source.data().get("layer")), *fault.findings)) from None
    misnamed = _misnamed(order.spec, layer.layer)
    try:
        program = _resolved(order, layer)
    except SpecError as fault:
        raise SpecError((*misnamed, *fault.findings)) from None
    refuse(misnamed)  # before what takes long
    from layergen.check import check as check_layer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch warns of in a trial, the diagnostics say better
        return check_layer(program)


def _resolved(order: Order, layer: "LayerSpec") -> "Program":
    """What each word of a spec is. From here on with torch, which takes seconds to import."""
    from layergen.prove.machinery import require

    require()
    from layergen.children import library
    from layergen.resolve import resolve

    return resolve(layer, library(order.contracts, order.faulty, order.cycles, order.classes))


def _beside_forward(order: Order, layer: "LayerSpec") -> "Iterable[Finding]":
    """What is wrong with the other sections of a spec whose forward cannot be read."""
    from layergen.prove.machinery import require

    require()
    from layergen.children import library
    from layergen.resolve import check_sections

    return check_sections(layer, library(order.contracts, order.faulty, order.cycles, order.classes))


def _misnamed(spec: SpecFile, layer: object) -> tuple[Finding, ...]:
    if not isinstance(layer, str) or not layer.isidentifier():
        return ()  # which is a fault of its own
    if spec.module[-1].replace("_", "") == layer.replace("_", "").lower():
        return ()  # a class with an underscore in its name is a fault of its own
    message = f"the layer `{layer}` stands in a file named `{spec.path.name}`"
    return (MisnamedFile.at(("layer",), message, help=f"name the file `{file_stem(layer)}.yaml`"),)


def _kept(config: Config, found: Discovery, present: Mapping[str, Output]) -> dict[str, Output]:
    """The modules and tests of other builds that have a right to be there, whatever this one makes.

    They are those of a spec that was found, though it may have a fault now, and those of a spec that was not looked
    for but is there.
    """
    expected = {path for spec in found.specs for path in spec.outputs}
    kept = {}
    for path, file in present.items():
        if path in expected:
            kept[path] = file
            continue
        searched = found.whole and file.origin.startswith(f"{config.specs}/")
        if not searched and (config.root / file.origin).is_file():
            kept[path] = file
    return kept


def _left(
    present: Mapping[str, Output], kept: Mapping[str, Output], made: Mapping[str, GeneratedFile], complete: bool
) -> dict[str, Output]:
    """The modules and tests without a spec that stay nevertheless, for one with a fault may be theirs under a new name.

    A layer whose class is made from another spec now has moved there, so that its old files do not stay.

    Args:
        present: What is there.
        kept: What stays in any case.
        made: What was made by this build.
        complete: Whether all specs of the project were built, and none has a fault.
    """
    if complete:
        return {}
    others = {path: file for path, file in present.items() if path not in kept and path not in made}
    classes = {name for file in made.values() for name in file.exports}
    moved = {file.origin for file in others.values() if classes & {*file.exports}}
    return {path: file for path, file in others.items() if file.origin not in moved and not file.origin.endswith("/")}


def _refuse_shared_classes(outcomes: Iterable[Outcome], others: Mapping[str, Output]) -> list[Outcome]:
    """Refuse each layer whose class another layer has too: a package can export but one of them."""
    outcomes = list(outcomes)
    made = [(outcome.spec, outcome.made.layer) for outcome in outcomes if outcome.made]
    replaced = {path for spec, _ in made for path in spec.outputs}
    owners: dict[str, set[str]] = defaultdict(set)  # of each class, its specs
    for spec, layer in made:
        owners[layer].add(spec.name)
    for path, file in others.items():
        for name in file.exports if path not in replaced else ():
            owners[name].add(file.origin)
    judged = []
    for outcome in outcomes:
        rivals = sorted(owners[outcome.made.layer] - {outcome.spec.name}) if outcome.made else []
        if outcome.made and rivals:
            message = f"`{outcome.spec.name}` and `{rivals[0]}` both define the class `{outcome.made.layer}`"
            diagnostic = Diagnostic(DuplicateOutput, message, Location(outcome.spec.name))
            outcome = Outcome(outcome.spec, diagnostics=(diagnostic,))
        judged.append(outcome)
    return judged


def _plan(
    config: Config,
    files: Iterable[GeneratedFile],
    present: Mapping[str, Output],
    force: bool,
    orphans: Iterable[str] = (),
) -> Plan:
    gone = [GeneratedFile(path, present[path].digest, present[path].origin) for path in orphans]
    return write.plan(config.root, config.output, files, gone, present, force=force)


def _result(
    found: Discovery,
    outcomes: Sequence[Outcome],
    plan: Plan,
    cache: Cache,
    others: Iterable[Diagnostic] = (),
    failures: Mapping[str, Failure] = MappingProxyType({}),
) -> BuildResult:
    diagnostics = {*found.diagnostics, *others, *(item for outcome in outcomes for item in outcome.diagnostics)}
    count = len({*(spec.name for spec in found.specs), *(item.location.file for item in found.diagnostics)})
    faulty = {item.location.file for item in diagnostics}
    made = [outcome.made for outcome in outcomes if outcome.made and outcome.spec.name not in faulty]
    proven, untold = sum(one.proven for one in made), sum(not one.told for one in made)
    bugs = [(outcome.spec.name, outcome.failure) for outcome in outcomes if outcome.failure]
    bugs += [(f"{plan.output}/{path}", failure) for path, failure in failures.items()]
    ordered = tuple(sorted(diagnostics, key=Diagnostic.sort_key))
    advice = sorted((item for outcome in outcomes for item in outcome.advice), key=Diagnostic.sort_key)
    bugs.sort(key=lambda bug: bug[0])
    return BuildResult(count, ordered, plan, cache.text, len(made), proven, untold, tuple(bugs), tuple(advice))
