"""Times of calls that are to be compared: they take turns, so that what disturbs one disturbs the others as well.

What is counted is the time of the processor. In one thread it is that on the wall, but for what other processes take.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from time import process_time as clock

BLOCK = 0.001  # seconds that calls are repeated for between two looks at the clock, at least
LEAST, MOST = 25, 999  # turns


def compare(calls: Sequence[Callable[[], object]], seconds: float) -> tuple[float, ...]:
    """Time one or two calls: the seconds of each, the median of all turns, and the ratio of the first to the second.

    The ratio is the median of those in each turn.

    Args:
        calls: What to time.
        seconds: For how long, about; each is called some times in any case.
    """
    number = max(1, round(BLOCK / max(_warm(call) for call in calls)))
    turns: list[list[float]] = []
    with undisturbed():
        begin = clock()
        while len(turns) < LEAST or (clock() - begin < seconds and len(turns) < MOST):
            order = range(len(calls)) if len(turns) % 2 else reversed(range(len(calls)))
            turn = [0.0] * len(calls)
            for index in order:
                turn[index] = _block(calls[index], number)
            turns.append(turn)
    seconds_of = (median(turn[index] for turn in turns) for index in range(len(calls)))
    ratios = [turn[0] / turn[1] for turn in turns] if len(calls) > 1 else []
    return (*seconds_of, *([median(ratios)] if ratios else []))


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let Python search for no garbage inside."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()


def _block(call: Callable[[], object], number: int) -> float:
    """The seconds that a call takes, of so many."""
    begin = clock()
    for _ in range(number):
        call()
    return (clock() - begin) / number


def once(call: Callable[[], object]) -> float:
    """The seconds that a call takes, the first time."""
    return _block(call, 1)


def _warm(call: Callable[[], object]) -> float:
    """The seconds that a call takes about, the first ones apart: they load kernels and fill caches."""
    call()
    call()
    return min(_block(call, 1) for _ in range(3))
