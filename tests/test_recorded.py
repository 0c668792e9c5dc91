"""Recorded values: both sides compute them by the same formulas, and they tell a changed layer from its spec."""

import importlib
import inspect
import math
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from shipped import layer_class
from small import DIM, program, setting_of, weight
from torch import Tensor
from torch.nn import functional

from generated.tests import behaviours
from layergen.measure import recorded as build
from layergen.measure.recorded import Recorded, recorded
from layergen.probe.spreads import initializer_spread
from layergen.run.fixed_draws import FixedDraws
from layergen.settings.choice import settings

SHAPES = [(), (1,), (3, 4), (2, 3, 5)]
TENSORS = [
    torch.tensor(2.5),
    torch.tensor([]),
    torch.tensor([1.0, math.inf, -math.inf, math.nan]),
    torch.tensor([[1, 2], [3, 4]]),
    torch.tensor([True, False]),
    torch.tensor([1 + 2j, 3 - 1j]),
]

# The formulas of the build and of the tests.


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_waves_are_the_same_on_both_sides(shape: tuple[int, ...]) -> None:
    for offset in range(4):
        torch.testing.assert_close(build.waves(shape, offset), behaviours.waves(shape, offset), rtol=0, atol=0)


@pytest.mark.parametrize("tensor", TENSORS, ids=str)
def test_digests_are_the_same_on_both_sides(tensor: Tensor) -> None:
    theirs = behaviours.digest(tensor)
    numbers = theirs if isinstance(theirs, float) else tuple(theirs.values())
    assert build.digest(tensor) == pytest.approx(numbers, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128, torch.int64, torch.bool], ids=str)
@pytest.mark.parametrize("ends", [None, (0.0, 1.0), (-3, 5)], ids=str)
def test_inputs_are_the_same_on_both_sides(dtype: torch.dtype, ends: tuple[float, float] | None) -> None:
    case = behaviours.Case(inputs={"other": (2,), "x": (5, 7)}, ranges={"x": ends} if ends else {})
    theirs = behaviours.settled_input(behaviours.Input(dtype), case, "x")
    ours = build.settled_input(torch.empty(5, 7, dtype=dtype), ends, 1)
    assert theirs is not None
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    if ends and not dtype.is_complex and dtype != torch.bool:
        assert ours.min() >= ends[0]
        assert ours.max() < ends[1]
        assert len(set(ours.flatten().tolist())) >= min(5, ends[1] - ends[0])


@pytest.mark.parametrize("shape", [(2,), (3,), (2, 2), (4, 1)], ids=str)
def test_several_flags_are_never_all_alike(shape: tuple[int, ...]) -> None:
    for offset in range(20):
        case = behaviours.Case(inputs={**{f"x{k}": (2,) for k in range(offset)}, "flags": shape})
        theirs = behaviours.settled_input(behaviours.Input(torch.bool), case, "flags")
        ours = build.settled_input(torch.empty(shape, dtype=torch.bool), None, offset)
        assert theirs is not None
        assert torch.equal(ours, theirs)
        assert set(ours.flatten().tolist()) == {False, True}


def test_rows_of_waves_are_independent() -> None:
    assert torch.linalg.matrix_rank(build.waves((8, 8), 0)) == 8
    together = torch.stack([build.waves((20,), offset) for offset in range(20)])
    assert torch.linalg.matrix_rank(together) == 20


# What is recorded.


def recorded_of(forward: str, **parts: Any) -> Recorded:
    layer = program(forward, **parts)
    return recorded(layer, setting_of(layer))


def test_values_gradients_and_updated_buffers_are_recorded() -> None:
    forward = "y = x * weight\nif training:\n  total = total + sum(x)\n"
    found = recorded_of(
        forward,
        arguments={"C": DIM},
        parameters={"weight": {"shape": ["C"], "init": "uniform"}},
        buffers={"total": {"shape": [], "init": "zeros"}},
    )
    names = ["y", "gradient of x", "gradients of parameters", "total afterwards"]
    assert {mode: list(values) for mode, values in found.values.items()} == {"training": names, "evaluation": names}
    assert found.values["training"]["total afterwards"] != found.values["evaluation"]["total afterwards"]
    assert not found.draws


