"""Text of a spec in Python source: whatever it says, the literal that is made of it gives it back."""

import ast
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import DIM, FLAG, program
from strategies import texts

from layergen.lang.parser import parse_expression
from layergen.lower.imports import IMPORTS, names_in
from layergen.lower.source import (
    ONE_LINE,
    DocText,
    Origin,
    SourcePrinter,
    broken,
    formatted,
    python,
    quoted,
    wrap,
)
from layergen.resolve.annotation import Environment, Functions, annotated

HOSTILE = [
    *("", " ", "plain words", "it's", 'say "so"', "both ' and \"", '"""', "'''", 'ends with "', "ends with \\"),
    *("\\", "\\\\", "\\n", "\\N{BULLET}", "\\x41", "\\u0041", "\\'", '\\"', '\\"""', "tab\tand\nline", "\r\n", "\0"),
    *("{", "}", "{}", "{{", "}}", "{0}", "{x!r}", "{x:>10}", "{{{x}}}", "%s %(x)d", "$x", "{__import__('os')}"),
    *("naïve größe", "漢字 かな", "\u2028\u2029", "\u202e", "\ufeff", "\x85", "🙂" * 30, "a\u0301" * 40),
    *(
        "# comment",
        "x' + str(1) + 'x",
        '" + f() + "',
        "');import os#",
        "two  spaces",
        " leads",
        "trails ",
        "\n\nlines\n\n",
    ),
    *("word " * 40, "x" * 200, "{" * 100, "}" * 101, '"' * 100, "\\" * 99, "a'b " * 40, 'a"b ' * 40, "{a} " * 40),
    "got " * 30,
]


# NUL and line breaks other than ``\\n`` are refused in a file: the prose of a spec has none.
any_text, prose = texts(HOSTILE), texts(HOSTILE, without="\0\r")


@given(any_text)
@pytest.mark.parametrize("make", [quoted, broken, python])
def test_literals_give_the_text_back(make: Callable[[str], str], text: str) -> None:
    assert ast.literal_eval(make(text)) == text


@given(any_text)
def test_formatted_texts_are_filled_in_where_they_should_be_and_nowhere_else(text: str) -> None:
    source = formatted(text, ("value",), text, ("other!r",))
    filled = eval(source, {"__builtins__": {}}, {"value": 7, "other": "it's"})  # noqa: S307 - our own literal
    assert filled == f"""{text}7{text}"it's\""""
    fields = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FormattedValue)]
    assert len(fields) == 2


@given(any_text)
def test_texts_without_fields_are_plain_literals(text: str) -> None:
    assert ast.literal_eval(formatted(text)) == text


@given(prose)
def test_docstrings_say_what_the_spec_says(text: str) -> None:
    doc = DocText((text, "More."))
    source = f'{doc.prefix}"""Begin.\n{doc(text)}\n{doc(text)}"""'
    assert ast.literal_eval(source) == f"Begin.\n{text}\n{text}"


def test_a_docstring_with_backslashes_is_raw_where_it_can_be() -> None:
    for text in (r"The \alpha of it.", 'A \\alpha and a "quote".'):
        assert DocText((text,)).prefix == "r"
    for text in ("No backslash.", 'An \\alpha and """.', 'An \\alpha and a "quote"', "It ends in \\", "A \\\nline"):
        assert DocText((text,)).prefix == ""


@given(prose, st.sampled_from([12, 40, 80]))
def test_wrapped_prose_keeps_its_words(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)


def test_paragraphs_stay_apart_and_short_code_together() -> None:
    assert wrap("One\ntwo.\n\n  \nThree.", 80) == ("One two.", "", "Three.")
    assert wrap("Write ``a b c`` here.", 12) == ("Write", "``a b c``", "here.")


def test_long_messages_are_broken_at_their_spaces() -> None:
    source = formatted("dim must be divisible by heads and by groups, ", "got dim=", ("dim",), ", heads=", ("heads",))
    assert source == ('"dim must be divisible by heads and by groups, " f"got dim={dim}, heads={heads}"')
    pieces = broken("word " * 40).strip("()").split('" "')
    assert len(pieces) > 2
    assert max(map(len, pieces)) <= ONE_LINE + 2


def test_quotes_are_double_where_that_needs_no_escape() -> None:
    assert quoted("plain") == '"plain"'
    assert quoted("it's") == '"it\'s"'
    assert quoted('say "so"') == "'say \"so\"'"


@pytest.mark.parametrize(
    ("value", "source"),
    [
        *((1, "1"), (1.0, "1.0"), (1e-05, "1e-5"), (1.5e-08, "1.5e-8"), (1e20, "1e+20"), (1e16, "1e+16")),
        *((True, "True"), (None, "None"), (..., "..."), (math.inf, 'float("inf")'), (-math.inf, 'float("-inf")')),
        *(((1,), "(1,)"), ((1, (2, 3)), "(1, (2, 3))"), ([1, [2.0]], "[1, [2.0]]"), ({"a": (1,)}, "{'a': (1,)}")),
        *((1e-100, "1e-100"), (123456789.123, "123456789.123"), (-0.0, "-0.0"), (math.nan, 'float("nan")')),
    ],
)
def test_values_as_literals(value: object, source: str) -> None:
    assert python(value) == source
    given = eval(source)  # noqa: S307 - the sources are those above
    assert given == value or (given != given and value != value)


@pytest.mark.parametrize("exponent", range(-30, 30))
def test_floats_keep_their_value(exponent: int) -> None:
    for value in (1.0, 1.5, -2.7182818284590455):
        assert ast.literal_eval(python(value * 10.0**exponent)) == value * 10.0**exponent


