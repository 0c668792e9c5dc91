"""Loops that the generated code arranges anew, held against the loop as the spec has it, in float64."""

import json
import re
from functools import partial
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from lowered_alike import DOUBLE, attributes, generated, hold_closely
from small import forward_lines, program, setting_of

import layergen
from layergen.lower.loops import arranged
from layergen.run.instance import Instance
from layergen.run.on_data import drawn, fill

WEIGHTS = {"wx": [4, 3], "wh": [4, 4], "wg": [2, 2], "peephole": [2], "wo": [3, 4], "b": [4], "c": [3], "scale": [1, 3]}
SEQUENCE: dict[str, Any] = {"inputs": {"x": ["N", "L", 3]}, "outputs": {"y": ["N", "L", 3]}}
PROJECTED = "projected = F.linear(x, self.wx, self.b)"


def parts(forward: str, **more: Any) -> dict[str, Any]:
    """The parts of a layer with those of the weights that its forward reads."""
    init = "kaiming_uniform(a=1)"
    owned = {
        name: {"shape": shape, "init": init if len(shape) > 1 else "uniform(0.5, 1)"}
        for name, shape in WEIGHTS.items()
        if re.search(rf"\b{name}\b", forward)
    }
    return {**SEQUENCE, "parameters": owned, **more}


