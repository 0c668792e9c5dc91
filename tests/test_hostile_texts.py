"""Strange texts that are legal: the generated code says exactly each text and nothing more."""

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from _pytest.mark import ParameterSet
from hypothesis import given, settings
from hypothesis import strategies as st
from projects import GOOD, Project, refused
from shipped import FIRST, SPECS
from strategies import mutations

from layergen.pipeline import generate
from layergen.project.config import Config
from layergen.project.discovery import discover
from layergen.project.making import Order

TEXTS = [
    'Say """ and stop', "Say ''' and stop", "End with a quote\"", "End with three\"\"\"", "End with a backslash\\",
    "\\N{BULLET} \\x \\u12 \\", "\\n is no line break", "{{ 7 * 7 }}", "{% raw %}", "{# gone #}", "{x} {0} %s %(x)s",
    "# no comment", "<b>&amp;</b>", "`code` ``more``", "w" * 300, "a " * 200, "naïve Größe ∑ 漢字 🙂",
    "'; import os; '", '"""\nimport os\n"""', "one\n\ntwo", "-" * 90, ">>> 1 / 0", ":math:`x`", "$(ls) `ls`",
    "\\", '"', "Args:", "0",
]  # fmt: skip
PROSE = """\
layer: {1}
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


PARTS = 3  # of the texts, of which the first is tried at first


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], dict[str, ModuleType]]:
    """The modules of layers, one for each text of a part."""

    @cache
    def loaded(part: int) -> dict[str, ModuleType]:
        layers = {text: f"evil{number}" for number, text in enumerate(TEXTS[part::PARTS])}
        specs = {
            f"{name}.yaml": PROSE.format(json.dumps(text, ensure_ascii=False), name.title())
            for text, name in layers.items()
        }
        made = Project(tmp_path_factory.mktemp("texts"), specs).load(*layers.values())
        return dict(zip(layers, made, strict=True))

    return loaded


def numbered() -> Iterator[ParameterSet]:
    for number, text in enumerate(TEXTS):
        yield pytest.param(number, id=ascii(text[:20]), marks=pytest.mark.slow if number % PARTS else ())


@pytest.mark.parametrize("number", list(numbered()))
def test_a_docstring_says_what_the_spec_says(number: int, modules: Callable[[int], dict[str, ModuleType]]) -> None:
    text = TEXTS[number]
    module = modules(number % PARTS)[text]
    name = module.__name__.rpartition(".")[2].title()
    said = words(inspect.getdoc(getattr(module, name)) or "").count(words(text))
    assert said >= 6 - ("`" in text or "<" in text)
    assert words(text) in words(module.__doc__ or "")
    assert public(module) == {name, "Tensor", "init", "nn", "torch"}


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


def test_choices_and_defaults_are_taken_as_they_stand(tmp_path: Path) -> None:
    spec = f"""\
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
"""
    (module,) = Project(tmp_path, {"evil.yaml": spec}).load("evil")
    layer = module.Evil
    assert layer().mode == STRINGS[0]
    assert [layer(text).mode for text in STRINGS] == STRINGS
    with pytest.raises(ValueError, match="mode must be") as refusal:
        layer("other")
    assert all(repr(text) in str(refusal.value) for text in STRINGS)
    assert str(refusal.value).endswith("got 'other'") or str(refusal.value).endswith("got other")


COMMENTS = [
    "# \"\"\" ''' \\ {{ x }} {% x %} {# x #} %s",
    "#!/bin/sh",
    "#type: ignore",
    "# -*- coding: latin-1 -*-",
    "# é 漢字",
]


def test_comments_of_a_forward_are_kept_as_they_stand(tmp_path: Path) -> None:
    block = "|\n" + "".join(f"  {line}\n" for line in [*COMMENTS, "y = relu(x)"])
    spec = GOOD.replace("Rectify", "Evil").replace("y = relu(x)", block)
    (module,) = Project(tmp_path, {"evil.yaml": spec}).load("evil")
    source = inspect.getsource(module)
    for comment in COMMENTS:
        assert comment.lstrip("#! ") in source


URLS = ("javascript:alert(1)", "https://a b", "https://a>`", "file:///etc/passwd", "https://a\n", "")


def test_hostile_addresses_are_refused(tmp_path: Path) -> None:
    evil = GOOD.replace("Rectify", "Evil")
    texts = {url: f"{evil}references: [{{title: Evil, url: {json.dumps(url)}}}]\n" for url in URLS}
    for url, (fault, *_) in refused(tmp_path, texts).items():
        assert (fault.code, "expected an address" in fault.message) == ("LG113", True), url


# Mutations of the specs that are shipped

SHIPPED = {path.name: path.read_text(encoding="utf-8") for path in SPECS.values()}


def mutants(names: Iterable[str]) -> st.SearchStrategy[tuple[str, str]]:
    """The file name of one of some shipped specs and a mutation of its text."""
    return st.sampled_from(sorted(names)).flatmap(lambda name: st.tuples(st.just(name), mutations(SHIPPED[name])))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutants")


def judge(root: Path, name: str, text: str) -> None:
    """A mutated spec gives code or faults, and never an exception."""
    project = Project(root, {name: text})
    (spec,) = discover(Config(root)).specs
    outcome = generate(Order(spec, Config(root), {}))
    (project.specs / name).unlink()
    assert bool(outcome.texts) != bool(outcome.diagnostics)
    for text in outcome.texts:
        ast.parse(text)
    assert all(found.message.isprintable() for found in outcome.diagnostics)


@settings(max_examples=8)
@given(mutants(f"{name}.yaml" for name in FIRST))
def test_mutated_specs_are_built_or_refused(root: Path, mutant: tuple[str, str]) -> None:
    judge(root, *mutant)


@pytest.mark.slow
@settings(max_examples=100)
@given(mutants(SHIPPED))
def test_many_mutated_specs_are_built_or_refused(root: Path, mutant: tuple[str, str]) -> None:
    judge(root, *mutant)