def test_what_an_input_holds_that_was_written_is_recorded() -> None:
    inputs = {"x": ["N"], "kept": {"shape": ["N"], "gradient": False, "written": "inplace"}}
    written, read = (
        recorded_of(f"kept = {call}\ny = 1 * kept", inputs=inputs, outputs={"y": ["N"]}).values["training"]
        for call in ("copy_(kept, 2 * detach(x))", "2 * detach(x) + 0 * kept")
    )
    assert written["kept afterwards"] == written["y"] == read["y"]
    assert "kept afterwards" not in read


@pytest.mark.parametrize(
    "draw",
    [
        *("rand_like(x)", "randn_like(x)", "bernoulli(full_like(x, 0.3))", "dropout(x, 0.3)", "alpha_dropout(x, 0.3)"),
        *("feature_alpha_dropout(x, 0.3)", "rand(2, dim)", "randn(2, dim)", "gumbel_softmax(x)"),
    ],
)
def test_of_a_layer_that_draws_in_training_values_at_fixed_draws_are_recorded(draw: str) -> None:
    found = recorded_of(
        f"y = x + {draw} if training else x",
        arguments={"dim": DIM},
        inputs={"x": [2, "dim"]},
        outputs={"y": [2, "dim"]},
    )
    assert list(found.values) == ["training", "evaluation"]
    assert found.values["training"] != found.values["evaluation"]
    assert not found.draws


def test_each_draw_is_fixed_at_other_numbers() -> None:
    found = recorded_of("y = x + rand_like(x) - rand_like(x) if training else x")
    assert found.values["training"]["y"] != found.values["evaluation"]["y"]


@pytest.mark.parametrize(
    "op", [torch.rand_like, torch.randn_like, functional.dropout, torch.bernoulli], ids=lambda op: op.__name__
)
def test_draws_are_fixed_alike_on_both_sides(op: Callable[[Tensor], Tensor]) -> None:
    x = torch.full((4, 5), 0.7, dtype=torch.float64)
    with FixedDraws():
        ours = [op(x) for _ in range(3)]
    with behaviours.FixedDraws():
        theirs = [op(x) for _ in range(3)]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
    assert not torch.equal(ours[0], ours[1])


