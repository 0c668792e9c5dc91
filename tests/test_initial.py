"""Initial values: the bounds that generated tests hold them to are those of torch's own samples."""

import inspect
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from small import DIM, FLAG, instance_of, program, setting_of, spec
from torch import nn

from layergen.diagnostics import Finding
from layergen.faults import SpecError
from layergen.lang.inits import INITIALIZERS
from layergen.probe.initial import initial_bounds, initialize, initializer_bounds
from layergen.probe.spreads import initializer_mean, initializer_spread
from layergen.resolve.initial import check_initial
from layergen.run.initial import fans
from layergen.run.instance import Instance, Placement

SAMPLES = 200
SQUARE, IMAGE = (24, 16), (8, 6, 3, 3)

CALLS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    ("zeros", {}, (5,)),
    ("ones", {}, (5,)),
    ("constant", {"val": -0.3}, (5,)),
    ("uniform", {}, (100,)),
    ("uniform", {"a": -2.0, "b": 0.5}, (100,)),
    ("normal", {}, (100,)),
    ("normal", {"mean": 5.0, "std": 0.02}, (100,)),
    ("trunc_normal", {}, (100,)),
    ("trunc_normal", {"std": 0.02}, (100,)),
    ("trunc_normal", {"mean": 1.0, "std": 3.0, "a": 0.0, "b": 1.5}, (100,)),
    ("xavier_uniform", {}, SQUARE),
    ("xavier_uniform", {"gain": 3.0}, IMAGE),
    ("xavier_normal", {"gain": 0.5}, SQUARE),
    ("kaiming_uniform", {}, SQUARE),
    ("kaiming_uniform", {"a": math.sqrt(5)}, IMAGE),
    ("kaiming_uniform", {"mode": "fan_out", "nonlinearity": "relu"}, IMAGE),
    ("kaiming_normal", {"nonlinearity": "tanh"}, SQUARE),
    ("kaiming_normal", {"mode": "fan_out"}, IMAGE),
    ("eye", {}, SQUARE),
    ("dirac", {}, IMAGE),
    ("dirac", {"groups": 2}, IMAGE),
    ("orthogonal", {}, SQUARE),
    ("orthogonal", {"gain": 2.0}, IMAGE),
    ("sparse", {"sparsity": 0.5}, SQUARE),
    ("sparse", {"sparsity": 0.1, "std": 3.0}, SQUARE),
]


def bounds(name: str, keywords: dict[str, Any], shape: tuple[int, ...]) -> tuple[float, float]:
    given = inspect.signature(getattr(nn.init, f"{name}_")).bind(torch.empty(0), **keywords)
    given.apply_defaults()
    found = initializer_bounds(name, given.arguments, shape)
    assert found is not None
    return found


def samples(name: str, keywords: dict[str, Any], shape: tuple[int, ...]) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.stack([getattr(nn.init, f"{name}_")(torch.empty(shape), **keywords) for _ in range(SAMPLES)])


@pytest.mark.parametrize(("name", "keywords", "shape"), CALLS)
def test_samples_lie_within_the_bounds(name: str, keywords: dict[str, Any], shape: tuple[int, ...]) -> None:
    low, high = bounds(name, keywords, shape)
    drawn = samples(name, keywords, shape)
    slack = 1e-6 * max(1, abs(low), abs(high))  # of float32
    assert low - slack <= drawn.min().item() <= drawn.max().item() <= high + slack


@pytest.mark.parametrize(("name", "keywords", "shape"), CALLS)
def test_bounds_are_not_wider_than_they_need_to_be(name: str, keywords: dict[str, Any], shape: tuple[int, ...]) -> None:
    low, high = bounds(name, keywords, shape)
    drawn = samples(name, keywords, shape)
    assert (drawn.max() - drawn.min()).item() >= 0.5 * (high - low)


@pytest.mark.parametrize(("name", "keywords", "shape"), CALLS)
def test_means_are_those_of_samples(name: str, keywords: dict[str, Any], shape: tuple[int, ...]) -> None:
    given = inspect.signature(getattr(nn.init, f"{name}_")).bind(torch.empty(0), **keywords)
    given.apply_defaults()
    spread = initializer_spread(name, given.arguments, shape)
    if spread is not None:
        drawn = samples(name, keywords, shape)
        assert float(drawn.mean()) == pytest.approx(
            initializer_mean(name, given.arguments), abs=5 * spread / math.sqrt(drawn.numel())
        )


