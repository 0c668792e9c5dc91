"""Penalties: held to an equation of the definition, and to laws; and equations that nothing reads."""

from typing import Any

import pytest
from small import DIM, checked, fault_of, program, spec

from layergen.definition.reading import check_definition
from layergen.faults import SpecError
from layergen.lang.model import LayerSpec
from layergen.lower.definition import definition_functions, penalized_rows, term_texts
from layergen.resolve import resolve, understood
from layergen.resolve.program import Program

RATE = {"type": "float", "min": 0, "default": 0.1, "doc": "Weight of the squares."}
TERM = "penalty = rate * sum[i](weight[i] ** 2)"


def told(penalty: str | None = "rate * sum(square(weight))", term: str = TERM, **parts: Any) -> LayerSpec:
    return spec(
        "y = rate * x * weight",
        definition=f"y[n, i] = rate * x[n, i] * weight[i]\n{term}",
        arguments={"dim": DIM, "rate": RATE},
        parameters={"weight": {"shape": ["dim"], "init": "ones"}},
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
        **({"penalty": penalty} if penalty else {}),
        **parts,
    )


def layer(*given: Any, **parts: Any) -> Program:
    return understood(told(*given, **parts))


def test_the_penalty_is_what_its_equation_says() -> None:
    found = checked(layer())
    assert found.defined.penalties == tuple(case.setting.name for case in found.tested)
    assert [function.name for function in definition_functions(found)] == ["definition", "term"]
    assert len(penalized_rows(found).rows) == len(found.tested)
    assert term_texts(found.program) == (
        r"\mathrm{penalty} = \mathrm{rate} \, \left(\sum_i \mathrm{weight}_i^{2}\right)",
    )


@pytest.mark.parametrize("penalty", ["-rate * sum(square(weight))", "rate * sum(square(weight)) / 2", "sum(weight)"])
def test_another_number_is_found(penalty: str) -> None:
    found = fault_of(layer(penalty))
    assert found.rule.code == "LG408" and found.message.startswith("the penalty is ")


def test_names_on_the_way_are_read_by_the_penalty() -> None:
    term = "square[i] = weight[i] ** 2\npenalty = rate * sum[i](square[i])"
    assert checked(layer(term=term)).defined.penalties


@pytest.mark.parametrize(
    ("term", "message"),
    [
        ("penalty = sum[n < 2, i](x[n, i])", "`x` is no tensor and has no equation"),
        ("penalty[i] = weight[i]", "`penalty` has 1 index, and another number of dimensions"),
        ("penalty = rate * normal(0, 1)", "the penalty draws no random numbers"),
    ],
)
def test_what_an_equation_of_the_penalty_cannot_say(term: str, message: str) -> None:
    found = [finding.message for finding in check_definition(told(term=term))]
    assert any(message in text for text in found)


def test_without_a_penalty_it_is_a_name_like_others() -> None:
    (found,) = check_definition(told(None))
    assert found.help == "the layer has no `penalty` that this could tell"
    read = program("y = 2 * x", definition="penalty[n, i] = 2 * x[n, i]\ny[n, i] = penalty[n, i]")
    assert checked(read).defined.plain


def test_a_law_says_something_of_the_penalty() -> None:
    assert checked(layer(laws=["layer.penalty() >= 0"])).program.laws


@pytest.mark.parametrize(
    ("law", "penalty", "code"),
    [
        ("layer.penalty() >= 0", "-sum(square(weight))", "LG420"),
        ("layer.penalty() == layer.penalty() + 0", "sum(square(weight))", "LG422"),
    ],
)
def test_a_law_that_the_penalty_breaks_is_found(law: str, penalty: str | None, code: str) -> None:
    assert fault_of(layer(penalty, "", laws=[law])).rule.code == code


def test_a_law_of_a_penalty_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(SpecError) as refusal:
        resolve(told(None, "", laws=["layer.penalty() >= 0"]))
    assert [finding.rule.code for finding in refusal.value.findings] == ["LG201"]
    assert resolve(told(laws=["layer.penalty() >= 0"]))


def test_an_entry_that_is_not_there_is_a_fault() -> None:
    assert "weight" in fault_of(layer(term="penalty = sum[i < dim](weight[i + 1] ** 2)")).message


@pytest.mark.parametrize(
    ("unread", "help"),
    [
        ("foo = 3", "delete the equation, or read it"),
        ("halff[n, i] = x[n, i] / 2", "write `half` if that is meant, or delete the equation"),
        ("if C > 3:\n  foo[n] = x[n, 0]\n", "delete the equation, or read it"),
    ],
)
def test_a_name_that_nothing_reads_is_a_fault(unread: str, help: str) -> None:
    sound = "half[n, i] = x[n, i] / 2\ny[n, i] = 2 * half[n, i]"
    assert not list(check_definition(spec(definition=sound)))
    (found,) = check_definition(spec(definition=f"{unread}\n{sound}"))
    assert found.rule.code == "LG202" and found.help == help


def test_a_name_that_initial_values_read_is_read() -> None:
    parts: dict[str, Any] = {"parameters": {"weight": {"shape": ["C"], "init": "ones"}}}
    assert not list(check_definition(spec(definition="one = 1\ny[n, i] = x[n, i]\ninitial(weight)[i] = one", **parts)))
