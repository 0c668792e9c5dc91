"""Slips in the forward and in shapes: where each is marked, and what the help says to write."""

import inspect
from typing import Any

import pytest
from small import DIM
from test_said import said_of

from layergen.diagnostics import Finding

NL, NLD = ["N", "L"], ["N", "L", "D"]
MASK = {"shape": NL, "dtype": "bool"}
HEADS: dict[str, Any] = {
    "arguments": {"dim": DIM, "heads": DIM},
    "derived": {"head_dim": "dim / heads"},
    "constraints": ["dim % heads == 0"],
    "inputs": {"x": ["N", "L", "dim"]},
    "outputs": {"y": ["N", "L", "dim"]},
}
TABLE: dict[str, Any] = {
    "arguments": {"num": DIM, "dim": DIM},
    "parameters": {"w": {"shape": ["num", "dim"], "init": "normal"}},
    "inputs": {"x": NL},
    "outputs": {"y": ["N", "L", "dim"]},
}


def only(forward: str, **parts: Any) -> Finding:
    (finding,) = said_of(forward, **parts)
    return finding


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = where(x > 0 and x < 1, x, 0.0)", "write `(x > 0) & (x < 1)`"),
        ("y = where(x > 0 or x < 1, x, 0.0)", "write `(x > 0) | (x < 1)`"),
        ("y = where(not x > 0, x, 0.0)", "write `~(x > 0)`"),
        ("y = where(0 < x < 1, x, 0.0)", "write `(0 < x) & (x < 1)`"),
        ("y = where(x in [0, 1], x, 0.0)", "write `(x == 0) | (x == 1)`"),
        ("y = x if x > 0 else -x", "choose element by element: `where(x > 0, x, -x)`"),
        ("y = x if training and x > 0 else -x", "choose element by element: `where(training & (x > 0), x, -x)`"),
        ("y = x\nif 0 < x < 1:\n    y = -x", "choose element by element: `where(condition, a, b)`"),
        ("y = x\nif training and any(x > 0):\n    y = -x", "choose element by element: `where(condition, a, b)`"),
    ],
)
def test_no_question_is_asked_of_the_values_of_a_tensor(forward: str, help: str) -> None:
    finding = only(forward)
    assert (finding.rule.code, finding.help) == ("LG214", help)


@pytest.mark.parametrize(
    "forward",
    [
        "y = x if training and N > 1 else -x", "y = x if N in [1, 2] else -x", "y = where((x > 0) & (x < 1), x, 0.0)",
        "y = x if not training else -x", "y = x if 1 < N < 3 else -x",
    ],
)  # fmt: skip
def test_questions_about_settings_may_be_asked(forward: str) -> None:
    assert "LG214" not in [finding.rule.code for finding in said_of(forward)]


@pytest.mark.parametrize(
    ("forward", "code"),
    [
        ("y = reshape(reshape(x, [N, L, heads, head_dim]), [N, L, dim])", "LG209"),
        ("y = cat([x[..., :head_dim], x[..., head_dim:]], dim=-1)", "LG215"),
    ],
)
def test_a_derived_quotient_is_told_to_be_whole_where_it_is_derived(forward: str, code: str) -> None:
    finding, *_ = said_of(forward, **HEADS)
    assert (finding.rule.code, finding.labels[0].place.path) == (code, ("derived", "head_dim"))
    assert finding.help == "under `derived`, write `head_dim: dim // heads`: `/` gives a float"


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = reshape(x, [N, 2, C / 2])", "write `[N, 2, C // 2]`"),
        ("y = x[:, :C / 2]", "write `C // 2`"),
        ("y = x[C / 2]", "write `C // 2`"),
        ("y = pad(x, C)", "write `pad(x, [C, C])`"),
        ("y = pad(x, N, C)", "write `pad(x, [N, C])`"),
    ],
)
def test_ints_and_lists_of_them(forward: str, help: str) -> None:
    assert only(forward).help == help


