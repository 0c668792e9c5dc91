"""Definitions: what they mean, how far their indices run, and how they are shown."""

import math
import time
from collections.abc import Callable
from functools import cache
from itertools import product
from statistics import fmean
from typing import Any

import pytest
from small import DIM, FLAG, checked, fault_of, program, spec

from layergen.compare.definition import spread_over
from layergen.definition.evaluate import Evaluation
from layergen.definition.latex import latex
from layergen.definition.loops import definition_lines
from layergen.definition.numbers import Entries, IndexFault, TooLongError
from layergen.definition.ranges import Ranges
from layergen.definition.reading import check_definition, definition_of
from layergen.definition.scene import Definition
from layergen.lang import expression as ex
from layergen.lower.behaviours import layer_expression

X = Entries((2, 3), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def defined(text: str, **parts: Any) -> Definition:
    made = spec(definition=text, **parts)
    assert list(check_definition(made)) == []
    found = definition_of(made)
    assert found is not None
    return found


def messages(text: str, **parts: Any) -> list[str]:
    return [finding.message for finding in check_definition(spec(definition=text, **parts))]


def evaluation(text: str, numbers: dict[str, Any] | None = None, **parts: Any) -> Evaluation:
    return Evaluation(defined(text, **parts), {"N": 2, "C": 3, **(numbers or {})}, {"x": X})


def value(text: str, index: tuple[int, ...] = (1, 2)) -> Any:
    """An entry of ``y``, of which this is the right side."""
    return evaluation(f"y[n, i] = {text}").entry("y", index)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x[n, i]", 6.0),
        ("sum[j](x[n, j])", 15.0),
        ("mean[m, j](x[m, j])", 3.5),
        ("logsumexp[j](x[n, j])", math.log(math.exp(4) + math.exp(5) + math.exp(6))),
        ("logsumexp[j](1000 * x[n, j])", 6000.0),
        ("logsumexp[j](-1000 * x[n, j])", -4000.0),
        ("logsumexp[j < i - 2](x[n, j])", -math.inf),
        ("prod[j < i](x[n, j])", 20.0),
        ("max[j](x[n, j]) - min[j](x[n, j])", 2.0),
        ("padded(x)[n, i + 1]", 0),
        ("padded(x)[n, i - 1]", 5.0),
        ("x[n, i + 1] if i + 1 < C else -1", -1),
        ("2 ** -1 + 7 // 2 + 7 % 4", 6.5),
        ("1 / 0", math.inf),
        ("-log(0)", math.inf),
        ("sigmoid(0) + erf(0) + floor(1.5)", 1.5),
        ("sum[j](0 if j == i else 1)", 2),
        ("exp(1000)", math.inf),
        ("1 if 0 <= i < 3 and not i == 1 else 0", 1),
    ],
)
def test_an_entry_has_its_value(text: str, expected: float) -> None:
    text = text.replace("sum[j](0 if", "sum[j < C](0 if")
    assert value(text) == pytest.approx(expected)


def test_what_has_no_real_value_is_not_a_number() -> None:
    assert math.isnan(value("sqrt(-1)")) and math.isnan(value("(-8) ** 0.5")) and math.isnan(value("0 / 0"))


def test_numbers_do_not_grow_without_end() -> None:
    assert value("((2 ** 63) ** 63) ** 63") == math.inf
    assert value(" * ".join(["3"] * 90)) == pytest.approx(3.0**90)
    assert value("prod[k < 500](k + 1)") == math.inf


@pytest.mark.parametrize("text", ["1 / 0", "log(0)", "exp(1000)", "sigmoid(-1000)"])
def test_what_plain_python_cannot_compute_is_noted(text: str) -> None:
    assert _limited(text)


@pytest.mark.parametrize("text", ["1 / x[n, i]", "-inf", "sigmoid(-699)", "sigmoid(1000)"])
def test_what_plain_python_computes_is_no_limit(text: str) -> None:
    assert not _limited(text)


def _limited(text: str) -> bool:
    found = evaluation(f"y[n, i] = {text}")
    found.entry("y", (0, 0))
    return found.account.limited


def test_a_recurrence_begins_at_its_base() -> None:
    found = evaluation("h[n, -1] = 1\nh[n, t < C] = 2 * h[n, t - 1] + x[n, t]\ny[n, i] = h[n, i]")
    assert [found.entry("y", (0, t)) for t in range(3)] == [3.0, 8.0, 19.0]


