"""Which layers reach the edge of an op's domain: the faulty ones, at the op, and none that is sound."""

from typing import Any

import pytest
from faulty_edges import FAULTY
from more_sound_edges import MORE_SOUND
from small import program
from sound_edges import SOUND

from layergen.contracts.domains import DOMAINS
from layergen.diagnostics import Finding
from layergen.probe.ways import Ways
from layergen.prove.proof import paths
from layergen.resolve.program import Program
from layergen.run.watching import Runs
from layergen.settings.choice import settings


def breaches(layer: Program) -> list[Finding]:
    """What the contract says of a layer."""
    return list(
        DOMAINS.judge(Ways(layer, tuple(Runs(layer, way, DOMAINS.watches) for way in paths(layer, settings(layer)))))
    )


@pytest.mark.parametrize("name", [*SOUND, *MORE_SOUND])
def test_sound_layer_passes(name: str) -> None:
    assert breaches(program(**{**SOUND, **MORE_SOUND}[name])) == []


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_layer_is_refused_at_the_op(name: str) -> None:
    code, op, parts = FAULTY[name]
    found = breaches(program(**parts))
    assert [finding.rule.code for finding in found] == [code]
    assert [at(parts, finding) for finding in found] == [op]
    assert all(finding.help for finding in found)


def test_each_op_at_fault_is_named() -> None:
    parts = {"forward": "y = x / norm(x, dim=1, keepdim=True) + log(1 - sigmoid(x))"}
    found = breaches(program(**parts))
    assert [at(parts, finding) for finding in found] == ["x / norm(x, dim=1, keepdim=True)", "log(1 - sigmoid(x))"]


@pytest.mark.parametrize(
    ("divisor", "help"),
    [
        ("(C - 1)", "leave it out by the constraint `C - 1 != 0`"),
        ("sum(abs(x), dim=1, keepdim=True)", "keep the divisor away from 0 before dividing, not after: `clamp(sum("),
        ("sum(x, dim=1, keepdim=True)", "compute it without this division: a bound, as by `clamp(sum("),
        ("sum(type_as(x > 0, x), dim=1, keepdim=True)", "divide by 1 at least: `clamp(sum("),
    ],
)
def test_a_number_is_kept_from_zero_by_a_constraint_and_a_tensor_by_a_bound(divisor: str, help: str) -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}
    (found,) = breaches(program(f"y = x / {divisor}", **parts))
    assert (found.help or "").startswith(help)


@pytest.mark.parametrize(("weights", "least"), [("ones_like(x)", "1"), ("square(x)", "1e-6")])
def test_a_count_is_1_at_least_and_a_sum_of_weights_is_not(weights: str, least: str) -> None:
    forward = f"w = type_as(mask, x) * {weights}\ncount = sum(w, dim=1, keepdim=True)\ny = x * w / count"
    inputs = {"x": ["N", "C"], "mask": {"shape": ["N", "C"], "dtype": "bool"}}
    (found,) = breaches(program(forward, inputs=inputs, outputs={"y": ["N", "C"]}))
    assert f"`clamp(count, min={least})`" in (found.help or "")


def test_a_product_of_many_gates_has_no_bound() -> None:
    forward = "a = cumprod(sigmoid(40 * x), dim=1)\ny = a * cumsum(x / a, dim=1)"
    (found,) = breaches(program(forward, inputs={"x": ["N", "L"]}, outputs={"y": ["N", "L"]}))
    assert (found.help or "").startswith("compute it without this division")


def test_a_spread_of_one_value_is_made_a_biased_one_or_left_out_by_the_bound() -> None:
    parts: dict[str, Any] = {"arguments": {"C": {"type": "int", "min": 1, "doc": "Size."}}}
    (found,) = breaches(program("y = x / (std(x, dim=1, keepdim=True) + 1)", **parts))
    assert found.message == "`std` makes `y` NaN where `C` is 1"
    biased, bound = "write `correction=0`", "leave the bound out of what `C` may be: `min: 2`"
    assert found.help == f"a single value has no unbiased spread: {biased}, or {bound}"


def test_what_was_nan_before_a_root_is_blamed_for_it_and_not_the_root_that_no_clamp_would_help() -> None:
    forward = "s = sqrt(var(x, dim=1, keepdim=True) + 1.0)\ny = where(rand([]) < 2, x, s)"
    (found,) = breaches(program(forward, inputs={"x": ["N", "C"]}, outputs={"y": ["N", "C"]}, random="always"))
    assert found.message == "`var` makes the gradient of `x` NaN where C is 1"
    assert (
        found.help
        == "a single value has no unbiased spread: write `correction=0`, or ask for more by a constraint, `C >= 2`"
    )
    assert not breaches(program(forward, constraints=["C >= 2"], random="always"))


