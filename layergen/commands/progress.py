"""How far a long command is, on the terminal's stderr."""

import sys
import time
from typing import Self


class ProgressBar:
    """A line on a terminal's stderr about builds that take longer than a moment."""

    PATIENCE = 1.0  # seconds
    WIDTH = 24  # characters

    def __enter__(self) -> Self:
        self.started = time.monotonic()
        self.shown = False
        return self

    def __call__(self, done: int, total: int, name: str) -> None:
        if time.monotonic() - self.started > self.PATIENCE and sys.stderr.isatty():
            bar = "#" * (self.WIDTH * done // total)
            print(f"\r\x1b[K[{bar:<{self.WIDTH}}] {done}/{total} {name}", end="", file=sys.stderr, flush=True)
            self.shown = True

    def __exit__(self, *_: object) -> None:
        if self.shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
