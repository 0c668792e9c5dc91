"""How many instructions generated layers take, beside torch.nn's: a number that other work on the machine leaves alone.

    python benchmarks/instructions.py [--calls N] [NAME ...]

Layers whose spec has a module under `matches`, at the smallest size of `layergen bench`, on one thread: eager
forward, and forward and backward. Instructions are counted by callgrind, so that valgrind and a C compiler have to be
there; its header comes with torch. All layers are made first, and called in one process under valgrind, which counts
only while they are called: what N and 3 N calls take apart, through 2 N, is a call.
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
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import torch
from torch.utils import benchmark

from layergen.bench.measure import starts
from layergen.bench.subject import Subject, subjects
from layergen.pipeline import resolved
from layergen.project.config import load_config
from layergen.project.discovery import discover, find_spec

ROOT = Path(__file__).parent.parent
GOAL = 1.02  # times the instructions of torch.nn's
WARM = 30  # calls before any is counted: Python rewrites what it runs often
HEADER = Path(benchmark.__file__).parent / "utils" / "valgrind_wrapper"
VALGRIND = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "-q")
CLIENT = """
#include "callgrind.h"
void begin(void) { CALLGRIND_START_INSTRUMENTATION; CALLGRIND_ZERO_STATS; }
void end(const char *name) { CALLGRIND_DUMP_STATS_AT(name); CALLGRIND_STOP_INSTRUMENTATION; }
"""
DUMP = re.compile(r"^desc: Trigger: Client Request: ([^\n]+)$.*?^summary: (\d+)", re.MULTILINE | re.DOTALL)
Subjects = dict[str, tuple[Subject, Subject]]  # by layer: itself, and what it matches
Counts = dict[str, float]  # instructions, by what is counted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=5)
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)  # of valgrind: what to call, and the client
    parser.add_argument("names", nargs="*", metavar="NAME")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if options.inside:
        call_all(Path(options.inside[0]), options.inside[1], options.calls)
        return
    os.chdir(ROOT)
    made = dict(layers(options.names))
    report(list(made), counted(made, options.calls))


def layers(names: list[str]) -> Iterator[tuple[str, tuple[Subject, Subject]]]:
    """The layers that match a module, of some names or all, each at its smallest size, with that module."""
    config = load_config(ROOT)
    specs = [find_spec(config, name) for name in names] or discover(config).specs
    for spec in specs:
        if b"\nmatches:" not in spec.path.read_bytes():
            continue
        program = resolved(spec, config)
        if program.matches is not None:
            layer = getattr(import_module(".".join((config.package, *spec.module))), program.layer)
            both = subjects(program, layer, starts(program)[0])
            yield program.layer, (both[0], both[1])


def counted(made: Subjects, calls: int) -> Counts:
    """The instructions of one call of each."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "client.c").write_text(CLIENT)
        library = str(work / "client.so")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", f"-I{HEADER}", work / "client.c", "-o", library], check=True)
        (work / "made").write_bytes(pickle.dumps(made))
        command = [*VALGRIND, f"--callgrind-out-file={work}/out", sys.executable, __file__, f"--calls={calls}"]
        alike = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        subprocess.run([*command, "--inside", work / "made", library], check=True, env={**os.environ, **alike})
        dumps = [match for path in work.glob("out*") for match in DUMP.findall(path.read_text())]
    totals = {name: int(count) for name, count in dumps}
    names = [name.removesuffix(" few") for name in totals if name.endswith(" few")]
    return {name: (totals[f"{name} many"] - totals[f"{name} few"]) / (2 * calls) for name in names}


def call_all(path: Path, library: str, calls: int) -> None:
    """Call all layers, while valgrind counts."""
    client = ctypes.CDLL(library)
    made: Subjects = pickle.loads(path.read_bytes())  # noqa: S301 (written by this script)
    gc.collect()
    gc.disable()
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
        client.begin()
        for _ in range(times):
            call()
        client.end(f"{name} {many}".encode())


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
