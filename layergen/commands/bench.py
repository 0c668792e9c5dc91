"""``layergen bench``: the time and the memory of generated layers, beside the modules that they match."""

import importlib
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from layergen.bench.measure import measured, starts
from layergen.bench.plot import as_svg
from layergen.bench.report import Benched, as_json, as_table, summary
from layergen.commands.progress import ProgressBar
from layergen.diagnostics import Diagnostic, LayergenError
from layergen.faults import SourceError
from layergen.lang.interpreter import first_line
from layergen.pipeline import resolved
from layergen.project.config import Config
from layergen.project.discovery import SpecFile
from layergen.resolve.program import Program


@dataclass(frozen=True)
class Options:
    """How layers are measured, and what becomes of it."""

    style: str = "full"  # or "json"
    plot: Path | None = None  # where to draw it
    seconds: float = 0.2  # for how long each is called, about, each time that it is measured
    all_cases: bool = False  # whether to begin with each case of a spec, and not with the first one alone


def programs(config: Config, specs: Sequence[SpecFile]) -> list[Program]:
    """The specs of layers that are to be measured.

    Raises:
        SourceError: With all faults of all of them.
    """
    found: list[Program] = []
    faults: list[Diagnostic] = []
    with ProgressBar("spec") as progress:
        for index, spec in enumerate(specs):
            try:
                found.append(resolved(spec, config))
            except SourceError as fault:
                faults += fault.diagnostics
            progress(index + 1, len(specs), spec.path.stem)
    if faults:
        raise SourceError(faults)
    return found


def bench(config: Config, specs: Sequence[SpecFile], options: Options) -> bool:
    """Print what layers take; gives whether all could be measured.

    Raises:
        SourceError: If specs have faults.
        LayergenError: If the drawing cannot be written.
    """
    begin = time.monotonic()
    layers = list(zip(specs, programs(config, specs), strict=True))
    benched: list[Benched] = []
    failed = False
    try:
        with _settled(config), ProgressBar("layer") as progress:
            for index, (spec, program) in enumerate(layers):
                try:
                    benched += _benched(program, _layer(config, spec, program), options)
                except Exception as error:  # of a module that was changed by hand, or not built after its spec was
                    failed = True
                    print(f"layergen: `{program.layer}` cannot be measured: {first_line(error)}", file=sys.stderr)
                progress(index + 1, len(layers), program.layer)
    finally:  # of a run that is interrupted what there is
        _report(benched, options)
    print(f"{summary(benched)} ({time.monotonic() - begin:.1f} s)", file=sys.stderr)
    return not failed


@contextmanager
def _settled(config: Config) -> Iterator[None]:
    """A process in which figures can be compared, and that imports the modules of a project."""
    root, threads = str(config.root), torch.get_num_threads()
    sys.path.insert(0, root)
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what torch does not recommend
            yield
    finally:
        torch.set_num_threads(threads)
        sys.path.remove(root)


def _layer(config: Config, spec: SpecFile, program: Program) -> type[nn.Module]:
    """The generated class."""
    layer = getattr(importlib.import_module(".".join((config.package, *spec.module))), program.layer)
    assert isinstance(layer, type) and issubclass(layer, nn.Module)
    return layer


def _benched(program: Program, layer: type[nn.Module], options: Options) -> Iterator[Benched]:
    for start in starts(program, options.all_cases):
        yield Benched.of(program, start.name, measured(program, layer, start, options.seconds))


def _report(benched: Sequence[Benched], options: Options) -> None:
    if benched or options.style == "json":
        print(as_json(benched) if options.style == "json" else as_table(benched))
    if options.plot is None:
        return
    try:
        options.plot.write_text(as_svg(benched), encoding="utf-8")
    except OSError as error:
        raise LayergenError(f"cannot write `{options.plot}`: {error.strerror}") from None
