"""The order in which specs are built: each after those that it is made of, the others side by side."""

from collections.abc import Callable, Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from layergen.project.workers import Runner, Task

Graph = Mapping[str, Iterable[str]]  # of each name those that it depends on


def without_cycles(graph: Graph) -> tuple[dict[str, tuple[str, ...]], tuple[tuple[str, ...], ...]]:
    """A graph without the dependencies among those that depend on themselves, and the cycles that were found.

    Dependencies that are not in the graph are left out. A cycle begins with its least name, and each name in it
    depends on the next one.
    """
    left = {name: tuple(sorted(other for other in {*graph[name]} if other in graph)) for name in sorted(graph)}
    cycles: list[tuple[str, ...]] = []
    while True:
        try:
            TopologicalSorter(left).prepare()
            return left, tuple(sorted(cycles))
        except CycleError as error:
            *cycle, _ = reversed(error.args[1])  # which lists each name before what depends on it
            least = cycle.index(min(cycle))
            cycles.append((*cycle[least:], *cycle[:least]))
            for name in cycle:
                left[name] = tuple(other for other in left[name] if other not in cycle)


def run(
    graph: Graph,
    runner: Runner,
    begin: Callable[[str], Task | None],
    end: Callable[[str, Any], None],
    work: Callable[[str], int] = lambda name: 0,
) -> None:
    """Carry out a task for each name of a graph without cycles, after the tasks of those that it depends on.

    Args:
        graph: What depends on what.
        runner: Carries the tasks out.
        begin: The task of a name, or ``None`` if there is nothing to do. It is asked when all that the name depends
            on is done.
        end: Takes the outcome of a task.
        work: How much there is to do for a name. Of those that wait, the longest begin first, lest they end last.
    """
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    while sorter.is_active():
        for name in sorted(sorter.get_ready(), key=lambda name: (-work(name), name)):
            task = begin(name)
            if task:
                runner.submit(name, task)
            else:
                sorter.done(name)
        for name, outcome in runner.wait():
            end(name, outcome)
            sorter.done(name)
