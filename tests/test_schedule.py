"""The order of builds, and the processes that they are carried out in."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from layergen.lang.nodes import Data
from layergen.project.library import Library, contract_digest, dependencies
from layergen.project.manifest import Made
from layergen.project.schedule import Graph, run, without_cycles
from layergen.project.workers import LARGE_SHARE, SHARE, Failure, InProcess, Runner, Task, Workers, attempt, runner


def double(number: int) -> int:
    return 2 * number


def fail(message: str) -> None:
    raise RuntimeError(message)


def die(code: int) -> None:
    os._exit(code)


def process(_: int) -> int:
    return os.getpid()


def order(graph: Graph, runner: Runner, idle: tuple[str, ...] = ()) -> list[str]:
    """The names in the order in which they are done; an idle one has no task."""
    done: list[str] = []

    def begin(name: str) -> Task | None:
        assert {*graph[name]} <= {*done}
        if name in idle:
            done.append(name)
            return None
        return double, (len(name),)

    def end(name: str, outcome: Any) -> None:
        assert outcome == 2 * len(name)
        done.append(name)

    run(graph, runner, begin, end)
    return done


DIAMOND = {"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}


@pytest.mark.parametrize("idle", [(), ("d",), ("b", "c"), ("a", "b", "c", "d")])
def test_each_comes_after_what_it_depends_on(idle: tuple[str, ...]) -> None:
    done = order(DIAMOND, InProcess(), idle)
    assert sorted(done) == ["a", "b", "c", "d"] and done[0] == "d" and done[-1] == "a"


def test_of_those_that_wait_the_longest_begin_first() -> None:
    begun: list[str] = []
    lengths = {"a": 1, "b": 3, "c": 2, "d": 0}
    run({"a": ["d"], "b": [], "c": [], "d": []}, InProcess(), begun.append, print, lengths.__getitem__)
    assert begun == ["b", "c", "d", "a"]


def test_cycles_are_found_and_cut() -> None:
    graph = {"x": ["y"], "y": ["z"], "z": ["x", "w"], "w": [], "v": ["x", "elsewhere"], "self": ["self"]}
    left, cycles = without_cycles(graph)
    assert cycles == (("self",), ("x", "y", "z"))
    assert left == {"self": (), "v": ("x",), "w": (), "x": (), "y": (), "z": ("w",)}
    assert sorted(order(left, InProcess())) == sorted(graph)


def test_two_cycles_through_one_name_are_both_cut() -> None:
    left, cycles = without_cycles({"a": ["b", "c"], "b": ["a"], "c": ["a"]})
    assert set(cycles) == {("a", "b"), ("a", "c")} and not any(left.values())


def test_dependencies_are_the_layers_that_modules_construct() -> None:
    modules: Data = {
        "norm": "RMSNorm(dim, eps)",
        "mix": "nn.Linear(dim, dim)",
        "blocks": "[Block(dim, 2**i) for i in range(depth)]",
        "tail": {"module": "Tail(Inner (3))", "when": "tail", "doc": "Prose (of Nobody(1))."},
    }
    assert dependencies({"modules": modules, "forward": "y = Other(x)"}) == ("Block", "Inner", "RMSNorm", "Tail")
    assert dependencies({"layer": "A"}) == () == dependencies({"modules": None})


def test_library_hands_out_contracts_by_class() -> None:
    loaded: list[str] = []

    def load(key: str) -> dict[str, Any]:
        loaded.append(key)
        return {"key": key}

    library = Library(load)
    library.add(Made("1", "A", True, True, ("", ""), "digest of A", {}))
    library.add(Made("2", "B", True, True, ("", ""), "digest of B", {}), {"key": "at hand"})
    assert library.uses(["B", "A", "None"]) == {"A": "digest of A", "B": "digest of B", "None": ""}
    assert not loaded
    assert library.contracts(["A", "B", "None"]) == {"A": {"key": "1"}, "B": {"key": "at hand"}}
    library.contracts(["A"])
    assert loaded == ["1"]


def test_digest_of_a_contract_is_that_of_its_values() -> None:
    assert contract_digest({"a": 1, "b": [2]}) == contract_digest({"b": [2], "a": 1}) != contract_digest({"a": 1})


@pytest.mark.parametrize(("share", "torch"), [(SHARE, False), (LARGE_SHARE, True)])
def test_few_tasks_stay_in_this_process(share: int, torch: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if torch:
        monkeypatch.setitem(sys.modules, "torch", sys.modules.get("torch", ModuleType("torch")))
    else:
        monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert isinstance(runner(8, 2 * share - 1), InProcess) and isinstance(runner(1, 100), InProcess)
    assert isinstance(runner(2, 2 * share), Workers)


def test_error_in_a_task_is_its_outcome() -> None:
    failure = attempt((fail, ("broken",)))
    assert isinstance(failure, Failure) and failure.summary == "RuntimeError: broken" and "in fail" in failure.traceback


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Two processes: to start them takes as long as to import torch."""
    with Workers(2) as workers:
        yield workers


def outcomes(workers: Runner) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while some := workers.wait():
        found |= dict(some)
    return found


def test_workers_keep_the_order(workers: Workers) -> None:
    done = order(DIAMOND, workers)
    assert done[0] == "d" and done[-1] == "a"


def test_tasks_are_done_side_by_side_in_other_processes(workers: Workers) -> None:
    for name in "ab":
        workers.submit(name, (process, (0,)))
    assert os.getpid() not in {*outcomes(workers).values()}


def test_error_and_death_are_the_outcome_of_one_task(workers: Workers) -> None:
    workers.submit("error", (fail, ("broken",)))
    workers.submit("death", (die, (3,)))
    workers.submit("killed", (os.kill, ("no process", 9)))
    for number in range(6):
        workers.submit(str(number), (double, (number,)))
    found = outcomes(workers)
    assert found["error"].summary == "RuntimeError: broken"
    assert found["death"].summary == "its process ended with exit code 3"
    assert found["killed"].summary.startswith("TypeError")
    assert [found[str(number)] for number in range(6)] == [0, 2, 4, 6, 8, 10]


def suicide(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_process_that_is_killed_is_told_by_its_signal(workers: Workers) -> None:
    workers.submit("killed", (suicide, (signal.SIGKILL,)))
    assert outcomes(workers)["killed"] == Failure("its process was killed by SIGKILL")


def test_process_that_dies_while_it_waits_is_replaced(workers: Workers) -> None:
    workers.submit("a", (process, (0,)))
    pid = outcomes(workers)["a"]
    os.kill(pid, signal.SIGTERM)
    while alive(pid):
        time.sleep(0.01)
    for name in "abc":
        workers.submit(name, (process, (0,)))
    found = {*outcomes(workers).values()}
    assert pid not in found and not any(isinstance(outcome, Failure) for outcome in found)


def test_no_process_is_left(tmp_path: Path) -> None:
    with Workers(1) as workers:
        workers.submit("a", (process, (0,)))
        pid = outcomes(workers)["a"]
        workers.submit("b", (time.sleep, (60,)))
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def imported(name: str) -> bool:
    return name in sys.modules


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("name", ["torch", "torch._dynamo", "black", "layergen.lang.validate", "layergen.contract"])
def test_process_has_imported_what_its_first_task_needs(workers: Workers, name: str) -> None:
    workers.submit(name, (imported, (name,)))
    assert outcomes(workers) == {name: True}
