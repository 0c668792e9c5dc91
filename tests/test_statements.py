"""Loops, lists that grow, members and lists of modules: how they are read, refused and printed."""

import random
from collections.abc import Callable

import pytest
from strategies import scaled

from layergen.lang import expression as ex
from layergen.lang.parser import SyntaxFault, parse_block, parse_expression, parse_module
from layergen.lang.statements import headline, show_block
from layergen.lang.visitor import statements

X, Y, I, BLOCKS = ex.Name("x"), ex.Name("y"), ex.Name("i"), ex.Name("blocks")  # noqa: E741
FIRST = ex.Subscript(BLOCKS, ex.Literal(0))
WEIGHT = ex.Member(X, "weight")


def fault_of(parse: Callable[[str], object], text: str) -> tuple[str, str, str | None, bool]:
    """What a fault says, the characters that it points at, its help, and whether the construct is left out."""
    with pytest.raises(SyntaxFault) as caught:
        parse(text)
    fault = caught.value
    return fault.message, text[slice(*fault.span)], fault.help, fault.forbidden


# Members


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("x.weight", WEIGHT),
        ("blocks[0].weight", ex.Member(FIRST, "weight")),
        ("blocks[i].norm.weight", ex.Member(ex.Member(ex.Subscript(BLOCKS, I), "norm"), "weight")),
        ("x.weight[0]", ex.Subscript(WEIGHT, ex.Literal(0))),
        ("x.norm[0].weight", ex.Member(ex.Subscript(ex.Member(X, "norm"), ex.Literal(0)), "weight")),
        ("-x.weight ** 2", ex.Unary("-", ex.Binary("**", WEIGHT, ex.Literal(2)))),
        ("x.mean", ex.Member(X, "mean")),  # a member may call its tensor so
        ("blocks[0](x)", ex.Apply(FIRST, (X,))),
        ("blocks[0](x, mask=y,)[i]", ex.Subscript(ex.Apply(FIRST, (X,), (ex.Keyword("mask", Y),)), I)),
        ("blocks[0][i]()", ex.Apply(ex.Subscript(FIRST, I))),
    ],
)
def test_members_are_read_by_path_and_called_by_index(text: str, tree: ex.Expression) -> None:
    assert parse_expression(text) == tree
    assert parse_expression(ex.show(tree)) == tree


@pytest.mark.parametrize(
    ("text", "at", "help"),
    [
        ("x.weight.T", "x.weight.T", "write `transpose(x.weight, -2, -1)`"),
        ("blocks[0].norm.shape", "blocks[0].norm.shape", "shapes are plain names of dimensions"),
        (
            "x.weight.dtype",
            "x.weight.dtype",
            "write `type_as(h, x)` for x's dtype, or `upcast(x)` for float32 or wider",
        ),
        ("x.weight[0].sum()", "x.weight[0].sum()", "write `sum(x.weight[0])`"),
        ("blocks[0].norm(x)", "blocks[0].norm(x)", "write `norm(blocks[0], x)`"),
        ("f(x).weight", "f(x).weight", None),
        ("(x + y).weight", "(x + y).weight", None),
        ("[x][0].weight", "[x][0].weight", None),
        ("blocks[0](x).weight", "blocks[0](x).weight", None),
        ("self.blocks[0].weight", "self.blocks", "write `blocks`"),
        ("torch.weight", "torch.weight", "write `weight`"),
        ("nn.weight", "nn.weight", None),
        ("blocks[0](x)(y)", "blocks[0](x)", None),
        ("x.blocks[0](y)", "x.blocks[0]", None),
        ("f(x)[0](y)", "f(x)[0]", None),
        ("[f, f][0](y)", "[f, f][0]", None),
    ],
)
def test_all_other_attributes_and_calls_stay_refused(text: str, at: str, help: str | None) -> None:
    assert fault_of(parse_expression, text)[1:] == (at, help, True)


# Loops


