"""Hostile specs: a build refuses each with a clear fault, writes nothing for it, and builds the good spec beside it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from projects import GOOD, GOOD_FILES, Fault, Project, refused

Faults = dict[str, tuple[Fault, ...]]
EVIL_NAME = GOOD.replace("Rectify", "Evil")


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


# Names

NAMES = ["../../evil", "/etc/passwd", "class", "Foo/Bar", "__class__", "Evil\\Bar", "None", "Tensor", "Evil()", "Evil;",
         "Evil:", "Evil, nn.Module", "Évil", "evil", "E vil", "Evil'", "{{ x }}", "Exception"]  # fmt: skip
LONG_NAME = "E" + "v" * 5000


@pytest.fixture(scope="module")
def class_names(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    texts = {name: GOOD.replace("Rectify", quoted(name)) for name in (*NAMES, LONG_NAME)}
    return refused(tmp_path_factory.mktemp("class_names"), texts)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_class_can_have_is_refused(name: str, class_names: Faults) -> None:
    fault = class_names[name][0]
    assert (fault.code, fault.row, fault.column) == ("LG204", 1, 8)
    assert "cannot be the name of a layer" in fault.message


def test_a_long_class_name_is_refused_for_its_file(class_names: Faults) -> None:
    fault = class_names[LONG_NAME][0]
    assert (fault.code, "stands in a file named `evil.yaml`" in fault.message) == ("LG505", True)


WORDS = ["class", "__class__", "self", "torch", "a.b", "a-b", "a b", "1a", "", "größe", "x; import os", "x\ny",
         "{{ x }}", "nn", "print(1)", "_x", "None", "training", "../x", "a" * 300 + "-"]  # fmt: skip
SECTIONS = {
    "arguments": "{type: int, default: 1, doc: Evil.}",
    "derived": "1 + 1",
    "parameters": "{shape: [], init: ones}",
    "buffers": "{shape: [], init: ones}",
    "inputs": "[N]",
    "outputs": "[N]",
}


def with_name(section: str, word: str) -> str:
    """A spec that has a name in one of its sections."""
    entry = f"{quoted(word)}: {SECTIONS[section]}"
    if section in ("inputs", "outputs"):
        return EVIL_NAME.replace(f"{section}: {{", f"{section}: {{{entry}, ")
    return f"{EVIL_NAME}{section}: {{{entry}}}\n"


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    texts = {f"{section} {word}": with_name(section, word) for section in SECTIONS for word in WORDS}
    return refused(tmp_path_factory.mktemp("names"), texts)


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("word", WORDS)
def test_a_name_that_nothing_can_have_is_refused(section: str, word: str, names: Faults) -> None:
    assert "LG204" in {fault.code for fault in names[f"{section} {word}"]}


# Expressions

EVIL = """\
layer: Evil
summary: Take any expression anywhere.
arguments:
  dim: {type: int, min: 1, default: DEFAULT, doc: Size of the last dimension.}
  flag: {type: bool, default: false, doc: Whether to add the weight.}
derived:
  middle: DERIVED
constraints:
  - CONSTRAINT
buffers:
  weight: {shape: SHAPE, init: INIT, when: WHEN, persistent: false}
inputs:
  x: {shape: [N, ENTRY], range: [0, RANGE]}
outputs:
  y: {shape: OUTPUT}
forward: |
  y = x + middle
  if flag:
      y = type_as(y + 0 * FORWARD, x)
matches: {module: MODULE, inputs: [INPUT]}
cases:
  - {dim: CASE}
