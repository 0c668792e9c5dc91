"""Judges all mutants of a layer, in processes that are ended where a mutant hangs."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layergen.diagnostics import LayergenError
from layergen.mutate.mutants import Mutant, mutants

LEAST, TIMES = 10.0, 5.0  # how long a mutant's tests may take: seconds, and as many times what the layer's own take
START = 300.0  # seconds for the first word of a process
HANGS, DIES = "the time limit", "the end of the process"  # what finds a mutant, other than a test


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    mutant: Mutant
    found: str | None  # the test that finds it; None: it survives

    @property
    def survives(self) -> bool:
        return self.found is None


class Session:
    """The mutants of one layer.

    Args:
        root: The folder of the project.
        tests: The dotted name of the layer's test module.
        module: The file of the layer.
        layer: Its class.
        without: The names of tests to leave out.
    """

    def __init__(self, root: Path, tests: str, module: Path, layer: str, without: Collection[str] = ()) -> None:
        self.root, self.tests, self.without = root, tests, tuple(without)
        self.mutants = list(mutants(module.read_text(encoding="utf-8"), layer))

    def verdicts(self) -> Iterator[Verdict]:
        """What becomes of each mutant, one after the other.

        Raises:
            LayergenError: If the tests fail on the layer itself, or cannot be run.
        """
        done = 0
        while done < len(self.mutants):
            for verdict in self._from(done):
                done += 1
                yield verdict

    def _from(self, begin: int) -> Iterator[Verdict]:
        """The verdicts of one process, up to the mutant that ends it."""
        with _Worker(self.root, (self.tests, str(begin), *self.without)) as worker:
            said = worker.hear(START)
            if said is None:
                raise LayergenError(f"the tests of `{self.tests}` cannot be run: {worker.last_words()}")
            if said["failing"]:
                raise LayergenError(f"`{said['failing']}` of `{self.tests}` fails on the layer itself")
            limit = LEAST + TIMES * float(said["seconds"])
            for mutant in self.mutants[begin:]:
                said = worker.hear(limit)
                yield Verdict(mutant, said["found"] if said else DIES if worker.ended else HANGS)
                if said is None:
                    return


class _Worker:
    """A process that judges mutants."""

    def __init__(self, root: Path, arguments: tuple[str, ...]) -> None:
        words = [sys.executable, "-m", "layergen.mutate.worker", *arguments]
        self.process = subprocess.Popen(
            words, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.errors: list[str] = []
        self.ended = False
        self.readers = [threading.Thread(target=read, daemon=True) for read in (self._read, self._read_errors)]

    def __enter__(self) -> "_Worker":
        for reader in self.readers:
            reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for reader in self.readers:
            reader.join()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors = [*self.errors[-20:], line]

    def hear(self, seconds: float) -> dict[str, Any] | None:
        """What it says next; None where it does not in time, or has ended."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            return None
        if line is None:
            self.ended = True
            return None
        said: dict[str, Any] = json.loads(line)
        return said

    def last_words(self) -> str:
        """The last line of its errors."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LEAST)
        self.process.kill()
        self.readers[1].join()
        lines = [line.strip() for line in self.errors if line.strip()]
        return lines[-1] if lines else "it says nothing"
