"""Hostile specs: a build refuses each with a clear fault, writes nothing for it, and builds the good spec beside it.

Where a strange text is legal, the generated code says exactly that text and nothing more.
"""

import importlib
import inspect
import json
import os
import random
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from layergen.cli import main

SPECS = Path(__file__).parents[1] / "specs"
GOOD = """\
layer: Rectify
summary: Set negative values to zero.
inputs: {x: [...]}
outputs: {y: [...]}
forward: y = relu(x)
"""
TESTS = {f"tests/{name}.py" for name in ("__init__", "behaviours", "conftest", "test_rectify")}
GOOD_FILES = {"__init__.py", "rectify.py", *TESTS}


@dataclass(frozen=True)
class Built:
    """What came of a build."""

    code: int
    faults: list[dict[str, Any]]
    errors: str
    files: set[str]


class Project:
    """A folder with a good spec, to which a test adds others."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self.specs = root / "specs"
        self.capsys = capsys
        self.write("rectify.yaml", GOOD)

    def write(self, name: str, text: str | bytes) -> None:
        path = self.specs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def build(self) -> Built:
        code = main(["-C", str(self.root), "build", "--output-format", "json"])
        printed, output = self.capsys.readouterr(), self.root / "generated"
        files = {path.relative_to(output).as_posix() for path in output.rglob("*.py")}
        return Built(code, json.loads(printed.out or "[]"), printed.err, files)

    def refuse(self, code: str, message: str, name: str = "specs/evil.yaml") -> dict[str, Any]:
        """Build; expect this fault and no code from any spec but the good one. Returns the fault."""
        built = self.build()
        assert built.code == 1, built.errors
        assert built.files == GOOD_FILES
        assert {fault["filename"] for fault in built.faults} == {name}
        fault = built.faults[0]
        assert (fault["code"], message in fault["message"]) == (code, True), fault
        return fault

    def load(self, module: str) -> ModuleType:
        """Import a generated module."""
        built = self.build()
        assert (built.code, built.faults) == (0, []), built.errors
        others = take_generated_modules()  # of the repository itself
        sys.path.insert(0, str(self.root))
        try:
            return importlib.import_module(f"generated.{module}")
        finally:
            sys.path.remove(str(self.root))
            take_generated_modules()
            sys.modules.update(others)


def take_generated_modules() -> dict[str, ModuleType]:
    """Forget the modules of packages called `generated`, and return them."""
    names = [name for name in sys.modules if name.split(".")[0] == "generated"]
    return {name: sys.modules.pop(name) for name in names}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    monkeypatch.chdir(tmp_path)  # to return to, whatever `-C` does
    return Project(tmp_path, capsys)


# Files

FILES: dict[str, tuple[str | bytes, str, str]] = {
    "empty": ("", "LG109", "the file is empty"),
    "comments": ("# layer: Evil\n", "LG109", "holds only comments"),
    "list": ("- layer: Evil\n", "LG109", "the top level is a list"),
    "scalar": ("layer", "LG109", "the top level is a single value"),
    "tab": ("layer: Evil\n\tsummary: Nothing.\n", "LG104", "a tab stands where YAML wants spaces"),
    "tab in a forward": (GOOD.replace("forward: y", "forward: |\n  y =\trelu(x)\n  z"), "LG114", ""),
    "latin-1": ("layer: Größe".encode("latin-1"), "LG102", "the byte 0xF6 is not UTF-8"),
    "utf-16": (GOOD.encode("utf-16"), "LG102", "UTF-16"),
    "surrogate": (b"layer: \xed\xa0\x80", "LG102", "the byte 0xED"),
    "NUL": ("layer: E\0vil", "LG110", "U+0000"),
    "escape": ("layer: E\x1b[2Jvil", "LG110", "U+001B"),
    "bidi": ("layer: E\u202evil", "LG110", "U+202E"),
    "line separator": ("layer: E\u2028vil", "LG110", "U+2028"),
    "10 MB": ("# " + "x" * 10_000_000, "LG103", "larger than 256 KiB"),
    "deep flow": ("layer: " + "[" * 10_000, "LG105", "more than 64 levels"),
    "deep block": ("- " * 10_000 + "x", "LG105", "more than 64 levels"),
    "deep mapping": ("\n".join(" " * depth + "a:" for depth in range(500)), "LG105", "more than 64 levels"),
    "multiplying aliases": (
        "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefg", "bcdefgh", strict=True)),
        "LG107",
        "an anchor",
    ),
    "recursive alias": ("a: &a [*a]", "LG107", "an anchor"),
    "merge key": ("a: &a {b: 1}\nc: {<<: *a}", "LG107", "an anchor"),
    "python tag": ("layer: !!python/object/apply:os.system [ls]", "LG108", "`!!python/object/apply:os.system`"),
    "two documents": (f"{GOOD}---\n{GOOD}", "LG104", "a second document"),
    "many values": ("a: [" + "0," * 30_000 + "]", "LG103", "more than 20,000 values"),
    "long number": ("a: " + "9" * 100_000, "LG104", "more than 40"),
    "number as a key": (GOOD + "1: 2\n", "LG104", "the key `1` is not text"),
    "terminal escape as a key": (GOOD + '"\\e[2J": 2\n', "LG110", "U+001B"),
}


@pytest.mark.parametrize("name", FILES)
def test_refuses_file(name: str, project: Project) -> None:
    text, code, message = FILES[name]
    project.write("evil.yaml", text)
    project.refuse(code, message)


def _folder(path: Path) -> None:
    path.mkdir()


def _dangling_link(path: Path) -> None:
    path.symlink_to("nowhere.yaml")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


def _link_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_folder, "this is a folder"),
        (_dangling_link, "the link leads nowhere"),
        (_link_to_itself, "cannot read the file"),
        (_link_to_a_device, "not a regular file"),
        (_pipe, "not a regular file"),
    ],
)
def test_refuses_what_is_no_file(make: Callable[[Path], None], message: str, project: Project) -> None:
    make(project.specs / "evil.yaml")
    project.refuse("LG101", message)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file")
def test_refuses_unreadable_file(project: Project) -> None:
    project.write("evil.yaml", GOOD)
    (project.specs / "evil.yaml").chmod(0)
    project.refuse("LG101", "permission denied")


def test_refuses_missing_folder(project: Project) -> None:
    code = main(["-C", str(project.root), "build", "specs/evil"])
    assert code == 1
    assert "specs/evil:1:1: LG101 unreadable-file: there is no such file or folder" in project.capsys.readouterr().out


def test_refuses_folder_that_links_into_itself(project: Project) -> None:
    (project.specs / "evil").symlink_to(project.specs, target_is_directory=True)
    project.refuse("LG503", "layergen does not follow links to folders", "specs/evil")


@pytest.mark.parametrize(
    "name",
    ["my layer.yaml", "my-layer.yaml", "größe.yaml", "a\nb.yaml", "..yaml", "...yaml", "-.yaml", "Evil.yaml",
     "class.yaml", "1.yaml", "a.b.yaml", "__init__.yaml", "tests/evil.yaml", "my layers/evil.yaml", "import/evil.yaml",
     "conftest/__main__.yaml", "a\u202eb.yaml", "{{ 1 }}.yaml", "$(ls).yaml", "`ls`.yaml", '";import os".yaml'],
)  # fmt: skip
def test_refuses_path_that_names_no_module(name: str, project: Project) -> None:
    project.write(name, GOOD.replace("Rectify", "Evil"))
    built = project.build()
    if not built.faults:  # hidden files are no specs
        assert name.startswith(".")
        assert built.files == GOOD_FILES
        return
    assert [fault["code"] for fault in built.faults] == ["LG503"]
    assert built.faults[0]["message"].isprintable()
    assert (built.code, built.files) == (1, GOOD_FILES)


# Names

NAMES = ["../../evil", "/etc/passwd", "class", "Foo/Bar", "__class__", "Evil\\Bar", "None", "Tensor", "Evil()", "Evil;",
         "Evil:", "Evil, nn.Module", "Évil", "evil", "E vil", "Evil'", "{{ x }}", "Exception",
         "E" + "v" * 5000]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_refuses_class_name(name: str, project: Project) -> None:
    project.write("evil.yaml", GOOD.replace("Rectify", json.dumps(name, ensure_ascii=False)))
    if name == NAMES[-1]:
        project.refuse("LG505", "stands in a file named `evil.yaml`")
    else:
        assert project.refuse("LG204", "cannot be the name of a layer")["location"] == {"row": 1, "column": 8}


WORDS = ["class", "__class__", "self", "torch", "a.b", "a-b", "a b", "1a", "", "größe", "x; import os", "x\ny",
         "{{ x }}", "F", "print(1)", "_x", "None", "training", "../x", "a" * 300 + "-"]  # fmt: skip
SECTIONS = {
    "arguments": "{type: int, default: 1, doc: Evil.}",
    "derived": "1 + 1",
    "parameters": "{shape: [], init: ones}",
    "buffers": "{shape: [], init: ones}",
    "inputs": "[N]",
    "outputs": "[N]",
}


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("word", WORDS)
def test_refuses_name(section: str, word: str, project: Project) -> None:
    entry = f"{json.dumps(word, ensure_ascii=False)}: {SECTIONS[section]}"
    text = GOOD.replace("Rectify", "Evil")
    held = text.replace(f"{section}: {{", f"{section}: {{{entry}, ") if section in ("inputs", "outputs") else ""
    project.write("evil.yaml", held or f"{text}{section}: {{{entry}}}\n")
    built = project.build()
    assert (built.code, built.files) == (1, GOOD_FILES)
    assert "LG204" in {fault["code"] for fault in built.faults}


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
      y = type_as(y + FORWARD, x)
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


@pytest.mark.parametrize("place", PLACES)
def test_refuses_expressions(place: str, project: Project) -> None:
    expressions = {f"specs/e{index}/evil.yaml": text for index, text in enumerate(EXPRESSIONS)}
    for name, expression in expressions.items():
        project.write(name.removeprefix("specs/"), evil(place, expression))
    built = project.build()
    assert (built.code, built.files) == (1, GOOD_FILES), built.errors
    refused = {fault["filename"] for fault in built.faults}
    assert [text for name, text in expressions.items() if name not in refused] == []
    assert all(fault["message"].isprintable() and len(fault["message"]) < 300 for fault in built.faults)
    assert all(fault["location"]["row"] > 1 for fault in built.faults)


def test_takes_the_expressions_that_the_refused_ones_stand_for(project: Project) -> None:
    project.write("evil.yaml", evil("DEFAULT", "4"))
    assert project.build().files == {*GOOD_FILES, "evil.py", "tests/test_evil.py"}


def evil(place: str, expression: str) -> str:
    """A spec with an expression in one place, and what is right in all others."""
    text = EVIL
    for name, right in PLACES.items():
        wrong = expression if name == "FORWARD" else json.dumps(expression, ensure_ascii=False)
        quoted = right if name in ("CASE", "SHAPE", "OUTPUT") else json.dumps(right)
        text = text.replace(name, wrong if name == place else right if name == "FORWARD" else quoted)
    return text


@pytest.mark.parametrize(
    "forward",
    ["import os", "def f(): pass", "class A: pass", "for i in x: y = i", "while True: y = x", "with x: y = x",
     "try: y = x", "return x", "del x", "global x", "assert x", "raise x", "pass", "y += x", "y[0] = x", "x.y = x",
     "y: int = x", "@x\ny = x", "y = z = x", "eval('1')", "y = x; z = x", "async def f(): y = x",
     "match x:\n  case 1: y = x", "y = x\n    z = x", "if x:\ny = x", "y = (x", "y = x)", "y = relu_(x)",
     "y = x.add_(1)", "__builtins__ = x", "", "# y = x", '"""y = x"""', "y = x " + "if x else x " * 200,
     "if x:\n " * 200 + "y = x"],
    ids=lambda text: ascii(text[:20]),
)  # fmt: skip
def test_refuses_forward(forward: str, project: Project) -> None:
    block = "forward: |\n" + "".join(f"  {line}\n" for line in forward.split("\n"))
    project.write("evil.yaml", GOOD.replace("Rectify", "Evil").replace("forward: y = relu(x)\n", block))
    built = project.build()
    assert (built.code, built.files) == (1, GOOD_FILES), built.errors
    assert all(fault["filename"] == "specs/evil.yaml" for fault in built.faults)


@pytest.mark.parametrize("size", ["5000", "10 ** 12", "1e9", "-1", "0", "true", "null", "[1]", "x", "9" * 40])
def test_refuses_size_in_a_case(size: str, project: Project) -> None:
    text = GOOD.replace("Rectify", "Evil").replace("[...]", "[N]")
    project.write("evil.yaml", f"{text}cases: [{{N: {size}}}]\n")
    fault = project.refuse("LG402", "the size of dimension `N` is an int from 1 to 4096")
    assert fault["location"] == {"row": 6, "column": 13 - 3 * (size == "[1]")}


# Texts that are legal

TEXTS = [
    'Say """ and stop', "Say ''' and stop", "End with a quote\"", "End with three\"\"\"", "End with a backslash\\",
    "\\N{BULLET} \\x \\u12 \\", "\\n is no line break", "{{ 7 * 7 }}", "{% raw %}", "{# gone #}", "{x} {0} %s %(x)s",
    "# no comment", "<b>&amp;</b>", "`code` ``more``", "w" * 300, "a " * 200, "naïve Größe ∑ 漢字 🙂",
    "'; import os; '", '"""\nimport os\n"""', "one\n\ntwo", "-" * 90, ">>> 1 / 0", ":math:`x`", "$(ls) `ls`",
    "\\", '"', "Args:", "0",
]  # fmt: skip
PROSE = """\
layer: Evil
summary: {0}
description: {0}
references: [{{title: {0}, url: "https://example.org/a?b=c&d={{x}}'%22"}}]
arguments:
  dim: {{type: int, min: 1, doc: {0}}}
parameters:
  weight: {{shape: [dim], init: ones, doc: {0}}}
inputs:
  x: {{shape: [N, dim], doc: {0}}}
outputs:
  y: {{shape: [N, dim], doc: {0}}}
forward: y = type_as(x * weight, x)
"""


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text[:20]))
def test_docstring_says_what_the_spec_says(text: str, project: Project) -> None:
    project.write("evil.yaml", PROSE.format(json.dumps(text, ensure_ascii=False)))
    module = project.load("evil")
    assert words(inspect.getdoc(module.Evil) or "").count(words(text)) >= 6 - ("`" in text or "<" in text)
    assert words(text) in words(module.__doc__ or "")
    assert public(module) == {"Evil", "Tensor", "init", "nn", "torch"}


