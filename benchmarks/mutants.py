"""How many small faults in the generated layers do their generated tests find?

Each layer is changed in one place at a time: an operator, a sign, a number, an axis, a term left out, two arguments
swapped, a function exchanged for its neighbour, a branch or a mode ignored, other initial values. Its tests are run
against each of these mutants, until one fails: what `layergen test --mutate` does, without marks. Prints the mutants
that survive, with the line that differs, and the shares that were found, of layers that `matches` holds to a twin in
torch and of those that it does not. Some of the mutants compute the same as the layer, which nothing can find.

    python benchmarks/mutants.py [NAMES] [--without test_recorded_values …]
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.mutate.session import Session
from layergen.project.config import Config, load_config
from layergen.project.discovery import SpecFile, discover

ROOT = Path(__file__).parents[1]


@dataclass
class Score:
    """How many mutants were made, and how many of them were found."""

    made: int = 0
    found: int = 0

    def __str__(self) -> str:
        share = f" ({self.found / self.made:.1%})" if self.made else ""
        return f"{self.found} of {self.made}{share}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="of layers, as their files are named; all if none is given")
    parser.add_argument("--without", nargs="*", default=[], help="tests to leave out")
    options = parser.parse_args()
    scores = {"with a twin": Score(), "without a twin": Score()}
    started = time.perf_counter()
    config = load_config(ROOT)
    for file in chosen(config, options.names):
        layer = validate(load(file.path, file.name))
        score = scores["with a twin" if layer.matches is not None else "without a twin"]
        tests = ".".join((config.package, *Path(file.outputs[1]).with_suffix("").parts))
        session = Session(ROOT, tests, ROOT / config.output / file.outputs[0], layer.layer, options.without)
        for verdict in session.verdicts():
            score.made += 1
            score.found += not verdict.survives
            if verdict.survives:
                print(f"{file.outputs[0]}:{verdict.mutant.line}\n{verdict.mutant.diff}", flush=True)
    for kind, score in scores.items():
        print(f"layers {kind}: {score}")
    print(f"{time.perf_counter() - started:.0f} s")


def chosen(config: Config, names: Sequence[str]) -> Iterator[SpecFile]:
    """The specs of some layers, or of all."""
    return (file for file in discover(config, []).specs if not names or file.module[-1] in names)


if __name__ == "__main__":
    main()
