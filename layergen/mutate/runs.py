"""The tests of one layer as functions of the layer, so that they can be run against another one in its place."""

import contextlib
import importlib
import inspect
import io
import itertools
import sys
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import torch

from layergen.mutate.mutants import Mutant

FIRST = ("test_recorded_values", "test_definition", "test_matches_torch", "test_gradients")  # these find most
SLOW = "slow"  # the mark of tests that are left out
Rows = Callable[[Any, str], Mapping[str, Any] | None]


@dataclass(frozen=True)
class Run:
    """A test with its arguments."""

    name: str
    test: Callable[[Any], None]  # from the layer

    def fails(self, layer: Any) -> bool:
        """Whether a layer does not pass."""
        torch.manual_seed(0)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self.test(layer)
        except (pytest.skip.Exception, KeyboardInterrupt) as outcome:
            if isinstance(outcome, KeyboardInterrupt):
                raise
        except BaseException:  # what a mutant raises, be it `SystemExit`, and `pytest.fail`, which is no `Exception`
            return True
        return False


def runs_of(tests: Any, rows_of: Rows, without: Collection[str] = ()) -> Iterator[Run]:
    """All runs of a layer's tests, as ``conftest.py`` makes them.

    Args:
        tests: The layer's test module.
        rows_of: The function of ``conftest.py`` that tells what a test is run with as an argument.
        without: The names of tests to leave out.
    """
    functions = {name: value for name, value in vars(tests).items() if name.startswith("test_") and name not in without}
    for name in sorted(functions, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)):
        marks = {mark.name: mark for mark in getattr(functions[name], "pytestmark", ())}
        if SLOW in marks:
            continue
        wanted = [argument for argument in inspect.signature(functions[name]).parameters if argument != "layer"]
        values = [list(_values(tests, rows_of, marks.get("parametrize"), argument)) for argument in wanted]
        for row in itertools.product(*values):
            yield Run(name, partial(_called, functions[name], dict(zip(wanted, row, strict=True))))


def _called(function: Callable[..., None], row: Mapping[str, Any], layer: Any) -> None:
    function(layer, **row)


def _values(tests: Any, rows_of: Rows, mark: Any, argument: str) -> Iterable[Any]:
    """What a test is run with as an argument."""
    rows = rows_of(tests, argument)
    if rows is not None:
        return rows.values()
    if mark is None or mark.args[0] != argument:
        raise LookupError(f"a test has the argument `{argument}`, and nobody knows what it is run with")
    values: Iterable[Any] = mark.args[1]
    return values


class Judge:
    """Runs the tests of a layer against its mutants, those first that have found one last.

    Args:
        name: The dotted name of the layer's test module.
        without: The names of tests to leave out.
    """

    def __init__(self, name: str, without: Collection[str] = ()) -> None:
        self.tests = importlib.import_module(name)
        package = name.split(".tests.")[0]
        rows_of = importlib.import_module(f"{package}.tests.conftest").rows_of
        self.runs = list(runs_of(self.tests, rows_of, without))
        self.constructor = self.tests.LAYER.constructor
        self.module = sys.modules[self.constructor.__module__]

    def failing(self, layer: Any) -> str | None:
        """The first test that a layer does not pass."""
        for place, run in enumerate(self.runs):
            if run.fails(layer):
                self.runs.insert(0, self.runs.pop(place))
                return run.name
        return None

    def found(self, mutant: Mutant) -> str | None:
        """The test that finds a mutant, or that it cannot even be loaded."""
        module = types.ModuleType(self.module.__name__)
        module.__dict__.update(__package__=self.module.__package__, __file__=self.module.__file__)
        sys.modules[module.__name__] = module
        try:
            exec(compile(mutant.tree, str(module.__file__), "exec"), module.__dict__)  # noqa: S102 (it is our own)
            changed = getattr(module, self.constructor.__name__)
        except Exception:
            return "import"
        else:
            return self.failing(replace(self.tests.LAYER, constructor=changed))
        finally:
            sys.modules[module.__name__] = self.module