def test_every_initializer_is_tried() -> None:
    assert {name for name, *_ in CALLS} == set(INITIALIZERS)


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2), (8, 6, 3, 5)])
def test_fans_are_those_of_torch(shape: tuple[int, ...]) -> None:
    assert fans(shape) == nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@pytest.mark.parametrize(
    ("init", "mean"),
    [
        ("normal(2, 0.5)", None),  # in the middle
        ("uniform(-1, 3)", None),
        ("trunc_normal(std=0.1)", None),
        ("trunc_normal(1, 3, 0, 1.5)", 0.7552),
        ("trunc_normal(0, 1, -1, 2)", 0.2296),
    ],
)
def test_a_mean_is_told_where_it_is_not_in_the_middle(init: str, mean: float | None) -> None:
    layer = program(parameters={"weight": {"shape": [9], "init": init}})
    _, _, _, *means = initial_bounds(instance_of(layer))["weight"]
    assert means == ([] if mean is None else [pytest.approx(mean, abs=1e-3)])


def bounds_of(init: str, shape: list[object], **parts: Any) -> dict[str, tuple[float, ...]]:
    layer = program(arguments={"dim": DIM}, parameters={"weight": {"shape": shape, "init": init}, **parts})
    return {name: ends[:2] for name, ends in initial_bounds(instance_of(layer)).items()}


@pytest.mark.parametrize(
    ("init", "low", "high"),
    [
        ("zeros", 0, 0),
        ("uniform(-1 / dim, 1 / dim)", -0.25, 0.25),
        ("uniform(b=0.5)", 0, 0.5),
        ("arange(dim) / dim", 0, 0.75),
        ("linspace(-1, 2, dim)", -1, 2),
        ("full([dim], 0.5)", 0.5, 0.5),
    ],
)
def test_bounds_of_initial_values_of_a_spec(init: str, low: float, high: float) -> None:
    assert bounds_of(init, ["dim"]) == {"weight": (low, high)}


@pytest.mark.parametrize(("init", "middle", "spread"), [("randn(9)", 0, 1), ("rand(9) / 2", 0.25, 0.5 / math.sqrt(12))])
def test_bounds_of_random_expressions_are_those_of_draws(init: str, middle: float, spread: float) -> None:
    low, high, found, mean = initial_bounds(instance_of(program(parameters={"weight": {"shape": [9], "init": init}})))[
        "weight"
    ]
    assert (low + high) / 2 == pytest.approx(middle, abs=spread)
    assert mean == pytest.approx(middle, abs=0.03 * spread)
    assert high - low > 6 * spread
    assert found == pytest.approx(spread, rel=0.02)


