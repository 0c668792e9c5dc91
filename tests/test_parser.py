"""The parser of expressions and forwards: what it reads, what it refuses, and that no text can harm it."""

import pytest
from hypothesis import given
from parsing import block_fault_of, fault_of, marked
from strategies import blocks, expressions, written

from layergen.lang import expression as ex
from layergen.lang.parser import parse_block, parse_expression

TURNS = "write `for t in range(…):`, or an op on a whole tensor instead of a loop"
CONTEXT = "leave it out: `detach(x)` hands a value on without its gradient, `upcast(x)` in float32 or wider"
X, Y, Z = ex.Name("x"), ex.Name("y"), ex.Name("z")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("42", 42),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-5", 1e-5),
        ("2.5E+3", 2500.0),
        ("True", True),
        ("False", False),
        ("None", None),
        ("...", ...),
        ("'mean'", "mean"),
        ('"it\'s"', "it's"),
        (r"'a\\b\'c\"d\n'", "a\\b'c\"d\n"),
        ("'größe'", "größe"),
        ("''", ""),
    ],
)
def test_literals(text: str, value: object) -> None:
    node = parse_expression(text)
    assert isinstance(node, ex.Literal)
    assert node.value == value
    assert type(node.value) is type(value)


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("x + y * z", "x + (y * z)"),
        ("x - y - z", "(x - y) - z"),
        ("x // y % z", "(x // y) % z"),
        ("x ** y ** z", "x ** (y ** z)"),
        ("-x ** 2", "-(x ** 2)"),
        ("2 ** -x ** y", "2 ** (-(x ** y))"),
        ("-x * y", "(-x) * y"),
        ("not x == y", "not (x == y)"),
        ("not x and y", "(not x) and y"),
        ("x or y and z", "x or (y and z)"),
        ("x | y ^ z & x << y", "x | (y ^ (z & (x << y)))"),
        ("x << y + z", "x << (y + z)"),
        ("x @ y + z", "(x @ y) + z"),
        ("x + y < z", "(x + y) < z"),
        ("x if y else z if x else y", "x if y else (z if x else y)"),
        ("x or y if z else x", "(x or y) if z else x"),
        ("-x[0]", "-(x[0])"),
        ("~-+x", "~(-(+x))"),
        ("- - x", "-(-x)"),
    ],
)
def test_precedence_is_pythons(text: str, grouped: str) -> None:
    assert parse_expression(text) == parse_expression(grouped)


def test_negative_numbers_are_negated_literals() -> None:
    assert parse_expression("-1") == ex.Unary("-", ex.Literal(1))


@pytest.mark.parametrize(
    ("text", "operators"),
    [
        ("x < y <= z", ("<", "<=")),
        ("x is not None", ("is not",)),
        ("x is None", ("is",)),
        ("x not in y", ("not in",)),
        ("x in y == z != x", ("in", "==", "!=")),
    ],
)
def test_comparisons_form_one_chain(text: str, operators: tuple[str, ...]) -> None:
    node = parse_expression(text)
    assert isinstance(node, ex.Compare)
    assert node.operators == operators


def test_calls_take_positional_and_keyword_arguments() -> None:
    call = ex.Call("f", (X, ex.Literal(2)), (ex.Keyword("dim", ex.Unary("-", ex.Literal(1))),))
    assert parse_expression("f(x, 2, dim=-1,)") == call
    assert parse_expression("f()") == ex.Call("f")


@pytest.mark.parametrize("function", ["fft.rfft", "linalg.norm", "nn.Linear"])
def test_functions_of_three_modules_have_dotted_names(function: str) -> None:
    assert parse_expression(f"{function}(x)") == ex.Call(function, (X,))


def test_a_keyword_given_twice_is_left_to_the_check_of_calls() -> None:
    node = parse_expression("f(dim=1, dim=2)")
    assert isinstance(node, ex.Call)
    assert [keyword.name for keyword in node.keywords] == ["dim", "dim"]


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("x[0]", ex.Literal(0)),
        ("x[y:]", ex.Slice(Y, None, None)),
        ("x[:]", ex.Slice(None, None, None)),
        ("x[::2]", ex.Slice(None, None, ex.Literal(2))),
        ("x[y:z:2]", ex.Slice(Y, Z, ex.Literal(2))),
        ("x[y::]", ex.Slice(Y, None, None)),
        ("x[:, None]", ex.Sequence((ex.Slice(None, None, None), ex.Literal(None)), "")),
        ("x[..., 0]", ex.Sequence((ex.Literal(...), ex.Literal(0)), "")),
        ("x[y,]", ex.Sequence((Y,), "")),
    ],
)
def test_subscripts(text: str, index: ex.Expression) -> None:
    assert parse_expression(text) == ex.Subscript(X, index)