def test_a_recurrence_may_run_backwards() -> None:
    found = evaluation("h[n, C] = 0\nh[n, t < C] = h[n, t + 1] + x[n, t]\ny[n, i] = h[n, i]")
    assert [found.entry("y", (1, t)) for t in range(3)] == [15.0, 11.0, 6.0]


def test_leading_dimensions_are_one_index() -> None:
    parts = {"inputs": {"x": ["...", "C"]}, "outputs": {"y": ["...", "C"]}}
    made = defined("total[...] = sum[j](x[..., j])\ny[..., i] = x[..., i] / total[...]", **parts)
    found = Evaluation(made, {"C": 3}, {"x": Entries((1, 2, 3), X.values)}, (1, 2))
    assert found.entry("y", (0, 1, 0)) == pytest.approx(4 / 15)
    assert found.shape("total", 2) == (1, 2)


def test_a_run_goes_by_its_name_too() -> None:
    parts = {"inputs": {"x": ["S...", "C"]}, "outputs": {"y": ["S...", "C"]}}
    made = defined("y[S..., i] = x[S..., i] * len(S)", **parts)
    assert Evaluation(made, {"C": 3, "S": [2]}, {"x": X}, (2,)).entry("y", (1, 1)) == 5.0


def test_tensors_of_integers_are_indices() -> None:
    parts = {"inputs": {"x": ["N", "C"], "t": {"shape": ["N"], "dtype": "int64", "range": [0, "C"]}}}
    made = defined("y[n, i] = x[n, t[n]]", **parts)
    found = Evaluation(made, {"N": 2, "C": 3}, {"x": X, "t": Entries((2,), [2, 0])})
    assert (found.entry("y", (0, 0)), found.entry("y", (1, 0))) == (3.0, 4.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y[n, i] = x[n, i + 1]", "`x[1, 3]` is outside of [2, 3]"),
        ("y[n, i] = x[n, i - 3]", "`x[1, -1]` is outside of [2, 3]"),
        ("y[n, i] = y[n, i]", "`y[1, 2]` needs itself"),
        ("y[n, 0] = 1", "no equation says what `y[1, 2]` is"),
        ("y[n, i] = 1 // 0", "this divides by zero"),
        ("y[n, i] = x[n, i / 2]", "an index is an integer, and `i / 2` is 1.0"),
        ("y[n, i] = max[j < 0](1.0 * j)", "there is nothing to take the max of"),
    ],
)
def test_an_entry_that_is_not_there_is_a_fault(text: str, message: str) -> None:
    with pytest.raises(IndexFault) as found:
        evaluation(text).entry("y", (1, 2))
    assert found.value.message == message


def test_a_definition_that_takes_too_long_is_given_up() -> None:
    found = evaluation("y[n, i] = sum[a < 1000, b < 1000, c < 1000](a * b * c)")
    with pytest.raises(TooLongError):
        found.entry("y", (0, 0))
    with pytest.raises(TooLongError):
        evaluation("h[t < 100000] = h[t + 1]\ny[n, i] = h[0]").entry("y", (0, 0))


def test_of_several_equations_the_one_that_holds_is_told() -> None:
    text = "h[0] = 1\nif flag:\n    h[t < 9] = 2\nelse:\n    h[t < 9] = 3\ny[n, i] = h[i]"
    found = evaluation(text, {"flag": True}, arguments={"flag": FLAG})
    assert [ex.show(found.equation("h", (index,)).value) for index in (0, 1)] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("a[k] = w[k, 0]\ny[n, i] = a[0]", "D"),
        ("a[k < 4] = w[k, 0]\ny[n, i] = a[0]", "4"),
        ("a[k] = x[0, k] if k > 0 else w[k, 0]\ny[n, i] = a[0]", "C"),
        ("a[k] = padded(x)[0, k] + w[0, k]\ny[n, i] = a[0]", "C // 2"),
        ("a[0] = 1\na[k < 7] = 1\ny[n, i] = a[0]", "7"),
        ("a[k] = b[k, 0]\nb[k, j] = w[k, j]\ny[n, i] = a[0]", "D"),
    ],
)
def test_the_range_of_an_index_is_told(text: str, size: str) -> None:
    parts = {"inputs": {"x": ["N", "C"], "w": ["D", "C // 2"]}}
    made = defined(text, **parts)
    equation = made.named["a"][-1]
    assert ex.show(Ranges(made).left(equation, 0)[0].size) == size