@pytest.mark.parametrize(
    "header",
    [
        "for i in range(n)",
        "for _ in range(1, n, 2)",
        "for x_t in unbind(x, 1)",
        "for i, block in enumerate(blocks)",
        "for block in reversed(blocks)",
        "for a, b, c in zip(xs, ys, reversed(zs))",
        "for h in [x, y]",
        "for h in xs if x is None else ys",
    ],
)
def test_a_loop_runs_over_an_expression(header: str) -> None:
    text = f"{header}:\n    y = x\n"
    (loop,) = parse_block(text)
    assert isinstance(loop, ex.For)
    names, iterable = header.removeprefix("for ").split(" in ", 1)
    assert [target.id for target in loop.targets] == names.split(", ")
    assert loop.iterable == parse_expression(iterable)
    assert loop.body == (ex.Assign((Y,), X),)
    assert headline(loop) == header
    assert show_block([loop]) == text


def test_the_body_of_a_loop_is_one_simple_statement_or_a_block() -> None:
    append, assign = ex.Append(Y, X), ex.Assign((Y,), X)
    assert parse_block("for i in x: append(y, x)\nfor i in x: y = x") == (
        ex.For((I,), X, (append,)),
        ex.For((I,), X, (assign,)),
    )
    assert parse_block("for (i, x) in y:\n  if x: append(y, x)\n  for i in x:\n    y = x") == (
        ex.For((I, X), Y, (ex.If(X, (append,)), ex.For((I,), X, (assign,)))),
    )


def test_comments_of_a_loop_go_into_it_and_those_after_it_stay_behind() -> None:
    assert parse_block("for i in x:  # header\n  # inside\n  y = i\n  # at the end\n# after\ny = x") == (
        ex.Comment("header"),
        ex.For((I,), X, (ex.Comment("inside"), ex.Assign((Y,), I), ex.Comment("at the end"))),
        ex.Comment("after"),
        ex.Assign((Y,), X),
    )


def test_loops_and_appends_know_their_characters() -> None:
    text = "for i in x:\n  append(y, blocks[i](x))\n\ny = x"
    spans = [text[slice(*statement.span)] for statement in statements(parse_block(text))]
    assert spans == ["for i in x:\n  append(y, blocks[i](x))", "append(y, blocks[i](x))", "y = x"]
    text = "append(y, blocks[i].norm.weight)"
    (append,) = parse_block(text)
    assert [text[slice(*node.span)] for node in ex.walk(append)] == [
        text, "y", "blocks[i].norm.weight", "blocks[i].norm", "blocks[i]", "blocks", "i",
    ]  # fmt: skip


def test_tuples_are_made_and_taken_apart() -> None:
    state, h, c = ex.Name("state"), ex.Name("h"), ex.Name("c")
    assert parse_block("h, c = state\nc, h = h, c\nstate = (h, c)") == (
        ex.Assign((h, c), state),
        ex.Assign((c, h), ex.Sequence((h, c), "")),
        ex.Assign((state,), ex.Sequence((h, c), "(")),
    )


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("y, (h, c) = f(x)", ["(h, c)"]),
        ("(a, b), (c, (d, _)) = x", ["(a, b)", "(c, (d, _))", "(d, _)"]),
        ("for i, (a, b) in enumerate(x):\n    y = a", ["(a, b)"]),
        ("for (a, b), c in x:\n    y = a", ["(a, b)"]),
    ],
)
def test_a_tuple_among_targets_is_a_name_that_is_taken_apart(text: str, taken: list[str]) -> None:
    block = parse_block(text)
    assert show_block(block) == f"{text}\n"
    found = [part for part in statements(block) if isinstance(part, ex.Assign) and part.parts_group]
    assert [ex.show(part.value) for part in found] == taken


TURNS = "write `for t in range(…):`, or an op on a whole tensor instead of a loop"
NO_LOOP = "write an op on a whole tensor instead of a loop"
APPENDED = "in a forward, begin a list, `items = []`, and in a loop write `append(items, x)`"
ALONE = "a list of members stands alone: `[B(j) for … in range(…)]`"