def test_lists_tuples_and_parentheses() -> None:
    assert parse_expression("[x, y]") == ex.Sequence((X, Y), "[")
    assert parse_expression("[]") == ex.Sequence((), "[")
    assert parse_expression("(x, y)") == ex.Sequence((X, Y), "(")
    assert parse_expression("(x,)") == ex.Sequence((X,), "(")
    assert parse_expression("()") == ex.Sequence((), "(")
    assert parse_expression("((x))") == X


def test_line_breaks_in_an_expression_are_white_space() -> None:
    assert parse_expression("x\n  + y  # both\n") == ex.Binary("+", X, Y)


ROUND_TRIPS = [
    "x", "-1", "(-2) ** 2", "-2 ** 2", "2 ** -1", "x ** y ** z", "(x ** y) ** z", "x - (y - z)", "x / (y * z)",
    "not (x and y)", "(not x) + 1", "-(not x)", "(x < y) < z", "x < y < z", "not x in y", "x not in y is z",
    "(x if y else z) if z else x", "x if (y if z else x) else y", "f(x if y else z, dim=x or y)", "(x + y)[0]",
    "(-x)[0]", "f(x)[0][1:]", "x[..., None, :, 1:2, ::-1]", "x[(0, 1)]", "x[0,]", "x[y if z else 0:2]", "[x, [y], ()]",
    "(x,)", "((x, y), z)", "fft.irfft(fft.rfft(x, dim=-1), n=L, dim=-1)", "1e-05 + 0.5 + 5.0 + 1e+22", "'it\\'s'",
    "'\"' + \"'\"", "'a\\nb\\\\'", "~x & y | z ^ x << 1 >> 2", "x @ y % z // 2", "- -x", "-(+(~x))", "x is not None",
    "uniform(-1 / sqrt(fan_in(weight)), 1 / sqrt(fan_in(weight)))", "[N] if reduction == 'none' else []",
    "(H + 2 * padding[0] - kernel_size[0]) // stride[0] + 1", "99999999999999999999", "True and not False or None",
]  # fmt: skip


@pytest.mark.parametrize("text", ROUND_TRIPS)
def test_what_is_printed_reads_the_same(text: str) -> None:
    node = parse_expression(text)
    assert parse_expression(ex.show(node)) == node


@given(expressions)
def test_any_expression_reads_the_same_when_printed(node: ex.Expression) -> None:
    assert parse_expression(ex.show(node)) == node


@given(blocks)
def test_any_block_reads_the_same_when_written(block: tuple[ex.Statement, ...]) -> None:
    assert parse_block("\n".join(written(block))) == block


def test_every_node_knows_its_characters() -> None:
    text = "(x + y) * f(z, dim=-1)[0:2] if not a is None else [b, c]"
    spans = {text[slice(*node.span)] for node in ex.walk(parse_expression(text))}
    assert spans == {
        text, "(x + y) * f(z, dim=-1)[0:2]", "x + y", "x", "y", "f(z, dim=-1)[0:2]", "f(z, dim=-1)", "z", "dim=-1",
        "-1", "1", "0:2", "0", "2", "not a is None", "a is None", "a", "None", "[b, c]", "b", "c",
    }  # fmt: skip


def test_calls_know_the_characters_of_their_function() -> None:
    text = "1 + linalg.norm(x)"
    node = parse_expression(text)
    assert isinstance(node, ex.Binary)
    assert isinstance(node.right, ex.Call)
    assert text[slice(*node.right.function_span)] == "linalg.norm"


# Blocks


def test_assignments_and_unpacking() -> None:
    assert parse_block("y = x\nx, y = z\n(x, y) = y, x\n") == (
        ex.Assign((Y,), X),
        ex.Assign((X, Y), Z),
        ex.Assign((X, Y), ex.Sequence((Y, X), "")),
    )


