"""The interpreter: it computes as Python does, stays within bounds, and names the part at fault."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from layergen.lang import expression as ex
from layergen.lang.interpreter import LARGEST, LONGEST, EvaluationFault, Interpreter
from layergen.lang.parser import parse_block, parse_expression

VALUES = {"a": 7, "b": 2, "c": -3, "p": 0.5, "flag": True, "nothing": None, "size": (3, 4, 5), "mode": "mean"}


def evaluate(text: str, **values: Any) -> Any:
    return Interpreter({**VALUES, **values}).evaluate(parse_expression(text))


def run(block: str, **values: Any) -> dict[str, Any]:
    interpreter = Interpreter({**VALUES, **values})
    interpreter.run(parse_block(block))
    return dict(interpreter.values)


def fault_of(compute: Callable[[str], object], text: str) -> tuple[str, str]:
    """The message of a fault, and the characters of the part at fault."""
    with pytest.raises(EvaluationFault) as caught:
        compute(text)
    return caught.value.message, text[slice(*caught.value.node.span)]


@pytest.mark.parametrize(
    "text",
    [
        *("a + b * c", "a - b - c", "(a - b) - c", "a // b", "a % c", "-a // b", "-a ** b", "2 ** -1", "a / b"),
        *(
            "a & b",
            "a | b",
            "a ^ b",
            "~a",
            "a << b",
            "a >> b",
            "+c",
            "not flag",
            "flag and p",
            "nothing or p",
            "nothing and p",
            "p or a",
        ),
        *("a > b > c", "a > b < c", "b < a != c", "1 < b <= 2 < a", "a == 7.0", "nothing is None", "a is not None"),
        *("b in size", "3 in size", "3 not in size", "mode == 'mean'", "mode in ['sum', 'mean']"),
        *("size[0]", "size[-1]", "size[1:]", "size[::2]", "size[:-1] + (1,)", "[0] * 3", "2 * [a, b]", "[a, [b]]"),
        *("a if flag else b", "a if p > 1 else b if c > 0 else c", "(a,)", "[]", "()"),
        *("min(a, b)", "max(size)", "len(size)", "sum(size)", "abs(c)", "round(p)", "int(p)", "float(a)"),
    ],
)
def test_numbers_are_what_python_computes(text: str) -> None:
    expected = eval(text, {}, dict(VALUES))  # noqa: S307 - the texts are those above
    value = evaluate(text)
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("text", "message", "at"),
    [
        ("a + unknown", "`unknown` has no value here", "unknown"),
        ("1 + a // (b - 2)", "division by zero", "a // (b - 2)"),
        ("a % 0 + 1", "division by zero", "a % 0"),
        ("1 + exp(1000)", "the number is too large", "exp(1000)"),
        ("0 * 2 ** 64", "the number is too large", "2 ** 64"),
        ("0 * 2 ** 63", "the number is too large", "2 ** 63"),
        ("10 ** 10 ** 10", "the number is too large", "10 ** 10 ** 10"),
        ("1 << 10 ** 9", "the number is too large", "1 << 10 ** 9"),
        ("9223372036854775807 + 1", "the number is too large", "9223372036854775807 + 1"),
        ("a + c ** 0.5", "the result is no real number", "c ** 0.5"),
        ("sqrt(c) + 1", "`sqrt` has no value there", "sqrt(c)"),
        ("log(b - 2)", "`log` has no value there", "log(b - 2)"),
        ("a + [0] * 100000", "the list is too long", "[0] * 100000"),
        ("a + 9999999 * size", "the list is too long", "9999999 * size"),
        ("a + mode * 1000", "a text has no `*`", "mode * 1000"),
        ("mode % a", "a text has no `%`", "mode % a"),
        ("1 + size[3]", "`size` has 3 items, and none at 3", "size[3]"),
        ("relu(a)", "`relu` is no scalar function", "relu(a)"),
        ("a < mode < b", "an int and a text cannot be compared by `<`", "a < mode < b"),
    ],
)
def test_faults_name_the_part_that_cannot_be_computed(text: str, message: str, at: str) -> None:
    said, marked = fault_of(evaluate, text)
    assert marked == at
    assert said == message


def test_the_largest_number_is_still_one() -> None:
    assert evaluate(str(LARGEST)) == LARGEST
    assert evaluate("2 ** 62 + (2 ** 62 - 1)") == LARGEST
    assert evaluate("-1 * 2 ** 62") == -(2**62)
    assert evaluate("1 ** 99") == 1


def test_lists_grow_up_to_a_bound_however_they_are_made() -> None:
    half = LONGEST // 2
    assert len(evaluate(f"[0] * {half}")) == half
    for text in (f"[0] * {LONGEST}", f"[[0] * {half}, [0] * {half}]", "many + many", "[many, many]"):
        with pytest.raises(EvaluationFault, match="the list is too long"):
            evaluate(text, many=[0] * half)


def test_what_is_not_needed_is_not_computed() -> None:
    assert evaluate("a if flag else unknown") == 7
    assert evaluate("flag or unknown") is True
    assert evaluate("nothing and unknown") is None
    assert evaluate("a < b < unknown") is False


def test_comparisons_of_one_pair_keep_what_they_give() -> None:
    class Pair:
        def __gt__(self, other: object) -> str:
            return "each by each"

    assert evaluate("pair > 1", pair=Pair()) == "each by each"


def test_statements_change_the_values() -> None:
    values = run("h = a + 1\nif flag and h > 7:\n    u, v = size[1:]\nelse:\n    u = unknown\nh = h * u")
    assert (values["h"], values["u"], values["v"]) == (32, 4, 5)


def test_given_values_stay_as_they_are() -> None:
    given = {"a": 1}
    Interpreter(given).run(parse_block("a = 2"))
    assert given == {"a": 1}


@pytest.mark.parametrize(
    ("block", "message", "at"),
    [
        ("u, v = size", "2 names for 3 values", "u, v = size"),
        ("u, v = a + 1", "this is one value, not several", "a + 1"),
        ("if a > 1:\n    h = b / 0", "division by zero", "b / 0"),
        ("if size > a: h = 1", "a list and an int cannot be compared by `>`", "size > a"),
    ],
)
def test_faults_of_statements_name_their_part(block: str, message: str, at: str) -> None:
    assert fault_of(run, block) == (message, at)


def test_calls_go_to_the_function_that_is_given() -> None:
    calls = []

    def call(node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        calls.append((node.function, arguments, keywords))
        return sum(arguments)

    assert Interpreter(VALUES, call).evaluate(parse_expression("f(a, g(b, c), k=p)")) == 6
    assert calls == [("g", [2, -3], {}), ("f", [7, -1], {"k": 0.5})]


def test_operands_at_fault_are_kept_for_the_explanation() -> None:
    with pytest.raises(EvaluationFault) as caught:
        evaluate("a @ b")
    assert caught.value.operands == (7, 2)


def test_every_operator_of_the_language_is_computed() -> None:
    binary = set(ex.PRECEDENCE) - {"if", "or", "and", "not", "compare", "unary", "primary", "@"}
    for sign in binary:
        assert evaluate(f"a {sign} b") == eval(f"7 {sign} 2")  # noqa: S307
    assert evaluate("a @ b", a=Matrix(), b=Matrix()) == "a product"


class Matrix:
    def __matmul__(self, other: object) -> str:
        return "a product"


def test_indices_of_several_dimensions_reach_the_value() -> None:
    class Recorder:
        def __getitem__(self, index: object) -> object:
            return index

    index = evaluate("x[:, None, a, ..., 1:b:2]", x=Recorder())
    assert index == (slice(None), None, 7, ..., slice(1, 2, 2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size // b", "a list and an int have no `//`"),
        ("size ** b", "a list and an int have no `**`"),
        ("size * p", "a list and a float have no `*`"),
        ("size + a", "a list and an int have no `+`"),
        ("-size", "a list has no `-`"),
        ("~p", "a float has no `~`"),
        ("a in b", "an int is no list"),
        ("a[0]", "an int has no entries to index"),
        ("size[p]", "a list is indexed by ints, not by a float"),
        ("mode[a]", "the text is not as long"),
        ("nothing + a", "`None` and an int have no `+`"),
        ("abs(size)", "`abs` takes a number, not a list"),
        ("round(size)", "`round` takes a number, not a list"),
        ("int(nothing)", "`int` takes a number, not `None`"),
        ("int(mode)", "a text is no number"),
        ("len(a)", "an int has no length"),
        ("max(a)", "an int is no list"),
        ("max(size[:0])", "`max` is given an empty list"),
    ],
)
def test_faults_are_said_in_the_words_of_the_language(text: str, message: str) -> None:
    assert fault_of(evaluate, text)[0] == message


# Loops and lists that grow


@pytest.mark.parametrize(
    "block",
    [
        "h = 0\nfor i in range(a): h = h + i * b",
        "h = []\nfor i in range(b, a): append(h, i)",
        "h = []\nfor i in range(a, c, -b): append(h, i)",
        "h = []\nfor i in range(c): append(h, i)",
        "h = []\nfor i, s in enumerate(size): append(h, (s, i))",
        "h = []\nfor s in reversed(size):\n    if s != 4:\n        append(h, s)",
        "h = []\nfor i, s in enumerate(reversed([a, b])): append(h, s - i)",
        "h = []\nfor u, v in zip(size, [a, b, c]): append(h, u * v)",
        "h = []\nfor u, v in zip(range(3), reversed(size)): append(h, u * v)",
        "h = []\nfor u, v in [(a, b), (b, c)]: append(h, v - u)",
        "h = 1\nfor _ in range(3):\n    for _ in range(b): h = h * 2",
        "u, v = a, b\nfor _ in range(3): u, v = v, u + v\nh = u",
        "state = (a, b)\nfor s in size:\n    u, v = state\n    state = (v, u * s)\nh = state",
        "h = []\ng = h\nappend(g, a)\nappend(h, [g == h])",
        "h = [[]] * 2\ng = h[0]\nappend(g, a)",
        "h = []\nfor s in [[1], [2]]:\n    append(s, a)\n    append(h, s)",
        "i = 9\nfor i in range(b): h = i\nh = i",
    ],
)
def test_loops_do_what_python_does(block: str) -> None:
    python = re.sub(r"append\((\w+), ", r"\1.append(", block)
    expected: dict[str, Any] = dict(VALUES)
    exec(python, {}, expected)  # noqa: S102 - the texts are those above
    values = run(block)
    assert (values["h"], type(values["h"])) == (expected["h"], type(expected["h"]))


def test_a_loop_runs_over_what_a_function_gives() -> None:
    def call(node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        assert node.function == "unbind"
        return tuple(arguments[0])

    interpreter = Interpreter({"x": [4, 5]}, call)
    interpreter.run(parse_block("h = 0\nfor i, s in enumerate(unbind(x)): h = h + s * 10 ** i"))
    assert interpreter.values["h"] == 54


@pytest.mark.parametrize(
    ("block", "message", "at"),
    [
        ("for i in a: h = i", "this is no list to run over", "a"),
        ("for i in mode: h = i", "this is no list to run over", "mode"),
        ("for i in enumerate(a): h = i", "this is no list to run over", "a"),
        ("for i in range(p): h = i", "a float is no int", "range(p)"),
        ("for i in range(a, b, 0): h = i", "the step of a range is 0", "range(a, b, 0)"),
        ("for i in range(): h = i", "`range` is no scalar function", "range()"),
        ("h = range(a)", "`range` is no scalar function", "range(a)"),
        ("for i, j in size: h = i", "this is one value, not several", "size"),
        ("for i, j in [(a, b, c)]: h = i", "2 names for 3 values", "[(a, b, c)]"),
        ("for u, v in zip(size, [a, b]): h = u", "the lists have 3 and 2 items", "zip(size, [a, b])"),
        ("for i in range(a): h = i // 0", "division by zero", "i // 0"),
        ("append(h, a)", "`h` has no value here", "h"),
        ("append(size, a)", "`size` is no list", "size"),
        ("h = [a]\nfor i in h: append(h, i)", "`h` cannot grow: it is given, or a loop runs over it", "h"),
        ("g = [a]\nfor i, s in enumerate(reversed(g)): append(g, i)",
         "`g` cannot grow: it is given, or a loop runs over it", "g"),
        ("append(given, a)", "`given` cannot grow: it is given, or a loop runs over it", "given"),
        ("s = given[0]\nappend(s, a)", "`s` cannot grow: it is given, or a loop runs over it", "s"),
        ("k = [1]\nappend(k, k)", "the list is too long", "append(k, k)"),
    ],
)  # fmt: skip
def test_faults_of_loops_name_their_part(block: str, message: str, at: str) -> None:
    given = [[1]]
    with pytest.raises(EvaluationFault) as caught:
        run(block, given=given)
    assert (caught.value.message, block[slice(*caught.value.node.span)]) == (message, at)
    assert given == [[1]]


def test_a_list_that_a_loop_has_left_may_grow() -> None:
    assert run("h = [a]\nfor i in h: k = i\nappend(h, b)")["h"] == [7, 2]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("for i in range(10 ** 18): h = i", f"the loops take more than {LONGEST} turns"),
        ("for i in reversed(range(10 ** 18)): h = i", f"the loops take more than {LONGEST} turns"),
        ("for i in range(200):\n  for j in range(200): h = i", f"the loops take more than {LONGEST} turns"),
        ("for i in range(9000): h = i\nfor i in range(9000): h = i", f"the loops take more than {LONGEST} turns"),
        (f"h = [0] * {LONGEST - 2}\nfor i in range(9): append(h, i)", "the list is too long"),
        ("h = [a]\nfor i in range(40): h = [h, h]", "the list is too long"),
        ("h = []\nfor i in range(9000): h = [h]", "the list is too long"),
        ("h = []\ng = [h] * 5000\nfor i in range(9000): append(h, i)\nk = [g]", "the list is too long"),
        ("h = [1]\nfor i in range(99): h = h + h", "the list is too long"),
    ],
)
def test_no_loop_makes_the_build_busy(block: str, message: str) -> None:
    start = time.monotonic()
    with pytest.raises(EvaluationFault) as caught:
        run(block)
    assert caught.value.message == message
    assert time.monotonic() - start < 5
