"""Tables of literals: they are laid out as black does, and what is no plain literal is left to it."""

from typing import Any

import black
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergen.literals import formatted
from layergen.lower.source import python
from layergen.render import MODE

NAMES = st.sampled_from(["a", "dim", "kernel_size", "gradient_of_parameters_afterwards"])
TEXTS = st.text("abc xyz:,()[]{}=#_.'", max_size=40)
NUMBERS = st.integers(-(10**12), 10**30) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(inner, max_size=5)
    keywords = st.lists(st.tuples(NAMES, inner), max_size=3, unique_by=lambda pair: pair[0]).map(
        lambda pairs: [f"{name}={value}" for name, value in pairs]
    )
    called = st.sampled_from(["Case", "DEFAULT.but", "a.b.c"])
    return st.one_of(
        items.map(lambda values: f"[{', '.join(values)}]"),
        items.map(lambda values: f"({', '.join(values)}{',' * (len(values) == 1)})"),
        st.lists(st.tuples(TEXTS.map(repr), inner), max_size=5).map(
            lambda pairs: f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        ),
        st.tuples(called, items, keywords).map(lambda call: f"{call[0]}({', '.join([*call[1], *call[2]])})"),
        st.lists(TEXTS.map(repr), min_size=2, max_size=4).map(lambda texts: f"({' '.join(texts)})"),
    )


VALUES = st.recursive(NUMBERS.map(python) | TEXTS.map(repr) | NAMES, nested, max_leaves=40)


def by_black(source: str) -> str:
    return black.format_str(source, mode=MODE)


def module(*values: str) -> str:
    rows = "".join(f"    'row {index}': {value},\n" for index, value in enumerate(values))
    return f"import math\n\ndef function():\n    return 1\nTABLE = {{\n{rows}}}\nOTHER = 1\n"


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_a_table_is_what_black_makes_of_it(values: list[str]) -> None:
    source = module(*values)
    assert formatted(source, by_black) == by_black(source)


def seen_by_black(source: str) -> str:
    """What black is handed."""
    handed: list[str] = []

    def formats(text: str) -> str:
        handed.append(text)
        return by_black(text)

    assert formatted(source, formats) == by_black(source)
    return handed[0]


LONG: Any = {"first": 1e-05, "sum": 2.5e23, "shape": (3,), "of all": [1, -2] * 12, "mode": "it's"}
WORDS = " ".join(['"some words that follow each other, "'] * 5)


@pytest.mark.parametrize(
    "value",
    [
        *(python(LONG), f"Case({python(LONG)})", f"DEFAULT.but({python(LONG)}, text=({WORDS}))"),
        *(f"Case(text={python('long ' * 30)})", python({"a": {"b": {"c": LONG}}}), "CASES['default']"),
    ],
)
def test_plain_literals_do_not_go_through_black(value: str) -> None:
    assert "TABLE = {}\n" in seen_by_black(module(value))


@pytest.mark.parametrize(
    "value",
    [
        *("lambda x: x + 1", "1 if a else 2", "a+b", "f( a )", "'a\"b'", "'\\n'", "'é'", "0x10", "[1, 2, ]"),
        *(
            f"f({'a' * 40})[{'b' * 40}]",
            f"CASES[{'a' * 80}]",
            f"f({'a' * 50}).g({'b' * 50})",
            "(1, 2)[0:1]",
            "f(*a)",
            "f(a,)",
        ),
    ],
)
def test_all_else_is_left_to_black(value: str) -> None:
    assert value in seen_by_black(module(value))


def test_a_text_that_looks_like_a_table_stays() -> None:
    source = f'"""Tell of it.\nTABLE = {{}}\n"""\n{module("1")}'
    assert formatted(source, by_black) == by_black(source)