MOVED = {
    "a projection": (
        """
        h = zeros(N, 4)
        ys = []
        for x_t in unbind(x, 1):
            h = tanh(linear(x_t, wx, b) + linear(h, wh))
            append(ys, h[:, :3])
        y = stack(ys, 1)
        """,
        [PROJECTED, "for projected_t in projected.unbind(1):"],
    ),
    "a projection beside the step itself": (
        """
        h = zeros(N, 4)
        ys = []
        for x_t in unbind(x, 1):
            h = tanh(linear(x_t, wx, bias=b) * sum(x_t, -1, keepdim=True) + h)
            append(ys, h[:, :3] + sin(x_t) * h[:, 1:])
        y = stack(ys, 1)
        """,
        ["for x_t, sin_x_t, projected_t in zip(x.unbind(1), sin_x.unbind(1), projected.unbind(1), strict=True):"],
    ),
    "a projection, counted": (
        """
        h = zeros(N, 4)
        ys = []
        for t, x_t in enumerate(unbind(x, 1)):
            h = tanh(linear(x_t, wx, b) * (t + 1) + h)
            append(ys, h[:, :3] + h[:, 1:])
        y = stack(ys, 1)
        """,
        [PROJECTED, "for t, projected_t in enumerate(projected.unbind(1)):"],
    ),
    "a projection, backwards": (
        """
        h = zeros(N, 4)
        ys = []
        for x_t in reversed(unbind(x, 1)):
            h = tanh(linear(x_t, wx, b) + h)
            append(ys, linear(h, wo))
        y = flip(stack(ys, 1), [1])
        """,
        [PROJECTED, "for projected_t in reversed(projected.unbind(1)):", "all_h = torch.stack(hs, 1)"],
    ),
    "a sum of products": (
        """
        h = zeros(N, 4)
        ys = []
        for x_t in unbind(x, 1):
            h = tanh(linear(h, wh) + linear(x_t, wx, b) + linear(tanh(h), wh))
            append(ys, h[:, :3])
        y = stack(ys, 1)
        """,
        [
            "transposed_wh = self.wh.t()",
            "h = torch.tanh(torch.addmm(torch.addmm(projected_t, h, transposed_wh), torch.tanh(h), transposed_wh))",
        ],
    ),
    "a gate that looks at the state first": (
        """
        h = zeros(N, 2)
        ys = []
        for x_t in unbind(x, 1):
            f, g = chunk(linear(x_t, wx, b), 2, dim=1)
            f = sigmoid(f + peephole * h)
            h = f * h + (1 - f) * tanh(g + linear(h, wg))
            append(ys, sum(h, -1, keepdim=True) * c)
        y = stack(ys, 1)
        """,
        ["h = f * h + (1 - f) * torch.tanh(torch.addmm(g, h, transposed_wg))"],
    ),
    "sums of products and parts of others": (
        """
        h = zeros(N, 2)
        ys = []
        for x_t in unbind(x, 1):
            f, g = split(linear(x_t, wx, b), [2, 2], dim=1)
            h = sigmoid(f + linear(h, wg)) * h + (1 - tanh(g))
            append(ys, sum(h, -1, keepdim=True) * c)
        y = stack(ys, 1)
        """,
        ["h = torch.sigmoid(torch.addmm(f, h, transposed_wg)) * h + (1 - torch.tanh(g))"],
    ),
    "an output map": (
        """
        h = zeros(N, 4)
        ys = []
        for x_t in unbind(x, 1):
            h = tanh(linear(x_t, wx, b) + linear(h, wh))
            append(ys, sigmoid(linear(h, wo)) * c + x_t)
        y = stack(ys, dim=1) / 2
        """,
        ["hs.append(h)", "return (torch.sigmoid(F.linear(all_h, self.wo)) * self.c + x) / 2"],
    ),
    "gates": (
        """
        h = zeros(N, 2)
        ys = []
        for x_t in unbind(x, 1):
            i, f = chunk(linear(x_t, wx, b), 2, dim=1)
            h = sigmoid(f) * h + tanh(i)
            append(ys, sum(h, -1, keepdim=True) * c)
        y = stack(ys, 1)
        """,
        [
            "all_i, all_f = projected.chunk(2, dim=2)",
            "sigmoid_f = torch.sigmoid(all_f)",
            "for tanh_i_t, sigmoid_f_t in zip(tanh_i.unbind(1), sigmoid_f.unbind(1), strict=True):",
        ],
    ),
    "a gate and the rest of it": (
        """
        h = zeros(N, 4)
        ys = []
        for x_t in unbind(x, 1):
            z = sigmoid(linear(x_t, wx, b))
            h = z * h + (1 - z) * sum(x_t, 1, keepdim=True)
            append(ys, h[:, :3] * h[:, 1:])
        y = stack(ys, 1)
        """,
        [
            "all_z = torch.sigmoid(projected)",
            "one_minus_z = 1 - all_z",
            "h = z * h + one_minus_z_t * x_t.sum(1, keepdim=True)",
        ],
    ),
    "arithmetic on what does not change": (
        """
        h = zeros(N, 3)
        ys = []
        for x_t in unbind(x, 1):
            h = h * c + (1 - c) * x_t
            append(ys, h)
        y = stack(ys, 1)
        """,
        ["one_minus_c = 1 - self.c", "h = h * self.c + one_minus_c * x_t"],
    ),
    "steps that may be turned around": (
        """
        u = flip(x, [1]) if training else x
        h = zeros(N, 4)
        ys = []
        for x_t in unbind(u, 1):
            h = tanh(linear(x_t, wx, b) + linear(h, wh))
            append(ys, h[:, 1:])
        y = stack(ys, 1)
        """,
        ["projected = F.linear(u, self.wx, self.b)", "for projected_t in projected.unbind(1):"],
    ),
    "what every turn computes": (
        """
        h = zeros(N, 4)
        ys = []
        for x_t in unbind(x, 1):
            rate = exp(b)
            slow = 1 - rate
            h = tanh(h @ transpose(wh, 0, 1) * slow + sum(x_t, -1, keepdim=True))
            append(ys, h[:, 1:])
        y = stack(ys, 1)
        """,
        ["rate = torch.exp(self.b)", "slow = 1 - rate", "transpose_wh = self.wh.transpose(0, 1)"],
    ),
    "an index": (
        """
        h = zeros(N, 3)
        ys = []
        for t in range(L):
            h = h * c + x[:, t]
            append(ys, h / (t + 1))
        y = stack(ys, 1)
        """,
        ["for t, x_t in enumerate(x.unbind(1)):"],
    ),
    "a loop in a loop": (
        """
        ys = []
        for x_n in unbind(x, 0):
            h = zeros(4)
            zs = []
            for x_t in unbind(x_n, 0):
                h = tanh(linear(x_t, wx, b) + linear(h, wh))
                append(zs, h[:3])
            append(ys, stack(zs))
        y = stack(ys)
        """,
        ["all_projected = F.linear(x, self.wx, self.b)", "for projected in all_projected.unbind(0):"],
    ),
}