@pytest.mark.parametrize("init", ["zeros(dim)", "ones([dim])", "zeros(dim, dtype=float32)", "ones(dim) / 2"])
def test_initial_values_may_be_written_as_torch_makes_them(init: str) -> None:
    parts = {"arguments": {"dim": DIM}, "inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    assert said_of("y = x * 2 + b * x", parameters={"b": {"shape": ["dim"], "init": init}}, **parts) == []


def test_initial_values_of_another_shape_are_refused_still() -> None:
    parts = {"arguments": {"dim": DIM}, "inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    finding = only("y = x + b", parameters={"b": {"shape": ["dim"], "init": "zeros(2 * dim)"}}, **parts)
    assert finding.place.path == ("parameters", "b", "init")


@pytest.mark.parametrize(
    "forward",
    [
        "y = masked_fill(x, m, 0.0)", "y = masked_fill(x, ~m, 0.0)", "y = where(m, x, 0.0)",
        "y = where((x > 0) & m, x, 0.0)", "h = m[:, :]\ny = where(h, x, 0.0)",
    ],
)  # fmt: skip
def test_a_mask_is_told_to_be_bool(forward: str) -> None:
    finding = only(forward, inputs={"x": NL, "m": NL}, outputs={"y": NL})
    assert finding.help == "declare `m: {shape: [N, L], dtype: bool}`"
    assert finding.labels[0].place.path == ("inputs", "m")


@pytest.mark.parametrize("forward", ["y = embedding(x, w)", "y = w[x]"])
def test_an_index_is_told_to_be_an_integer_of_a_range(forward: str) -> None:
    assert only(forward, **TABLE).help == "declare `x: {shape: [N, L], dtype: int64, range: [0, num]}`"


@pytest.mark.parametrize(
    ("forward", "range"),
    [
        ("y = x * one_hot(i, C)", "[0, C]"),
        ("y = x + gather(x, 1, i[:, None])", "[0, …]"),
        ("y = x * nll_loss(log_softmax(x, dim=1), i)", "[0, …]"),
    ],
)
def test_other_indices_are_told_so_too(forward: str, range: str) -> None:
    finding = only(forward, inputs={"x": ["N", "C"], "i": ["N"]})
    assert finding.help == f"declare `i: {{shape: [N], dtype: int64, range: {range}}}`"


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = masked_fill(x, ~m, 0.0)", "write `masked_fill(x, ~m[:, :, None], 0.0)`"),
        ("y = where(m, x, 0.0)", "write `where(m[:, :, None], x, 0.0)`"),
    ],
)
def test_a_mask_is_told_its_place_among_dimensions(forward: str, help: str) -> None:
    finding = only(forward, inputs={"x": NLD, "m": MASK}, outputs={"y": NLD})
    assert (finding.rule.code, finding.help) == ("LG303", help)


def test_a_mask_of_scores_stands_at_their_keys() -> None:
    finding = only("s = reshape(x, [N, 1, L, D])\ns = s @ transpose(s, 2, 3)\ny = masked_fill(s, ~m, 0.0)",
                   inputs={"x": NLD, "m": MASK}, outputs={"y": ["N", 1, "L", "L"]})  # fmt: skip
    assert finding.help == "write `masked_fill(s, ~m[:, None, None, :], 0.0)`"


