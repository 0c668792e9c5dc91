"""The pipeline: from the specs of a project to its generated code."""

import contextlib
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layergen.diagnostics import Diagnostic, Finding, Location
from layergen.faults import SourceError, SpecError, refuse
from layergen.lang.source import SIZE, SpecSource, load
from layergen.project import writing as write
from layergen.project.cache import Cache, Entry
from layergen.project.config import Config
from layergen.project.discovery import Discovery, SpecFile, discover, file_stem
from layergen.project.packages import behaviours_module, exports, package_files
from layergen.project.writing import GeneratedFile, Plan
from layergen.rules.building import DuplicateOutput, MisnamedFile

if TYPE_CHECKING:
    from layergen.check import CheckedLayer

Progress = Callable[[int, int, str], None]  # how many specs are done, of how many, and the name of the next


@dataclass(frozen=True)
class BuildResult:
    """What came of a build."""

    specs: int  # how many there were
    diagnostics: tuple[Diagnostic, ...]  # sorted; empty if all went well
    plan: Plan
    proven: int = 0  # how many of the specs have shapes that are proven for all sizes


@dataclass(frozen=True)
class Outcome:
    """What came of one spec: its module and test, or what is wrong with it."""

    spec: SpecFile
    files: tuple[GeneratedFile, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    proven: bool = False  # whether its shapes are proven for all sizes


def build(
    config: Config,
    paths: Sequence[Path] = (),
    *,
    force: bool = False,
    dry: bool = False,
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
        progress: Called before each spec.
    """
    found, cache = discover(config, paths), Cache(config)
    present = write.own_files(config.root / config.output)
    kept = _kept(config, found, present)
    outcomes = _refuse_shared_classes(_generate_all(found.specs, cache, config, progress), kept)

    made = {file.path: file for outcome in outcomes for file in outcome.files}
    blocked = {change.path for change in write.plan(config.root, config.output, made.values(), (), force).refused()}
    there = {**kept, **{path: file for path, file in made.items() if path not in blocked}}
    files = [*made.values(), *package_files(config, cache, there.values())]
    needed = {*kept, *(file.path for file in files)}
    orphans = [file.path for file in present if file.path not in needed] if found.whole else []

    plan = write.plan(config.root, config.output, files, orphans, force)
    refused = plan.diagnostics if dry else plan.diagnostics + write.apply(plan)
    if found.whole:
        cache.prune()
    return _result(found, outcomes, plan, refused)


def check(config: Config, paths: Sequence[Path] = (), *, progress: Progress | None = None) -> BuildResult:
    """Find the faults of some specs. As `build`, but what is on the disk counts for nothing and stays as it is."""
    found, cache = discover(config, paths), Cache(config)
    outcomes = _refuse_shared_classes(_generate_all(found.specs, cache, config, progress), {})
    return _result(found, outcomes, Plan(config.root, config.output, (), ()), ())


def generate(spec: SpecFile, config: Config) -> Outcome:
    """Take one spec through all stages, from its text to the texts of its module and its test."""
    try:
        checked = examine(spec)
    except SourceError as fault:
        return Outcome(spec, diagnostics=fault.diagnostics)

    from layergen.lower import lower
    from layergen.render import render

    views = lower(checked, spec.name, ".".join((config.package, *spec.module)), behaviours_module(config))
    texts = [write.signed(render(view), spec.name) for view in views]
    return Outcome(spec, _files(spec, texts), proven=checked.proven)


def examine(spec: SpecFile) -> "CheckedLayer":
    """Read and check one spec, and tell what was found out about it.

    Raises:
        SourceError: With all that is wrong with it.
    """
    source = load(spec.path, spec.name)
    try:
        return _checked(spec, source)
    except SpecError as fault:
        raise SourceError(source.diagnose(finding) for finding in fault.findings) from None


def _checked(spec: SpecFile, source: SpecSource) -> "CheckedLayer":
    from layergen.lang.validate import validate

    layer = validate(source)

    # From here on with torch, which takes seconds to import.
    from layergen.check import check as check_layer
    from layergen.resolve import resolve

    misnamed = _misnamed(spec, layer.layer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch warns of in a trial, the diagnostics say better
            checked = check_layer(resolve(layer))
    except SpecError as fault:
        raise SpecError((*misnamed, *fault.findings)) from None
    refuse(misnamed)
    return checked


def _generate_all(specs: Sequence[SpecFile], cache: Cache, config: Config, progress: Progress | None) -> list[Outcome]:
    outcomes = []
    for number, spec in enumerate(specs):
        if progress:
            progress(number, len(specs), spec.name)
        try:
            outcomes.append(_cached(spec, cache) or _generate_and_store(spec, cache, config))
        except Exception as error:
            error.add_note(f"while building {spec.name}")
            raise
    return outcomes


def _cached(spec: SpecFile, cache: Cache) -> Outcome | None:
    """What an earlier build made from the same text."""
    entry = cache.load(_key(spec, cache))
    if entry is None or len(entry.texts) != len(spec.outputs):
        return None
    return Outcome(spec, _files(spec, entry.texts), proven=entry.proven)


def _generate_and_store(spec: SpecFile, cache: Cache, config: Config) -> Outcome:
    key = _key(spec, cache)
    outcome = generate(spec, config)
    if outcome.files and key == _key(spec, cache):  # otherwise the spec has changed in between
        cache.store(key, Entry(tuple(file.text for file in outcome.files), outcome.proven))
    return outcome


def _key(spec: SpecFile, cache: Cache) -> str:
    contents = b""
    if spec.path.is_file():
        with contextlib.suppress(OSError), open(spec.path, "rb") as file:
            contents = file.read(SIZE + 1)
    return cache.key(spec.name, *spec.outputs, contents)


def _files(spec: SpecFile, texts: Iterable[str]) -> tuple[GeneratedFile, ...]:
    return tuple(GeneratedFile(path, text) for path, text in zip(spec.outputs, texts, strict=True))


def _misnamed(spec: SpecFile, layer: str) -> tuple[Finding, ...]:
    if spec.module[-1].replace("_", "") == layer.lower():
        return ()
    message = f"the layer `{layer}` stands in a file named `{spec.path.name}`"
    return (MisnamedFile.at(("layer",), message, help=f"name the file `{file_stem(layer)}.yaml`"),)


def _kept(config: Config, found: Discovery, present: Iterable[GeneratedFile]) -> dict[str, GeneratedFile]:
    """The modules and tests of other builds that have a right to be there, whatever this one makes.

    They are those of a spec that was found, though it may have a fault now, and those of a spec that was not looked
    for but is there.
    """
    expected = {path for spec in found.specs for path in spec.outputs}
    kept = {}
    for file in present:
        searched = found.whole and file.origin.startswith(f"{config.specs}/")
        if file.path in expected or (not searched and (config.root / file.origin).is_file()):
            kept[file.path] = file
    return kept


def _refuse_shared_classes(outcomes: Iterable[Outcome], others: dict[str, GeneratedFile]) -> list[Outcome]:
    """Refuse each layer whose class another layer has too: a package can export but one of them."""
    owners: dict[str, dict[str, str]] = defaultdict(dict)  # of each class, the specs by the path of the module
    files = {**others, **{file.path: file for outcome in outcomes for file in outcome.files}}
    for export in exports(files.values()):
        owners[export.name][export.path] = files[export.path].origin
    shared = {path: name for name, specs in owners.items() if len(specs) > 1 for path in specs}
    judged = []
    for outcome in outcomes:
        name = next((shared[file.path] for file in outcome.files if file.path in shared), None)
        if name:
            other = next(spec for spec in owners[name].values() if spec != outcome.spec.name)
            message = f"`{outcome.spec.name}` and `{other}` both define the class `{name}`"
            diagnostic = Diagnostic(DuplicateOutput, message, Location(outcome.spec.name))
            outcome = Outcome(outcome.spec, diagnostics=(diagnostic,))
        judged.append(outcome)
    return judged


def _result(found: Discovery, outcomes: Sequence[Outcome], plan: Plan, others: Iterable[Diagnostic]) -> BuildResult:
    diagnostics = {*found.diagnostics, *others, *(item for outcome in outcomes for item in outcome.diagnostics)}
    count = len({*(spec.name for spec in found.specs), *(item.location.file for item in found.diagnostics)})
    proven = sum(outcome.proven for outcome in outcomes)
    return BuildResult(count, tuple(sorted(diagnostics, key=Diagnostic.sort_key)), plan, proven)
