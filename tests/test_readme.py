"""What the README and the pages beside it show is what layergen does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from layergen.cli import main
from layergen.lang import model
from layergen.lang.argument_types import WORDS
from layergen.lang.dtypes import DTYPES
from layergen.lang.scalars import SCALARS
from layergen.ops import names as op_names
from layergen.project.config import Config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANUAL = "".join(
    page.read_text(encoding="utf-8")
    for page in (
        ROOT / "README.md",
        ROOT / "docs" / "language" / "README.md",
        ROOT / "docs" / "proofs.md",
        ROOT / "docs" / "tests.md",
    )
)
PAGES = (
    ROOT / "README.md",
    ROOT / "docs" / "article.md",
    ROOT / "docs" / "language" / "from_torch.md",
)  # whose blocks are about whole specs
BLOCK = re.compile(r"^```(yaml|diff|text|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LAYER = re.compile(r"^layer: (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A block of a page, with the spec that it is about."""

    page: Path
    language: str
    text: str
    line: int  # at which the text begins
    path: str  # of the spec
    spec: str


def shown() -> list[Shown]:
    """The blocks about a spec: itself, changes to it, and what comes of either.

    A path in backticks before a spec says where it stands. A diff changes the last whole spec.
    """
    return [block for page in PAGES for block in shown_on(page)]


def shown_on(page: Path) -> Iterator[Shown]:
    whole, spec, path = "", "", ""
    content = page.read_text(encoding="utf-8")
    for match in BLOCK.finditer(content):
        language, text = match.groups()
        if language == "yaml" and LAYER.match(text):
            whole = spec = text
            path = re.findall(r"`(specs/\S+\.yaml)`", content[: match.start()])[-1]
        elif language == "diff":
            spec = changed(whole, text)
        yield Shown(page, language, text, content.count("\n", 0, match.start(2)), path, spec)


def changed(spec: str, diff: str) -> str:
    """A spec after a change, which may have some lines removed and some added."""
    lines = diff.splitlines(keepends=True)
    old, new = ("".join(line[1:] for line in lines if line[0] in (" ", sign)) for sign in "-+")
    assert spec.count(old) == 1
    return spec.replace(old, new)


def build(block: Shown, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    path = folder / block.path
    path.parent.mkdir(parents=True)
    path.write_text(block.spec, encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return main(["build"])


def title(block: Shown) -> str:
    return f"{Path(block.path).stem}, line {block.line} of {block.page.name}"


def of_language(language: str) -> list[Shown]:
    return [block for block in shown() if block.language == language and (language != "text" or "specs/" in block.text)]


def specs() -> Iterator[ParameterSet]:
    """The specs that are shown as a whole: at first those of the README that are not shipped and so built elsewhere."""
    for block in of_language("yaml"):
        if block.text == block.spec:
            first = block.page.name == "README.md" and not (ROOT / block.path).exists()
            yield pytest.param(block, id=title(block), marks=() if first else pytest.mark.slow)


@pytest.mark.parametrize("block", list(specs()))
def test_specs_build(block: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert build(block, tmp_path, monkeypatch) == 0


def test_specs_that_are_shipped_are_shown_as_they_are() -> None:
    shipped = [block for block in of_language("yaml") if block.text == block.spec and (ROOT / block.path).exists()]
    assert shipped
    for block in shipped:
        assert (ROOT / block.path).read_text(encoding="utf-8") == block.spec, title(block)


@pytest.mark.parametrize("block", of_language("python"), ids=title)
def test_code_is_what_a_build_generates(
    block: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    assert build(block, tmp_path, monkeypatch) == 0
    generated = (
        (tmp_path / block.path.replace("specs/", "generated/", 1)).with_suffix(".py").read_text(encoding="utf-8")
    )
    code = generated[generated.index(f"class {LAYER.search(block.spec)[1]}(") :]  # type: ignore[index]
    compare(block, code, request)


@pytest.mark.parametrize("block", of_language("text"), ids=title)
def test_faults_are_what_layergen_reports(
    block: Shown,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    code, output = build(block, tmp_path, monkeypatch), capsys.readouterr().out
    assert code == 1
    compare(block, output, request)


def compare(block: Shown, text: str, request: pytest.FixtureRequest) -> None:
    """Compare a block with what layergen does now, or put this in its place if asked to."""
    if not request.config.getoption("--update-cases"):
        assert block.text == text
        return
    page = block.page.read_text(encoding="utf-8")
    assert page.count(block.text) == 1
    block.page.write_text(page.replace(block.text, text), encoding="utf-8", newline="\n")


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: str(page.relative_to(ROOT))
)
def test_links_lead_to_files(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$|^\$\$.*?\$\$$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", re.sub(r"(?<!\[)`[^`]*`(?!\])", "", prose))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_key_is_explained() -> None:
    parts = (model.LayerSpec, model.Argument, model.Parameter, model.Buffer, model.Input, model.Output, model.Match)
    keys = {field.alias or key for part in parts for key, field in part.model_fields.items()}
    assert {key for key in keys if f"`{key}`" not in MANUAL} == set()


def test_every_type_and_function_of_numbers_is_explained() -> None:
    words = {*WORDS, *SCALARS, *DTYPES}
    assert {word for word in words if f"`{word}`" not in MANUAL} == set()


def test_every_option_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    commands = re.search(r"^commands:\n.*?\n((?:    \S.*\n)+)", help_of(capsys, "--help"), re.MULTILINE)
    assert commands
    for command in re.findall(r"^    (\w+)", commands[1], re.MULTILINE):
        assert f"`layergen {command}" in README
        for option in re.findall(r"--[a-z-]+", help_of(capsys, command, "--help")):
            assert option == "--help" or option in README, option
    for key in {*Config._fields} - {"root"}:
        assert f"`{key}`" in README


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    main(words)
    return capsys.readouterr().out


def test_number_of_ops_is_right() -> None:
    claimed = re.search(r"about (\d+) ops", MANUAL)
    assert claimed
    assert abs(int(claimed[1]) - len(op_names())) < 50


def test_every_generated_test_is_explained() -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "templates").glob("behaviours*.j2"))
    assert set(re.findall(r"^def (test_\w+)", templates, re.MULTILINE)) == set(
        re.findall(r"^\| `(test_\w+)`", MANUAL, re.M)
    )


def test_every_module_has_its_place_in_the_house() -> None:
    contributing, package = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), ROOT / "layergen"
    modules = [path.relative_to(package) for path in package.rglob("*.py") if not path.name.startswith("__")]
    named = [path for path in modules if f"`{path.as_posix()}`" in contributing or f"`{path.parent}/`" in contributing]
    assert named == modules
    rows = [line.split("|")[1] for line in contributing.splitlines() if line.startswith("| `")]
    assert [name for row in rows for name in re.findall(r"`(\S+)`", row) if not (package / name).exists()] == []


def test_commands_are_those_of_continuous_integration() -> None:
    assert 'pip install -c constraints.txt -e ".[dev]" && pytest -n auto\n' in README
    assert "pip install -c constraints.txt -e . && layergen build specs/\n" in README
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    expected = {'pip install -c constraints.txt -e ".[dev]"', "pytest -n auto", "layergen build --check specs/"}
    assert expected <= set(steps)