def test_branches() -> None:
    text = "if x:\n    y = 1\n    if z:\n        y = 2\nelif z: y = 3\nelse:\n  y = 4\nz = y\n"
    one, two, three, four = (ex.Assign((Y,), ex.Literal(value)) for value in (1, 2, 3, 4))
    inner = ex.If(Z, (two,))
    assert parse_block(text) == (ex.If(X, (one, inner), (ex.If(Z, (three,), (four,)),)), ex.Assign((Z,), Y))


def test_statements_know_their_characters() -> None:
    text = "if x:\n  y = 1  # why\n\nelif z:\n  y = 2\n# after\n\nz = (y\n  + 1)"
    branch, _, assignment = parse_block(text)
    assert text[slice(*branch.span)] == "if x:\n  y = 1  # why\n\nelif z:\n  y = 2"
    assert text[slice(*assignment.span)] == "z = (y\n  + 1)"


def test_blank_lines_and_brackets_over_lines() -> None:
    assert parse_block("\n\ny = f(\n# inside\nx,\n      z)\n\n   \nz = [\nx]") == (
        ex.Assign((Y,), ex.Call("f", (X, Z))),
        ex.Assign((Z,), ex.Sequence((X,), "[")),
    )


def test_comments_stand_before_the_statement_that_they_belong_to() -> None:
    text = "# first\ny = x  # beside\nif x:  # header\n  # inside\n  y = 1\n  # at the end\n# after\nz = y\n# last"
    assert parse_block(text) == (
        ex.Comment("first"),
        ex.Comment("beside"),
        ex.Assign((Y,), X),
        ex.Comment("header"),
        ex.If(X, (ex.Comment("inside"), ex.Assign((Y,), ex.Literal(1)), ex.Comment("at the end"))),
        ex.Comment("after"),
        ex.Assign((Z,), Y),
        ex.Comment("last"),
    )


def test_comments_before_elif_and_else_go_into_their_bodies() -> None:
    text = "if x:\n  y = 1\n# otherwise\nelif z:\n  y = 2\n# or\nelse:  # lastly\n  y = 3"
    (branch,) = parse_block(text)
    assert isinstance(branch, ex.If)
    (elif_,) = branch.orelse
    assert isinstance(elif_, ex.If)
    assert elif_.body[0] == ex.Comment("otherwise")
    assert elif_.orelse[:2] == (ex.Comment("or"), ex.Comment("lastly"))


# Faults: what the language leaves out on purpose


