"""Names that are assigned anew, in branches and loops: the generated forward computes what the spec says."""

from typing import Any

import pytest
from hypothesis import given
from lowered_alike import alike
from random_forwards import OWNED, forwards
from strategies import examples

from layergen.lower.gathered import gathered as made_at_once

CAST = "x.float() if x.dtype.itemsize < 4 else x"
SEQUENCE: dict[str, Any] = {**OWNED, "outputs": {"y": ["N", "L", 3]}}


@examples(100)
@given(forwards())
def test_a_generated_forward_computes_what_the_spec_says(layer: tuple[str, dict[str, Any]]) -> None:
    forward, parts = layer
    alike(forward, **parts)


# A cast that is shared


@pytest.mark.parametrize(
    ("forward", "count"),
    [
        ("s = sin(upcast(x))\nif flag:\n    x = clamp(x, -1, 1)\ny = type_as(s + cos(upcast(x)), x)", 2),
        ("h = upcast(x)\nx = x * 2\ny = type_as(h + upcast(x), x)", 2),
        ("s = sin(upcast(x))\nfor _ in range(2):\n    x = x / 2\n    s = s + sin(upcast(x))\ny = type_as(s, x)", 2),
        ("s = sin(upcast(x))\nx, b = chunk(cat([x, -x], 2), 2, dim=2)\ny = s + cos(upcast(x)) * b", 2),
        ("s = sin(upcast(x))\nx = type_as(upcast(x) * 2, x)\nc = cos(upcast(x))\ny = s + c * upcast(x)", 2),
        ("s = sin(upcast(x))\nif flag:\n    s = s + upcast(x)\ny = s * upcast(x)", 1),
        ("a = upcast(x) + 1\nx = upcast(x) * 2\ny = a + x", 1),
    ],
)
def test_a_cast_is_shared_until_the_tensor_is_assigned_anew(forward: str, count: int) -> None:
    assert alike(forward, **SEQUENCE).count(CAST) == count


# What has no name but that of another value, beside what is there on a condition


@pytest.mark.parametrize("otherwise", [{}, {"else": None}])
@pytest.mark.parametrize(
    "forward",
    [
        "h = relu(x)\nif flag:\n    e = mean(h, 1)\ny = h",
        "h = relu(x)\ne = mean(h, 1)\ny = h",
        "h = relu(x)\nk = mean(h, 1)\ny = h\ne = k",
        "h = relu(x)\nk = mean(h, 1)\nif training:\n    h = h + 1\ny = h\ne = k\ng = k",
        "h = relu(x)\ny = h\nif flag:\n    e = mean(h, 1)",
        "h = relu(x)\nif flag:\n    y = h\n    e = mean(h, 1)\nelse:\n    y = x",
    ],
)
def test_an_output_has_the_name_of_its_value_on_each_condition(forward: str, otherwise: dict[str, Any]) -> None:
    outputs: dict[str, Any] = {"y": ["N", "L", 3], "e": {"shape": ["N", 3], "when": "flag", **otherwise}}
    if "g =" in forward:
        outputs["g"] = {"shape": ["N", 3], "when": "gate", **otherwise}
    alike(forward, **{**OWNED, "outputs": outputs})


@pytest.mark.parametrize("forward", ["y = x", "h = relu(x)\ny = h", "y = relu(x)"])
def test_an_output_that_is_there_on_a_condition_is_not_returned_without_it(forward: str) -> None:
    outputs = {"y": {"shape": ["N", "L", 3], "when": "flag", "else": None}}
    assert alike(forward, **{**OWNED, "outputs": outputs}).endswith("return None")


# What a loop collects