LAYER = program(
    arguments={
        "dim": DIM,
        "size": {"type": "size2", "doc": "Size."},
        "affine": FLAG,
        "eps": {"type": "float", "doc": "E."},
    },
    parameters={"weight": {"shape": ["dim"], "init": "ones"}},
)


def printed(text: str, **options: Any) -> tuple[str, set[str]]:
    """The source of an expression of the forward, and the modules that it needs."""
    names = {name: f"self.{name}" for name in ("dim", "size", "affine", "eps", "weight")}
    printer = SourcePrinter(names, Origin("x.device", "x.dtype"), **options)
    here = Environment(LAYER.names, Functions.TENSORS)
    shown = printer.show(annotated(parse_expression(text), here))
    return shown, names_in(shown) & set(IMPORTS)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("relu(x)", "F.relu(x)"),
        ("exp(x) * dim", "torch.exp(x) * self.dim"),
        ("mean(x + 1, dim=-1)", "(x + 1).mean(dim=-1)"),
        ("transpose(-x, 0, 1)", "(-x).transpose(0, 1)"),
        ("sqrt(dim)", "math.sqrt(self.dim)"),
        ("sqrt(x)", "torch.sqrt(x)"),
        ("max(dim, 2)", "max(self.dim, 2)"),
        ("x * pi - inf", "x * math.pi - math.inf"),
        ("fft.rfft(x)", "torch.fft.rfft(x)"),
        ("linalg.norm(x)", "torch.linalg.norm(x)"),
        ("clamp(x, min=1e-05)", "x.clamp(min=1e-5)"),
        ("reshape(x, [dim, -1, 3])", "x.reshape(self.dim, -1, 3)"),
        ("reshape(x, (dim, 3))", "x.reshape(self.dim, 3)"),
        ("reshape(x, size)", "x.reshape(self.size)"),
        ("permute(x, [1, 0])", "x.permute(1, 0)"),
        ("zeros([dim, 3])", "torch.zeros(self.dim, 3, device=x.device, dtype=x.dtype)"),
        ("zeros(dim, dtype=int64)", "torch.zeros(self.dim, dtype=torch.int64, device=x.device)"),
        ("arange(dim)", "torch.arange(self.dim, device=x.device)"),
        ("arange(0, 1, eps)", "torch.arange(0, 1, self.eps, device=x.device, dtype=x.dtype)"),
        ("'it\\'s'", '"it\'s"'),
        ("x ** 2 ** -1", "x ** 2 ** -1"),
        ("(x ** 2) ** dim", "(x ** 2) ** self.dim"),
        ("-(x ** 2) + (-x) ** 2", "-x ** 2 + (-x) ** 2"),
        ("x - (x - 1)", "x - (x - 1)"),
        ("not (affine and eps > 0)", "not (self.affine and self.eps > 0)"),
        ("x[:, None, size[0]:]", "x[:, None, self.size[0]:]"),
        ("(x + 1)[0]", "(x + 1)[0]"),
        # The annotations of these want a number for each dimension.
        ("max_unpool1d(x, x, 2)", "F.max_unpool1d(x, x, (2,))"),
        ("max_unpool2d(x, x, dim, padding=1)", "F.max_unpool2d(x, x, (self.dim, self.dim), padding=(1, 1))"),
        ("max_unpool2d(x, x, size, None)", "F.max_unpool2d(x, x, self.size, None)"),
        ("max_unpool3d(x, x, [1, 2, 3])", "F.max_unpool3d(x, x, (1, 2, 3))"),
        ("max_pool2d(x, 2, padding=1)", "F.max_pool2d(x, 2, padding=1)"),
    ],
)
def test_expressions_are_printed_as_one_writes_them(text: str, source: str) -> None:
    assert printed(text)[0] == source


def test_the_modules_that_are_used_are_noted() -> None:
    assert printed("relu(x) + exp(x) * sqrt(dim)")[1] == {"F", "torch", "math"}
    assert printed("mean(x, dim=-1)")[1] == set()
    assert printed("x * inf")[1] == {"math"}
    assert printed("zeros(dim, dtype=float32)")[1] == {"torch"}
    assert printed("upcast(x)")[1] == {"torch"}


def test_prose_is_broken_between_codes_and_in_long_ones_alone() -> None:
    long = "``(4 * hidden_size, input_size if k == 0 else directions * outgoing)``"
    text = f"Weights from the input to the gates. Shape: {long}. One for each ``k`` in ``range(num_layers)``, if any."
    assert wrap(text, 60) == (
        "Weights from the input to the gates. Shape: ``(4 *",
        "hidden_size, input_size if k == 0 else directions *",
        "outgoing)``. One for each ``k`` in ``range(num_layers)``, if",
        "any.",
    )
    assert wrap("One for each name: ``a short code``", 30) == ("One for each name:", "``a short code``")


def test_a_shape_at_the_end_of_a_long_text_stays_on_a_line() -> None:
    text = "expected hx of shape (directions * num_layers, N, hidden_size) with directions=2, num_layers=2, N=5, got {}"
    assert "(4, 5, 4, 1)" in broken(text.format("(4, 5, 4, 1)"))
    assert broken(f"{'word ' * 12}(4, 5, 4, 1) {'word ' * 5}").count('"(4, 5, 4, 1) ') == 1
    long = text.format(f"({', '.join('123456789' for _ in range(9))})")  # which no line could hold
    assert ast.literal_eval(broken(long)) == long
    assert broken("short (1, 2)") == '"short (1, 2)"'
