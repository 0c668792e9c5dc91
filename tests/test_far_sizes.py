"""What torch asks of sizes that are not small, and conditions that are held against many sizes."""

from typing import Any

import pytest
from small import DIM, LEFT_OUT, fault_of, program, setting_of, sized

from layergen.domains.tables import works_with_tables
from layergen.lang.interpreter import Interpreter
from layergen.lang.parser import parse_expression
from layergen.prove.formula import symbol
from layergen.prove.hints import numbers
from layergen.prove.outcomes import Does, Outcomes
from layergen.prove.proven import Proof
from layergen.prove.thresholds import is_needed
from layergen.run.explain import Explainer
from layergen.run.fitting import fitted

SERIES: dict[str, Any] = {"inputs": {"x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}
SUMS: dict[str, Any] = {"outputs": {"y": ["N"]}}
WINDOW: dict[str, Any] = {"window": {"type": "int", "min": 512, "default": 1024, "doc": "Window."}}


@pytest.mark.parametrize("number", [224, 512, 300_000])
def test_a_shape_that_is_as_declared_up_to_a_large_number_is_a_fault(number: int) -> None:
    finding = fault_of(program(f"y = tanh(x[:, :{number}])", **SERIES))
    assert finding.rule.code == "LG302"
    assert finding.message == f"dimension 1 of output `y` is declared as `L`, but is `{number}`, unless L <= {number}"


def test_a_shape_that_is_as_declared_up_to_an_argument_with_large_values_is_a_fault() -> None:
    finding = fault_of(program("y = tanh(x[:, :window])", **SERIES, arguments=WINDOW))
    assert finding.message == "dimension 1 of output `y` is declared as `L`, but is `window`, unless window >= L"


def test_a_bound_that_is_large_is_a_precondition_where_torch_refuses_what_is_beyond() -> None:
    (condition,) = sized(program("y = tanh(x) + x[:, :512]", **SERIES)).preconditions
    assert condition.text == "L <= 512"
    assert (condition.kept.setting.sizes["L"], condition.broken[0].sizes["L"]) == (512, 513)


def test_a_large_bound_of_quotients_of_quotients_is_a_precondition_too() -> None:
    parts = {**SERIES, "outputs": {"y": ["N"]}}
    layer = sized(program("a = x[:, ::2][:, ::2]\ny = sum(a + a[:, :300], dim=1) + sum(x, dim=1)", **parts))
    (condition,) = layer.preconditions
    assert (condition.kept.setting.sizes["L"], condition.broken[0].sizes["L"]) == (1200, 1201)


def test_a_question_about_a_large_number_that_changes_nothing_is_no_precondition() -> None:
    layer = sized(program("y = x + sum(x[:, :512], dim=1, keepdim=True)", **SERIES))
    assert not layer.preconditions
    assert all(isinstance(proof, Proof) and proof.whole for proof in layer.proofs)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("a, b", "C >= 2"),
        ("a, b, c", "(C - 1) // ((C + 2) // 3) == 2"),
        ("a, b, c, d", "(C - 1) // ((C + 3) // 4) == 3"),
    ],
)
def test_the_condition_of_a_number_of_chunks_is_true_of_every_size(names: str, expected: str) -> None:
    count = len(names.split(", "))
    total = " * ".join(f"sum({name}, dim=1)" for name in names.split(", "))
    layer = sized(program(f"{names} = chunk(x, {count}, dim=1)\ny = {total}", **SUMS))
    assert [condition.text for condition in layer.preconditions] == [expected]
    for size in range(1, 41):
        chunks = -(-size // -(-size // count))
        assert Interpreter({"C": size}).truth(parse_expression(expected)) == (chunks == count)


@pytest.mark.parametrize(("least", "needed"), [(4, True), (5, False)])
def test_a_condition_without_which_a_layer_works_somewhere_is_not_needed(least: int, needed: bool) -> None:
    layer = program("y = narrow(x, 1, 0, 4)", inputs=LEFT_OUT, outputs={"y": ["N", 4]})
    outcomes = Outcomes(layer, numbers(layer, setting_of(layer)))
    assert is_needed(outcomes, symbol("C") >= least) == needed


def test_a_size_that_is_only_asked_about_is_refused_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = program("y = narrow(x, 1, 0, 4)", inputs=LEFT_OUT, outputs={"y": ["N", 4]})
    monkeypatch.setattr(Explainer, "fault", None)  # what puts a fault into words
    outcomes = Outcomes(layer, numbers(layer, setting_of(layer)))
    assert [outcomes.at({"C": size}) for size in (3, 4)] == [Does.REFUSE, Does.WORK]


@pytest.mark.parametrize(
    ("forward", "parts", "expected"),
    [
        ("y = x[:, 300] + sum(x, dim=1)", {**SERIES, **SUMS}, "L > 300"),
        (
            "y = conv1d(x, w, dilation=256)",
            {
                "arguments": {"dim": DIM},
                "parameters": {"w": {"shape": ["dim", "dim", 3], "init": "xavier_uniform"}},
                "inputs": {"x": ["N", "dim", "L"]},
                "outputs": {"y": ["N", "dim", "L - 512"]},
            },
            "L >= 513",
        ),
    ],
)
def test_a_least_size_that_is_large_is_found(forward: str, parts: dict[str, Any], expected: str) -> None:
    layer = sized(program(forward, **parts))
    assert [condition.text for condition in layer.preconditions] == [expected]
    assert all(isinstance(proof, Proof) and proof.whole for proof in layer.proofs)


def test_sizes_grow_no_more_than_they_must() -> None:
    layer = program("y = x[:, 300] + sum(x, dim=1)", inputs={"x": ["N", "L"]}, outputs={"y": ["N"]})
    own = setting_of(layer)
    found = fitted(layer, own)
    assert found.sizes == {**own.sizes, "L": 301 + own.sizes["L"]}


def test_a_layer_that_no_size_suits_keeps_its_fault() -> None:
    assert fault_of(program("y = x + x[:, 0, 0]", **SERIES)).rule.code == "LG303"


# Indices that are data

TABLE: dict[str, Any] = {
    "arguments": {"rows": DIM},
    "parameters": {"table": {"shape": ["rows"], "init": "normal"}},
    "outputs": {"y": ["N", "L"]},
}


def test_a_label_that_is_no_index_of_its_table_is_no_matter_of_sizes() -> None:
    labels = {"shape": ["N", "L"], "dtype": "int64", "range": [0, "L"]}
    finding = fault_of(program("y = table[labels]", inputs={"labels": labels}, **TABLE))
    assert finding.rule.code in ("LG303", "LG316")
    assert "out of bounds" in finding.message or "outside" in finding.message


def test_labels_within_their_table_lead_to_no_precondition() -> None:
    labels = {"shape": ["N", "L"], "dtype": "int64", "range": [0, "rows"]}
    assert not sized(program("y = table[labels]", inputs={"labels": labels}, **TABLE)).preconditions


def test_positions_that_are_counted_ask_for_a_table_that_is_long_enough() -> None:
    layer = sized(program("y = x + table[arange(L)]", inputs={"x": ["N", "L"]}, **TABLE))
    assert [condition.text for condition in layer.preconditions] == ["L <= rows"]
    assert works_with_tables(layer.program, layer.cases[0].setting)


# Sizes that are equal to a dimension by chance


def test_a_size_is_called_by_a_dimension_only_where_it_follows_it() -> None:
    finding = fault_of(program("a, b = chunk(x, 2, dim=1)\ny = a * b", outputs={"y": ["N", "C // 2"]}))
    assert finding.message.startswith("dimension 1 of output `y` is declared as `C // 2 = 1`, but is `2`, unless")
