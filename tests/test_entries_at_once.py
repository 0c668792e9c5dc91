"""Entries that are computed at once, ahead of being asked for, are those that are computed one by one."""

from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from shipped import SPECS, CheckedFiles, parameters
from test_definition import X, defined

from layergen.checked import CheckedLayer
from layergen.compare.compared import started
from layergen.compare.definition import evaluated
from layergen.definition.draws import DRAWN
from layergen.definition.evaluate import Evaluation
from layergen.definition.numbers import Entries, IndexFault

NUMBERS = {"N": 2, "C": 3}
ENTRIES = [*product(range(2), range(3))]


def evaluation(text: str, **parts: Any) -> Evaluation:
    return Evaluation(defined(text, **parts), NUMBERS, {"x": X})


@pytest.mark.parametrize(
    "text",
    [
        "y[n, i] = 2 * x[n, i] + i",
        "y[n, i] = sum[j](x[n, j] * x[n, i])",
        "y[n, i] = sum[j < 3](sum[k < 2](x[k, j] * x[n, i] + j))",
        "y[n, i] = sum[j < i + 1](x[n, j])",  # triangular: each sum goes by itself
        "y[n, i] = mean[j](max[k < 2](x[k, j])) + prod[j](x[n, j]) - min[k < 2](x[k, i])",
        "y[n, i] = logsumexp[j](x[n, j])",
        "y[n, i] = sum[j < 3](padded(x)[n, i + j - 1])",
        "y[n, i] = x[n, i] if i < 2 else x[n, i - 1]",
        "y[n, i] = x[n, i + 1] if i < 2 and x[n, i + 1] > 2 else 0",
        "y[n, i] = argmax[j](x[n, j] - i)",
        "y[n, i] = sqrt(x[n, i] - 2)",  # not a number at first
        "y[n, i] = 1 / (x[n, i] - 1)",  # a limit at first
        "h[n, i] = x[n, i] ** 2\ny[n, i] = sum[j](h[n, j]) - h[n, i]",
        "h[n, i] = x[n, i] ** 2\ny[n, i] = sum[j < 3](padded(h)[n, i - j])",
        "y[n, 0] = x[n, 0]\ny[n, i] = y[n, i - 1] + x[n, i]",
        "y[0, i] = x[0, i]\ny[n, i] = sum[j](y[n - 1, j]) * x[n, i]",  # all of a step by all of the one before
        "y[n, C - 1] = x[n, 2]\ny[n, i] = y[n, i + 1] + sum[j](x[n, j])",
        "y[n, 1] = x[n, 0]\ny[n, i] = x[n, i]",
    ],
)
def test_entries_are_the_same(text: str) -> None:
    ahead, alone = evaluation(text), evaluation(text)
    ahead.ahead("y", ENTRIES)
    values = [[repr(each.entry("y", index)) for index in ENTRIES] for each in (ahead, alone)]
    assert values[0] == values[1]
    assert ahead.account.limited == alone.account.limited


def test_runs_of_indices_are_computed_at_once() -> None:
    made = defined("y[..., i] = sum[j](x[..., j]) * x[..., i]", inputs={"x": ["...", "C"]}, outputs={"y": ["...", "C"]})
    found = Evaluation(made, {"C": 3}, {"x": Entries((1, 2, 3), X.values)}, (1, 2))
    indices = [*product(range(1), range(2), range(3))]
    found.ahead("y", indices)
    assert set(indices) == {*found.table("y").memory.known}
    assert [found.entry("y", index) for index in indices] == [6.0, 12.0, 18.0, 60.0, 75.0, 90.0]


def test_what_is_computed_at_once_is_kept() -> None:
    found = evaluation("h[n, i] = x[n, i] + 1\ny[n, i] = sum[j](h[n, j])")
    found.ahead("y", ENTRIES)
    turns = found.account.turns
    assert [found.entry("y", index) for index in ENTRIES] == [9.0] * 3 + [18.0] * 3
    assert found.account.turns == turns


@pytest.mark.parametrize(
    "text", ["y[n, i] = x[n, i + 1]", "y[n, i] = x[n, i / 2]", "y[n, i] = y[n, i]", "y[n, i] = x[n, i] // (i - i)"]
)
def test_a_fault_is_that_of_the_first_entry_that_has_it(text: str) -> None:
    told: list[tuple[object, ...]] = []
    for each in (evaluation(text), evaluation(text)):
        if not told:
            each.ahead("y", ENTRIES)
        with pytest.raises(IndexFault) as raised:
            for index in ENTRIES:
                each.entry("y", index)
        told.append((raised.value.message, raised.value.node, raised.value.help))
    assert told[0] == told[1]


def test_each_entry_has_a_draw_of_its_own_that_all_who_read_it_share() -> None:
    text = "z[n, i] = uniform(0, 1) + 0 * x[n, i]\ny[n, i] = z[n, i] + sum[j](z[n, j])"
    found = evaluation(text)
    found.account.random = Random(0)
    drawn = []
    for _ in range(2):
        found.account.redraw()
        found.ahead("y", ENTRIES)
        noise = [found.entry("z", index) for index in ENTRIES]
        sums = [sum(noise[:3])] * 3 + [sum(noise[3:])] * 3
        assert [found.entry("y", index) for index in ENTRIES] == [
            one + of_all for one, of_all in zip(noise, sums, strict=True)
        ]
        drawn += noise
    assert len({*drawn}) == 12


def test_names_that_need_each_other_are_tried_at_once_a_few_times() -> None:
    """Each name sums over the next one, and the last reads what the first began with a step before."""
    count = 10
    equations = ["h[-1, j < 3] = x[0, j]", "h[t < 2, j < 3] = sum[i < 3](x[t, i] * a0[t - 1, i])"]
    for k in range(count):
        for at in ("t < 2", "-1"):
            step = at.partition(" ")[0]
            equations.append(f"a{k}[{at}, j < 3] = sum[i < 3](x[0, i] * a{k + 1}[{step}, i] / 10)")
    equations += [f"a{count}[{at}, j < 3] = h[{at.partition(' ')[0]}, j]" for at in ("t < 2", "-1")]
    ahead, alone = (evaluation("\n".join([*equations, "y[n, i] = h[n, i]"])) for _ in range(2))
    alone.account.ahead = False
    ahead.ahead("y", ENTRIES)
    assert [ahead.entry("y", index) for index in ENTRIES] == [alone.entry("y", index) for index in ENTRIES]
    assert ahead.account.turns < 5 * alone.account.turns


def is_defined(path: Path) -> bool:
    """Whether a spec has a definition that computes numbers of numbers alone."""
    _, _, text = path.read_text(encoding="utf-8").partition("\ndefinition:")
    return bool(text) and not any(f"{word}(" in text for word in DRAWN)


def hold(layer: CheckedLayer) -> None:
    """Whether each output of a layer is the same either way."""
    program, setting = layer.program, layer.cases[0].setting
    assert program.definition is not None
    instance = started(program, setting)
    ahead, alone = (evaluated(instance, program.definition) for _ in range(2))
    alone.account.ahead = False
    for name in instance.returned():
        indices = [*product(*map(range, instance.declared_shape(name)))][:40]
        ahead.ahead(name, indices)
        values = [[repr(each.entry(name, index)) for index in indices] for each in (ahead, alone)]
        assert values[0] == values[1], name


@pytest.mark.parametrize("name", parameters(name for name, path in SPECS.items() if is_defined(path)))
def test_shipped_definitions_are_the_same(shipped: CheckedFiles, name: str) -> None:
    hold(shipped[name])