@pytest.mark.parametrize(
    ("derived", "forward", "divisor"),
    [
        ({"top": "2 ^ (bits - 1) - 1"}, "y = round(x * top) / top", "top"),
        ({"half": "bits // 2", "rest": "half - 3"}, "y = x / rest", "rest"),
        ({}, "t = bits - 7\ny = x / t", "bits - 7"),
        ({"rest": "bits - 7"}, "y = div(x, rest)", "rest"),
        ({"rest": "bits - 7"}, "y = softplus(x, beta=rest)", "rest"),
    ],
)
def test_a_divisor_that_is_computed_of_arguments_is_taken_to_0(
    derived: dict[str, str], forward: str, divisor: str
) -> None:
    parts: dict[str, Any] = {"arguments": {"bits": {"type": "int", "min": 2, "max": 16, "default": 9, "doc": "Bits."}}}
    parts |= {"derived": derived, "inputs": {"x": {"shape": ["N", "C"], "gradient": False}}}
    (found,) = breaches(program(forward, **parts))
    assert found.message.endswith(f"where `{divisor}` is 0")
    assert found.help == f"leave it out by the constraint `{divisor} != 0`"
    assert not breaches(program(forward, **parts, constraints=[f"{divisor} != 0"]))


FIRST: dict[str, Any] = {"inputs": {"x": ["N", "C", "L"]}, "outputs": {"y": ["N", "C"]}}


@pytest.mark.parametrize(
    ("constraint", "divisor", "where", "help"),
    [
        ("L >= 1", "L - 1", "`L == 1`", "leave it out by the constraint `L > 1`"),
        ("L > 1", "L - 2", "`L == 2`", "leave it out by the constraint `L > 2`"),
        ("L > C", "L - C - 1", "`L == C + 1`", "leave it out by the constraint `L > C + 1`"),
        ("C < L", "L - C - 1", "`C == L - 1`", "leave it out by the constraint `C < L - 1`"),
        ("L > 1", "max(L - 3, 0)", "`L == 2`", "say by a constraint where it works"),
    ],
)
def test_what_leaves_a_limit_out_is_tried(constraint: str, divisor: str, where: str, help: str) -> None:
    (found, *_) = breaches(program(f"y = mean(x, dim=2) / (ones(C) * ({divisor}))", constraints=[constraint], **FIRST))
    assert where in found.message
    assert (found.help or "").startswith(help)


@pytest.mark.parametrize("constraint", ["L > 1", "1 < L", "L >= 2"])
def test_a_constraint_that_is_enough_leaves_nothing_to_say(constraint: str) -> None:
    assert not breaches(program("y = mean(x, dim=2) / (ones(C) * (L - 1))", constraints=[constraint], **FIRST))


def test_a_layer_may_do_what_its_module_does() -> None:
    size = {"type": "int", "min": 1, "doc": "Size."}
    forward = "v, m = var_mean(x, dim=-1, correction=0, keepdim=True)\ny = (x - m) * rsqrt(v)"
    layer = program(forward, arguments={"C": size})
    assert [finding.rule.code for finding in breaches(layer)] == ["LG314"]
    matching = program(forward, arguments={"C": size}, matches="nn.LayerNorm(C, eps=0.0, elementwise_affine=False)")
    assert breaches(matching) == []


def at(parts: dict[str, Any], finding: Finding) -> str:
    """The text of the forward that a finding points at."""
    assert finding.place.span is not None
    start, end = finding.place.span
    return str(parts["forward"])[start:end]


@pytest.mark.parametrize(
    ("steps", "help"),
    [
        ("", "subtract the maximum first"),
        ("h = maximum(h, exp(-5 * x))", "keep `n` away from 0 and from infinity before dividing"),
    ],
)
def test_a_quotient_is_not_told_to_subtract_a_maximum_where_there_is_one(steps: str, help: str) -> None:
    (found,) = breaches(program(f"h = exp(5 * x)\n{steps}\nn = h * 2\ny = n * x / n"))
    assert found.message.startswith("`/`") and (found.help or "").startswith(help)


@pytest.mark.parametrize(
    ("op", "mended"), [("acosh", "clamp(h, min=1 + 1e-6)"), ("acos", "clamp(h, -1 + 1e-6, 1 - 1e-6)")]
)
def test_an_arc_is_kept_within_its_own_domain(op: str, mended: str) -> None:
    h = "1 + square(x)" if op == "acosh" else "cos(x)"
    (found,) = breaches(program(f"h = {h}\ny = {op}(h)"))
    assert (found.help or "").startswith(f"keep away from the ends of the domain: `{mended}`")
    assert not breaches(program(f"h = {h}\ny = {op}({mended})"))