def words(text: str) -> str:
    """A text without white space, which is wrapped anew."""
    return re.sub(r"\s", "", text)


def public(module: ModuleType) -> set[str]:
    return {name for name in vars(module) if not name.startswith("_")}


STRINGS = [
    "'",
    '"',
    "\\",
    "{x}",
    "{",
    "\n",
    "\t",
    "%s",
    "'''",
    '"""',
    "é",
    "a" * 100,
    "",
    " ",
    "\\n",
    "{{",
    "#",
    "text",
]


def test_choices_and_defaults_are_taken_as_they_stand(project: Project) -> None:
    project.write(
        "evil.yaml",
        f"""\
layer: Evil
summary: Take any text.
arguments:
  mode: {{type: str, choices: {json.dumps(STRINGS)}, default: {json.dumps(STRINGS[0])}, doc: Any of them.}}
inputs: {{x: [N]}}
outputs: {{y: [N]}}
forward: |
  y = x
  if mode == "{{x}}":
      y = x + 1
""",
    )
    layer = project.load("evil").Evil
    assert layer().mode == STRINGS[0]
    assert [layer(text).mode for text in STRINGS] == STRINGS
    with pytest.raises(ValueError, match="mode must be") as refusal:
        layer("other")
    assert all(repr(text) in str(refusal.value) for text in STRINGS)
    assert str(refusal.value).endswith("got 'other'") or str(refusal.value).endswith("got other")


