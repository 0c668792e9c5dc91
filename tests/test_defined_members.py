"""Definitions that read families of tensors, and call the members of a layer."""

from pathlib import Path
from typing import Any

import pytest
from small import DIM, FLAG, checked, fault_of, program, spec

from layergen.definition.latex import latex
from layergen.definition.loops import definition_lines
from layergen.definition.needs import called, needs
from layergen.definition.reading import check_definition, definition_of
from layergen.definition.scene import Definition
from layergen.definition.shipped import shipped_names
from layergen.faults import SpecError
from layergen.resolve import resolve

TWO = {"a": DIM, "b": DIM}
EPS = {"type": "float", "min": 0, "default": 0.1, "doc": "Added."}
SIZE = {"type": "size2", "min": 1, "doc": "Size."}
WEIGHT = {"each": {"k": "depth"}, "shape": ["C", "C"], "init": "zeros"}
FAMILY: dict[str, Any] = {"arguments": {"depth": DIM, "C": DIM}, "parameters": {"weight": WEIGHT}}


def defined(text: str, **parts: Any) -> Definition:
    found = definition_of(spec(definition=text, **parts))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("made", "arguments", "shape", "result"),
    [
        ("nn.BatchNorm1d(a)", {"a": DIM}, "n, a, L", "n, a, L"),
        pytest.param("nn.BatchNorm2d(a, 0.3, affine=flag)", {"a": DIM, "flag": FLAG},
            "n, a, H, W", "n, a, H, W", marks=pytest.mark.slow),
        ("nn.Conv1d(a, b, 3, 2, dilation=2)", TWO, "n, a, L", "n, b, (L - 5) // 2 + 1"),
        pytest.param("nn.Conv2d(a, b, k, padding=1)", {**TWO, "k": SIZE},
            "n, a, H, W", "n, b, H + 3 - k[0], W + 3 - k[1]", marks=pytest.mark.slow),
        pytest.param("nn.Conv2d(4, 6, 1, groups=2)", {}, "n, 4, H, W", "n, 6, H, W", marks=pytest.mark.slow),
        ("nn.ConvTranspose2d(4, 6, (3, 2), 2, 1, 1, groups=2)", {}, "n, 4, H, W", "n, 6, 2 * H, 2 * W - 1"),
        ("nn.Dropout()", {}, "n, a", "n, a"),
        ("nn.ELU(0.5)", {}, "n, a", "n, a"),
        ("nn.GELU()", {}, "n, a", "n, a"),
        ("nn.GELU('tanh')", {}, "n, a", "n, a"),
        ("nn.Flatten()", {}, "n, a, L", "n, a * L"),
        pytest.param("nn.Flatten(0, 1)", {}, "n, a, L", "n * a, L", marks=pytest.mark.slow),
        ("nn.GLU(1)", {}, "n, 4, L", "n, 2, L"),
        ("nn.GroupNorm(2, 4, eps)", {"eps": EPS}, "n, 4, H, W", "n, 4, H, W"),
        pytest.param("nn.GroupNorm(2, 4, eps)", {"eps": EPS}, "n, 4, ...", "n, 4, ...", marks=pytest.mark.slow),
        ("nn.Identity()", {}, "n, a", "n, a"),
        ("nn.LayerNorm(a, eps, bias=flag)", {"a": DIM, "eps": EPS, "flag": FLAG}, "..., a", "..., a"),
        pytest.param("nn.LogSoftmax(1)", {}, "n, a, L", "n, a, L", marks=pytest.mark.slow),
        ("nn.LeakyReLU(0.3)", {}, "n, a", "n, a"),
        ("nn.Linear(a, b, bias=flag)", {**TWO, "flag": FLAG}, "..., a", "..., b"),
        ("nn.RMSNorm(a)", {"a": DIM}, "..., a", "..., a"),
        pytest.param("nn.RMSNorm(a, eps)", {"a": DIM, "eps": EPS}, "..., a", "..., a", marks=pytest.mark.slow),
        ("nn.ReLU()", {}, "n, a", "n, a"),
        ("nn.SiLU()", {}, "n, a", "n, a"),
        ("nn.Sigmoid()", {}, "n, a", "n, a"),
        pytest.param("nn.Softmax(-1)", {}, "..., a", "..., a", marks=pytest.mark.slow),
        ("nn.Softmax(1)", {}, "n, a, L", "n, a, L"),
        ("nn.Tanh()", {}, "n, a", "n, a"),
    ],
)  # fmt: skip
def test_the_definitions_that_ship_are_those_of_torch(
    made: str, arguments: dict[str, Any], shape: str, result: str
) -> None:
    indices = ", ".join("..." if size == "..." else f"i{place}" for place, size in enumerate(result.split(", ")))
    parts = {"inputs": {"x": shape.split(", ")}, "outputs": {"y": result.split(", ")}, "arguments": arguments}
    layer = spec("y = m(x)", definition=f"y[{indices}] = m(x)[{indices}]", modules={"m": made}, **parts)
    assert checked(resolve(layer)).defined.plain


