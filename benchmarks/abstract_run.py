"""How long a layer's check takes: every shape at symbols, all contracts, all settings.

    python benchmarks/abstract_run.py [--rounds N] [SPEC ...]

Prints the CPU time of `layergen.check.check` for each spec, the least of some rounds, with torch imported and one layer
checked before: what a build pays for one more layer.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

from layergen.check import check
from layergen.faults import SpecError
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.resolve import Program, resolve

SPECS = Path(__file__).parent.parent / "specs"
GOAL = 0.15  # seconds for the median layer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("specs", nargs="*", type=Path, default=sorted(SPECS.rglob("*.yaml")))
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what torch warns of in a trial
    layers = [read(path) for path in options.specs]
    check(layers[0])
    times = {layer.layer: min(measure(layer) for _ in range(options.rounds)) for layer in layers}
    width = max(map(len, times))
    for name, seconds in times.items():
        print(f"{name:<{width}}  {seconds:6.3f} s")
    found = sorted(times.values())
    median, mean = statistics.median(found), statistics.mean(found)
    print(f"\nmedian {median:.3f} s (goal: {GOAL} s), mean {mean:.3f} s, min {found[0]:.3f} s, max {found[-1]:.3f} s")


def read(path: Path) -> Program:
    try:
        return resolve(validate(load(path, path.as_posix())))
    except SpecError as fault:
        raise SystemExit(f"{path}: {fault}") from None


def measure(layer: Program) -> float:
    """The CPU time of one check, which other work on the machine disturbs less than the clock."""
    started = time.process_time()
    try:
        check(layer)
    except SpecError as fault:
        raise SystemExit(f"{layer.layer}: {fault}") from None
    return time.process_time() - started


if __name__ == "__main__":
    main()