def test_two_sizes_are_told_apart_at_numbers() -> None:
    parts = {"inputs": {"x": ["N", "C"], "w": ["D", "C"]}}
    made = defined("y[n, i] = sum[j](x[n, j] * w[j, 0])", **parts)
    tensors = {"x": X, "w": Entries((4, 3), [0.0] * 12)}
    ((name, first, second),) = Evaluation(made, {"N": 2, "C": 3, "D": 4}, tensors).agreed()
    assert (name, first.words, second.words) == ("j", "dimension 1 of `x`", "dimension 0 of `w`")
    assert list(Evaluation(made, {"N": 2, "C": 3, "D": 3}, tensors).agreed()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y[n, i] = sum[x](1)", "`x` has a meaning already, and cannot be an index"),
        ("y[n, i] = sum[n](x[n, i])", "`n` is an index already"),
        ("y[n, n] = 1", "`n` stands twice on the left"),
        ("y[n, i] = x[..., i]", "`...` is no index here"),
        ("y[n, i] = mean(x)", "`mean` needs indices"),
        ("y[n, i] = exp(x[n, i], base=2)", "the functions of a definition have no keywords"),
        ("y[n, i] = a\na[k < 2] = 1", "`a` has indices on the left, and none here"),
        ("y[n, i] = a[0, 0]\na[k < 2] = 1", "`a` has 1 index on the left, and 2 here"),
        ("y[n, i] = a[0]\na[k] = 1", "nothing tells how far the index `k` runs"),
        ("x[n, i] = 1\ny[n, i] = 1", "`x` has a meaning already, and is no output or buffer"),
        ("y[n, a] = x[n, a]\na[k < 2] = 1", "`a` has an equation, and cannot be an index of `y`"),
        ("y[n, i] = sum[a < 2](1)\na[k < 2] = 1", "`a` has a meaning already, and cannot be an index"),
        ("y[n, i] = foo[i](1)", "`foo[i]` cannot be called"),
        ("y[n, i] = 1,", "an equation has one value"),
        ("y[n, i]", "the line ends where `=` is expected"),
        ("1 = y", "an equation begins with a name and its indices"),
        ("# nothing", "there is no equation here"),
    ],
)
def test_a_slip_is_said(text: str, message: str) -> None:
    assert message in messages(text)


def test_the_indices_of_a_sum_are_of_the_sum_alone() -> None:
    assert messages("y[n, i] = sum[j](x[n, j]) + x[n, j]") == ["`j` is no index here, and no name"]


def test_a_name_that_is_no_index_is_told_once_in_an_equation() -> None:
    found = messages("y[n, i] = x[n, d] * x[n, d]\na[n < 2] = x[n, d]")
    assert found == ["`d` is no index here, and no name"] * 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("y[n, i] = x[n, i] / 2", r"y_{n, i} = \frac{x_{n, i}}{2}"),
        ("y[n, i] = 2 * (x[n, i] + 1) ** 2", r"y_{n, i} = 2 \, \left(x_{n, i} + 1\right)^{2}"),
        ("y[n, i] = sum[j](x[n, j]) * alpha", r"y_{n, i} = \left(\sum_j x_{n, j}\right) \, \alpha"),
        ("y[n, i < C] = sqrt(abs(x[n, i // 2]))", r"y_{n, i} = \sqrt{\left|x_{n, \lfloor i / 2 \rfloor}\right|}"),
        ("y[n, i] = 1e-5 if i == 0 else -inf",
         r"y_{n, i} = \begin{cases} 10^{-5} & \text{if } i = 0 \cr -\infty & \text{otherwise} \end{cases}"),
        ("y[n, i] = x[n, i] + 2.0 ** -52", r"y_{n, i} = x_{n, i} + \varepsilon_{\text{dtype}}"),
        ("y[n, i] = padded(x)[n, i - 1] * 2", r"y_{n, i} = \bar{x}_{n, i - 1} \cdot 2"),
        ("y[n, i] = sum[j < i + 1](x[n, j])", r"y_{n, i} = \sum_{j \le i} x_{n, j}"),
        ("y[n, i] = x[n, i] if x[n, i] < i + 1 else 0",
         r"y_{n, i} = \begin{cases} x_{n, i} & \text{if } x_{n, i} < i + 1 \cr 0 & \text{otherwise} \end{cases}"),
    ],
)  # fmt: skip
def test_a_definition_is_shown_as_latex(text: str, shown: str) -> None:
    assert list(latex(defined(text, arguments={"alpha": DIM}))) == [shown]


