"""What one more spec costs a build from nothing on one core, against black alone on what came out.

    python benchmarks/cold.py [--rounds N] [SPEC ...]

Prints for each spec the CPU time of all its stages and that of black on its two texts, the least of some rounds, with
all imported and one layer made before; then how many times as long as the goal the mean takes.
"""

import argparse
import gc
import statistics
import time
import warnings
from pathlib import Path

import black

from layergen import worker
from layergen.pipeline import generate
from layergen.project.config import Config
from layergen.project.discovery import SpecFile, discover
from layergen.project.making import Order
from layergen.render import MODE

__all__ = ["worker"]  # imported for what it imports

CONFIG = Config(Path(__file__).parent.parent.resolve())
FACTOR, EXTRA = 1.5, 0.1  # the goal: so many times black and so many seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("specs", nargs="*", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what torch warns of in a trial
    specs = discover(CONFIG, options.specs).specs
    measure(specs[0])
    found = {
        spec.name: [min(times) for times in zip(*(measure(spec) for _ in range(options.rounds)), strict=True)]
        for spec in specs
    }
    width = max(map(len, found))
    for name, (own, alone) in found.items():
        print(f"{name:<{width}}  {own:6.3f} s, black {alone:.3f} s")
    own, alone = (statistics.mean(times) for times in zip(*found.values(), strict=True))
    goal = FACTOR * (alone + EXTRA)
    print(f"\nmean {own:.3f} s, black {alone:.3f} s, goal {goal:.3f} s: {own / goal:.2f} times the goal")


def measure(spec: SpecFile) -> tuple[float, float]:
    """The CPU time of all stages, and that of black on their texts."""
    gc.collect()
    started = time.process_time()
    texts = generate(Order(spec, CONFIG, {})).texts
    done = time.process_time()
    for text in texts:
        black.format_str(text, mode=MODE)
    return done - started, time.process_time() - done


if __name__ == "__main__":
    main()
