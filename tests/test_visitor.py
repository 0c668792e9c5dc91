"""Walks over statements: none is passed over, and each part comes in the order in which it is written."""

from dataclasses import dataclass

import pytest

from layergen.lang import expression as ex
from layergen.lang.parser import parse_block
from layergen.lang.visitor import (
    Visitor,
    assigned,
    assignments,
    calls,
    expressions,
    mentioned,
    parts,
    reads,
    sources,
    statements,
)

BLOCK = parse_block(
    """
# first
a, b = f(x)
if g(a) > b:
    c = a
elif y is None:
    c = b.weight
else:
    for i, d in h(xs):
        append(c, k(d, i))
        c = blocks[i](c)
z = c
"""
)
KINDS = {ex.Comment, ex.Assign, ex.If, ex.For, ex.Append}


@dataclass(frozen=True)
class Unheard(ex.Statement):
    """A kind of statement that nobody knows."""


def test_the_example_has_all_kinds_of_statements() -> None:
    assert {type(statement) for statement in statements(BLOCK)} == KINDS
    assert {kind for kind in ex.Statement.__subclasses__() if kind.__module__ == ex.Expression.__module__} == KINDS


def test_statements_come_before_those_in_them() -> None:
    kinds = [type(statement).__name__ for statement in statements(BLOCK)]
    assert kinds == ["Comment", "Assign", "If", "Assign", "If", "Assign", "For", "Append", "Assign", "Assign"]


def test_parts_leave_no_node_of_a_statement_out() -> None:
    for statement in statements(BLOCK):
        found = parts(statement)
        told = [*found.expressions, *found.targets, *(inner for block in found.blocks for inner in block)]
        assert {id(node) for node in told} == {id(node) for node in statement.children}


def test_names_and_calls_come_as_they_are_written() -> None:
    assert [name.id for name in reads(BLOCK)] == [*"xabayb", "xs", *"cdi", "blocks", *"icc"]
    assert [name.id for name in assignments(BLOCK)] == list("abccidcz")
    assert [call.function for call in calls(BLOCK)] == list("fghk")
    assert [ex.show(node) for node in expressions(BLOCK)][:3] == ["f(x)", "g(a) > b", "a"]
    assert mentioned(BLOCK) == {*"abcdixy", "xs", "blocks"}
    assert assigned(BLOCK) == set("abcdiz")


def test_sources_are_what_a_name_gets_its_values_from() -> None:
    assert [ex.show(node) for node in sources(BLOCK, "c")] == ["a", "b.weight", "blocks[i](c)"]
    assert [ex.show(node) for node in sources(BLOCK, "d")] == ["h(xs)"]
    assert list(sources(BLOCK, "x")) == []


def test_a_kind_that_nobody_knows_is_refused() -> None:
    block = (ex.If(ex.Name("x"), (Unheard(),)),)
    for walk in (statements, reads, assignments):
        with pytest.raises(TypeError, match="Unheard"):
            list(walk(block))
    with pytest.raises(TypeError, match="Unheard"):
        Visitor().visit(Unheard())


def test_a_visitor_meets_each_kind_by_a_method_of_its_own() -> None:
    class Recorder(Visitor):
        def __init__(self) -> None:
            self.met: list[str] = []

        def comment(self, statement: ex.Comment) -> None:
            self.met.append(statement.text)

        def assign(self, statement: ex.Assign) -> None:
            self.met.append(statement.targets[0].id)

        def branch(self, statement: ex.If) -> None:
            self.met.append("if")
            self.block((*statement.body, *statement.orelse))

        def loop(self, statement: ex.For) -> None:
            self.met.append("for")
            self.block(statement.body)

        def append(self, statement: ex.Append) -> None:
            self.met.append("append")

    recorder = Recorder()
    recorder.block(BLOCK)
    assert recorder.met == ["first", "a", "if", "c", "if", "c", "for", "append", "c", "z"]


@pytest.mark.parametrize("kind", sorted(KINDS - {ex.Comment}, key=str), ids=str)
def test_a_visitor_says_so_when_it_lacks_a_kind(kind: type[ex.Statement]) -> None:
    class Deaf(Visitor):
        pass

    statement = next(found for found in statements(BLOCK) if type(found) is kind)
    with pytest.raises(TypeError, match=f"Deaf does not know {kind.__name__}"):
        Deaf().visit(statement)


def test_every_kind_of_expression_is_printed() -> None:
    assert {kind for kind in ex.Expression.__subclasses__() if kind.__module__ == ex.Expression.__module__} == set(
        EXAMPLES
    )
    assert {kind.__name__: ex.show(node) for kind, node in EXAMPLES.items()} == {
        "Literal": "1", "Name": "x", "Sequence": "[x]", "Unary": "-x", "Binary": "x + y", "Compare": "x < y",
        "Conditional": "x if x else y", "Call": "f()", "Slice": "x:", "Subscript": "x[y]", "Member": "x.weight",
        "Apply": "x[y]()", "Comprehension": "[B() for x in y]", "Splice": "x...",
    }  # fmt: skip


X, Y = ex.Name("x"), ex.Name("y")
EXAMPLES: dict[type[ex.Expression], ex.Expression] = {
    ex.Literal: ex.Literal(1), ex.Name: X, ex.Sequence: ex.Sequence((X,)), ex.Unary: ex.Unary("-", X),
    ex.Binary: ex.Binary("+", X, Y), ex.Compare: ex.Compare(X, ("<",), (Y,)), ex.Conditional: ex.Conditional(X, X, Y),
    ex.Call: ex.Call("f"), ex.Slice: ex.Slice(X, None, None), ex.Subscript: ex.Subscript(X, Y),
    ex.Splice: ex.Splice(X), ex.Member: ex.Member(X, "weight"), ex.Apply: ex.Apply(ex.Subscript(X, Y)),
    ex.Comprehension: ex.Comprehension(ex.Call("B"), X, Y),
}  # fmt: skip
