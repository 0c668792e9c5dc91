"""How far a long command is, on the terminal's stderr."""

import sys
import time
from typing import Self

from layergen.words import plural


class ProgressBar:
    """A line on a terminal's stderr about work that takes longer than a moment.

    Args:
        noun: What is counted, in the singular.
        kept: What to say of that which is done where the work is interrupted; nothing if empty.
    """

    PATIENCE = 1.0  # seconds
    WIDTH = 24  # characters

    def __init__(self, noun: str, kept: str = "") -> None:
        self.noun, self.kept = noun, kept

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        self.shown = False
        self.done = ""
        return self

    def __call__(self, done: int, total: int, name: str) -> None:
        self.done = f"{done} of {plural(total, self.noun)}"
        if time.monotonic() - self.started > self.PATIENCE and sys.stderr.isatty():
            bar = "#" * (self.WIDTH * done // total)
            print(f"\r\x1b[K[{bar:<{self.WIDTH}}] {done}/{total} {name}", end="", file=sys.stderr, flush=True)
            self.shown = True

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if kind is KeyboardInterrupt and self.done and self.kept:
            print(f"layergen: {self.done} done; {self.kept}", file=sys.stderr)
