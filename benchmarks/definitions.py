"""What do definitions cost a build? Goal: at most 1.3 times a build without them.

    python benchmarks/definitions.py [SPEC ...]

Makes each spec that has a definition and no members from nothing, with it and without it in turns: checked, proven,
rendered and formatted. Prints the CPU time of both, with all imported and one layer made before; then that of all
together. A spec that is no spec without its definition is left out.
"""

import argparse
import gc
import re
import tempfile
import time
import warnings
from pathlib import Path

from layergen import worker
from layergen.pipeline import generate
from layergen.project.config import Config
from layergen.project.discovery import SpecFile, discover
from layergen.project.making import Order

__all__ = ["worker"]  # imported for what it imports

ROUNDS = 2  # the first one pays for what torch and sympy keep
CONFIG = Config(Path(__file__).parent.parent.resolve())
DEFINITION = re.compile(r"^definition:.*\n((  .*)?\n)*", re.MULTILINE)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("specs", nargs="*", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # what torch warns of in a trial
    specs = discover(CONFIG, options.specs).specs
    measure(specs[0], CONFIG)
    with_it = without = 0.0
    for spec in specs:
        text = (CONFIG.root / spec.name).read_text()
        if DEFINITION.search(text) and "\nmodules:" not in text:
            found = compared(spec, text)
            if found is not None:
                print(f"{spec.name:<50}  {found[0]:6.3f} s with, {found[1]:6.3f} s without")
                with_it, without = with_it + found[0], without + found[1]
    print(f"\n{with_it:.1f} s with, {without:.1f} s without: {with_it / without:.2f} times")


def compared(spec: SpecFile, text: str) -> tuple[float, float] | None:
    """The CPU time of a spec with its definition and without, the least of some rounds."""
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder, "specs", Path(spec.name).name)
        bare.parent.mkdir()
        bare.write_text(DEFINITION.sub("", text))
        config = Config(Path(folder))
        other = discover(config, [bare]).specs[0]
        rounds = [(measure(other, config), measure(spec, CONFIG)) for _ in range(ROUNDS)]
    without, own = (
        min((time for time in times if time is not None), default=None) for times in zip(*rounds, strict=True)
    )
    return None if without is None or own is None else (own, without)


def measure(spec: SpecFile, config: Config) -> float | None:
    """The CPU time of all stages; None where they find a fault."""
    gc.collect()
    started = time.process_time()
    made = generate(Order(spec, config, {}))
    return None if made.diagnostics else time.process_time() - started


if __name__ == "__main__":
    main()
