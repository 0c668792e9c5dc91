"""How long builds take: from nothing, with one spec changed, with nothing changed, and in two processes.

    python benchmarks/build.py [--specs N] [--rounds N] [--parallel]

The specs are the shipped ones, copied under other class names. Each build is a process of its own. What a build with
nothing changed costs is compared, in the same run, with a process that does nothing but read and hash the same files.
The memory is the most that the process of a cold build has held.
"""

import argparse
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from graphlib import TopologicalSorter
from pathlib import Path

from layergen.project.library import MEMBER

ROOT = Path(__file__).parent.parent
LAYER = re.compile(r"^layer: (\w+)$", re.MULTILINE)
HEAVY = ("torch", "sympy", "black", "jinja2", "pydantic")
BUILD = (
    "import sys; from layergen.cli import main; code = main(['build', *sys.argv[1:]]);"
    f"print(*sorted(set({HEAVY!r}) & set(sys.modules))); sys.exit(code)"
)
READ = """
import hashlib, os
for top in ("specs", "generated"):
    for folder, _, names in os.walk(top):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                hashlib.sha256(file.read()).digest()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--specs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--parallel", action="store_true", help="build from nothing with -j 2, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        first = copies(folder, options.specs)
        cold, cpu, _ = run(folder, BUILD, "-j", "1")
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"cold build          {cold:8.2f} s, {cpu / options.specs:.3f} s of CPU a spec, {memory:.0f} MiB")
        if options.parallel:
            shutil.rmtree(folder / "generated")
            shutil.rmtree(folder / ".layergen_cache")
            parallel, _, _ = run(folder, BUILD, "-j", "2")
            print(f"cold build, -j 2    {parallel:8.2f} s, {cold / parallel:.2f} times as fast")
        run(folder, BUILD)  # reads what the first one wrote
        first.write_text(first.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
        changed, cpu, _ = run(folder, BUILD)
        print(f"one spec changed    {changed:8.2f} s, {cpu:.2f} s of CPU")
        run(folder, BUILD)
        builds = [run(folder, BUILD) for _ in range(options.rounds)]
        reads = [run(folder, READ) for _ in range(options.rounds)]
    clocks = ([each[0] for each in builds], [each[0] for each in reads])
    for unit, (own, bare) in (("clock", clocks), ("CPU", ([each[1] for each in builds], [each[1] for each in reads]))):
        build, read = min(own), min(bare)
        ratio = f"{build / read:.1f} times the {read:.3f} s to read and hash"
        print(f"nothing changed     {build:8.3f} s ({unit}), {ratio}")
    print(f"nothing changed imports {builds[-1][2] or 'none'} of {', '.join(HEAVY)}")


def copies(folder: Path, number: int) -> Path:
    """Copy the shipped specs until there are so many, made of copies of their members; the path of the first."""
    shipped = in_order()
    paths = []
    for index in range(number):
        spec, turn = shipped[index % len(shipped)], index // len(shipped)
        text = LAYER.sub(rf"layer: \g<1>V{turn}", spec.read_text(encoding="utf-8"))
        text = re.sub(MEMBER, rf"\g<1>V{turn}(", text)
        path = folder / "specs" / spec.parent.name / f"{spec.stem}_v{turn}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths[0]


def in_order() -> list[Path]:
    """The shipped specs, each after those of its members."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "specs").rglob("*.yaml"))}
    places = {found[1]: path for path, text in texts.items() if (found := LAYER.search(text))}
    graph = {
        path: {places[name] for name in re.findall(MEMBER, text) if name in places} for path, text in texts.items()
    }
    return list(TopologicalSorter(graph).static_order())


def run(folder: Path, program: str, *arguments: str) -> tuple[float, float, str]:
    """Run a program in a folder: the seconds by the clock and of CPU, and what it printed."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, done.stdout.strip()


if __name__ == "__main__":
    main()