"""
PLACES = {"DEFAULT": "4", "DERIVED": "0 * dim", "CONSTRAINT": "dim > 0", "SHAPE": "[dim]", "INIT": "zeros",
          "WHEN": "flag", "ENTRY": "dim", "RANGE": "1", "OUTPUT": "[N, dim]", "FORWARD": "weight",
          "MODULE": "nn.Identity()", "INPUT": "x", "CASE": "4"}  # fmt: skip

# Each of these is a fault wherever it stands.
EXPRESSIONS = [
    "x.shape", "x.__class__", "().__class__.__bases__", "f(1)(2)", "__class__", "__import__('os')", "getattr(x, 'y')",
    "open('/etc/passwd')", "eval('1')", "exec('1')", "print(1)", "[i for i in x]", "(y := 1)", "lambda: 0", "f'{x}'",
    "'%s' % x", "*x", "**x", "{}", "{1: 2}", "a; b", "import os", "yield", "await x", "`ls`", "$x", "x!", "\\", "'",
    "(",
    "9" * 100_000, "9**9**9", "[0] * 10**9", "[[[0] * 9999] * 9999] * 9999", "'a' * 10**9", "1 << 10**9", "10**30",
    "sum([0] * 10**9)", "prod([2**62, 4])", "zeros(10**12)", "exp(1e5)", "round(1e308)", "1e400", "1 / 0", "0 ** -1",
    "(-8) ** 0.5", "sqrt(-1)", "log(0)", "1 >> -1", "[1][5]", "[1][::0]", "1[0]", "len(3)", "~1.5", "1 < 'a'", "1 in 2",
    "...", "(" * 101 + "1" + ")" * 101, "-" * 101 + "1", "+".join(["1"] * 300), "float('1' * 9999)",
    "{{ 1 }}", "{% raw %}", "\u202ex", "\uff58", "x\0", "read_file('x')", "load('x')", "compile(x)",
    "set_num_threads(1)",
]  # fmt: skip


def evil(place: str, expression: str) -> str:
    """A spec with an expression in one place, and what is right in all others."""
    text = EVIL
    for name, right in PLACES.items():
        wrong = expression if name == "FORWARD" else quoted(expression)
        usual = right if name in ("CASE", "SHAPE", "OUTPUT") else quoted(right)
        text = text.replace(name, wrong if name == place else right if name == "FORWARD" else usual)
    return text


EVERY = 9  # of the expressions, in each of the places at first, so that each expression is in some of them


def hostile() -> Iterator[ParameterSet]:
    """Expressions and where they stand: in each place some others at first, and all of them in slow tests."""
    for turn, place in enumerate(PLACES):
        yield pytest.param(place, EXPRESSIONS[turn % EVERY :: EVERY], id=place)
        others = [expression for rank, expression in enumerate(EXPRESSIONS) if rank % EVERY != turn % EVERY]
        yield pytest.param(place, others, id=f"{place} and others", marks=pytest.mark.slow)


@pytest.mark.parametrize(("place", "expressions"), list(hostile()))
def test_hostile_expressions_are_refused(place: str, expressions: list[str], tmp_path: Path) -> None:
    faults = refused(tmp_path, {expression: evil(place, expression) for expression in expressions})
    assert [expression for expression, found in faults.items() if not found] == []
    for fault in (fault for found in faults.values() for fault in found):
        assert fault.message.isprintable() and len(fault.message) < 300
        assert fault.row > 1


def test_the_expressions_that_the_refused_ones_stand_for_are_taken(tmp_path: Path) -> None:
    project = Project(tmp_path, {"rectify.yaml": GOOD, "evil.yaml": evil("DEFAULT", "4")})
    assert project.build().files == {*GOOD_FILES, "evil.py", "tests/test_evil.py"}


FORWARDS = [
    "import os", "def f(): pass", "class A: pass", "for i in x: y = i", "while True: y = x", "with x: y = x",
    "try: y = x", "return x", "del x", "global x", "assert x", "raise x", "pass", "y += x", "y[0] = x", "x.y = x",
    "y: int = x", "@x\ny = x", "y = z = x", "eval('1')", "y = x; z = x", "async def f(): y = x",
    "match x:\n  case 1: y = x", "y = x\n    z = x", "if x:\ny = x", "y = (x", "y = x)", "y = relu_(x)",
    "y = x.add_(1)", "__builtins__ = x", "", "# y = x", '"""y = x"""', "y = x " + "if x else x " * 200,
    "if x:\n " * 200 + "y = x",
]  # fmt: skip


@pytest.fixture(scope="module")
def forwards(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    def with_forward(forward: str) -> str:
        block = "forward: |\n" + "".join(f"  {line}\n" for line in forward.split("\n"))
        return EVIL_NAME.replace("forward: y = relu(x)\n", block)

    return refused(tmp_path_factory.mktemp("forwards"), {text: with_forward(text) for text in FORWARDS})


@pytest.mark.parametrize("forward", FORWARDS, ids=lambda text: ascii(text[:20]))
def test_a_hostile_forward_is_refused(forward: str, forwards: Faults) -> None:
    assert forwards[forward]


SIZES = ["5000", "10 ** 12", "1e9", "-1", "0", "true", "null", "[1]", "x", "9" * 40]


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Faults:
    text = EVIL_NAME.replace("[...]", "[N]")
    return refused(tmp_path_factory.mktemp("sizes"), {size: f"{text}cases: [{{N: {size}}}]\n" for size in SIZES})


@pytest.mark.parametrize("size", SIZES)
def test_a_hostile_size_in_a_case_is_refused(size: str, sizes: Faults) -> None:
    fault = sizes[size][0]
    assert "the size of dimension `N` is an int from 1 to 4096" in fault.message
    assert (fault.code, fault.row, fault.column) == ("LG402", 6, 13 - 3 * (size == "[1]"))