@pytest.mark.parametrize("entry", ["chanels * 2", "chanels"])
def test_a_dimension_is_not_nearly_an_argument(entry: str) -> None:
    parts = {"arguments": {"channels": DIM}, "parameters": {"w": {"shape": ["channels"], "init": "ones"}}}
    finding = only("y = x * sum(w)", inputs={"x": ["N", entry]}, outputs={"y": ["N", entry]}, **parts)
    assert finding.message == "`chanels` is nearly the argument `channels`, and would be a dimension"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1 / (dim - dim)", "`1 / (dim - dim)` cannot be computed at any setting: division by zero"),
        ("2 * sqrt(-dim)", "`sqrt(-dim)` cannot be computed at any setting: `sqrt` has no value there"),
    ],
)
def test_what_can_be_computed_at_no_setting_is_told_at_its_place(value: str, message: str) -> None:
    parts = {"arguments": {"dim": DIM}, "inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    finding = only("y = x * scale", derived={"scale": value}, **parts)
    assert (finding.message, finding.place.path) == (message, ("derived", "scale"))


def test_no_constraint_of_constants_is_suggested() -> None:
    finding, *_ = said_of("y = x + sum(w)", parameters={"w": {"shape": [0], "init": "ones"}})
    assert (finding.rule.code, finding.help) == ("LG407", "write a size of 1 or more, or leave the tensor out")


def test_a_loss_that_is_never_finite_is_told_to_be_so() -> None:
    finding = only(
        "y = ctc_loss(log_softmax(x, dim=-1), t, full([N], T, dtype=int64), full([N], S, dtype=int64))",
        arguments={"classes": {**DIM, "min": 2}},
        inputs={"x": ["T", "N", "classes"], "t": {"shape": ["N", "S"], "dtype": "int64", "range": [1, "classes"]}},
        outputs={"y": []},
        cases=[{"classes": 4, "T": 3, "S": 8}],  # more targets than steps
    )
    assert finding.message == "`y` is never finite, so that no effect of `x` and `t` is seen"
    assert finding.help == "under `cases`, give a setting at which it is finite: `- {T: …, S: …, N: …}`"


def test_a_mask_that_is_not_heeded_is_shown_where_it_is_declared() -> None:
    finding = only("y = sum(x, dim=1) + 0 * sum(m)", inputs={"x": NLD, "m": {**MASK, "marks": "x", "dim": 1}},
                   outputs={"y": ["N", "D"]})  # fmt: skip
    assert finding.rule.code == "LG330"
    assert [label.place.path for label in finding.labels] == [("inputs", "m", "marks")]


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = x ^ 2", "`^` is exclusive or: for a power, write `x ** 2`"),
        ("y = x - mean(x, dim=1)", "write `mean(x, dim=1, keepdim=True)`"),
        ("y = x - sum(x, dim=-1)", "write `sum(x, dim=-1, keepdim=True)`"),
        ("a, b = chunk(x, 2)\ny = a * b", "without `dim`, `chunk` takes the first dimension apart; of the last, "
         "`chunk(x, 2, dim=-1)`"),
        ("a, b = chunk(x, 2, dim=-1)\ny = a * b", "for equal parts, add the constraint `C % 2 == 0`, or declare the "
         "entry `2 * C`"),
        ("y = max(x, dim=1)", "`max` gives values and their indices: write `y, _ = max(x, dim=1)`"),
        ("y = sort(x, dim=1) * 2", "`sort` gives values and their indices: write `y, _ = sort(x, dim=1)`"),
        ("h = max(x, dim=1)\ny = relu(h)", "take one of them: `h[0]`"),
        ("y = x @ x", "write `x @ transpose(x, -2, -1)`"),
    ],
)  # fmt: skip
def test_slips_of_ops(forward: str, help: str | None) -> None:
    assert only(forward).help == help


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = linear(x, w)", "`linear` takes its weight as [out, in]: declare it so, or write `x @ w`"),
        ("y = x @ transpose(w, 0, 1)", None),
        ("h = transpose(w, 0, 1)\ny = x @ h", "write `x @ transpose(h, -2, -1)`"),
    ],
)
def test_weights_the_other_way_round(forward: str, help: str | None) -> None:
    parts = {"arguments": {"a": DIM, "b": DIM}, "parameters": {"w": {"shape": ["a", "b"], "init": "xavier_uniform"}}}
    assert only(forward, inputs={"x": ["N", "a"]}, outputs={"y": ["N", "b"]}, **parts).help == help


@pytest.mark.parametrize("forward", ["y = x @ z", "y = bmm(x, z)"])
def test_products_of_two_batches(forward: str) -> None:
    finding = only(forward, inputs={"x": NLD, "z": NLD}, outputs={"y": ["N", "L", "L"]})
    assert finding.help == "write `x @ transpose(z, -2, -1)`"


def test_a_table_is_taken_as_far_as_there_are_positions() -> None:
    finding = only(
        "y = x + t",
        arguments={"n": DIM, "dim": DIM},
        parameters={"t": {"shape": ["n", "dim"], "init": "normal"}},
        inputs={"x": ["N", "L", "dim"]},
        outputs={"y": ["N", "L", "dim"]},
    )
    assert finding.help == "for the first rows of `t`, write `t[:L]`"


def test_an_argument_that_may_be_none_is_asked_for() -> None:
    scale = {"type": "float", "optional": True, "doc": "Scale."}
    finding = only("y = x * s", arguments={"s": scale})
    assert (finding.message, finding.help) == ("`s` is None here", "ask first: `if s is not None:`")