def test_a_number_that_is_one_of_two_cases_is_told_by_its_name_elsewhere() -> None:
    text = "limit = C if C < alpha else alpha\n"
    text += "y[n, c] = limit * x[n, c] - sum[k < (C if C < alpha else alpha)](x[n, k])"
    first, second = latex(defined(text, arguments={"alpha": DIM}))
    assert (
        first == r"\mathrm{limit} = \begin{cases} C & \text{if } C < \alpha \cr \alpha & \text{otherwise} \end{cases}"
    )
    assert second == r"y_{n, c} = \mathrm{limit} \, x_{n, c} - \sum_{k < \mathrm{limit}} x_{n, k}"


def test_loops_and_entries_agree() -> None:
    text = (
        "h[n, -1] = 1\nh[m, t < C] = 2 * h[m, t - 1] + x[m, t]\n"
        "if C > 2:\n    s[n < N] = mean[j < C](padded(x)[n, j + 1])\nelse:\n    s[n < N] = 0\n"
        "y[n, i] = h[n, i] * s[n] + sigmoid(x[n, i]) + sum[j, k < j](h[n, k] * x[n, j])"
    )
    made = defined(text)
    found = Evaluation(made, {"N": 2, "C": 3}, {"x": X})
    entries = run("\n".join(definition_lines(made)), {"x": Readable(), "C": 3, "N": 2})["y"]
    for index in [(0, 0), (0, 2), (1, 1)]:
        assert entries(*index) == pytest.approx(found.entry("y", index))


class Readable:
    """Entries as a generated test reads them."""

    def __getitem__(self, index: tuple[int, int]) -> float:
        return float(X.values[index[0] * 3 + index[1]])

    def padded(self, n: int, i: int) -> float:
        return self[n, i] if 0 <= i < 3 else 0.0


