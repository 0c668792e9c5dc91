"""Strategies of hypothesis: expressions and blocks of the spec language, texts, and sizes."""

import string
from collections.abc import Iterator, Mapping, Sequence

from hypothesis import settings
from hypothesis import strategies as st

from layergen.lang import expression as ex

HUNDRED = 100  # how many examples are tried of what does not say how many, by continuous integration


def scaled(count: int) -> int:
    """How many to try here of what continuous integration tries so many times: see the profiles in `conftest.py`."""
    return max(1, count * settings().max_examples // HUNDRED)


def examples(count: int) -> settings:
    """For a property, how many examples continuous integration tries."""
    return settings(max_examples=scaled(count))


BINARY = ("+", "-", "*", "/", "//", "%", "@", "**", "<<", ">>", "&", "|", "^", "and", "or")
COMPARISONS = ("<", "<=", "==", "!=", "is", "is not", "in", "not in")
names = st.sampled_from("xyz").map(ex.Name)
literals = st.sampled_from([0, 7, 1.5, 1e-9, "a'\"\\\n", "{x}", True, None, ...]).map(ex.Literal)
leaves = names | literals


def _grown(inner: st.SearchStrategy[ex.Expression]) -> st.SearchStrategy[ex.Expression]:
    """Expressions with others in them."""
    pairs = st.tuples(inner, inner)
    items = st.lists(inner, max_size=3).map(tuple)
    slices = st.builds(ex.Slice, st.none() | inner, st.none() | inner, st.none() | inner)
    rows = st.lists(inner | slices, min_size=1, max_size=2).map(lambda parts: ex.Sequence(tuple(parts), ""))
    keywords = st.lists(st.builds(ex.Keyword, st.just("k"), inner), max_size=1).map(tuple)
    return st.one_of(
        st.builds(ex.Unary, st.sampled_from(["-", "+", "~", "not"]), inner),
        st.builds(ex.Binary, st.sampled_from(BINARY), inner, inner),
        st.builds(ex.Compare, inner, st.tuples(*[st.sampled_from(COMPARISONS)] * 2), pairs),
        st.builds(ex.Conditional, inner, inner, inner),
        st.builds(ex.Call, st.sampled_from(["f", "linalg.norm"]), items, keywords),
        st.builds(ex.Sequence, items, st.sampled_from("[(")),
        st.builds(ex.Subscript, inner, inner | slices | rows),
    )


expressions: st.SearchStrategy[ex.Expression] = st.recursive(leaves, _grown, max_leaves=12)

targets = st.lists(names, min_size=1, max_size=2).map(tuple)
assignments: st.SearchStrategy[ex.Statement] = st.builds(ex.Assign, targets, expressions)


def _branched(inner: st.SearchStrategy[ex.Statement]) -> st.SearchStrategy[ex.Statement]:
    body = st.lists(inner, min_size=1, max_size=2).map(tuple)
    return st.builds(ex.If, expressions, body, st.just(()) | body)


statements = st.recursive(assignments, _branched, max_leaves=4)
blocks: st.SearchStrategy[tuple[ex.Statement, ...]] = st.lists(statements, min_size=1, max_size=3).map(tuple)


def written(block: Sequence[ex.Statement], indent: str = "") -> Iterator[str]:
    """The lines of a block, as an author writes them."""
    for statement in block:
        match statement:
            case ex.Assign(targets=found, value=value):
                yield f"{indent}{', '.join(target.id for target in found)} = {ex.show(value)}"
            case ex.If(test=test, body=body, orelse=orelse):
                yield f"{indent}if {ex.show(test)}:"
                yield from written(body, f"{indent}    ")
                if orelse:
                    yield f"{indent}else:"
                    yield from written(orelse, f"{indent}    ")


# Texts of the language that mostly are none.
PIECES = [
    "x", "y", "1", ".5", "'a'", "(", ")", "[", "]", ",", ":", "=", "==", "+", "-", "**", ".", "...", "if", "else",
    "elif", "not", "in", "is", "for", "lambda", "None", "\n", "    ", "  ", "# c", "\\", "{", ";", "ψ", "\x00", "f(",
    " ",
]  # fmt: skip
pieces = st.lists(st.sampled_from(PIECES), min_size=1, max_size=14).map("".join)


def texts(samples: Sequence[str], without: str = "") -> st.SearchStrategy[str]:
    """Some texts, and others of the characters that they are made of, most of all of those that quote and escape."""
    characters = sorted({character for text in samples for character in text} | set(string.ascii_letters))
    allowed = [character for character in characters if character not in without]
    quotes = st.sampled_from(" '\"\\{}")
    drawn = st.text(st.sampled_from(allowed) | quotes, max_size=150)
    return st.sampled_from([text for text in samples if not set(without) & set(text)]) | drawn


FRAGMENTS = [
    *"[]{}()'\"\\:,#&*!|>%@`~-+=. \n\t0x", "\n  ", ": ", "null", "true", "-1", "1e9", "'''", "x.y", "[[", "...", "}}",
    "lambda", "é", "\0", "\u202e", "  - ", "9" * 50, "N", "zeros(4)",
]  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn, text: str) -> str:
    """A text of which some parts are left out, replaced, said twice or turned round."""
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 5)))):
        start = draw(st.integers(0, len(text) - 1))
        end = min(len(text), start + draw(st.sampled_from((0, 1, 1, 3, 10, 40))))
        middle = draw(st.sampled_from(["", text[start:end] * 2, text[start:end][::-1]]) | st.sampled_from(FRAGMENTS))
        text = text[:start] + middle + text[end:] or "\n"
    return text


def points(bounds: Mapping[str, tuple[int, int]]) -> st.SearchStrategy[dict[str, int]]:
    """Sizes for some names, between the bounds of each."""
    return st.fixed_dictionaries({name: st.integers(*ends) for name, ends in bounds.items()})


def points_near(ground: Mapping[str, int], bounds: Mapping[str, tuple[int, int]]) -> st.SearchStrategy[dict[str, int]]:
    """Sizes for some names, of which some are those of a point at which all go together."""
    near = {name: st.just(ground[name]) | st.integers(*ends) for name, ends in bounds.items()}
    return points(bounds) | st.fixed_dictionaries(near)