def test_comments_of_a_forward_are_kept_as_they_stand(project: Project) -> None:
    comments = [
        "# \"\"\" ''' \\ {{ x }} {% x %} {# x #} %s",
        "#!/bin/sh",
        "#type: ignore",
        "# -*- coding: latin-1 -*-",
        "# é 漢字",
    ]
    project.write("evil.yaml", GOOD.replace("Rectify", "Evil").replace("y = relu(x)", "|\n" + "".join(
        f"  {line}\n" for line in [*comments, "y = relu(x)"]
    )))  # fmt: skip
    source = inspect.getsource(project.load("evil"))
    for comment in comments:
        assert comment.lstrip("#! ") in source


def test_hostile_urls_are_refused(project: Project) -> None:
    for url in ("javascript:alert(1)", "https://a b", "https://a>`", "file:///etc/passwd", "https://a\n", ""):
        reference = f"references: [{{title: Evil, url: {json.dumps(url)}}}]\n"
        project.write("evil.yaml", GOOD.replace("Rectify", "Evil") + reference)
        project.refuse("LG113", "expected an address")


# Mutations of the specs that are shipped

FRAGMENTS = [*"[]{}()'\"\\:,#&*!|>%@`~-+=. \n\t0x", "\n  ", ": ", "null", "true", "-1", "1e9", "'''", "x.y", "[[",
             "...",
             "}}", "lambda", "é", "\0", "\u202e", "  - ", "9" * 50, "N", "zeros(4)"]  # fmt: skip


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 60), *(pytest.param(seed, 100, marks=pytest.mark.slow) for seed in range(1, 5))]
)
def test_mutated_specs_are_built_or_refused(seed: int, count: int, project: Project) -> None:
    draw = random.Random(seed)
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(SPECS.rglob("*.yaml"))}
    for _ in range(count):
        name = draw.choice(list(texts))
        text = mutated(texts[name], draw)
        project.write(name, text)
        built = project.build()
        assert built.code in (0, 1), f"{built.errors}\n{text}"
        assert (built.code == 1) == bool(built.faults)
        (project.specs / name).unlink()


def mutated(text: str, draw: random.Random) -> str:
    for _ in range(draw.choice((1, 1, 1, 2, 5))):
        start = draw.randrange(len(text))
        end = min(len(text), start + draw.choice((0, 1, 1, 3, 10, 40)))
        middle = draw.choice(("", draw.choice(FRAGMENTS), text[start:end] * 2, text[start:end][::-1]))
        text = text[:start] + middle + text[end:]
    return text