def test_fixed_draws_are_spread_as_what_they_stand_for() -> None:
    zeros = torch.zeros(2000, dtype=torch.float64)
    with FixedDraws():
        uniform, normal, tossed = torch.rand_like(zeros), torch.randn_like(zeros), torch.bernoulli(zeros + 0.3)
    assert float(uniform.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(uniform.std()) == pytest.approx(12**-0.5, rel=0.05)
    assert float(normal.mean()) == pytest.approx(0, abs=0.05)
    assert float(normal.std()) == pytest.approx(1, rel=0.05)
    assert float(tossed.mean()) == pytest.approx(0.3, abs=0.03)


def test_of_other_draws_the_law_is_recorded() -> None:
    found = recorded_of("y = rrelu(x, training=training)")
    assert list(found.values) == ["evaluation"]
    assert found.draws["y"][1] > 0


def test_of_a_layer_that_always_draws_evaluation_is_recorded_too() -> None:
    found = recorded_of("y = x * bernoulli(full_like(x, 0.5))", random="always")
    assert found.values
    assert not found.draws


@pytest.mark.parametrize("share", [0.03, 0.1])
def test_of_a_rare_event_that_changes_all_the_law_is_not_recorded(share: float) -> None:
    rare = f"y = x\nif training:\n    y = where(rand([]) < {share}, 3 * x, x) * rrelu(full_like(x, 1), training=True)"
    assert "y" not in recorded_of(rare).draws


def test_where_nothing_is_drawn_the_law_has_no_spread() -> None:
    found = recorded_of("y = rrelu(x, 0.25, 0.25, training)")
    assert found.draws["y"][1] == 0


def test_integers_that_start_at_random_are_not_recorded() -> None:
    order = {"shape": ["dim"], "init": "randperm(dim)", "dtype": "int64"}
    found = recorded_of(
        "y = x[:, order]", arguments={"dim": {**DIM, "min": 4}}, buffers={"order": order}, inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
    )  # fmt: skip
    assert not found


@pytest.mark.parametrize("init", ["sign(randn(1))", "sign(weight)"])
def test_a_number_that_starts_as_one_of_two_is_not_recorded(init: str) -> None:
    """Three starts are alike by chance in one of four layers."""
    side = {"shape": [1], "init": init}
    assert not recorded_of("y = x * weight * side", buffers={"side": side}, parameters=weight("normal", 1))


def test_a_number_that_is_computed_and_always_the_same_is_recorded() -> None:
    assert recorded_of("y = x * side", buffers={"side": {"shape": [1], "init": "sign(ones(1))"}})


def test_what_a_mask_lets_through_is_recorded() -> None:
    """Its own place among the inputs would have left out both of two samples."""
    inputs: dict[str, Any] = {
        **{name: ["N", "C"] for name in "abc"},
        "d": ["N"],
        "valid": {"shape": ["N"], "dtype": "bool"},
    }
    sine, cosine = (
        recorded_of(f"loss = sum({wave}(a) * b * c * d[:, None] * valid[:, None])", inputs=inputs, outputs={"loss": []})
        for wave in ("sin", "cos")
    )
    assert sine.values["training"]["loss"] != cosine.values["training"]["loss"]


def test_recorded_values_differ_from_setting_to_setting() -> None:
    layer = program("y = x * scale", arguments={"scale": {"type": "float", "default": 2.0, "doc": "Factor."}})
    found = [recorded(layer, setting) for setting in settings(layer)]
    assert len(found) > 1
    assert len({str(one.values) for one in found}) == len(found)


# What they find: hand-made faults of layers without a twin in torch.

FAULTS = [
    ("multihead_self_attention", "mask = mask[:, None]", "mask = ~mask[:, None]"),
    ("multihead_self_attention", "attn_mask=mask,", "attn_mask=mask, scale=1.0,"),
    ("lora_linear", "alpha / rank", "1 / rank"),
    (
        "rotary_embedding",
        "torch.arange(L, device=h.device, dtype=h.dtype)",
        "torch.arange(1, L + 1, device=h.device, dtype=h.dtype)",
    ),
    ("focal_loss", "miss**self.gamma", "miss*self.gamma"),
    ("mgu", "lerp(h, candidate.type_as(h)", "lerp(candidate.type_as(h), h"),
    ("gaussian_noise", "self.std *", "2 * self.std *"),
    ("gaussian_noise", "if self.training", "if False"),
    ("drop_path", "if self.training", "if True"),
    ("transformer_block", "x + self.attention", "2 * x + self.attention"),
    ("tied_autoencoder", "F.gelu", "F.silu"),
    ("elastic_net_linear", ".square()", ".abs()"),
    ("batch_norm2d", "1 / float(num_batches_tracked)", "1"),
    ("vector_quantizer", ".square().sum(dim=1)", ".abs().sum(dim=1)"),
    ("lora_linear", "a=math.sqrt(5)", "a=math.sqrt(6)"),
    ("lora_linear", "kaiming_uniform_(self.down", "kaiming_normal_(self.down"),
    ("custom_conv2d", "bound = 1 / math.sqrt(fan_in)", "bound = 1 / fan_in"),
]


@pytest.mark.parametrize(("name", "sound", "faulty"), FAULTS)
def test_a_fault_in_a_generated_layer_is_found(name: str, sound: str, faulty: str) -> None:
    original = sys.modules[layer_class(name).__module__]
    text = inspect.getsource(original)
    assert sound in text
    runs = list(runs_of(original.__name__))
    for run in runs:
        run(getattr(original, layer_class(name).__name__))
    module = types.ModuleType(original.__name__)
    module.__package__ = original.__package__
    exec(text.replace(sound, faulty), module.__dict__)  # noqa: S102 (it is our own)
    with pytest.raises(AssertionError):
        for run in runs:
            run(getattr(module, layer_class(name).__name__))


def runs_of(module: str) -> Iterator[Callable[[Any], None]]:
    """The runs of a layer's tests of values that are recorded, each a function of its class."""
    package, _, name = module.removeprefix("generated.").rpartition(".")
    tests = importlib.import_module(f"generated.tests.{package}.test_{name}")

    def run(constructor: Any, case: Any, training: bool | None) -> None:
        torch.manual_seed(0)
        layer = replace(tests.LAYER, constructor=constructor)
        if training is None:
            behaviours.test_spread_of_initial_values(layer, case)
        else:
            behaviours.test_recorded_values(layer, case, training)

    for case in tests.CASES.values():
        for training in (True, False, None) if tests.LAYER.modes else (True, None):
            yield lambda constructor, case=case, training=training: run(constructor, case, training)  # type: ignore[misc]


# How far initial values spread.


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("uniform", {"a": -1.0, "b": 3.0}),
        ("normal", {"mean": 1.0, "std": 2.0}),
        ("trunc_normal", {"mean": 0.0, "std": 1.0, "a": -1.0, "b": 2.0}),
        ("xavier_uniform", {"gain": 2.0}),
        ("xavier_normal", {"gain": 1.0}),
        ("kaiming_uniform", {"a": 2.0, "mode": "fan_in", "nonlinearity": "leaky_relu"}),
        ("kaiming_normal", {"a": 0.0, "mode": "fan_out", "nonlinearity": "relu"}),
        ("orthogonal", {"gain": 1.0}),
        ("sparse", {"sparsity": 0.3, "std": 0.1}),
    ],
)
def test_the_spread_of_an_initializer_is_that_of_its_samples(name: str, given: dict[str, Any]) -> None:
    torch.manual_seed(0)
    values = torch.empty(100, 200)
    getattr(torch.nn.init, f"{name}_")(values, **given)
    assert initializer_spread(name, given, (100, 200)) == pytest.approx(float(values.std()), rel=0.02)


@pytest.mark.parametrize("name", ["zeros", "ones", "constant", "eye", "dirac"])
def test_what_draws_nothing_has_no_spread(name: str) -> None:
    assert initializer_spread(name, {"val": 2.0}, (3, 3)) is None


def test_a_gradient_that_is_no_derivative_is_recorded_where_there_is_one() -> None:
    def gradients(forward: str) -> set[str]:
        layer = program(forward, inputs={"x": {"shape": ["N", "C"], "gradient": False}})
        return {name for name in recorded(layer, setting_of(layer)).values["training"] if "gradient" in name}

    assert gradients("y = x + detach(round(x) - x)") == {"gradient of x"}
    assert gradients("y = round(x) * 2") == {"gradient of x"}  # which is zero
    assert gradients("y = detach(x) * 2") == set()


@pytest.mark.parametrize("dim", [1, 3])
def test_nothing_is_recorded_of_what_starts_alike_by_chance(dim: int) -> None:
    layer = program(
        "y = linear(x, weight)",
        arguments={"dim": DIM},
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
        parameters={"weight": {"shape": ["dim", "dim"], "init": "orthogonal"}},
        cases=[{"dim": dim}],
    )
    assert bool(recorded(layer, setting_of(layer))) == (dim > 1)
