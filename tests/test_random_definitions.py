"""Definitions drawn at random: entries at once, entries one by one and the functions of tests tell the same."""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import product
from random import Random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import assume, given
from random_definitions import definitions
from small import DIM, FLAG, spec
from strategies import examples

from layergen.definition import reduced, table
from layergen.definition.evaluate import Evaluation
from layergen.definition.loop_printer import function_of
from layergen.definition.loops import definition_lines
from layergen.definition.needs import called, needs
from layergen.definition.numbers import Entries, IndexFault, TooLongError
from layergen.definition.reading import check_definition, definition_of
from layergen.definition.scene import Definition
from layergen.definition.terms import logsumexp

NUMBERS = {"N": 2, "C": 3, "depth": 2, "flag": True, "alpha": 0.5}
ALPHA = {"type": "float", "default": 0.5, "doc": "Rate."}
PARTS: dict[str, Any] = {
    "arguments": {"depth": DIM, "C": DIM, "flag": FLAG, "alpha": ALPHA},
    "inputs": {
        "x": ["N", "C"],
        "z": {"shape": ["N", "C"], "optional": True},
        "mask": {"shape": ["N", "C"], "dtype": "bool"},
        "counts": {"shape": ["N"], "dtype": "int64", "range": [0, "C"]},
    },
    "parameters": {
        "weight": {"shape": ["C", "C"], "init": "zeros"},
        "bias": {"shape": ["C"], "init": "zeros", "when": "flag"},
        "cell": {"shape": ["C", "C"], "each": {"k": "depth"}, "init": "zeros"},
    },
    "modules": {"inner": "nn.Linear(C, C)", "stack": "[nn.LayerNorm(C) for k in range(depth)]"},
}
VALUE, FAULT, ENDLESS = "value", "fault", "endless"
ENTRIES = [*product(range(2), range(3))]


def tensors(flag: bool) -> dict[str, Any]:
    random = Random(0)

    def made(*shape: int) -> Entries:
        return Entries(shape, [round(random.gauss(0, 1.5), 2) for _ in range(math.prod(shape))])

    found: dict[str, Any] = {f"cell.{k}": made(3, 3) for k in range(2)}
    found |= {f"stack.{k}.{name}": made(3) for k in range(2) for name in ("weight", "bias")}
    found |= {"x": made(2, 3), "weight": made(3, 3), "inner.weight": made(3, 3), "inner.bias": made(3), "z": None}
    found |= {"bias": made(3) if flag else None, "cell": (found["cell.0"], found["cell.1"])}
    return {**found, "mask": Entries((2, 3), [True, False, True, True, False, False]), "counts": Entries((2,), [2, 0])}


class Even(Random):
    """Draws what depends on the law alone, and counts how often."""

    count = 0

    def random(self) -> float:
        self.count += 1
        return 0.3

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self.random()

    def gauss(self, mu: float = 0.0, sigma: float = 1.0) -> float:
        return mu + sigma * self.random()

    def bernoulli(self, chance: float) -> int:
        return int(self.random() < chance)


@contextmanager
def one_by_one() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (reduced, table):
            patch.setattr(module, "FEW", math.inf)
        yield


def told(found: Evaluation, index: tuple[int, ...]) -> tuple[str, Any]:
    """An entry, or that it is none."""
    try:
        return VALUE, found.entry("y", index)
    except IndexFault:
        return FAULT, None
    except TooLongError:
        return ENDLESS, None


class Readable:
    """The entries of a tensor or of a name, as the function of a test reads them."""

    def __init__(self, shape: tuple[int, ...], read: Callable[..., Any], first: tuple[int, ...] = ()) -> None:
        self.shape, self.read, self.first = shape, read, first

    def __getitem__(self, index: Any) -> Any:
        return self.read(*self.first, *(index if isinstance(index, tuple) else (index,)))

    def padded(self, *index: int) -> Any:
        inside = all(0 <= one < size for one, size in zip(index, self.shape, strict=True))
        return self[index] if inside else 0.0


def readable(held: Any) -> Any:
    if not isinstance(held, Entries):
        return held
    numbers = dict(zip(product(*map(range, held.shape)), held.values, strict=True))
    return Readable(held.shape, lambda *index: numbers[index])


def member_of(definition: Callable[..., Any], given: Mapping[str, Any], name: str) -> Callable[..., Any]:
    own = {path.removeprefix(f"{name}."): value for path, value in given.items() if path.startswith(f"{name}.")}
    return lambda **inputs: definition({"training": given["training"], **given[name], **own, **inputs})


def function(definition: Definition, held: Mapping[str, Any], training: bool, draws: Even) -> Callable[..., Any]:
    """The function that the generated test of a layer has for its output."""
    functions = {function_of(name): definition_lines(child, inside=True) for name, child in called(definition).items()}
    scope: dict[str, Any] = {
        "Any": Any, "Entries": Readable, "cache": cache, "fmean": fmean, "itertools": itertools, "math": math,
        "logsumexp": lambda terms: logsumexp(list(terms)), "member_of": member_of,
        "members_of": lambda made, given, name: [member_of(made, given, f"{name}.{k}") for k in range(2)],
    }  # fmt: skip
    for name, lines in (functions | {"definition": definition_lines(definition)}).items():
        exec(f"def {name}(given):\n" + "\n".join(f"    {line}" for line in lines), scope)  # noqa: S102 (its own text)
    given = {name: readable(value) for name, value in held.items() if not isinstance(value, tuple)}
    given |= {**needs(definition, NUMBERS), "training": training, "draws": draws}
    made: Callable[..., Any] = scope["definition"](given)["y"]
    return made


def hold(text: str, training: bool) -> None:
    """Whether a definition tells the same in each way, if it has no fault that shows without numbers."""
    layer = spec(definition=text, **PARTS)
    assume(not list(check_definition(layer)))
    definition = definition_of(layer)
    assert definition is not None
    held, numbers = tensors(flag=True), {**NUMBERS, "training": training}
    ahead, alone = (Evaluation(definition, numbers, held) for _ in range(2))
    draws, others, third = Even(), Even(), Even()
    ahead.account.random, alone.account.random = draws, others
    with one_by_one():
        expected = [told(alone, index) for index in ENTRIES]
    assume(ENDLESS not in dict(expected))
    ahead.ahead("y", ENTRIES)
    assert repr([told(ahead, index) for index in ENTRIES]) == repr(expected)
    read = function(definition, held, training, third)
    if FAULT not in dict(expected) and not alone.account.limited:
        assert not ahead.account.limited
        assert [read(*index) for index in ENTRIES] == pytest.approx([value for _, value in expected], nan_ok=True)
        assert draws.count == others.count == third.count


@examples(400)
@given(definitions(random=False))
def test_definitions_tell_the_same_each_way(text: str) -> None:
    hold(text, training=False)


@examples(200)
@given(definitions(random=True))
def test_so_do_those_that_draw(text: str) -> None:
    hold(text, training=True)