@pytest.mark.parametrize("name", MOVED)
def test_what_is_the_same_at_every_turn_is_moved(name: str) -> None:
    forward, lines = MOVED[name]
    plain = program(dedent(forward), **parts(dedent(forward)))
    written = forward_lines(plain)
    assert set(lines) <= {line.strip() for line in written}, written
    assert arranged(plain).moved


@pytest.mark.parametrize("name", MOVED)
def test_what_is_moved_computes_the_same(name: str) -> None:
    forward, _ = MOVED[name]
    layer = program(dedent(forward), **parts(dedent(forward)))
    with drawn():
        instance = Instance(layer, setting_of(layer), DOUBLE)
        fill(instance)
    hold_closely(partial(generated(layer, with_checks=True), attributes(instance, training=True)), instance)


FIRST = "a projection"


@pytest.mark.parametrize(
    "name", [FIRST, *(pytest.param(name, marks=pytest.mark.slow) for name in sorted({*MOVED} - {FIRST}))]
)
def test_so_does_the_whole_class(tmp_path: Path, name: str) -> None:
    forward, _ = MOVED[name]
    given = parts(dedent(forward))
    path = tmp_path / "small.yaml"
    path.write_text(json.dumps({"layer": "Small", "summary": "Do little.", **given, "forward": dedent(forward)}))
    plain = program(dedent(forward), **given)
    module = layergen.load(path)().double()
    with drawn():
        instance = Instance(plain, setting_of(plain), DOUBLE)
    instance.state = dict(module.named_parameters())
    hold_closely(module, instance)


@pytest.mark.parametrize(
    "forward",
    [
        # a weight that is 1 along the batch would meet the steps
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n    h = h + x_t\n    append(ys, h * scale)\n"
        "y = stack(ys, 1)",
        # random numbers are drawn anew at each turn
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n    h = h + dropout(c, 0.5, training) * x_t\n"
        "    append(ys, h)\ny = stack(ys, 1)",
        # the dimension that is run over is the one that the product sums over
        "ys = []\nfor x_t in unbind(x, 2):\n    append(ys, x_t * 2)\ny = stack(ys, 2)",
        # a step that a turn gives another value is not the one that all steps have
        "h = zeros(N, 4)\nys = []\nfor x_t in unbind(x, 1):\n    x_t = sum(x_t, 1, keepdim=True) * x_t\n"
        "    h = h + tanh(linear(x_t, wx, b))\n    append(ys, h[:, 1:])\ny = stack(ys, 1)",
        # of two steps, or of a step and a weight, all steps may be more than both
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n    h = h + x_t * c\n    append(ys, h)\ny = stack(ys, 1)",
        # the state is another one when it is collected
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n    append(ys, tanh(h))\n    h = h * c + x_t\n"
        "y = stack(ys, 1)",
        # the list is read twice
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n    h = h * c + x_t\n    append(ys, tanh(h))\n"
        "y = stack(ys, 1) + ys[0][:, None]",
        # what the value is made of is something else behind the loop
        "h = zeros(N, 3)\nk = exp(c)\nys = []\nfor x_t in unbind(x, 1):\n    h = h + x_t\n    append(ys, h * k)\n"
        "k = sum(k)\ny = stack(ys, 1) * k",
        # the steps go backwards
        "h = zeros(N, 3)\nys = []\nfor x_t in reversed(unbind(x, 1)):\n    h = h * c + x_t\n    append(ys, h + x_t)\n"
        "y = stack(ys, 1)",
    ],
)
def test_what_would_not_be_the_same_stays(forward: str) -> None:
    assert arranged(program(forward, **parts(forward))).moved == ()


