"""How long a build of the shipped specs takes, with nothing made before, and again with nothing changed.

    python benchmarks/build.py [--rounds N]

Each build is a process of its own, in a copy of the specs. Prints the least of some rounds, the ratio of the two, and
whether the build with nothing changed has imported one of the heavy libraries.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEAVY = ("torch", "sympy", "black", "jinja2", "pydantic")
BUILD = (
    "import sys; from layergen.cli import main; code = main(['build']);"
    f"print(*sorted(set({HEAVY!r}) & set(sys.modules))); sys.exit(code)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    cold, unchanged, imported = [], [], ""
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(ROOT / "specs", Path(folder, "specs"))
            seconds, _ = build(folder)
            cold.append(seconds)
            for _ in range(3):
                seconds, imported = build(folder)
                unchanged.append(seconds)
    print(f"cold build       {min(cold):7.2f} s")
    print(f"unchanged build  {min(unchanged):7.2f} s, {min(cold) / min(unchanged):.0f} times as fast")
    print(f"unchanged build imports {imported or 'none'} of {', '.join(HEAVY)}")


def build(folder: str) -> tuple[float, str]:
    """Build in a folder: the seconds that it took, and the heavy libraries that it imported."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", BUILD], cwd=folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    return seconds, done.stdout.strip()


if __name__ == "__main__":
    main()
