"""How many instructions generated layers take, beside torch.nn's: a number that other work on the machine leaves alone.

    python benchmarks/instructions.py [--calls N] [--turns N] [--size 0|1|2] [NAME ...]

Layers whose spec has a module under `matches`, at one of the sizes of `layergen bench`, the smallest unless told
otherwise, on one thread: eager forward, and forward and backward. Instructions are counted by callgrind, so that
valgrind and a C compiler have to be there; its header comes with torch. All layers are made first, and called in one
process under valgrind: what N and 3 N calls take apart, through 2 N, is a call.

CPython keeps what it has found in classes in a table whose places depend on addresses. Where two names share a place, a
call takes some thousand instructions more, whoever wrote it. So each module is counted in several processes, in which
the names are somewhere else, and the least is taken.
"""

import argparse
import ctypes
import gc
import os
import pickle
import re
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path

import torch
from torch.utils import benchmark

from layergen.bench.measure import starts
from layergen.bench.sizes import ladder
from layergen.bench.subject import Subject, subjects
from layergen.pipeline import resolved
from layergen.project.config import load_config
from layergen.project.discovery import discover, find_spec
from layergen.prove.abstract_run import settled

ROOT = Path(__file__).parent.parent
GOAL = 1.02  # times the instructions of torch.nn's
TURNS = 2  # processes in which a module is counted
SHIFT = "import runpy; held = [str(number) for number in range({count})]; runpy.run_path({path!r}, run_name='__main__')"
SHIFTED = 777  # strings that move all others on
WARM = 30  # calls before any is counted: Python rewrites what it runs often
HEADER = Path(benchmark.__file__).parent / "utils" / "valgrind_wrapper"
VALGRIND = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "-q")
CLIENT = """
#include "callgrind.h"
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
void zero(void) { CALLGRIND_ZERO_STATS; }
void dump(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }
"""
DUMP = re.compile(r"^desc: Trigger: Client Request: ([^\n]+)$.*?^summary: (\d+)", re.MULTILINE | re.DOTALL)
Subjects = dict[str, tuple[Subject, Subject]]  # by layer: itself, and what it matches
Counts = dict[str, float]  # instructions, by what is counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--size", type=int, choices=(0, 1, 2), default=0, help="of the sizes of `layergen bench`")
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)  # of valgrind: what to call, and the client
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.inside:
        call_all(Path(options.inside[0]), options.inside[1], options.calls)
        return
    os.chdir(ROOT)
    made = dict(layers(options.names, options.size))
    report(list(made), counted(made, options.calls, options.turns))


def layers(names: list[str], size: int) -> Iterator[tuple[str, tuple[Subject, Subject]]]:
    """The layers that match a module, of some names or all, each with that module, as far as they have such a size."""
    config = load_config(ROOT)
    specs = [find_spec(config, name) for name in names] or discover(config).specs
    for spec in specs:
        if b"\nmatches:" not in spec.path.read_bytes():
            continue
        program = resolved(spec, config)
        if program.matches is None:
            continue
        with settled():
            for setting in islice(ladder(program, starts(program)[0]), size, size + 1):
                layer = getattr(import_module(".".join((config.package, *spec.module))), program.layer)
                own, match = subjects(program, layer, setting)
                yield program.layer, (own, match)


def counted(made: Subjects, calls: int, turns: int) -> Counts:
    """The instructions of one call of each."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "client.c").write_text(CLIENT)
        library = str(work / "client.so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", f"-I{HEADER}", work / "client.c", "-o", library], check=True)
        (work / "made").write_bytes(pickle.dumps(made))
        alike = {
            "PYTHONHASHSEED": "0",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}",
        }
        least: Counts = {}
        for turn in range(turns):
            start = SHIFT.format(count=SHIFTED * turn, path=__file__)
            command = [*VALGRIND, f"--callgrind-out-file={work}/{turn}.out", sys.executable, "-c", start]
            command += [f"--calls={calls}", "--inside", str(work / "made"), library]
            subprocess.run(command, check=True, env={**os.environ, **alike})
            for name, count in counts_of(work.glob(f"{turn}.out*"), calls):
                least[name] = min(count, least.get(name, count))
    return least


def counts_of(paths: Iterable[Path], calls: int) -> Iterator[tuple[str, float]]:
    """What one process has counted for each call."""
    totals = {name: int(count) for path in paths for name, count in DUMP.findall(path.read_text())}
    for name in (name.removesuffix(" few") for name in totals if name.endswith(" few")):
        yield name, (totals[f"{name} many"] - totals[f"{name} few"]) / (2 * calls)


def call_all(path: Path, library: str, calls: int) -> None:
    """Call all layers, while valgrind counts."""
    client = ctypes.CDLL(library)
    made: Subjects = pickle.loads(path.read_bytes())  # noqa: S301 (written by this script)
    gc.collect()
    gc.disable()
    client.start()
    for name, pair in made.items():
        for subject, owner in zip(pair, ("ours", "theirs"), strict=True):
            count(client, f"{name} forward {owner}", subject.forward, calls)
            both = subject.both()
            if both is not None:
                count(client, f"{name} both {owner}", both, calls)


def count(client: ctypes.CDLL, name: str, call: Callable[[], object], calls: int) -> None:
    """Have valgrind count the instructions of a few calls, and of three times as many."""
    for _ in range(WARM):
        call()
    for times, many in ((calls, "few"), (3 * calls, "many")):
        client.zero()
        for _ in range(times):
            call()
        client.dump(f"{name} {many}".encode())


def report(names: list[str], counts: Counts) -> None:
    """Print a line for each layer, and what is found in all."""
    ratios: dict[str, list[float]] = {"forward": [], "both": []}
    width = max(map(len, names), default=0)
    print(f"{'':{width}}  {'torch.nn':>9}  forward  both")
    for name in names:
        shown = []
        for kind, found in ratios.items():
            ours, theirs = (counts.get(f"{name} {kind} {owner}") for owner in ("ours", "theirs"))
            if ours and theirs:
                found.append(ours / theirs)
            shown.append(f"{ours / theirs:7.3f}" if ours and theirs else " " * 7)
        print(f"{name:{width}}  {counts[f'{name} forward theirs']:9,.0f}  {'  '.join(shown)}")
    for kind, found in ratios.items():
        if found:
            above = sum(ratio > GOAL for ratio in found)
            print(f"{kind}: median {statistics.median(found):.3f}, {above} of {len(found)} above {GOAL}")


if __name__ == "__main__":
    main()