def test_a_member_is_called_as_often_as_the_spec_says() -> None:
    forward = (
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n    k = drop(c)\n    h = h * k + x_t\n"
        "    append(ys, h)\ny = stack(ys, 1)"
    )
    assert arranged(program(forward, **parts(forward), modules={"drop": "nn.Dropout()"})).moved == ()


def test_a_linear_member_is_one_product_over_all_steps() -> None:
    forward = (
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n    h = tanh({name}(x_t) + h)\n"
        "    append(ys, h)\ny = stack(ys, 1)"
    )
    modules = {"inner": "nn.Linear(3, 3)", "linear": "nn.BatchNorm1d(3)"}
    inner, other = forward.format(name="inner"), forward.format(name="linear")
    written = forward_lines(program(inner, **parts(inner), modules=modules))
    assert {"projected: Tensor = self.inner(x)", "for projected_t in projected.unbind(1):"} <= {
        *map(str.strip, written)
    }
    assert arranged(program(other, **parts(other), modules=modules)).moved == ()  # which may be called `linear`


def test_a_buffer_that_is_updated_is_not_the_same_at_every_turn() -> None:
    forward = (
        "h = zeros(N, 3)\nys = []\nfor x_t in unbind(x, 1):\n    h = linear(x_t, m) + h\n    if training:\n"
        "        m = m * 0.5\n    append(ys, h)\ny = stack(ys, 1)"
    )
    buffers = {"m": {"shape": [3, 3], "init": "zeros"}}
    assert arranged(program(forward, **parts(forward), buffers=buffers)).moved == ()


def test_a_list_begins_right_above_the_loop_that_makes_it_longer() -> None:
    forward = """
    ys = []
    h = zeros(N, 4)
    zs = []
    for x_t in unbind(x, 1):
        h = tanh(linear(x_t, wx, b) + linear(h, wh))
        append(zs, h[:, :3])
        append(ys, h[:, 1:])
    y = stack(ys, 1) + stack(zs, 1)
    """
    written = forward_lines(program(dedent(forward), **parts(forward)))
    place = next(place for place, line in enumerate(written) if line.startswith("for "))
    assert written[place - 3 : place] == [PROJECTED, "transposed_wh = self.wh.t()", "zs: list[Tensor] = []"]


ADDED = "h = zeros(N, 4)\nys = []\nfor x_t in unbind(x, 1):\n    h = {sum}\n    append(ys, h[:, :3])\ny = stack(ys, 1)"


@pytest.mark.parametrize(
    "terms",
    [
        "sum(x_t, 1, keepdim=True) + linear(h, wh)",  # autocast leaves what is no product in its dtype
        "upcast(linear(x_t, wx)) + linear(h, wh)",  # of another dtype than the weights
        "linear(x_t, wo_t) + linear(h, wh)",  # one feature meets four
        "linear(x_t, wx) + linear(h, wh, b)",  # is one call already
        "linear(x_t, wx) + linear(h, wh / 2)",  # which autocast may cast anew
        "linear(x_t, wx) - linear(h, wh)",
    ],
)
def test_a_product_is_added_alone_to_what_surely_is_its_like(terms: str) -> None:
    forward = ADDED.format(sum=terms)
    given = parts(forward)
    given["parameters"]["wo_t"] = {"shape": [1, 3], "init": "zeros"}
    assert not any("one call" in line for line in arranged(program(forward, **given)).moved)


def test_a_product_is_not_added_to_more_rows_than_it_has() -> None:
    forward = ADDED.replace("zeros(N, 4)", "zeros(1, 4)").format(sum="linear(x_t, wx) + linear(h, wh)")
    assert not any("one call" in line for line in arranged(program(forward, **parts(forward))).moved)
