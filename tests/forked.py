"""Tests of a project, run in its folder by a process forked off from this one, which has imported torch already."""

import contextlib
import gc
import multiprocessing
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from projects import take_generated_modules


@dataclass(frozen=True)
class Outcome:
    """What came of a run of pytest."""

    code: int
    output: str


def run_tests(root: Path, *options: str) -> Outcome:
    """Run what ``python -m pytest`` runs in a folder; where the system cannot fork, in a process from nothing."""
    forks = "fork" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork") if forks else multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.txt"
        process = context.Process(target=_run, args=(root, options, output))
        process.start()
        process.join()
        assert process.exitcode is not None
        return Outcome(process.exitcode, output.read_text(encoding="utf-8"))


def _run(root: Path, options: tuple[str, ...], output: Path) -> None:
    """In the process: end it by the exit code of pytest."""
    sys.dont_write_bytecode = False  # so that what the tests share is read and rewritten once, and copied with them
    gc.freeze()  # what is there stays, and is not looked at for garbage
    take_generated_modules()  # of the repository itself
    sys.path.insert(0, str(root))
    with output.open("w", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
        with contextlib.chdir(root), contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            code = pytest.main(list(options))
    sys.exit(code)
