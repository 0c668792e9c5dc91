"""Which layers reach the edge of an op's domain: the faulty ones, at the op, and none that is sound."""

from typing import Any

import pytest
from faulty_edges import FAULTY
from more_sound_edges import MORE_SOUND
from small import program
from sound_edges import SOUND

from layergen.contracts.domains import DOMAINS
from layergen.contracts.promise import Ways
from layergen.diagnostics import Finding
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
        ("sum(x, dim=1, keepdim=True)", "keep the divisor away from 0 before dividing, not after: `clamp(sum("),
    ],
)
def test_a_number_is_kept_from_zero_by_a_constraint_and_a_tensor_by_a_bound(divisor: str, help: str) -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}
    (found,) = breaches(program(f"y = x / {divisor}", **parts))
    assert (found.help or "").startswith(help)


def test_a_spread_of_one_value_is_made_a_biased_one_or_left_out_by_the_bound() -> None:
    parts: dict[str, Any] = {"arguments": {"C": {"type": "int", "min": 1, "doc": "Size."}}}
    (found,) = breaches(program("y = x / (std(x, dim=1, keepdim=True) + 1)", **parts))
    assert found.message == "`std` makes `y` NaN where `C` is 1"
    biased, bound = "write `correction=0`", "leave the bound out of what `C` may be: `min: 2`"
    assert found.help == f"a single value has no unbiased spread: {biased}, or {bound}"


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
