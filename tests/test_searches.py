"""What a check tries beyond the sizes that are given: within a budget, in little memory, before a fault is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from small import DIM, breaches, checked, fault_of, program, setting_of

from layergen.contracts.flat import FLAT
from layergen.contracts.influence import INFLUENCE
from layergen.contracts.learning import LEARNING
from layergen.resolve.program import Program
from layergen.run.budget import SEARCH, affords, budget
from layergen.run.forward import ForwardInterpreter
from layergen.run.instance import Instance
from layergen.run.room import LARGEST, has_room

SCAN = """\
h = zeros(N, D)
ys = []
for x_t in unbind(x, 1):
    h = tanh(h + x_t)
    append(ys, h)
y = stack(ys, dim={dim})
state = {state}
"""
SEQUENCE = {"x": ["N", "L", "D"]}
STATE = {"tuple": {"h": ["N", "D"], "c": ["N", "D"]}}


def scan(dim: int, state: str) -> Program:
    outputs = {"y": ["N", "L", "D"], "state": STATE}
    return program(SCAN.format(dim=dim, state=state), inputs=SEQUENCE, outputs=outputs)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The turns that loops of forwards take, loop by loop, also those that the budget refuses."""
    taken: list[int] = []
    usual = ForwardInterpreter.take_turns

    def noted(self: ForwardInterpreter, statement: Any, items: list[Any]) -> None:
        usual(self, statement, items)
        taken.append(len(items))

    monkeypatch.setattr(ForwardInterpreter, "take_turns", noted)
    yield taken


def test_a_budget_is_spent_by_all_tries_together() -> None:
    assert affords(10**9)  # without one
    with budget(10):
        assert affords(7)
        assert not affords(4)
        with budget(100):  # one within another has what is left to that
            assert affords(3)
            assert not affords(1)
    assert affords(10**9)


def test_no_size_is_looked_for_where_a_value_is_of_the_wrong_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    with counted(monkeypatch) as taken:
        finding = fault_of(scan(1, "[h, h]"))
    assert finding.rule.code == "LG302"
    assert finding.help == "put them together: `state = (h, c)`"
    assert sum(taken) < 300
    checked(scan(1, "(h, h)"))


def test_a_shape_that_no_size_mends_is_told_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    with counted(monkeypatch) as taken:
        assert fault_of(scan(0, "(h, h)")).rule.code == "LG302"
    assert sum(taken) < 6 * SEARCH


BUCKETS = """\
far = abs(arange(K)[None, :] - arange(Q)[:, None])
bucket = where(far < 4, far, 4 + long(log2(clamp(upcast(far), min=1) / 4)))
y = scores + type_as(permute(embedding({bucket}, weight), [2, 0, 1]), scores)
"""


def biased(bucket: str) -> Program:
    """A bias by the bucket of a distance, which grows as slowly as the logarithm does."""
    return program(
        BUCKETS.format(bucket=bucket),
        arguments={"heads": DIM},
        parameters={"weight": {"shape": [8, "heads"], "init": "normal(0, 0.02)"}},
        inputs={"scores": ["N", "heads", "Q", "K"]},
        outputs={"y": ["N", "heads", "Q", "K"]},
    )


def test_no_search_gives_data_to_more_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    usual = Instance.made

    def noted(self: Instance, shape: tuple[int, ...], *rest: Any) -> Any:
        made = usual(self, shape, *rest)
        given.append(made.numel() if type(made) is torch.Tensor and not made.is_meta else 0)
        return made

    monkeypatch.setattr(Instance, "made", noted)
    assert fault_of(biased("bucket")).rule.code == "LG316"
    assert max(given) <= LARGEST
    checked(biased("clamp(bucket, max=7)"))


def test_there_is_room_for_what_is_small_on_the_way_too() -> None:
    pairs = program("y = sum(x[:, None] * x[None], dim=1)")
    usual = setting_of(pairs)
    assert has_room(pairs, usual)
    assert not has_room(pairs, replace(usual, sizes={"N": 4000, "C": 4}))  # of 16 000 numbers, 64 million products


def ring(*cases: dict[str, int]) -> Program:
    """A cache whose places are written anew, from some place on."""
    return program(
        "cache = index_copy_(cache, 1, (arange(T) + offset) % M, x)\ny = clone(cache)",
        arguments={"dim": DIM},
        inputs={
            "cache": {"shape": ["N", "M", "dim"], "written": "inplace"},
            "x": ["N", "T", "dim"],
            "offset": {"type": "int", "min": 0},
        },
        outputs={"y": ["N", "M", "dim"]},
        constraints=["T <= M"],
        cases=list(cases),
    )


FIRST, SECOND = ({"dim": 4, "offset": offset, "N": 2, "M": 7, "T": steps} for offset, steps in ((6, 5), (1, 3)))


def test_an_effect_at_another_case_counts() -> None:
    assert not breaches(INFLUENCE, ring(FIRST, SECOND))
    assert not breaches(INFLUENCE, ring(SECOND, FIRST))


def test_what_no_case_reads_is_told() -> None:
    (finding,) = breaches(INFLUENCE, program("y = x[:, :3] + zeros(N, 3)", outputs={"y": ["N", 3]}, cases=[{"C": 5}]))
    assert finding.rule.code == "LG331"


GROUPS = """\
s = upcast(squeeze(linear(x, weight), 1))
top = scatter_reduce(upcast(full([graphs], -inf)), 0, batch, detach(s), "amax")
w = exp(s - top[batch])
total = index_add(upcast(zeros(graphs)), 0, batch, w)
p = w / total[batch]{detached}
y = type_as(index_add(upcast(zeros(graphs, dim)), 0, batch, p[:, None] * upcast(x)), x)
"""


def grouped(detached: str) -> Program:
    """A softmax within groups, of which one of a single entry is 1 whatever the weight is."""
    return program(
        GROUPS.format(detached=detached),
        arguments={"dim": DIM},
        parameters={"weight": {"shape": [1, "dim"], "init": "normal(0, 1)"}},
        inputs={
            "x": ["V", "dim"],
            "batch": {"shape": ["V"], "dtype": "int64", "range": [0, "graphs"]},
            "graphs": {"type": "int", "min": 1},
        },
        outputs={"y": ["graphs", "dim"]},
    )


@pytest.mark.parametrize("contract", [FLAT, LEARNING])
def test_a_gradient_counts_that_is_there_where_no_entry_is_alone(contract: Any) -> None:
    assert not breaches(contract, grouped(""))


def test_a_gradient_that_is_zero_in_larger_groups_too_is_told_with_the_setting() -> None:
    found = breaches(FLAT, program("y = x * 0 + round(x)"))
    assert [finding.rule.code for finding in found] == ["LG309"]
    assert found[0].notes