def test_so_are_those_of_several_inputs_and_of_integers() -> None:
    state = {"inputs": {"x": ["N", "a"], "h": ["N", "b"]}, "outputs": {"y": ["N", "b"]}, "arguments": TWO}
    cell = spec("y = m(x, h)", definition="y[n, j] = m(x, h)[n, j]", modules={"m": "nn.GRUCell(a, b)"}, **state)
    assert checked(resolve(cell)).defined.plain
    looked_up: dict[str, Any] = {"inputs": {"x": {"shape": ["..."], "dtype": "int64", "range": [0, "a"]}}}
    looked_up |= {"outputs": {"y": ["...", "b"]}, "arguments": TWO, "modules": {"m": "nn.Embedding(a, b)"}}
    assert checked(resolve(spec("y = m(x)", definition="y[..., j] = m(x)[..., j]", **looked_up))).defined.plain


def test_each_that_ships_is_tried_above() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in shipped_names() if f"{name}(" not in text] == []


def test_a_member_that_computes_something_else_is_found() -> None:
    with pytest.raises(SpecError, match="by the definition"):
        checked(resolve(spec("y = 2 * m(x)", definition="y[n, i] = m(x)[n, i]", modules={"m": "nn.Linear(C, C)"},
                             arguments={"C": DIM})))  # fmt: skip


def test_entries_of_a_family_have_two_kinds_of_indices() -> None:
    made = defined("y[n, i] = sum[k < depth, j](weight[k][i, j] * x[n, j])", **FAMILY)
    assert "weight[k][i, j] * x[n, j] for k in range(depth) for j in range(C)" in "\n".join(definition_lines(made))
    assert r"\mathrm{weight}^{(k)}_{i, j}" in next(latex(made))


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ({}, 'weight = [given[f"weight.{k}"] for k in range(depth)]'),
        ({"named": "w_l{k}"}, 'weight = [given[f"w_l{k}"] for k in range(depth)]'),
        ({"when": "depth > 1"},
         'weight: Any = [given[f"weight.{k}"] for k in range(depth) if f"weight.{k}" in given] or None'),
        ({"named": "w_l{k}", "when": "k > 0"}, 'weight: Any = [given.get(f"w_l{k}") for k in range(depth)]'),
    ],
)  # fmt: skip
def test_a_family_is_put_together_of_its_tensors(part: dict[str, Any], line: str) -> None:
    parts = {**FAMILY, "parameters": {"weight": {**WEIGHT, **part}}}
    assert line in definition_lines(defined("y[n, i] = sum[j](weight[0][i, j] * x[n, j])", **parts))


def test_sizes_of_what_a_member_gives_tell_ranges() -> None:
    parts: dict[str, Any] = {"modules": {"m": "nn.Linear(C, 2 * C)"}, "arguments": {"C": DIM}}
    assert list(check_definition(spec(definition="y[n, i] = sum[k](m(x)[n, k]) * x[n, i]", **parts))) == []
    made = defined("h[n, k] = m(x)[n, k]\ny[n, i] = h[n, i]", **parts)
    assert "range(2 * C)" in "\n".join(definition_lines(defined("y[n, i] = sum[k](m(x)[n, k])", **parts)))
    assert called(made).keys() == {"nn.Linear"}


def test_members_are_given_their_own_numbers() -> None:
    parts: dict[str, Any] = {"modules": {"m": {"module": "nn.LayerNorm(C, eps)", "when": "C > 1"}},
                             "arguments": {"C": DIM, "eps": EPS}}  # fmt: skip
    made = defined("y[n, i] = m(x)[n, i] if m is not None else 0", **parts)
    assert needs(made, {"C": 3, "eps": 0.5}) == {"m": {"eps": 0.5}}
    assert needs(made, {"C": 1, "eps": 0.5}) == {}
    line = 'm: Any = member_of(nn_layer_norm_definition, given, "m") if "m" in given else None'
    assert line in definition_lines(made)


