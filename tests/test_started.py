"""Definitions of the values that tensors start with."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program, spec

from layergen.definition.reading import check_definition, definition_of
from layergen.lower.definition import formula_texts, start_texts
from layergen.present.guarantees import guarantees

MATRIX: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}
FLAG = {"type": "bool", "default": True, "doc": "Whether there is an offset."}
PARTS: dict[str, Any] = {
    "arguments": {"a": DIM, "bias": FLAG},
    "parameters": {
        "weight": {"shape": ["a", "a"], "init": "kaiming_uniform(a=sqrt(5))"},
        "gain": {"shape": ["a"], "init": "normal(1, 0.02)"},
        "bias": {"shape": ["a"], "when": "bias", "init": "zeros"},
    },
    "buffers": {
        "rates": {"shape": ["a"], "init": "10000.0 ** (-arange(a) / a)"},
        "first": {"shape": ["a"], "init": "weight[0]"},
    },
    "inputs": {"x": ["N", "a"]},
    "outputs": {"y": ["N", "a"]},
}
FORWARD = "y = linear((x + first) * rates * gain, weight, bias)"
OUTPUT = (
    "y[n, o] = sum[i](weight[o, i] * (x[n, i] + first[i]) * rates[i] * gain[i]) + (bias[o] if bias is not None else 0)"
)
DRAWN = """\
bound = 1 / sqrt(a)
initial(weight)[o, i] = uniform(-bound, bound)
initial(gain)[i] = normal(1, 0.02)
initial(bias)[i] = 0
initial(rates)[i] = 10000 ** (-i / a)
"""
COMPUTED = "initial(rates)[i] = 10000 ** (-i / a)\ninitial(first)[i] = weight[0, i]\n"


def layer(definition: str, **parts: Any) -> Any:
    return program(FORWARD, definition=definition + OUTPUT, **{**PARTS, **parts})


@pytest.mark.parametrize(("text", "starts"), [(DRAWN, 400), (COMPUTED, 1)])
def test_initial_values_are_compared_over_as_many_starts_as_it_takes(text: str, starts: int) -> None:
    found = checked(layer(text))
    assert set(found.defined.starts.values()) == {starts} and found.defined.plain
    assert [one.detail for one in guarantees(found) if one.contract == "start"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("uniform(-bound, bound)", "uniform(-bound, 2 * bound)"),
        ("uniform(-bound, bound)", "normal(0, bound / sqrt(3))"),
        ("bound = 1 / sqrt(a)", "bound = 1 / a"),
        ("normal(1, 0.02)", "normal(0, 0.02)"),
        ("normal(1, 0.02)", "normal(1, 0.02 ** 2)"),
        ("initial(bias)[i] = 0", "initial(bias)[i] = 1"),
        ("10000 ** (-i / a)", "10000 ** (-(i + 1) / a)"),
        ("10000 ** (-i / a)", "10000 ** (-i / (a - 1))"),
        ("10000 ** (-i / a)", "10001 ** (-i / a)"),
    ],
)
def test_other_initial_values_are_a_fault(right: str, wrong: str) -> None:
    assert right in DRAWN
    found = fault_of(layer(DRAWN.replace(right, wrong)))
    assert found.rule.code == "LG408" and found.message.startswith("over 400 starts, the ") and found.labels


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ("-6.9, -2.0", "uniform` ends at -2 by the definition"),
        ("-7.2, -2.3", "uniform` ends at -7.2 by the definition"),
        ("-6.9, -2.4", "uniform` ends at -2.4 by the definition"),
        ("-6.8, -2.3", "uniform` ends at -6.8 by the definition"),
    ],
)
def test_ends_that_moments_do_not_tell_apart_are_held_to_the_extremes(ends: str, message: str) -> None:
    parts = {**MATRIX, "parameters": {"offset": {"shape": ["dim"], "init": "uniform(-6.9, -2.3)"}}}
    text = "initial(offset)[i] = uniform(-6.9, -2.3)\ny[n, i] = x[n, i] + offset[i]"
    assert checked(program("y = x + offset", definition=text, **parts)).defined.starts
    found = fault_of(program("y = x + offset", definition=text.replace("-6.9, -2.3", ends), **parts))
    assert found.rule.code == "LG408" and message in found.message and found.labels


def test_ends_that_are_random_themselves_are_left_to_the_moments() -> None:
    parts = {**MATRIX, "parameters": {"offset": {"shape": ["dim"], "init": "rand(dim) * rand(1)"}}}
    text = "top = uniform(0, 1)\ninitial(offset)[i] = uniform(0, top)\ny[n, i] = x[n, i] + offset[i]"
    assert checked(program("y = x + offset", definition=text, **parts)).defined.starts


def test_a_gain_that_the_spec_forgets_is_a_fault() -> None:
    weight = {"shape": ["a", "a"], "init": "kaiming_uniform(a=sqrt(6))"}
    found = fault_of(layer(DRAWN, parameters={**PARTS["parameters"], "weight": weight}))
    assert "the pooled variance of `weight`" in found.message


@pytest.mark.parametrize("value", ["None", "'a'"])
def test_what_is_no_number_is_told(value: str) -> None:
    finding = fault_of(layer(f"initial(rates)[i] = {value}\n"))
    assert finding.message == f"an entry is a number, and this is {value}"


def test_values_that_are_computed_are_compared_one_by_one() -> None:
    found = fault_of(layer(COMPUTED.replace("weight[0, i]", "weight[i, 0]")))
    assert found.message.startswith("at the start, the mean of `first[1]` is ")


def test_a_small_tensor_between_large_ones_is_compared() -> None:
    small = {"shape": [], "init": "constant(0.1)"}
    parameters = {"weight": PARTS["parameters"]["weight"], "scale": small, "other": PARTS["parameters"]["weight"]}
    parts = {**PARTS, "parameters": parameters, "arguments": {"a": DIM}, "buffers": {}}
    starts = "".join(f"initial({name})[o, i] = uniform(-1 / sqrt(a), 1 / sqrt(a))\n" for name in ("weight", "other"))
    text = f"{starts}initial(scale) = 1\ny[n, o] = scale * sum[i]((weight[o, i] + other[o, i]) * x[n, i])"
    found = fault_of(program("y = scale * linear(x, weight + other)", definition=text, **parts))
    assert "the mean of `scale` is 1 by the definition" in found.message


def test_what_the_outputs_draw_has_no_part_in_the_start() -> None:
    text = f"{COMPUTED}keep[n < N] = bernoulli(0.5)\n" + OUTPUT.replace("= sum", "= (keep[n] + 1 - keep[n]) * sum")
    found = checked(program(FORWARD, definition=text, **PARTS))
    assert set(found.defined.starts.values()) == {1}


def test_what_is_not_there_is_not_compared() -> None:
    found = checked(layer("initial(bias)[i] = 0\n"))
    assert {one.setting for one in found.defined.at} - found.defined.starts.keys()


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        ("initial(weigth)[o, i] = 0\n", "`weigth` is no tensor of the layer", "write `initial(weight)`"),
        ("initial(y)[o, i] = 0\n", "`y` is no tensor of the layer", "a parameter or a buffer"),
        ("initial(weight)[o] = 0\n", "`weight` has 1 index", "an index"),
        ("initial(gain)[i] = x[0, i]\n", "`x` is no tensor", ""),
        ("initial(gain)[i] = N\n", "`N`", ""),
        ("initial(gain)[i] = weight[i, i] + normal(0, 1)\n", "is read where initial values are drawn", "of its own"),
    ],
)  # fmt: skip
def test_slips_in_initial_values_are_told(text: str, message: str, help: str) -> None:
    found, *_ = check_definition(spec(FORWARD, definition=text + OUTPUT, **PARTS))
    assert message in found.message and help in str(found.help)


def test_a_family_has_no_initial_values_to_tell() -> None:
    parts = {
        **PARTS,
        "parameters": {**PARTS["parameters"], "several": {"each": {"k": 2}, "shape": ["a"], "init": "zeros"}},
    }
    found, *_ = check_definition(spec(FORWARD, definition=f"initial(several)[k, i] = 0\n{OUTPUT}", **parts))
    assert "`several` is a family of tensors" in found.message


def test_the_formula_of_a_layer_leaves_its_start_out() -> None:
    found = layer(DRAWN)
    (output,) = formula_texts(found)
    assert output.startswith("y_{n, o}")
    bound, weight, *_ = start_texts(found)
    assert bound.startswith(r"\mathrm{bound} = ") and weight.startswith(r"\mathrm{weight}_{o, i} \sim \mathcal{U}")


def test_a_definition_that_draws_initial_values_alone_draws_nothing() -> None:
    definition = definition_of(spec(FORWARD, definition=DRAWN + OUTPUT, **PARTS))
    assert definition is not None and not definition.draws
    assert definition.start is not None and definition.start.draws
