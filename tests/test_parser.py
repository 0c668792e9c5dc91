"""The parser of expressions and forwards: what it reads, what it refuses, and that no text can harm it."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from strategies import blocks, expressions, pieces, written

from layergen.lang import expression as ex
from layergen.lang.parser import SyntaxFault, parse_block, parse_expression

X, Y, Z = ex.Name("x"), ex.Name("y"), ex.Name("z")


def fault_of(text: str) -> SyntaxFault:
    with pytest.raises(SyntaxFault) as caught:
        parse_expression(text)
    return caught.value


def block_fault_of(text: str) -> SyntaxFault:
    with pytest.raises(SyntaxFault) as caught:
        parse_block(text)
    return caught.value


def marked(text: str, fault: SyntaxFault) -> str:
    """The characters that a fault points at."""
    return text[slice(*fault.span)]


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


# Faults: slips of the pen


@pytest.mark.parametrize(
    ("text", "at", "message", "help"),
    [
        ("", "", "there is no expression here", None),
        ("x +", "", "the expression ends where a value is expected", None),
        ("x y", "y", "expected the end of the expression, got `y`", None),
        ("x if y", "", "the expression ends where `else` is expected", None),
        ("f(x y)", "y", "expected `,` or `)`, got `y`", None),
        ("f(,)", ",", "expected a value, got `,`", None),
        ("f(x", "(", "`(` is never closed", None),
        ("x)", ")", "`)` closes nothing", None),
        ("[x)", ")", "`)` cannot close `[`", None),
        ("f(dim=1, x)", "x", "`x` has no keyword but follows an argument that has one", "put it before `dim=`"),
        ("f(1=2)", "=", "expected `,` or `)`, got `=`", "write `==` to compare"),
        ("x = y", "=", "expected the end of the expression, got `=`", "write `==` to compare"),
        ("x, y", ",", "several values need brackets around them", "write `[x, y]`"),
        ("x[]", "[]", "these brackets are empty", None),
        ("x[1:2:3:4]", ":", "expected `,`, `:` or `]`, got `:`", None),
        ("x + not y", "not", "`not` needs parentheses here", "write `(not …)`"),
        ("x && y", "&&", "`&&` is no operator of the language", "write `and`"),
        ("x || y", "||", "`||` is no operator of the language", "write `or`"),
        ("x <> y", "<>", "`<>` is no operator of the language", "write `!=`"),
        ("!x", "!", "`!` is not a character of the language", "write `not`"),
        ("x ? y : z", "?", "`?` is not a character of the language", "write `a if condition else b`"),
        ("true", "true", "`true` is not a value of the language", "write `True`"),
        ("x is null", "null", "`null` is not a value of the language", "write `None`"),
        ("x in false", "false", "`false` is not a value of the language", "write `False`"),
        ("in", "in", "expected a value, got `in`", None),
        ("0x10", "0x10", "`0x10` is not a number of the language", "write `16`"),
        ("1_000", "1_000", "`1_000` is not a number of the language", "write `1000`"),
        ("01", "01", "`01` is not a number of the language", "write `1`"),
        ("1.2.3", "1.2.3", "`1.2.3` is not a number of the language", None),
        ("1abc", "1abc", "`1abc` is not a number of the language", "write `1 * abc`"),
        ("2(x)", "2", "`2` cannot be called", "write `2 * (…)`"),
        ("1e999", "1e999", "`1e999` is too large for a float", "write `inf`"),
        ("'x", "'x", "this string is never closed", None),
        ("'x\ny'", "'x", "this string is never closed", None),
        (r"'\d'", r"\d", r"`\d` is not an escape of the language", r"the escapes are `\\`, `\'`, `\"` and `\n`"),
        ("x\t+ y", "\t", "a tab stands here, where the language has only spaces", "write spaces"),
        ("naïve", "ï", "`ï` (LATIN SMALL LETTER I WITH DIAERESIS) is not a character of the language", None),
        ("\u0445 + 1", "\u0445", "`\u0445` (CYRILLIC SMALL LETTER HA) is not a character of the language", None),
        ("ψ", "ψ", "`ψ` (GREEK SMALL LETTER PSI) is not a character of the language", "write `psi`"),
        ("x ≤ y", "≤", "`≤` (LESS-THAN OR EQUAL TO) is not a character of the language", "write `<=`"),
    ],
)
def test_slips(text: str, at: str, message: str, help: str | None) -> None:
    fault = fault_of(text)
    assert (fault.message, fault.help, marked(text, fault), fault.forbidden) == (message, help, at, False)


def test_imaginary_numbers_are_refused() -> None:
    fault = fault_of("1j")
    assert fault.help == "there are no imaginary numbers; make one with `complex(zeros(1), ones(1))`"


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("", "", "there is no statement here"),
        ("# only words", "# only words", "there is no statement here"),
        ("  y = x", "  ", "this line is indented more than the one before it"),
        ("y = x\n  z = x", "  ", "this line is indented more than the one before it"),
        ("if x:\ny = x", ":", "no indented line follows this `:`"),
        ("if x:\n  # only words\ny = x", ":", "no indented line follows this `:`"),
        ("if x:\n    y = x\n  z = x", "  ", "this line's indentation fits none of the lines above it"),
        ("if x:\n\ty = x", "\t", "a tab stands here, where the language has only spaces"),
        ("if x\n  y = x", "", "the line ends where `:` is expected"),
        ("if x: if y: z = x", "if", "expected a value, got `if`"),
        ("else: y = x", "else", "`else` belongs to no `if`"),
        ("y =\nz = x", "", "the line ends where a value is expected"),
        ("y = x z", "z", "expected the end of the line, got `z`"),
        ("print x", "x", "expected `=`, got `x`"),
        ("y", "y", "`y` computes a value and drops it"),
        ("relu_(x)", "relu_(x)", "`relu_(x)` computes a value and drops it"),
        ("'words'", "'words'", "`'words'` computes a value and drops it"),
        ("y == f(x)", "y == f(x)", "`y == f(x)` compares and drops the answer"),
        ("1 = x", "1", "`1` cannot be assigned to"),
        ("x + y = z", "x + y", "`x + y` cannot be assigned to"),
        ("() = x", "()", "`()` cannot be assigned to"),
        ("y, = x", "y,", "`y,` unpacks a single value"),
        ("if x = y: z = x", "=", "expected `:`, got `=`"),
    ],
)
def test_slips_in_a_block(text: str, at: str, message: str) -> None:
    fault = block_fault_of(text)
    assert (fault.message, marked(text, fault), fault.forbidden) == (message, at, False)


def test_a_comparison_for_an_assignment_is_repaired() -> None:
    assert block_fault_of("y == f(x)").help == "write `y = f(x)`"


# Faults: what the language leaves out on purpose


@pytest.mark.parametrize(
    ("text", "at", "help"),
    [
        ("x.shape", "x.shape", "shapes are plain names of dimensions"),
        ("y + x.shape[0]", "x.shape", "shapes are plain names of dimensions"),
        ("x.size(0)", "x.size(0)", "shapes are plain names of dimensions"),
        ("x.T @ y", "x.T", "write `transpose(x, -2, -1)`"),
        ("x.grad", "x.grad", None),
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
            "declare its weights under `parameters`, and hand them to the op",
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
        ("[x for x in y]", "for", "write an op on a whole tensor instead of a loop"),
        ("sum(x for x in y)", "for", "write an op on a whole tensor instead of a loop"),
        ("(y := x)", ":=", "assign on a line before, with `=`"),
        ("f'{x}'", "f'", "write `'…'`"),
        ('Rb"x"', 'Rb"', 'write `"…"`'),
        ("'''x'''", "'''", None),
        ("f(*x)", "*", "write them out"),
        ("f(**x)", "**", "write them out"),
        ("[*x]", "*", "write them out"),
        ("await x", "await", None),
        ("(yield x)", "yield", None),
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
        ("return y", "return", "assign to the output's name"),
        ("for = x", "for", "choose another name, such as `for_`"),
        ("for i in x:\n  y = i\nelse:\n  y = x", "else", "write its statements after the loop"),
        ("for i in x: break", "break", "write an op on a whole tensor instead of a loop"),
        ("for i in x:\n  y = i\n  continue", "continue", "write an op on a whole tensor instead of a loop"),
        ("while x: y = x", "while", "write an op on a whole tensor instead of a loop"),
        ("import os", "import", "call ops by their bare names, as `relu(x)`"),
        ("from os import path", "from", "call ops by their bare names, as `relu(x)`"),
        ("def f(): y = x", "def", "write its value where it is used"),
        ("class A: y = x", "class", "write its value where it is used"),
        ("assert x", "assert", "state what must hold under `constraints`"),
        ("pass", "pass", "leave the branch out"),
        ("del x", "del", "a value that is not used costs nothing"),
        ("global x", "global", "assign to a buffer to keep a value"),
        ("try: y = x", "try", "state what must hold under `constraints`"),
        ("with x: y = x", "with", None),
        ("@x\ny = x", "@", None),
        ("*y, z = x", "*", "write them out"),
    ],
)
def test_statements_that_are_left_out(text: str, at: str, help: str | None) -> None:
    fault = block_fault_of(text)
    assert (marked(text, fault), fault.help, fault.forbidden) == (at, help, True)


# Hostile texts: they end at a limit, without a RecursionError


@pytest.mark.parametrize(
    "text",
    [
        "(" * 20_000,
        "[" * 10_000 + "]" * 10_000,
        "(" * 65 + "x" + ")" * 65,
        "-" * 19_999 + "x",
        "not " * 4_999 + "x",
        "~+" * 9_000 + "x",
        "1+" * 9_999 + "1",
        "1**" * 6_000 + "1",
        "x and " * 3_000 + "x",
        "x" + "[0]" * 6_000,
        "x if y else " * 1_600 + "z",
        "f(" * 5_000 + "x" + ")" * 5_000,
        "f(-x**" * 64 + "x" + ")" * 64,
        "x.y" * 6_000,
        "x(y)" * 5_000,
        "1e" * 9_000,
        "'" * 20_000,
        "x" * 20_001,
    ],
)
def test_deep_and_long_expressions_are_refused(text: str) -> None:
    assert fault_of(text).message


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(" " * depth + "if x:" for depth in range(190)) + "\n" + " " * 190 + "y = x",
        "if x: y = x\n" + "elif x: y = x\n" * 1_400,
        "y = " + "1+" * 9_000 + "1",
        "if x:\n  y = " + "-" * 200 + "x",
    ],
)
def test_deep_and_long_blocks_are_refused(text: str) -> None:
    assert block_fault_of(text).message


@pytest.mark.parametrize(
    "text", ["[" * 64 + "]" * 64, "(" * 64 + "x" + ")" * 64, "f(" * 64 + "x" + ")" * 64, "1" + "+1" * 98, "x" * 20_000]
)
def test_expressions_at_the_limits_are_read_and_printed(text: str) -> None:
    node = parse_expression(text)
    assert parse_expression(ex.show(node)) == node


def test_wide_expressions_may_be_long() -> None:
    node = parse_expression("[" + "x, " * 6_000 + "]")
    assert isinstance(node, ex.Sequence)
    assert len(node.items) == 6_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9" * 41, "longer than 40 characters"),
        ("0." + "1" * 39, "longer than 40 characters"),
        ("'" + "a" * 201 + "'", "longer than 200 characters"),
        ("x" * 20_001, "longer than 20000 characters"),
    ],
)
def test_limits_of_literals_and_texts(text: str, words: str) -> None:
    assert words in fault_of(text).message


def test_literals_at_their_limits() -> None:
    assert parse_expression("9" * 40) == ex.Literal(int("9" * 40))
    assert parse_expression(f"'{'a' * 200}'") == ex.Literal("a" * 200)


@pytest.mark.parametrize(
    "character", ["\x00", "\x0b", "\x0c", "\r", "\x1b", "\x85", "\u2028", "\u202e", "\u200b", "\ud800"]
)
@pytest.mark.parametrize("frame", ["{}x", "x{} + y", "'a{}b'", "f(x, # {}\ny)", "x  # {}"])
def test_invisible_characters_are_refused_wherever_they_stand(character: str, frame: str) -> None:
    text = frame.format(character)
    fault = fault_of(text)
    assert marked(text, fault) == character
    assert fault.message.isprintable()


@pytest.mark.parametrize("character", ["\r", "\x0c", "\x85", "\u2028"])
def test_a_comment_cannot_end_its_line_early(character: str) -> None:
    assert block_fault_of(f"# words{character}import os\ny = x").message.isprintable()


def test_messages_cut_long_texts() -> None:
    fault = fault_of("x." + "y" * 10_000 + "()")
    assert len(fault.message) < 120


@settings(max_examples=1_000)
@given(pieces)
@pytest.mark.parametrize("parse", [parse_expression, parse_block])
def test_any_text_is_read_or_refused(parse: Callable[[str], object], text: str) -> None:
    try:
        parse(text)
    except SyntaxFault as fault:
        assert 0 <= fault.span[0] <= fault.span[1] <= len(text)
        assert fault.message.isprintable()