BEGIN = "u = zeros(N, 3)\np = []\n"
FILL = "for s in unbind(x, 1):\n    u = tanh(u / 2 + s)\n    append(p, relu(u) * 2)\n"


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("forward", "moved"),
    [
        (f"{BEGIN}{FILL}y = stack(p, 1)", True),
        (f"if flag:\n{indented(f'{BEGIN}{FILL}b = stack(p, 1)')}else:\n    b = x\ny = b", True),
        (f"if flag:\n{indented(f'{BEGIN}{FILL}b = stack(p, 1)')}else:\n    p = [x]\n    b = x\ny = b * len(p)", False),
        (f"{BEGIN}if flag:\n{indented(f'{FILL}')}else:\n    append(p, u)\ny = x * mean(stack(p, 1))", False),
        (f"b = x\nfor _ in range(2):\n{indented(f'{BEGIN}{FILL}b = b + stack(p, 1)')}y = b", True),
        (
            f"b = x\np = []\nfor _ in range(2):\n    b = b * (1 + len(p))\n"
            f"{indented(f'{BEGIN}{FILL}b = b + stack(p, 1)')}y = b",
            False,
        ),
        (
            "p = []\nu = zeros(N, 3)\nfor s in unbind(x, 1):\n    p = []\n    u = tanh(u + s)\n    append(p, sin(u))\n"
            "y = x * mean(stack(p, 1))",
            False,
        ),
    ],
)
def test_what_a_list_collects_is_done_behind_the_loop_where_nothing_else_reads_it(forward: str, moved: bool) -> None:
    assert ("all_u" in alike(forward, **SEQUENCE)) is moved


@pytest.mark.parametrize(
    "forward",
    [
        "s = zeros(N, 3)\nu = zeros(N, 3)\nfor s in unbind(x, 1):\n    u = u + tanh(s) * 2\ny = x * (u + s)[:, None]",
        "s = zeros(N, 3)\nu = zeros(N, 3)\nfor s in unbind(x, 1):\n    a, b = chunk(cat([s, s], 1), 2, dim=1)\n"
        "    u = u + a * b\ny = x * (u + s)[:, None]",
        "t = 0\nu = zeros(N, 3)\nfor t in range(L):\n    u = u + x[:, t]\ny = x * u[:, None] + t",
        "t = 0\nfor t in range(3):\n    x = x\ny = x + t",
        "h = zeros(N, 3)\nfor h in unbind(x, 1):\n    if flag:\n        x = x\ny = x * h[:, None]",
        f"s = zeros(N, 3)\n{BEGIN}for s in unbind(x, 1):\n    u = tanh(u)\n    append(p, u + s)\n"
        "y = stack(p, 1) * s[:, None]",
        "s = zeros(N, 3)\nu = zeros(N, 3)\nfor _ in range(2):\n    u = u + s\n    for s in unbind(x, 1):\n"
        "        u = u + tanh(s) * 2\ny = x * u[:, None]",
    ],
)
def test_a_step_that_is_read_behind_its_loop_is_the_last_one(forward: str) -> None:
    alike(forward, **SEQUENCE)


def test_a_loop_that_does_nothing_is_left_out() -> None:
    assert alike("for _ in range(3):\n    x = x\ny = x + 1", **SEQUENCE) == "return x + 1"


def test_an_output_that_a_loop_gives_its_steps_is_the_last_one() -> None:
    outputs = {"y": ["N", "L", 3], "e": ["N", 3]}
    forward = "y = x\ne = zeros(N, 3)\nfor e in unbind(x, 1):\n    y = y * 2"
    assert "for e in" in alike(forward, **{**OWNED, "outputs": outputs})
    assert "for _ in" in alike(forward.replace("for e", "for s"), **{**OWNED, "outputs": outputs})


@pytest.mark.parametrize(("given", "gathered"), [("s = zeros(N, 3)\n", False), ("", True)])
def test_a_list_is_made_at_once_unless_a_further_turn_reads_its_last_step(given: str, gathered: bool) -> None:
    read = "    b = b + s[:, None]\n" if given else ""
    loop = "    p = []\n    for s in unbind(x, 1):\n        append(p, s @ diag(w))\n"
    forward = f"{given}b = x\nfor _ in range(2):\n{read}{loop}"
    written = alike(f"{forward}    b = b + stack(p, 1)\ny = b", **SEQUENCE).splitlines()
    assert any(" for s in " in line and line.endswith("]") for line in made_at_once(written)) is gathered
