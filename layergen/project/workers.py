"""Where the work of a build is done: in this process, or in some others side by side.

An error in one task, or the death of a process, is the outcome of that task alone.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from layergen.diagnostics import LayergenError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

Task = tuple[Callable[..., Any], tuple[Any, ...]]  # a function of a module, and what it is called with

PRELOADED = "layergen.worker"  # by name, for it imports torch
SHARE = 4  # tasks for each process that make it worth its start
LARGE_SHARE = 16  # the same where torch is there already, and would have to be imported anew


class Failure(NamedTuple):
    """An error that nothing foresaw: a bug of layergen, or a process that was killed."""

    summary: str
    traceback: str = ""
    usage: bool = False  # whether it is no bug, but something that stops the work as a whole

    @classmethod
    def of(cls, error: Exception) -> Self:
        """Tell of an exception."""
        import traceback

        summary = "".join(traceback.format_exception_only(error)).rstrip()
        return cls(summary, "".join(traceback.format_exception(error)).rstrip())


class Runner(Protocol):
    """Carries out tasks. Used in a ``with`` block, at whose end no process is left."""

    def submit(self, name: str, task: Task) -> None:
        """Take a task, under a name."""

    def wait(self) -> list[tuple[str, Any]]:
        """The outcomes of some tasks that are done by now, by name; of none only if all are."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def runner(jobs: int, tasks: int) -> Runner:
    """What some tasks are best carried out by, with at most so many processes.

    Two processes take about 1 s of CPU more than one does, and a task about 0.2 s, so that fewer tasks are done sooner
    by one; and where torch is imported already, they would have to import it again.
    """
    number = min(jobs, tasks // (LARGE_SHARE if "torch" in sys.modules else SHARE))
    return Workers(number) if number > 1 else InProcess()


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def attempt(task: Task) -> Any:
    """The outcome of a task, whatever it is."""
    function, arguments = task
    try:
        return function(*arguments)
    except LayergenError as error:
        return Failure(str(error), usage=True)
    except Exception as error:
        return Failure.of(error)


class InProcess:
    """One task after the other, each when its outcome is waited for."""

    def __init__(self) -> None:
        self._tasks: deque[tuple[str, Task]] = deque()

    def submit(self, name: str, task: Task) -> None:
        self._tasks.append((name, task))

    def wait(self) -> list[tuple[str, Any]]:
        if not self._tasks:
            return []
        name, task = self._tasks.popleft()
        return [(name, attempt(task))]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class Worker:
    """A process at the other end of a pipe."""

    def __init__(self, process: "BaseProcess", pipe: "Connection[Any, Any]") -> None:
        self.process = process
        self.pipe = pipe


class Workers:
    """Some processes, each of which gets its next task when it has done one.

    Where the system can do that, they are forked off from one process that has imported torch.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._waiting: deque[tuple[str, Task]] = deque()
        self._idle: list[Worker] = []
        self._busy: dict[object, tuple[Worker, str]] = {}  # by the ends of their pipes

    def submit(self, name: str, task: Task) -> None:
        self._waiting.append((name, task))
        self._hand_out()

    def wait(self) -> list[tuple[str, Any]]:
        from multiprocessing.connection import wait

        outcomes = []
        for pipe in wait([worker.pipe for worker, _ in self._busy.values()]) if self._busy else ():
            worker, name = self._busy.pop(pipe)
            try:
                outcomes.append((name, worker.pipe.recv()))
                self._idle.append(worker)
            except (EOFError, OSError):
                outcomes.append((name, Failure(self._obituary(worker))))
        self._hand_out()
        return outcomes

    def _hand_out(self) -> None:
        while self._waiting and len(self._busy) < self._number:
            fresh = not self._idle
            worker = _start() if fresh else self._idle.pop()
            try:
                worker.pipe.send(self._waiting[0][1])
            except (BrokenPipeError, ConnectionResetError):
                if not fresh:
                    continue  # it died while it had nothing to do, so that another one gets the task
            self._busy[worker.pipe] = worker, self._waiting.popleft()[0]

    def _obituary(self, worker: Worker) -> str:
        worker.process.join()
        code = worker.process.exitcode or 0
        if code >= 0:
            return f"its process ended with exit code {code}"
        import signal

        known = -code in {*signal.Signals}
        return f"its process was killed by {signal.Signals(-code).name if known else f'signal {-code}'}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        workers = [*self._idle, *(worker for worker, _ in self._busy.values())]
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
            worker.pipe.close()


def _start() -> Worker:
    import multiprocessing

    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        from multiprocessing import forkserver, resource_tracker

        context.set_forkserver_preload([PRELOADED])
        resource_tracker.ensure_running()  # by itself, for it ends what is begun here
        with _uninterrupted():
            forkserver.ensure_running()
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)  # type: ignore[attr-defined]
    process.start()
    theirs.close()  # so that the pipe ends with the process
    return Worker(process, ours)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes that are started here, and theirs, do not take notice of an interrupt: this one ends them."""
    if sys.platform == "win32":
        yield
        return
    import signal

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: "Connection[Any, Any]") -> None:
    """Carry out what comes through a pipe, until its other end is closed."""
    import importlib
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    importlib.import_module(PRELOADED)
    with suppress(EOFError, OSError):
        while True:
            task = pipe.recv()
            pipe.send(attempt(task))
