"""How many small faults in the generated layers do their generated tests find?

Each layer is changed in one place at a time: an operator, a sign, a number, an axis, a term left out, two arguments
swapped, a function exchanged for its neighbour, a branch or a mode ignored, other initial values. Its tests are run
against each of these mutants, until one fails: what `layergen test --mutate` does. Prints the mutants that survive,
with the line that differs; the layers of which too few are found; and the shares that were found, of layers that
`matches` holds to a twin in torch and of those that it does not. Some of the mutants compute the same as the layer,
which nothing can find: those that a spec marks so, with its reason, are counted by themselves.

    python benchmarks/mutants.py [NAMES] [--without test_recorded_values …]
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from layergen.commands.mutation import sort
from layergen.lang.model import LayerSpec
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.mutate.session import Session
from layergen.project.config import Config, load_config
from layergen.project.discovery import SpecFile, discover

ROOT = Path(__file__).parents[1]
LEAST = 0.85  # the share that is asked of each layer


@dataclass(frozen=True)
class Score:
    """How many mutants were made, how many of them were found, and how many others the spec marks."""

    made: int = 0
    found: int = 0
    marked: int = 0

    def __add__(self, other: "Score") -> "Score":
        return Score(self.made + other.made, self.found + other.found, self.marked + other.marked)

    def __str__(self) -> str:
        marked = f", {self.marked} others marked" if self.marked else ""
        return f"{self.found} of {self.made} ({self.share:.1%}){marked}"

    @property
    def share(self) -> float:
        return self.found / self.made if self.made else 1.0

    @property
    def enough(self) -> bool:
        """Whether as many are found as is asked, of those that may not compute the same."""
        return self.found >= LEAST * (self.made - self.marked)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="of layers, as their files are named; all if none is given")
    parser.add_argument("--without", nargs="*", default=[], help="tests to leave out")
    options = parser.parse_args()
    scores: dict[str, Score] = {}
    twins: set[str] = set()
    started = time.perf_counter()
    config = load_config(ROOT)
    for file in chosen(config, options.names):
        layer = validate(load(file.path, file.name))
        scores[layer.layer] = judge(config, file, layer, options.without)
        if layer.matches is not None:
            twins.add(layer.layer)
    for name, score in scores.items():
        if not score.enough:
            print(f"{name}: {score}")
    for kind, names in (("with", scores.keys() & twins), ("without", scores.keys() - twins)):
        print(f"{len(names)} layers {kind} a twin: {sum((scores[name] for name in names), Score())}")
    print(f"{time.perf_counter() - started:.0f} s")


def judge(config: Config, file: SpecFile, layer: LayerSpec, without: Sequence[str]) -> Score:
    """The score of a layer; its survivors are printed."""
    tests = ".".join((config.package, *Path(file.outputs[1]).with_suffix("").parts))
    session = Session(ROOT, tests, ROOT / config.output / file.outputs[0], layer.layer, without)
    survivors = [verdict.mutant for verdict in session.verdicts() if verdict.survives]
    unmarked, _ = sort(layer, survivors)
    for mutant in unmarked:
        print(f"{file.outputs[0]}:{mutant.line}\n{mutant.diff}", flush=True)
    made = len(session.mutants)
    return Score(made, made - len(survivors), len(survivors) - len(unmarked))


def chosen(config: Config, names: Sequence[str]) -> Iterator[SpecFile]:
    """The specs of some layers, or of all."""
    return (file for file in discover(config, []).specs if not names or file.module[-1] in names)


if __name__ == "__main__":
    main()