@pytest.mark.parametrize(
    ("text", "at", "message", "help"),
    [
        ("for i in x", "", "the line ends where `:` is expected", "end the line with `:`"),
        ("for i in x:\ny = x", ":", "no indented line follows this `:`", "indent the lines that belong to it"),
        ("for i x: y = x", "x", "expected `in`, got `x`", None),
        ("for in x: y = x", "in", "expected a value, got `in`", None),
        ("for i, in x: y = x", "in", "expected a value, got `in`", None),
        ("for i in x, y: y = x", ",", "expected `:`, got `,`", None),
        ("for (i in x: y = x", "(", "`(` is never closed", None),
        ("for x[0] in y: y = x", "x[0]", "`x[0]` cannot name what a loop runs over", "only names stand before `in`"),
        ("for i, [x, y] in z: y = x", "[x, y]", "`[x, y]` cannot name what a loop runs over",
         "only names stand before `in`"),
        ("for i, (x, y[0]) in z: y = x", "y[0]", "`y[0]` cannot name what a loop runs over",
         "only names stand before `in`"),
        ("for i in x: if y: y = x", "if", "expected a value, got `if`", None),
        ("append(x)", "append(x)", "`append(x)` needs a list's name and a value", "write `append(list, value)`"),
        ("append(x, value=y)", "append(x, value=y)", "`append(x, value=y)` needs a list's name and a value",
         "write `append(list, value)`"),
        ("append([x], y)", "append([x], y)", "`append([x], y)` needs a list's name and a value",
         "write `append(list, value)`"),
        ("append(x, y) + 1", "+", "expected the end of the line, got `+`", None),
        ("x = append(x, y)", "append(x, y)", "`append(x, y)` makes a list longer and has no value",
         "write it on a line of its own"),
    ],
)  # fmt: skip
def test_slips_in_a_loop(text: str, at: str, message: str, help: str | None) -> None:
    assert fault_of(parse_block, text) == (message, at, help, False)


@pytest.mark.parametrize(
    ("text", "at", "help"),
    [
        ("for i in x:\n  y = i\nelse:\n  y = x", "else", "write its statements after the loop"),
        ("for i in x:\n  y = i\n# then\nelse: y = x", "else", "write its statements after the loop"),
        ("for i in x: break", "break", NO_LOOP),
        ("for i in x:\n  y = i\n  continue", "continue", NO_LOOP),
        ("for i in x:\n  while y: y = x", "while", TURNS),
        ("for i in x: pass", "pass", "leave the branch out"),
        ("for = x", "for", "choose another name, such as `for_`"),
        ("y = [x for x in y]", "for", APPENDED),
        ("async for i in x: y = i", "async", "leave it out"),
        ("x.append(y)", "x.append(y)", "write `append(x, y)`"),
    ],
)
def test_what_loops_do_not_have(text: str, at: str, help: str | None) -> None:
    assert fault_of(parse_block, text)[1:] == (at, help, True)


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(" " * depth + "for i in x:" for depth in range(190)) + "\n" + " " * 190 + "y = x",
        "for i in " + "1+" * 200 + "1: y = x",
        "for i in x: append(y, " + "-" * 200 + "x)",
        "y = x" + ".y" * 200,
        "y = x" + "[0](x)" * 3_000,
        "y = " + "x[0](" * 60 + "x" + ")" * 60 + "[0]" * 100,
    ],
)
def test_deep_loops_and_members_are_refused(text: str) -> None:
    assert fault_of(parse_block, text)[0]


# Lists of modules


def test_a_module_is_a_call_or_a_list_over_a_range() -> None:
    call = ex.Call("Block", (X, ex.Binary("**", ex.Literal(2), I)))
    text = "[Block(x, 2 ** i) for i in range(y)]"
    tree = parse_module(text)
    assert tree == ex.Comprehension(call, I, ex.Call("range", (Y,)))
    assert ex.show(tree) == text
    assert {text[slice(*node.span)] for node in ex.walk(tree)} == {
        text, "Block(x, 2 ** i)", "x", "2 ** i", "2", "i", "range(y)", "y",
    }  # fmt: skip
    assert parse_module("Block(x, 2**i)") == call
    assert parse_module("nn.ReLU()") == ex.Call("nn.ReLU")
    assert parse_module("[Block(x) for i in range(y if x else 2)]")


def test_the_index_of_a_list_of_modules_is_no_name_to_replace() -> None:
    tree = parse_module("[Block(i, x) for i in range(x)]")
    changed = ex.transform(tree, lambda node: ex.Literal(3) if node == X else ex.Literal(4) if node == I else None)
    assert ex.show(changed) == "[Block(4, 3) for i in range(3)]"


