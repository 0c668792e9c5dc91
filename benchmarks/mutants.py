"""How many small faults in the generated layers do their generated tests find?

Each layer is changed in one place at a time: an operator, a sign, a number, an axis, a term left out, two arguments
swapped, a function exchanged for its neighbour, a branch or a mode ignored, other initial values. Its tests are run
against each of these mutants in this process, until one fails. Prints the mutants that survive, with the line that
differs, and the shares that were found, of layers that `matches` holds to a twin in torch and of those that it does
not. Some of the mutants compute the same as the layer, which nothing can find.

    python benchmarks/mutants.py [NAMES] [--without test_recorded_values …]
"""

import argparse
import ast
import contextlib
import copy
import difflib
import importlib
import inspect
import io
import itertools
import pkgutil
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from mutations import mutations

import generated.tests

TABLES = {"case": "CASES", "rejection": "REJECTIONS", "wrong_shape": "WRONG_SHAPES", "limit": "LIMITS", "law": "LAWS"}
FIRST = ("test_recorded_values", "test_matches_torch", "test_gradients")  # what finds most is run first
VALUES = ("forward", "penalty", "reset_parameters", "_initialize", "__init__")  # the methods that are changed


@dataclass
class Score:
    """How many mutants were made, and how many of them were found."""

    made: int = 0
    found: int = 0

    def __str__(self) -> str:
        share = f" ({self.found / self.made:.1%})" if self.made else ""
        return f"{self.found} of {self.made}{share}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="of layers, as their files are named; all if none is given")
    parser.add_argument("--without", nargs="*", default=[], help="tests to leave out")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    scores = {"with a twin": Score(), "without a twin": Score()}
    started = time.perf_counter()
    for tests in layer_tests(options.names):
        score = scores["with a twin" if tests.LAYER.reference else "without a twin"]
        for diff, found in judged(tests, options.without):
            score.made += 1
            score.found += found
            if not found:
                print(diff, flush=True)
    for kind, score in scores.items():
        print(f"layers {kind}: {score}")
    print(f"{time.perf_counter() - started:.0f} s")


def layer_tests(names: list[str]) -> Iterator[Any]:
    """The test modules of the generated layers."""
    for module in pkgutil.walk_packages(generated.tests.__path__, "generated.tests."):
        name = module.name.rpartition(".")[2]
        if name.startswith("test_") and (not names or name.removeprefix("test_") in names):
            yield importlib.import_module(module.name)


def judged(tests: Any, without: list[str]) -> Iterator[tuple[str, bool]]:
    """Each mutant of a layer, as it differs from it, and whether the layer's tests find it."""
    constructor = tests.LAYER.constructor
    original = sys.modules[constructor.__module__]
    path = Path(str(original.__file__))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    before = ast.unparse(tree).splitlines()
    runs = list(runs_of(tests, without))
    try:
        for mutant in mutants(tree, constructor.__name__):
            after = ast.unparse(mutant).splitlines()
            lines = list(difflib.unified_diff(before, after, path.stem, path.stem, lineterm="", n=0))
            yield "\n".join((lines[0], *lines[3:])), is_found(mutant, original, constructor.__name__, tests, runs)
    finally:
        sys.modules[original.__name__] = original


def mutants(tree: ast.Module, name: str) -> Iterator[ast.Module]:
    """A layer's module with one change each."""
    (cls,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    seen = {ast.unparse(tree)}
    for method in cls.body:
        if not isinstance(method, ast.FunctionDef) or method.name not in VALUES:
            continue
        for change in mutations(method):
            with change:
                text = ast.unparse(tree)
                mutant = copy.deepcopy(tree)
            if text not in seen:
                seen.add(text)
                yield ast.fix_missing_locations(mutant)


def is_found(mutant: ast.Module, original: types.ModuleType, name: str, tests: Any, runs: list[Any]) -> bool:
    """Whether a mutant cannot be loaded, or some test of the layer fails."""
    module = types.ModuleType(original.__name__)
    module.__dict__.update(__package__=original.__package__, __file__=original.__file__)
    sys.modules[original.__name__] = module
    try:
        exec(compile(mutant, str(original.__file__), "exec"), module.__dict__)  # noqa: S102 (it is our own)
        layer = replace(tests.LAYER, constructor=getattr(module, name))
        with contextlib.redirect_stdout(io.StringIO()):
            for run in runs:
                torch.manual_seed(0)
                run(layer)
    except pytest.skip.Exception:
        raise
    except Exception:
        return True
    except BaseException as outcome:  # pytest.fail and pytest.raises
        if isinstance(outcome, pytest.fail.Exception):
            return True
        raise
    return False


def runs_of(tests: Any, without: list[str]) -> Iterator[Callable[[Any], None]]:
    """All runs of a layer's tests, as ``conftest.py`` makes them, each a function of the layer."""
    functions = {name: value for name, value in vars(tests).items() if name.startswith("test_") and name not in without}
    for name in sorted(functions, key=lambda name: (name not in FIRST, name)):
        wanted = [argument for argument in inspect.signature(functions[name]).parameters if argument != "layer"]
        values = [list(values_of(tests, functions[name], argument)) for argument in wanted]
        rows = [dict(zip(wanted, row, strict=True)) for row in itertools.product(*values)]
        yield from (runner(functions[name], row) for row in rows)


def values_of(tests: Any, function: Any, argument: str) -> Iterator[Any]:
    """What a test is run with as an argument."""
    if argument in TABLES:
        yield from getattr(tests, TABLES[argument]).values()
    elif argument == "training":
        yield from (True, False) if tests.LAYER.modes else (True,)
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "parametrize" and mark.args[0] == argument:
            yield from mark.args[1]


def runner(function: Callable[..., None], row: Mapping[str, Any]) -> Callable[[Any], None]:
    def run(layer: Any) -> None:
        try:
            function(layer, **row)
        except pytest.skip.Exception:
            return

    return run


if __name__ == "__main__":
    main()