def run(body: str, given: dict[str, Any]) -> dict[str, Callable[..., Any]]:
    """What the body of a generated function returns."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    names: dict[str, Any] = {"cache": cache, "fmean": fmean, "math": math, "Any": Any}
    exec(f"def definition(given):\n{lines}", names)  # noqa: S102 (it is what the tests are made of)
    made: dict[str, Callable[..., Any]] = names["definition"](given)
    return made


def test_a_convolution_takes_milliseconds() -> None:
    text = "y[n, i] = sum[c < 4, k < 3, l < 3](padded(x)[n, c + k - l] * x[0, 0])"
    start = time.perf_counter()
    found = evaluation(text, {"N": 2})
    for index in [(n, i) for n in range(2) for i in range(3)] * 10:
        found.entry("y", index)
    assert time.perf_counter() - start < 0.5


def test_a_program_has_its_definition() -> None:
    made = program("y = x", definition="y[n, i] = x[n, i]")
    assert made.definition is not None and made.definition.mentions == {"n", "i", "x"}


@pytest.mark.parametrize(("added", "exact"), [("0", True), ("1e-9", False)])
def test_the_digits_in_which_a_layer_agrees_with_its_definition_are_known(added: str, exact: bool) -> None:
    layer = checked(program("y = exp(x)", definition=f"y[n, c] = exp(x[n, c]) + {added}"))
    assert layer.defined.exact == exact
    assert ("loose=True" in layer_expression(layer)) != exact


@pytest.mark.parametrize(("eps", "told"), [("eps", False), ("eps / 2", True)])
def test_small_inputs_are_tried_also_where_ordinary_ones_leave_fewer_digits(eps: str, told: bool) -> None:
    layer = program(
        f"h = upcast(x)\ny = type_as(h / sqrt(h * h + {eps}), x)",
        arguments={"eps": {"type": "float", "min": 1e-10, "default": 1e-9, "doc": "Small number."}},
        definition="y[n, c] = x[n, c] / sqrt(x[n, c] ** 2 + eps) * (1 + 1e-9)",
    )
    if told:
        finding = fault_of(layer)
        assert finding.rule.code == "LG408" and any("the inputs are" in note for note in finding.notes)
    else:
        assert not checked(layer).defined.exact


@pytest.mark.parametrize("bound", [20, 40])
def test_a_clamp_that_a_definition_leaves_out_is_found_where_it_meets_few_inputs_of_some_9(bound: int) -> None:
    finding = fault_of(program(f"y = clamp(x, max={bound})", definition="y[n, c] = x[n, c]"))
    assert finding.rule.code == "LG408" and any("the inputs are" in note for note in finding.notes)
    assert checked(program(f"y = clamp(x, max={bound})", definition=f"y[n, c] = min(x[n, c], {bound})")).defined.exact


@pytest.mark.parametrize(("first", "sound"), [("0", True), ("-1000", False)])
def test_what_a_state_starts_with_is_compared_where_a_loop_has_not_forgotten_it(first: str, sound: bool) -> None:
    """Of seven steps the last few tell the maximum, of one the state."""
    forward = "h = zeros(N, D)\nfor x_t in unbind(x, 1):\n    h = maximum(h - 0.5, x_t)\nlast = h"
    definition = (
        f"s[n, -1, i] = {first}\ns[n, t < L, i] = max(s[n, t - 1, i] - 0.5, x[n, t, i])\nlast[n, i] = s[n, L - 1, i]"
    )
    layer = program(forward, inputs={"x": ["N", "L", "D"]}, outputs={"last": ["N", "D"]}, definition=definition)
    if sound:
        assert checked(layer).defined.exact
        return
    finding = fault_of(layer)
    assert finding.rule.code == "LG408" and "setting: N=2, L=1, D=9" in finding.notes


@pytest.mark.parametrize("shape", [(3, 4), (2, 6, 7, 9), (4, 4, 4, 4, 4), (2, 1024), (257,), (7, 300), (13, 59)])
def test_of_many_entries_those_that_are_compared_are_spread_over_all_dimensions(shape: tuple[int, ...]) -> None:
    places = spread_over(math.prod(shape))
    assert len(set(places)) == len(places) <= min(math.prod(shape), 256)
    indices = list(product(*map(range, shape)))
    compared = [indices[place] for place in places]
    assert {compared[0], compared[-1]} == {indices[0], indices[-1]}
    for dimension, size in enumerate(shape):
        assert len({index[dimension] for index in compared}) >= min(size, 100)


@pytest.mark.parametrize(
    ("scale", "wrong"),
    [("weight", False), ("relu(weight)", True), ("abs(weight)", True), ("exp(log(weight))", False)],
)
def test_parameters_that_start_positive_are_given_the_other_sign_too(scale: str, wrong: bool) -> None:
    layer = program(
        f"y = x * {scale}",
        arguments={"dim": DIM},
        parameters={"weight": {"shape": ["dim"], "init": "ones", "doc": "Scale."}},
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
        definition="y[n, c] = x[n, c] * weight[c]",
    )
    if wrong:
        finding = fault_of(layer)
        assert finding.rule.code == "LG408" and any("the other sign" in note for note in finding.notes)
    else:  # where the forward gives no number at a negative one, nothing can be compared
        assert any(at.signed for at in checked(layer).defined.at) == (scale == "weight")


def test_what_goes_together_among_alternatives_is_shown_by_parentheses() -> None:
    text = "y[n, i] = 1 if x[n, i] > 2 or x[n, i] == 1 and i < 1 or x[n, i] == 0 else 0"
    assert "x[n, i] > 2 or (x[n, i] == 1 and i < 1) or x[n, i] == 0" in "\n".join(definition_lines(defined(text)))


SMOOTH = "log(sum[i](exp(900 * x[n, i])))"


@pytest.mark.parametrize(("text", "sound"), [(SMOOTH, False), ("logsumexp[i](900 * x[n, i])", True)])
def test_what_the_definition_alone_takes_out_of_range_is_told(text: str, sound: bool) -> None:
    shapes: dict[str, Any] = {"outputs": {"y": ["N"]}, "constraints": ["C >= 1"]}
    layer = program("y = logsumexp(900 * x, 1)", definition=f"y[n] = {text}", **shapes)
    if sound:
        assert checked(layer).defined.plain
        return
    finding = fault_of(layer)
    assert finding.message.endswith("an exponential of the definition overflows or vanishes on the way")
    assert finding.help is not None and "`logsumexp[i](…)`" in finding.help


def test_a_logarithm_of_a_sum_is_shown_and_computed_as_such() -> None:
    made = defined("y[n, i] = 2 * logsumexp[j](x[n, j] - 1)")
    assert next(latex(made)) == r"y_{n, i} = 2 \, \left(\log \sum_j e^{x_{n, j} - 1}\right)"
    assert "return 2 * logsumexp(x[n, j] - 1 for j in range(" in "\n".join(definition_lines(made)).replace("\n", "")


def test_a_range_is_written_where_an_index_is_bound() -> None:
    message = "`i < C` is a range, and what is read has an index there"
    assert messages("h[n < N, i < C] = x[n, i]\ny[n, i] = h[n, i < C]") == [message]
    assert messages("h[n < N, i < C] = x[n, i]\ny[n, i] = h[n, i]") == []
    assert messages("y[n, i] = sum[j < C](x[n, i < j])") == []  # 0 or 1