def test_what_is_drawn_alike_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer is tried at many settings, and draws are many: they are made again where a value or a size is another."""
    told: list[torch.Tensor] = []

    def counted(draw: Callable[[], torch.Tensor]) -> tuple[float, ...]:
        told.append(draw())
        return 0.0, 1.0

    monkeypatch.setattr("layergen.probe.sampled.KNOWN", {})
    monkeypatch.setattr("layergen.probe.sampled.sampled", counted)
    layer = program(
        arguments={"dim": DIM, "scale": {"type": "float", "default": 2.0, "doc": "Scale."}, "other": FLAG},
        parameters={"weight": {"shape": ["dim"], "init": "scale * rand(dim)"}},
    )
    base = setting_of(layer)
    for values in ({}, {"other": False}, {"scale": 3.0}, {"dim": 7}):
        found = initial_bounds(Instance(layer, replace(base, values={**base.values, **values})))
        assert found["weight"] == (0.0, 1.0)
    assert [len(tensor) for tensor in told] == [base.values["dim"], base.values["dim"], 7]


@pytest.mark.parametrize("init", ["bernoulli(full([9], 1e-3))", "randn(1) * ones(999)", "clone(drawn)"])
def test_random_expressions_of_which_draws_tell_little_have_no_bounds(init: str) -> None:
    drawn = {"shape": [9], "init": "randn(9)"}
    size = 999 if "999" in init else 9
    layer = program(parameters={"drawn": drawn, "weight": {"shape": [size], "init": init}})
    assert "weight" not in initial_bounds(instance_of(layer))


def test_fans_in_an_initial_value_are_computed() -> None:
    bias = {"shape": ["dim"], "init": "uniform(-1 / sqrt(fan_in(weight)), 1 / sqrt(fan_out(weight)))"}
    assert bounds_of("ones", ["dim", 9], bias=bias)["bias"] == (-1 / 3, 1 / 2)


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("xavier_uniform", "`xavier_uniform` is for tensors of two dimensions or more"),
        ("arange(dim + 1)", "the initial value has shape [5], not [dim]"),
        ("uniform(1 / (dim - 4), 2)", "division by zero"),
        ("arange(dim) + arange(3)", None),
    ],
)
def test_an_initial_value_that_does_not_fit_is_a_fault(init: str, message: str | None) -> None:
    with pytest.raises(SpecError) as refusal:
        bounds_of(init, ["dim"])
    (finding,) = refusal.value.findings
    assert finding.rule.code == "LG307"
    assert finding.place.path == ("parameters", "weight", "init")
    assert message is None or finding.message == message


READING: dict[str, Any] = {
    "first": {"shape": ["dim"], "init": "second + arange(dim)"},
    "second": {"shape": ["dim"], "init": "third / 2"},
    "third": {"shape": ["dim"], "init": "constant(3)"},
    "drawn": {"shape": ["dim"], "init": "randn(dim)"},
    "copied": {"shape": ["dim"], "init": "clone(drawn)"},
    "blocked": {"shape": ["dim"], "init": "h = third * 2\nif dim > 1:\n  h = -h\nblocked = h\n"},
}


def test_tensors_start_after_those_that_they_read() -> None:
    layer = program(arguments={"dim": DIM}, parameters=READING)
    assert layer.initial_order == ("third", "drawn", "copied", "blocked", "second", "first")
    assert layer.started_before("first") == ("third", "second")
    assert layer.started_before("third") == ()


def test_a_block_that_assigns_its_tensor_twice_is_told_that_alone() -> None:
    def findings(init: str) -> list[Finding]:
        return list(check_initial(spec("y = x + table", buffers={"table": {"shape": [4], "init": init}})))

    (finding,) = findings("table = arange(4) / 4\ntable = exp(table)")
    assert finding.rule.code == "LG203"
    assert finding.help == "the last statement alone assigns `table`: call what comes before it otherwise"
    assert [finding.rule.code for finding in findings("rates = arange(4)\ntable = exp(rates + table)")] == ["LG307"]
    assert not findings("rates = arange(4) / 4\ntable = exp(rates)")


def test_bounds_follow_what_is_read() -> None:
    instance = instance_of(program(arguments={"dim": DIM}, parameters=READING))
    dim = instance.setting.values["dim"]
    expected = {"third": (3, 3), "second": (1.5, 1.5), "first": (1.5, dim + 0.5), "blocked": (-6, -6)}
    found = initial_bounds(instance)
    assert len(found.pop("drawn")) == 4
    assert found == expected


def test_fan_is_read_of_a_tensor_that_starts_later() -> None:
    parameters = {
        "scale": {"shape": [2], "init": "constant(1 / fan_in(weight))"},
        "weight": {"shape": [2, 3], "init": "ones(2, 3) * scale[:, None]"},
    }
    layer = program(parameters=parameters)
    assert layer.initial_order == ("scale", "weight")
    assert initial_bounds(instance_of(layer))["weight"] == pytest.approx((1 / 3, 1 / 3))


def test_initial_values_that_a_layer_gives_to_members_have_bounds() -> None:
    modules = {
        "table": {"module": "nn.Embedding(7, 2)", "init": {"weight": "normal(1, 0.5)"}},
        "heads": {"module": "[nn.Linear(2, 3) for _ in range(2)]", "init": {"bias": "uniform(-0.5, 0.5)"}},
        "last": {"module": "nn.Linear(2, 7, bias=False)", "init": {"weight": "zeros"}},
        "plain": "nn.Linear(2, 3)",
    }
    found = initial_bounds(instance_of(program(modules=modules)))
    drawn = {name: pytest.approx((-0.5, 0.5, 1 / math.sqrt(12))) for name in ("heads.0.bias", "heads.1.bias")}
    assert found == {"table.weight": (-2, 4, 0.5), **drawn, "last.weight": (0, 0)}


def test_a_tensor_that_is_tied_to_another_starts_as_that_does() -> None:
    modules = {
        "table": "nn.Embedding(7, 2)",
        "last": {"module": "nn.Linear(2, 7, bias=False)", "init": {"weight": "zeros"}},
    }
    assert initial_bounds(instance_of(program(modules=modules, ties={"last.weight": "table.weight"}))) == {}


PHASES = "cos(arange(dim) * (8000 / (dim - 1)))"  # of which float32 holds four digits


def test_what_is_computed_of_whole_numbers_is_so_in_float64() -> None:
    buffers = {"b": {"shape": ["dim"], "persistent": False, "init": PHASES, "doc": "It."}}
    layer = program(arguments={"dim": {**DIM, "min": 4}}, buffers=buffers)
    size = instance_of(layer).setting.values["dim"]
    exact = [math.cos(count * (8000 / (size - 1))) for count in range(size)]
    assert initial_bounds(instance_of(layer))["b"] == pytest.approx((min(exact), max(exact)), rel=1e-12)
    wide = instance_of(layer, Placement(torch.device("cpu"), torch.float64))
    initialize(wide, "b")
    assert wide.state["b"] is not None
    assert wide.state["b"].tolist() == pytest.approx(exact, rel=1e-12)