def test_parts_of_what_is_computed_are_handed_on() -> None:
    text = "s[-1, n, i] = x[n, i]\ns[k < 3, n, i] = m(s[k - 1])[n, i]\ny[n, i] = s[2, n, i]"
    parts: dict[str, Any] = {"modules": {"m": "nn.Linear(C, C)"}, "arguments": {"C": DIM}}
    made = program("y = m(m(m(x)))", definition=text, **parts)
    assert checked(resolve(spec("y = m(m(m(x)))", definition=text, **parts))).defined.plain
    assert made.definition is not None
    assert "m(input=Entries((N, C), s, (k - 1,)))" in "\n".join(definition_lines(made.definition))
    assert r"m\left(s_{k - 1}\right)_{n, i}" in list(latex(made.definition))[1]


@pytest.mark.parametrize(
    ("made", "height"),
    [
        ("nn.Conv2d(C, C, k, padding=1)", "(H + 2 * 1 - 1 * (k[0] - 1) - 1) // 1 + 1"),
        ("nn.Conv2d(C, C, (3, 2), stride=C)", "(H + 2 * 0 - 1 * (3 - 1) - 1) // C + 1"),
        ("nn.Conv2d(C, C, half, padding=half)", "(H + 2 * half - 1 * (half - 1) - 1) // 1 + 1"),
    ],
)
def test_sizes_that_lists_of_a_member_tell(made: str, height: str) -> None:
    parts: dict[str, Any] = {
        "arguments": {"C": DIM, "k": SIZE}, "derived": {"half": "C // 2"}, "inputs": {"x": ["N", "C", "H", "W"]},
        "outputs": {"y": ["N", "C"]}, "modules": {"m": {"module": made}},
    }  # fmt: skip
    written = "\n".join(definition_lines(defined("y[n, c] = sum[i, j](m(x)[n, c, i, j])", **parts)))
    assert f"for i in range({height})" in written


def test_what_is_handed_on_by_two_ranges_is_told() -> None:
    parts: dict[str, Any] = {
        "modules": {"m": {"module": "[nn.Linear(C if k == 0 else D, D) for k in range(3)]"}},
        "arguments": {"C": DIM, "D": DIM},
        "outputs": {"y": ["N", "D"]},
    }
    forward = "for layer in m:\n    x = layer(x)\ny = x"
    step = "s[k < 3, n, i < D] = m[k](s[k - 1])[n, i]\ny[n, i] = s[2, n, i]"
    faulty = fault_of(program(forward, definition=f"s[-1, n, i < C] = x[n, i]\n{step}", **parts))
    assert faulty.help is not None and "`i < C` and `i < D`" in faulty.help
    sound = program(forward, definition=f"s[0, n, i < D] = m[0](x)[n, i]\n{step}", **parts)
    assert checked(sound).defined.plain


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("m(x)[n, i, 0]", "`m(x)` has no entry [0, 0, 0]"),
        ("p(x)[n, i]", "`padding_mode` is nothing that the definition of `nn.Conv1d` knows"),
        ("m.weight[9, i]", "`m.weight[9, 0]` is outside of [4, 4]"),
    ],
)
def test_what_cannot_be_called_is_said(text: str, message: str) -> None:
    made = {"m": "nn.Linear(C, C)", "p": "nn.Conv1d(C, C, 1, padding_mode='circular')"}[text[0]]
    parts: dict[str, Any] = {"modules": {text[0]: made}, "arguments": {"C": DIM}}
    with pytest.raises(SpecError) as refusal:
        checked(resolve(spec(f"y = {text[0]}(x)", definition=f"y[n, i] = {text}", **parts)))
    assert message in [finding.message for finding in refusal.value.findings]


def test_a_value_that_keeps_its_dimensions_is_compared_too() -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["N", "C"]}, "constraints": ["C >= 2"]}
    text = "spread[n] = mean[j]((x[n, j] - mean[k](x[n, k])) ** 2)\ny[n, i] = x[n, i] / sqrt(spread[n] + 1)"
    forward = "spread = var(x, dim=1, keepdim=True{})\ny = x / sqrt(spread + 1)"
    with pytest.raises(SpecError) as refusal:
        checked(program(forward.format(""), definition=text, **parts))
    (finding,) = refusal.value.findings
    assert [label.text for label in finding.labels] == ["`spread` differs already"]
    assert "spread: `var` divides by one less than there are; by all of them with `correction=0`" in finding.notes
    assert checked(program(forward.format(", correction=0"), definition=text, **parts)).cases
