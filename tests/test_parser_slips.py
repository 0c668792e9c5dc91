"""Slips of the pen: what the parser says of each, and where."""

import pytest
from parsing import block_fault_of, fault_of, marked

PRODUCT = "write `x * y` for a product, or `x(y)` for a call"


@pytest.mark.parametrize(
    ("text", "at", "message", "help"),
    [
        ("", "", "there is no expression here", None),
        ("x +", "", "the expression ends where a value is expected", None),
        ("x y", "y", "expected the end of the expression, got `y`", PRODUCT),
        (
            "x if y",
            "",
            "the expression ends where `else` is expected",
            "say what it is otherwise: `a if condition else b`",
        ),
        ("f(x y)", "y", "expected `,` or `)`, got `y`", "a comma or an operator is missing before `y`"),
        ("2 x", "x", "expected the end of the expression, got `x`", "an operator or a bracket is missing before `x`"),
        ("x++", "++", "`++` is no operator of the language", "write `x = x + 1`"),
        ("1e-5f", "1e-5f", "`1e-5f` is not a number of the language", "write `1e-5`"),
        ("x'", "'", "this string is never closed", None),
        (
            "xᵀ",
            "ᵀ",
            "`ᵀ` (MODIFIER LETTER CAPITAL T) is not a character of the language",
            "write `transpose(x, -2, -1)`",
        ),
        ("f(,)", ",", "expected a value, got `,`", None),
        ("f(x", "(", "`(` is never closed", None),
        ("x)", ")", "`)` closes nothing", None),
        ("[x)", ")", "`)` cannot close `[`", None),
        ("f(dim=1, x)", "x", "`x` has no keyword but follows an argument that has one", "put it before `dim=`"),
        ("f(n, s...)", "...", "`...` puts entries into a list alone", "write a list: `zeros([N, sizes...])`"),
        ("f(1=2)", "=", "expected `,` or `)`, got `=`", "write `==` to compare"),
        ("x = y", "=", "expected the end of the expression, got `=`", "write `==` to compare"),
        ("x, y", ",", "several values need brackets around them", "write `[x, y]`"),
        ("0,0", ",", "several values need brackets around them", "write `[0, 0]`"),
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
        ("y, (h,) = x", "(h,)", "`(h,)` unpacks a single value"),
        ("y, [h, c] = x", "[h, c]", "`[h, c]` cannot be assigned to"),
        ("if x = y: z = x", "=", "expected `:`, got `=`"),
    ],
)
def test_slips_in_a_block(text: str, at: str, message: str) -> None:
    fault = block_fault_of(text)
    assert (fault.message, marked(text, fault), fault.forbidden) == (message, at, False)


def test_a_comparison_for_an_assignment_is_repaired() -> None:
    assert block_fault_of("y == f(x)").help == "write `y = f(x)`"
