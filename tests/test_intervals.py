"""Intervals hold what they are said to hold: whatever numbers go in, the results lie inside."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from layergen import ops
from layergen.domains.interval import Interval
from layergen.domains.site import Edge, Site, Suspect
from layergen.domains.size import Knowledge, named, number
from layergen.domains.transfer import TRANSFERS
from layergen.domains.value import Value
from layergen.lang import expression as ex

UNARY = (
    "sin", "cos", "sinc", "tanh", "erf", "softsign", "sigmoid", "hardsigmoid", "silu", "gelu", "mish", "elu",
    "leaky_relu", "hardswish", "atan", "logsigmoid", "softplus", "relu6", "relu", "exp", "expm1", "exp2", "log", "log2",
    "log10", "log1p", "sqrt", "rsqrt", "reciprocal", "square", "abs", "sign", "floor", "ceil", "round", "trunc", "acos",
    "asin", "atanh", "acosh", "logit", "neg", "sum", "mean", "amax", "amin", "softmax", "log_softmax", "logsumexp",
)  # fmt: skip
ALONG = frozenset({"softmax", "log_softmax", "logsumexp", "amax", "amin"})
BINARY = ("add", "sub", "mul", "div", "pow", "remainder", "maximum", "minimum", "lerp")
ENDS = st.floats(-20, 20).map(lambda x: round(x, 3)) | st.sampled_from([0.0, 1.0, -1.0, math.inf, -math.inf])


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    low, high = sorted((draw(ENDS), draw(ENDS)))
    if low == high:
        low, high = (low, low) if math.isfinite(low) else (-math.inf, math.inf)
    return Interval(low, high)


def samples(interval: Interval, count: int = 9) -> torch.Tensor:
    """Numbers of an interval, its ends among them where there are any."""
    low = interval.low if math.isfinite(interval.low) else min(interval.high, 0.0) - 30
    high = interval.high if math.isfinite(interval.high) else max(interval.low, 0.0) + 30
    return torch.linspace(low, high, count, dtype=torch.float64).clamp(low, high)


def site(name: str, *arguments: object) -> tuple[Site, list[Suspect]]:
    found: list[Suspect] = []
    return Site(ex.Call(name), arguments, {}, Knowledge(), found.append), found


def holds(value: Value, results: torch.Tensor) -> bool:
    """Whether finite results lie in an interval, but for rounding."""
    finite = results[results.isfinite()]
    slack = 1e-9 * (1 + finite.abs())
    return bool(((finite >= value.range.low - slack) & (finite <= value.range.high + slack)).all())


@pytest.mark.parametrize("name", UNARY)
@examples(60)
@given(interval=intervals())
def test_results_of_one_tensor_lie_inside(name: str, interval: Interval) -> None:
    given_numbers = samples(interval)
    at, suspects = site(name, Value(interval))
    value = TRANSFERS[name](at)
    function = ops.get(name).function
    results = function(given_numbers, dim=0) if name in ALONG else function(given_numbers)
    assert holds(value, results.reshape(-1))
    if not results.isfinite().all() and name not in ("exp", "exp2", "expm1"):
        assert suspects
        assert not value.safe


@pytest.mark.parametrize("name", BINARY)
@examples(60)
@given(first=intervals(), second=intervals())
def test_results_of_two_tensors_lie_inside(name: str, first: Interval, second: Interval) -> None:
    left, right = (part.reshape(-1) for part in torch.meshgrid(samples(first), samples(second), indexing="ij"))
    rest = (Value(Interval(0, 1)),) if name == "lerp" else ()
    at, suspects = site(name, Value(first), Value(second), *rest)
    value = TRANSFERS[name](at)
    weight = (torch.linspace(0, 1, len(left), dtype=torch.float64),) if name == "lerp" else ()
    results = ops.get(name).function(left, right, *weight)
    assert holds(value, results)
    if results.isnan().any():
        assert suspects


@pytest.mark.parametrize(
    "name", ["sqrt", "log", "log1p", "rsqrt", "acos", "asin", "atanh", "acosh", "logit", "abs", "exp", "square", "relu"]
)
@examples(60)
@given(interval=intervals())
def test_gradients_are_finite_where_nothing_is_suspected(name: str, interval: Interval) -> None:
    at, suspects = site(name, Value(interval))
    TRANSFERS[name](at)
    numbers = samples(interval).requires_grad_()
    ops.get(name).function(numbers).sum().backward()
    assert numbers.grad is not None
    assert suspects or numbers.grad.isfinite().all()


def test_open_ends_keep_an_edge_out() -> None:
    for low_open in (True, False):
        at, suspects = site("log", Value(Interval(0, 1, low_open=low_open)))
        TRANSFERS["log"](at)
        assert [part.edge for part in suspects] == [] if low_open else [Edge.LOGARITHM]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(-3, 3), st.integers(-3, 3))
def test_sizes_are_compared_for_all_values(height: int, width: int, scale: int, offset: int) -> None:
    knowledge = Knowledge({"h": 1, "w": 1})
    h, w = named("h"), named("w")
    difference = number(scale) * h * w + number(offset) * w + h
    if knowledge.not_negative(difference):
        assert scale * height * width + offset * width + height >= 0


def test_sizes_know_an_order_of_names() -> None:
    assert Knowledge({"L": 1}, {"max_len": "L"}).at_most(named("L"), named("max_len"))
    assert not Knowledge({"L": 1, "max_len": 1}).at_most(named("L"), named("max_len"))


def test_quotients_of_sizes_are_exact_or_unknown() -> None:
    h, w = named("h"), named("w")
    assert (h * w * number(2)).divided(w) == h * number(2)
    assert (h * w + number(1)).divided(w) is None
    assert (h + w).divided(h + w) == number(1)
