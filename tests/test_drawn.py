"""Definitions that draw random numbers, and layers that are held to the law of these."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from shipped import SPECS, checked_file
from small import DIM, checked, fault_of, program, spec
from torch import Tensor

from layergen.compare.moments import Apart, furthest
from layergen.definition.latex import latex
from layergen.definition.loops import definition_lines
from layergen.definition.reading import check_definition
from layergen.faults import SpecError
from layergen.present.guarantees import guarantees

RATE = {"type": "float", "min": 0, "max": 1, "default": 0.25, "doc": "Share."}
NOISE = {"type": "float", "min": 0, "default": 0.5, "doc": "Spread."}
INSTEAD = {"rate": {"arguments": {"p": RATE}}, "noise": {"arguments": {"std": NOISE}}}
COUNT = 400
NAMES = ["y"] * 6
SIZES = torch.linspace(0.1, 3, 6, dtype=torch.float64).sqrt()
SHAPES = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}


def layer(forward: str, definition: str, **parts: Any) -> Any:
    return program(forward, definition=definition, **{**SHAPES, **parts})


def apart(ours: Tensor, theirs: Tensor, names: list[str]) -> Apart | None:
    """The moment that surely differs."""
    found = furthest(ours, theirs, names)
    return found if found is not None and found.sure else None


def _happens(chance: float) -> Tensor:
    return (torch.rand(COUNT, 6, dtype=torch.float64) < chance).double()


LAWS: dict[str, Callable[[], Tensor]] = {
    "normal": lambda: torch.randn(COUNT, 6, dtype=torch.float64),
    "rare": lambda: _happens(0.01),
    "often": lambda: 1e6 * _happens(0.9),
    "skewed": lambda: torch.empty(COUNT, 6, dtype=torch.float64).exponential_(),
    "wide": lambda: torch.randn(COUNT, 6, dtype=torch.float64).exp(),
    "together": lambda: torch.randn(COUNT, 1, dtype=torch.float64).expand(COUNT, 6),
    "settled": lambda: torch.full((COUNT, 6), 0.1, dtype=torch.float64),
    "rounded": lambda: 0.1 + 1e-17 * torch.randn(COUNT, 6, dtype=torch.float64),
    "endless": lambda: torch.full((COUNT, 6), torch.inf, dtype=torch.float64),
    "noisy coins": lambda: 10 * _happens(0.5) + 0.01 * torch.randn(COUNT, 6, dtype=torch.float64),
    "noisy together": lambda: LAWS["together"]() + 0.01 * torch.randn(COUNT, 6, dtype=torch.float64),
    "exactly half": lambda: (torch.rand(COUNT, 6, dtype=torch.float64).argsort(0) < COUNT // 2) * SIZES,
    "heavy": lambda: 1 / torch.randn(COUNT, 6, dtype=torch.float64),
    "heavy coins": lambda: _happens(0.3) / torch.randn(COUNT, 6, dtype=torch.float64),
    "crossed": lambda: _crossed(torch.randn(COUNT, 2, 3, dtype=torch.float64)),
}


def _crossed(values: Tensor) -> Tensor:
    """The same numbers, the last of each three with such a sign that the product of all is positive."""
    signs = values.sign().prod(-1, keepdim=True)
    return torch.cat((values[..., :2], signs * values[..., 2:]), -1).flatten(1)


@pytest.mark.parametrize("law", LAWS)
def test_samples_of_one_law_are_never_apart(law: str) -> None:
    torch.manual_seed(0)
    assert [apart(LAWS[law](), LAWS[law](), NAMES) for _ in range(100)] == [None] * 100


@pytest.mark.parametrize(
    ("one", "other", "moment"),
    [
        ("often", lambda: LAWS["often"]() / 0.9, "mean size"),
        ("normal", lambda: LAWS["normal"]() + 0.5, "mean"),
        ("settled", lambda: LAWS["settled"]() * (1 + 1e-6), "mean"),
        ("normal", lambda: 2 * LAWS["normal"](), "variance"),
        ("settled", lambda: LAWS["settled"]() + 0.01 * LAWS["normal"](), "variance"),
        ("normal", LAWS["together"], "covariance"),
        ("skewed", lambda: 2 - LAWS["skewed"](), "skewness"),
        ("normal", lambda: LAWS["normal"]().sign(), "kurtosis"),
        ("noisy coins", lambda: 10 * _happens(0.5) + 0.02 * LAWS["normal"](), "variance above the mean"),
        ("noisy coins", lambda: 10 * _happens(0.5), "variance above the mean"),
        ("noisy together", lambda: LAWS["together"]() + 0.015 * LAWS["normal"](), "difference"),
        ("noisy together", LAWS["together"], "difference"),
        ("normal", LAWS["crossed"], "product of three"),
        ("normal", LAWS["heavy"], "share of far values"),
        ("heavy", LAWS["normal"], "share of far values"),
        ("heavy", lambda: LAWS["heavy"]() + 1, "side of the middle"),
        ("normal", lambda: LAWS["normal"]().where(torch.rand(COUNT, 6) > 0.1, torch.nan), "share of finite numbers"),
    ],
)
def test_samples_of_two_laws_are_apart(one: str, other: Callable[[], Tensor], moment: str) -> None:
    torch.manual_seed(0)
    found = apart(LAWS[one](), other(), NAMES)
    assert found is not None and found.moment == moment


def test_a_shift_that_each_entry_hides_shows_in_all_together() -> None:
    torch.manual_seed(0)
    signs = torch.tensor([1.0, -1.0] * 12, dtype=torch.float64)
    small, large = ((torch.randn(COUNT, 24, dtype=torch.float64) + shift) * signs for shift in (1.0, 1.2))
    found = apart(small, large, ["y"] * 24)
    assert found is not None and found.moment == "mean size"


SOUND = {
    "entries": ("rate", "y = dropout(x, p, training)",
                "keep[n < N, c < C] = bernoulli(1 - p)\n"
                "y[n, c] = x[n, c] * keep[n, c] / (1 - p) if training else x[n, c]"),
    "rows": ("rate", "y = x\nif training:\n    y = x * dropout(ones(N, 1), p)\n",
             "keep[n < N] = bernoulli(1 - p)\ny[n, c] = x[n, c] * keep[n] / (1 - p) if training else x[n, c]"),
    "noise": ("noise", "y = x\nif training:\n    y = x + std * randn_like(x)\n",
              "y[n, c] = x[n, c] + (normal(0, std) if training else 0)"),
    "choice": ("noise", "y = std * x\nif training:\n    y = where(rand(N, C) < 0.25, x, std * x)\n",
               "u[n < N, c < C] = uniform(0, 1)\n"
               "y[n, c] = x[n, c] if training and u[n, c] < 0.25 else std * x[n, c]"),
}  # fmt: skip
SLIPS = {
    "a share that is not scaled": ("entries", " / (1 - p)", ""),
    "a share the other way round": ("entries", "bernoulli(1 - p)", "bernoulli(p)"),
    "a draw for each row": ("entries", "keep[n < N, c < C]", "keep[n < N, c < 1]"),
    "a draw for each entry": ("rows", "x[n, c] * keep[n]", "x[n, c] * bernoulli(1 - p)"),
    "a spread as a variance": ("noise", "normal(0, std)", "normal(0, std ** 2)"),
    "a spread that is a fifth larger": ("noise", "normal(0, std)", "normal(0, 1.2 * std)"),
    "another chance": ("choice", "u[n, c] < 0.25", "u[n, c] < 0.75"),
}


def sound(name: str) -> Any:
    kind, forward, definition = SOUND[name]
    return layer(forward, definition, **INSTEAD[kind])


@pytest.mark.parametrize("name", SOUND)
def test_what_is_drawn_is_held_to_its_law(name: str) -> None:
    found = checked(sound(name))
    assert found.defined.plain and found.defined.drawn and not found.defined.trained
    assert any(one.contract == "draws" for one in guarantees(found))


@pytest.mark.parametrize("slip", SLIPS)
def test_another_law_is_a_fault(slip: str) -> None:
    name, right, wrong = SLIPS[slip]
    kind, forward, definition = SOUND[name]
    changed = definition.replace(right, wrong).replace("keep[n, c]", "keep[n, 0]" if "c < 1" in wrong else "keep[n, c]")
    assert changed != definition
    found = fault_of(layer(forward, changed, **INSTEAD[kind]))
    assert found.rule.code == "LG408" and " in training" in found.message


def test_what_is_always_random_is_held_to_its_law_in_evaluation() -> None:
    parts = {"random": "always", **INSTEAD["noise"]}
    found = checked(layer("y = x + std * randn_like(x)", "y[n, c] = x[n, c] + normal(0, std)", **parts))
    assert found.defined.drawn and not found.defined.plain
    fault = fault_of(layer("y = x + std * randn_like(x)", "y[n, c] = x[n, c] - std + normal(0, 1)", **parts))
    assert fault.rule.code == "LG408" and " in training" not in fault.message


def test_a_member_draws_by_its_own_definition() -> None:
    parts: dict[str, Any] = {"arguments": {"p": RATE}, "modules": {"drop": "nn.Dropout(p)"}}
    text = "z[n, c] = x[n, c] ** 2\ny[n, c] = x[n, c] + drop(z)[n, c]"
    assert checked(layer("y = x + drop(square(x))", text, **parts)).defined.drawn
    found = fault_of(layer("y = drop(x + square(x))", text, **parts))
    assert found.rule.code == "LG408" and "in training" in found.message


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("y[n, c] = x[n, c] * bernoulli(1 + p)", "a chance is in [0, 1], and this is 1.25"),
        ("y[n, c] = x[n, c] + normal(0, -p)", "a standard deviation is not negative"),
    ],
)
def test_a_number_that_cannot_be_drawn_is_a_fault(definition: str, message: str) -> None:
    found = fault_of(layer("y = x + p * randn_like(x)", definition, random="always", **INSTEAD["rate"]))
    assert found.rule.code == "LG409" and message in found.message


@pytest.mark.parametrize(
    ("definition", "message", "help"),
    [
        ("y[n, c] = x[n, c] + normal(p)", "`normal` takes a mean and a standard deviation", None),
        ("y[n, c] = x[n, c] * bernoulli()", "`bernoulli` takes a chance of a 1", None),
        (
            "if bernoulli(p):\n    y[n, c] = x[n, c]\nelse:\n    y[n, c] = 0",
            "no matter of chance",
            "… if bernoulli(p) else …",
        ),
        ("y[n, c] = x[n, c] + p * randn()", "`randn` is no function of numbers", "write `normal(0, 1)`"),
        ("y[n, c] = dropout(x[n, c], p)", "`dropout` is no function of numbers", "keep[n, i] = bernoulli(1 - p)"),
    ],
)
def test_slips_in_what_is_drawn_are_told(definition: str, message: str, help: str | None) -> None:
    found, *_ = check_definition(spec("y = x", definition=definition, **SHAPES, **INSTEAD["rate"]))
    assert message in found.message and (help is None or help in str(found.help))


def test_noise_that_the_forward_forgets_is_a_fault() -> None:
    _, _, definition = SOUND["noise"]
    assert "the variance of" in fault_of(layer("y = x + 0 * std", definition, **INSTEAD["noise"])).message


def test_the_formula_names_the_laws() -> None:
    arguments = {"std": NOISE, "p": RATE, "a": DIM}
    text = "keep[n < N] = bernoulli(1 - p)\nu[n < N] = uniform(0, a)\n"
    text += "y[n, c] = keep[n] * u[n] * (x[n, c] + normal(0, std)) + normal(p, 1)"
    first, second, third = latex(layer("y = x", text, arguments=arguments).definition)
    assert first == r"\mathrm{keep}_n \sim \operatorname{Bernoulli}\left(1 - p\right)"
    assert second == r"u_n \sim \mathcal{U}\left(0, a\right)"
    assert r"\mathcal{N}\left(0, \mathrm{std}^{2}\right)" in third and r"\mathcal{N}\left(p, 1\right)" in third


def test_the_generated_definition_draws_by_a_generator_that_it_is_given() -> None:
    told = "\n".join(definition_lines(sound("entries").definition))
    assert 'draws = given["draws"]' in told and "draws.bernoulli(1 - p)" in told
    assert "draws.gauss(0, std)" in "\n".join(definition_lines(sound("noise").definition))


def test_a_law_is_held_at_values_at_which_its_learned_strength_is_large(tmp_path: Path) -> None:
    text = SPECS["noisy_linear"].read_text(encoding="utf-8")
    forgotten = tmp_path / "noisy_linear.yaml"
    forgotten.write_text(text.replace("b = sign(b) * sqrt(abs(b))", "b = sign(b) * abs(b)"), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        checked_file(forgotten)
    (finding,) = caught.value.findings
    assert finding.rule.code == "LG408" and "draws in training, the share of far values of `y`" in finding.message


def test_what_few_draws_make_suspicious_more_tell(tmp_path: Path) -> None:
    text = SPECS["noisy_linear"].read_text(encoding="utf-8")
    forgotten = tmp_path / "noisy_linear.yaml"
    forgotten.write_text(text.replace("a = sign(a) * sqrt(abs(a))", ""), encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        checked_file(forgotten)
    assert "over 1600 draws in training, the pooled variance of `y`" in caught.value.findings[0].message


def test_tails_of_which_no_variance_tells_are_told() -> None:
    kind, forward, definition = SOUND["noise"]
    found = fault_of(layer(forward.replace("std * randn", "std / randn"), definition, **INSTEAD[kind]))
    assert "the share of far values of `y`" in found.message


SPREAD_OUT = """
mu[n, c] = mean[h, w](x[n, c, h, w])
s[n, c] = mean[h, w]((x[n, c, h, w] - mu[n, c]) ** 2)
e[n < N, c < C] = normal(0, 1)
y[n, c, h, w] = x[n, c, h, w] + e[n, c] * s[n, c] if training else x[n, c, h, w]
"""


@pytest.mark.parametrize(("noise", "right"), [("randn_like(s)", True), ("rand_like(s)", False)])
def test_fewer_entries_are_compared_where_many_take_too_long(noise: str, right: bool) -> None:
    """Sums over an image, on which what is drawn depends, are too long to be computed for each of many entries."""
    forward = "y = x\nif training:\n"
    forward += f"    s = var(x, dim=[2, 3], correction=0, keepdim=True)\n    y = x + {noise} * s"
    parts: dict[str, Any] = {"inputs": {"x": ["N", "C", "H", "W"]}, "outputs": {"y": ["N", "C", "H", "W"]}}
    if right:
        assert checked(layer(forward, SPREAD_OUT, **parts)).cases
    else:
        finding = fault_of(layer(forward, SPREAD_OUT, **parts))
        assert finding.rule.code == "LG408" and " draws in training, the mean of " in finding.message
