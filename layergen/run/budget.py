"""A budget of turns: what a search may spend on loops, which are long at sizes that nobody has asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SEARCH = 1500  # turns of loops that all tries of a search take together


class Budget:
    """How many turns of loops are left."""

    def __init__(self, turns: int) -> None:
        self.left = turns


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def budget(turns: int = SEARCH) -> Iterator[None]:
    """Let the runs inside take so many turns of loops together, or what is left to the search that they belong to."""
    if _current.get() is not None:
        yield
        return
    token = _current.set(Budget(turns))
    try:
        yield
    finally:
        _current.reset(token)


def affords(turns: int) -> bool:
    """Take turns from the budget; whether there were as many. Without one, there are."""
    found = _current.get()
    if found is None:
        return True
    affordable = turns <= found.left
    found.left -= turns if affordable else 0
    return affordable