def test_a_tensor_that_may_be_none_is_not_asked_for_its_truth() -> None:
    finding = only(
        "y = x\nif z:\n    y = x + z", inputs={"x": ["N", "C"], "z": {"shape": ["N", "C"], "optional": True}}
    )
    assert (finding.rule.code, finding.help) == ("LG214", "ask whether it is there: `z is not None`")


def test_a_choice_without_quotes_is_told_to_have_them() -> None:
    mode = {"type": "str", "choices": ["mean", "sum"], "default": "mean", "doc": "Mode."}
    assert only("y = x * 2 if mode == mean else x", arguments={"mode": mode}).help == "write `'mean'`"


@pytest.mark.parametrize(("shape", "help"), [(["N", "k + 1"], "`k` is ints: take one of its entries, `k[0]`")])
def test_sizes_are_no_lists(shape: list[str], help: str) -> None:
    size = {"type": "size2", "min": 1, "doc": "Sizes."}
    finding, *_ = said_of("y = x * k[0]", arguments={"k": size}, inputs={"x": ["N", "C"]}, outputs={"y": shape})
    assert finding.help == help


def test_a_window_of_even_size_is_told_to_be_odd() -> None:
    finding = only(
        "y = conv1d(x, w, padding=k // 2)",
        arguments={"c": DIM, "k": {**DIM, "default": 3}},
        parameters={"w": {"shape": ["c", "c", "k"], "init": "kaiming_uniform"}},
        inputs={"x": ["N", "c", "L"]},
        outputs={"y": ["N", "c", "L"]},
    )
    assert finding.help == "where it was tried, it works only if `k % 2 == 1`: add that under `constraints`"


def test_a_state_that_keeps_its_shape_for_odd_windows_alone_is_told_the_constraint() -> None:
    forward = """
    h = x
    for _ in range(2):
        h = conv1d(h, w, padding=k // 2)
    y = h
    """
    finding = only(
        inspect.cleandoc(forward),
        arguments={"c": DIM, "k": {**DIM, "default": 3}},
        parameters={"w": {"shape": ["c", "c", "k"], "init": "kaiming_uniform"}},
        inputs={"x": ["N", "c", "L"]},
        outputs={"y": ["N", "c", "L"]},
    )
    assert finding.help == "where it was tried, it works only if `k % 2 == 1`: add that under `constraints`"


@pytest.mark.parametrize(("forward", "help"), [
    ("y = x * log1p(k)", "write `log(1 + k)`"),
    ("y = x * rsqrt(k + 1)", "write `1 / sqrt(k + 1)`"),
    ("y = x * square(k - 1)", "write `(k - 1) ** 2`"),
    ("y = pad(x, [0, k], value=True)", "write `value=1.0`"),
])  # fmt: skip
def test_ops_of_tensors_are_written_out_for_numbers(forward: str, help: str) -> None:
    assert only(forward, arguments={"k": DIM}).help == help


def test_an_initializer_is_not_given_its_tensor() -> None:
    weight = {"shape": ["C"], "init": "normal(w, std=0.5)"}
    parts = {"arguments": {"C": DIM}, "inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}
    finding = only("y = x * w", parameters={"w": weight}, **parts)
    assert finding.help == "an initializer is not given the tensor: write `normal(std=0.5)`"


def test_a_single_number_has_no_dimensions() -> None:
    single = "write `[]`: a single number is a tensor without dimensions"
    assert only("y = sum(x)", outputs={"y": [1]}).help == single
    several = "for numbers along `N`, sum and average over the others alone"
    assert only("y = sum(x)", outputs={"y": ["N"]}).help == f"{single}; {several}"
    finding = only("y = sum(x)", outputs={"y": ["N"]}, definition="y = sum[n, c](x[n, c])")
    assert finding.help == "declare the single number that it says, `y: []`, or give each an index: `y[i] = …`"


@pytest.mark.parametrize(("question", "help"), [
    ("mode is 'sum'", "write `== 'sum'`: `is` goes with None alone"),
    ("mode is not 'sum'", "write `!= 'sum'`: `is not` goes with None alone"),
])  # fmt: skip
def test_identity_is_asked_of_none_alone(question: str, help: str) -> None:
    mode = {"type": "str", "choices": ["mean", "sum"], "default": "mean", "doc": "Mode."}
    finding = only(f"y = x * 2 if {question} else x", arguments={"mode": mode})
    assert (finding.rule.code, finding.help) == ("LG115", help)
