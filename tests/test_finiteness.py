"""What intervals prove, and what they leave open."""

from typing import Any

import pytest
from small import program
from sound_edges import CLASSES, EPS, FLOOR, SOUND, weight

from layergen.domains.interval import Interval
from layergen.domains.reading import Notes, Reader
from layergen.domains.size import Knowledge
from layergen.domains.study import study
from layergen.domains.value import Value
from layergen.lang.parser import parse_block
from layergen.prove.proof import paths
from layergen.resolve.program import Program
from layergen.settings.choice import settings

PROVEN = (
    "instance_standardization", "scale_norm", "unit_rows", "normalized_rows", "softmax_by_hand", "log_sum_exp_by_hand",
    "log_sum_exp_pooling", "entropy_with_eps", "angle", "additive_margin", "pairwise_by_norm", "pairwise_clamped",
    "contrastive", "masked_mean", "masked_attention_finite_fill", "linear_attention", "signed_root",
    "label_smoothing_ignoring", "dice", "tversky", "charbonnier", "choose_before_the_log", "log_of_a_range",
    "logit_inside", "rotary", "window_bias", "running_scale", "temperature", "barlow_biased", "gated_norm", "squash",
)  # fmt: skip


def proven(layer: Program) -> bool:
    return study(layer, paths(layer, settings(layer))).proven


@pytest.mark.parametrize("name", PROVEN)
def test_finiteness_is_proven(name: str) -> None:
    assert proven(program(**SOUND[name]))


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        ("y = log(x)", {}),
        ("y = x / norm(x, dim=1, keepdim=True)", {}),
        ("y = rsqrt(square(x) + eps)", {"arguments": {"eps": FLOOR}}),
        ("y = norm(x, p=0.5, dim=1, keepdim=True) * x", {}),
        ("y = masked_fill(x, x > 0, inf)", {}),
        ("y = nan_to_num(x * inf)", {}),
        ("y = softplus(x, beta=eps)", {"arguments": {"eps": FLOOR}}),
        ("y = x / cosine_similarity(x, x + 1, dim=0, eps=eps)", {"arguments": {"eps": FLOOR}}),
        ("y = log(2 + hardtanh(x, -3.0, 3.0))", {}),
        ("y = x / type_as(clamp(x, min=0.5), one_hot(t, C))",
         {"inputs": {"x": ["N", "C"], "t": {"shape": ["N"], "dtype": "int64", "range": [0, "C"]}}}),
        ("h = masked_fill(x, x > 0, -inf)\ny = exp(h - amax(h, dim=1, keepdim=True))", {}),
        ("y = x - mean(x[:, 1:], dim=1, keepdim=True)", {}),
        ("y = x - mean(exp(-x[:, 1:]), dim=1, keepdim=True)", {}),
        ("y = x * mean(type_as(arange(C // 2), x))", {}),
        ("y = sqrt(1 - square(x @ transpose(x, 0, 1)))", {"outputs": {"y": ["N", "N"]}}),
        ("h = normalize(x, dim=0)\ny = sqrt(1.1 - square(h @ transpose(h, 0, 1)))", {"outputs": {"y": ["N", "N"]}}),
        ("y = sqrt(fft.fft(x) * fft.ifft(x))", {}),
        ("y = x / s", {"arguments": {"C": CLASSES}, "buffers": {"s": weight("ones", "C")},
                       "forward": "s = s - 0.1\ny = x / s"}),
    ],
)  # fmt: skip
def test_finiteness_is_left_open(forward: str, parts: dict[str, Any]) -> None:
    assert not proven(program(**{"forward": forward, **parts}))


def test_buffers_keep_within_what_updates_give() -> None:
    update = "v = lerp(v, mean(square(x), dim=0), momentum)\ny = x * rsqrt(v + eps)"
    momentum = {"type": "float", "min": 0, "default": 0.1, "doc": "Weight."}
    parts: dict[str, Any] = {"buffers": {"v": weight("ones", "C")}, "forward": update}
    assert proven(program(**parts, arguments={"C": CLASSES, "eps": EPS, "momentum": {**momentum, "max": 1}}))
    assert not proven(program(**parts, arguments={"C": CLASSES, "eps": EPS, "momentum": momentum}))


def test_loops_are_read_until_nothing_changes() -> None:
    notes = Notes()
    reader = Reader({"x": Value(Interval(0)), "n": Value(Interval(1), whole=True)}, Knowledge(), notes)
    reader.block(
        parse_block("for i in range(n):\n    x = x / (1 + x)\nfor i in range(n):\n    z = 1 - x\n    x = x - 1\n")
    )
    assert not notes.suspects
    assert reader.values["x"].range == Interval()


def test_conditions_that_are_not_settled_take_both_branches() -> None:
    reader = Reader({"n": Value(Interval(1), whole=True)}, Knowledge(), Notes())
    reader.block(parse_block("if n > 2:\n    y = 1\nelse:\n    y = 5\n"))
    assert reader.values["y"].range == Interval(1, 5)