@pytest.mark.parametrize(
    ("text", "at", "help"),
    [
        ("x.shape", "x.shape", "shapes are plain names of dimensions"),
        ("y + x.shape[0]", "x.shape", "shapes are plain names of dimensions"),
        ("x.size(0)", "x.size(0)", "shapes are plain names of dimensions"),
        ("x.T @ y", "x.T", "write `transpose(x, -2, -1)`"),
        ("x.grad", "x.grad", "a forward knows no gradients"),
        ("x.flatten(1)", "x.flatten(1)", "write `flatten(x, 1)`"),
        ("(x + y).sum(dim=-1)", "(x + y).sum(dim=-1)", "write `sum(x + y, dim=-1)`"),
        ("f(x).mean()", "f(x).mean()", "write `mean(f(x))`"),
        ("x[0].exp()", "x[0].exp()", "write `exp(x[0])`"),
        ("F.relu(x)", "F.relu(x)", "write `relu(x)`"),
        ("nn.ReLU()(x) + 1", "nn.ReLU()", "write `relu(x)`"),
        ("torch.nn.Softmax(dim=-1)(x)", "torch.nn.Softmax(dim=-1)", "write `softmax(x, dim=-1)`"),
        ("LeakyReLU(0.1)(x)", "LeakyReLU(0.1)", "write `leaky_relu(x, 0.1)`"),
        (
            "nn.Conv2d(3, 4, 5)(x)",
            "nn.Conv2d(3, 4, 5)",
            "declare its weights under `parameters`, and hand them to the op; "
            "or write `part: nn.Conv2d(3, 4, 5)` under `modules`, and call `part(…)`",
        ),
        ("nn.Sequential(nn.ReLU())(x)", "nn.Sequential(nn.ReLU())", "call one op after the other"),
        ("torch.exp(x)", "torch.exp(x)", "write `exp(x)`"),
        ("torch.nn.functional.relu(x)", "torch.nn.functional.relu(x)", "write `relu(x)`"),
        ("torch.fft.rfft(x)", "torch.fft.rfft(x)", "write `fft.rfft(x)`"),
        ("math.pi", "math.pi", "write `pi`"),
        ("self.weight", "self.weight", "write `weight`"),
        ("self.weight.sum()", "self.weight.sum()", "write `sum(weight)`"),
        ("f(x)(y)", "f(x)", None),
        ("(f)(x)", "(f)", None),
        ("'x'(y)", "'x'", None),
        ("lambda x: x", "lambda", "write its value where it is used"),
        ("[x for x in y]", "for", "in a forward, begin a list, `items = []`, and in a loop write `append(items, x)`"),
        (
            "sum(x for x in y)",
            "for",
            "in a forward, begin a list, `items = []`, and in a loop write `append(items, x)`",
        ),
        ("(y := x)", ":=", "assign on a line before, with `=`"),
        ("f'{x}'", "f'", "write `'…'`"),
        ('Rb"x"', 'Rb"', 'write `"…"`'),
        ("'''x'''", "'''", "write comments, `# …`"),
        ("f(*x)", "*", "write them out"),
        ("f(**x)", "**", "write them out"),
        ("[*x]", "*", "write them out"),
        ("await x", "await", "leave it out"),
        ("(yield x)", "yield", "assign to the output's name"),
        ("{x: y}", "{", "write a list, `[…]`"),
        ("x; y", ";", "write each statement on a line of its own"),
        ("x \\\n + y", "\\", "let the line break stand between brackets"),
        ("__import__('os')", "__import__", None),
        ("x.__class__", "__class__", None),
        ("x__y", "x__y", None),
    ],
)
def test_constructs_that_are_left_out(text: str, at: str, help: str | None) -> None:
    fault = fault_of(text)
    assert (marked(text, fault), fault.help, fault.forbidden) == (at, help, True)


@pytest.mark.parametrize(
    ("text", "at", "help"),
    [
        ("y += x * 2", "+=", "write `y = y + x * 2`"),
        ("y //= 2", "//=", "write `y = y // 2`"),
        ("y **= x + 1", "**=", "write `y = y ** (x + 1)`"),
        ("y: Tensor = x", ":", "leave the type out"),
        ("y = z = x", "=", "write two assignments"),
        ("y[0] = x", "y[0]", "make a new tensor, as with `where`, `cat` or `index_copy`"),
        ("f(x) = y", "f(x)", "only names stand left of `=`"),
        ("y, (h, f(x)) = z", "f(x)", "only names stand left of `=`"),
        ("y, (h, c[0]) = z", "c[0]", "make a new tensor, as with `where`, `cat` or `index_copy`"),
        ("return y", "return", "assign to the output's name"),
        ("for = x", "for", "choose another name, such as `for_`"),
        ("for i in x:\n  y = i\nelse:\n  y = x", "else", "write its statements after the loop"),
        ("for i in x: break", "break", "write an op on a whole tensor instead of a loop"),
        ("for i in x:\n  y = i\n  continue", "continue", "write an op on a whole tensor instead of a loop"),
        ("while x: y = x", "while", TURNS),
        ("import os", "import", "call ops by their bare names, as `relu(x)`"),
        ("from os import path", "from", "call ops by their bare names, as `relu(x)`"),
        ("def f(): y = x", "def", "write its statements where it is called"),
        ("class A: y = x", "class", "write its value where it is used"),
        ("assert x", "assert", "state what must hold under `constraints`"),
        ("pass", "pass", "leave the branch out"),
        ("del x", "del", "a value that is not used costs nothing"),
        ("global x", "global", "assign to a buffer to keep a value"),
        ("try: y = x", "try", "state what must hold under `constraints`"),
        ("with x: y = x", "with", CONTEXT),
        ("@x\ny = x", "@", "leave it out"),
        ("*y, z = x", "*", "write them out"),
    ],
)
def test_statements_that_are_left_out(text: str, at: str, help: str | None) -> None:
    fault = block_fault_of(text)
    assert (marked(text, fault), fault.help, fault.forbidden) == (at, help, True)