LISTED = "write `[Block(…) for i in range(…)]`"
MADE = "write `Block(…)`, or `[Block(…) for i in range(…)]` for a list"


@pytest.mark.parametrize(
    ("text", "at", "help", "forbidden"),
    [
        ("[B(i) for i in range(2) if i]", "if", LISTED, True),
        ("[B(i) for i in range(2) for j in range(3)]", "for", LISTED, True),
        ("[B(i) for i, j in range(2)]", "j", LISTED, True),
        ("[B(i) for i in blocks]", "blocks", LISTED, True),
        ("[B(i) for i in zip(x, y)]", "zip(x, y)", LISTED, True),
        ("[[B(j) for j in range(2)] for i in range(2)]", "for", ALONE, True),
        ("[x for x in range(2)]", "x", MADE, False),
        ("[B(), 2]", "2", MADE, False),
        ("[B() B()]", "B", "a comma or an operator is missing before `B`", False),
        ("[]", "]", None, False),
        ("B", "B", MADE, False),
        ("2 * B()", "2 * B()", MADE, False),
        ("B(), B()", ",", "write `[B(), B()]`", False),
        ("[B() for i in range(2)] + y", "+", None, False),
        ("", "", None, False),
        ("B()(x)", "B()", "write `b(x)`", True),
    ],
)
def test_what_makes_no_module(text: str, at: str, help: str | None, forbidden: bool) -> None:
    assert fault_of(parse_module, text)[1:] == (at, help, forbidden)


# Round trips


def test_random_blocks_read_the_same_when_printed() -> None:
    generator = random.Random(0)

    def value(depth: int) -> ex.Expression:
        name = ex.Name(generator.choice("xyz"))
        match generator.randrange(7) if depth else 0:
            case 1:
                return ex.Member(ex.Subscript(name, value(depth - 1)), "weight")
            case 2:
                return ex.Apply(ex.Subscript(name, value(depth - 1)), (value(depth - 1),), (ex.Keyword("k", name),))
            case 3:
                return ex.Member(ex.Member(name, "norm"), "bias")
            case 4:
                return ex.Binary("*", ex.Subscript(ex.Member(name, "weight"), value(depth - 1)), value(depth - 1))
            case 5:
                return ex.Sequence((value(depth - 1), name), generator.choice("[("))
            case 6:
                return ex.Conditional(name, value(depth - 1), value(depth - 1))
        return name

    def body(depth: int) -> tuple[ex.Statement, ...]:
        made = [statement(depth) for _ in range(generator.randrange(1, 4))]
        return (*made, ex.Assign((X,), value(2)))

    def statement(depth: int) -> ex.Statement:
        match generator.randrange(6) if depth else generator.randrange(3):
            case 0:
                return ex.Comment("a few words: x = y")
            case 1:
                return ex.Append(Y, value(2))
            case 3 | 4:
                return ex.For((X, Y)[: generator.randrange(1, 3)], value(2), body(depth - 1))
            case 5:
                orelse = generator.choice([(), body(depth - 1), (ex.If(X, body(depth - 1), body(depth - 1)),)])
                return ex.If(value(2), body(depth - 1), orelse)
        return ex.Assign((X, Y), ex.Sequence((value(2), value(2)), ""))

    for _ in range(200):
        block = body(3)
        assert parse_block(show_block(block)) == block


def test_random_texts_are_read_or_refused() -> None:
    generator = random.Random(0)
    pieces = [
        "x", "y", "0", "(", ")", "[", "]", ",", ":", "=", ".", ".weight", "[0]", "(x)", "if x", "else", "for", "for i",
        "in", "in x:", "range(x)", "append(x, ", "append", "B(x)", "\n", "\n  ", "  ", "break", "# c", " ", " ",
    ]  # fmt: skip
    for _ in range(scaled(5_000)):
        text = "".join(generator.choices(pieces, k=generator.randrange(1, 14)))
        for parse in (parse_expression, parse_block, parse_module):
            try:
                parse(text)
            except SyntaxFault as fault:
                assert 0 <= fault.span[0] <= fault.span[1] <= len(text)
                assert fault.message.isprintable()
