"""`layergen show`: what it prints of a layer, as text and as JSON, and how it finds one.

``pytest --update-cases`` writes what is printed now to the texts in tests/show.
"""

import json
import shutil
from pathlib import Path

import pytest

from layergen.cli import main
from layergen.present.facts_text import WIDTH

FOLDER = Path(__file__).parent / "show"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the specs of tests/show."""
    shutil.copytree(FOLDER, tmp_path / "specs", ignore=shutil.ignore_patterns("*.txt"))
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_prints_all_that_is_known(path: Path, capsys: Capture, request: pytest.FixtureRequest) -> None:
    assert main(["show", path.stem]) == 0
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= WIDTH
    if request.config.getoption("--update-cases"):
        path.with_suffix(".txt").write_text(output, encoding="utf-8")
    assert output == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_json_has_the_same(capsys: Capture) -> None:
    assert main(["show", "Scale", "--output-format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [
        *(
            "layer",
            "spec",
            "summary",
            "signature",
            "inputs",
            "outputs",
            "parameters",
            "buffers",
            "members",
            "penalty",
            "way",
            "steps",
        ),
        *("moved", "proven", "contracts", "preconditions", "input_checks", "tests", "left_out", "advice"),
        *("case", "costs"),
        *("contract", "digest"),
    ]
    assert found["contract"]["layer"] == "Scale" and len(found["digest"]) == 64
    assert (found["layer"], found["spec"], found["proven"]) == ("Scale", "specs/scale.yaml", True)
    assert found["inputs"] == [{"name": "x", "shape": ["...", "dim"], "dtype": "floating", "note": ""}]
    assert found["steps"][0]["results"] == [{"name": "y", "shape": ["*", "*", "dim"], "dtype": "float32", "note": ""}]
    assert found["costs"][0] == {"name": "parameters", "number": 8, "formula": "2 * dim", "note": ""}
    assert {item["contract"] for item in found["contracts"]} == {
        *("shape", "coupling", "settings", "branches", "call", "dtype", "device", "purity"),
        *("precision", "finite", "learning", "strides", "gradient", "training", "use", "init"),
        *("transforms", "independence", "influence", "entries", "input checks"),
    }


@pytest.mark.parametrize("name", ["Scale", "scale", "SCALE", "specs/scale.yaml"])
def test_finds_a_layer_by_class_file_and_path(name: str, capsys: Capture) -> None:
    assert main(["show", name]) == 0
    assert capsys.readouterr().out.startswith("Scale  specs/scale.yaml\nScale each feature")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Scael", "there is no layer `Scael`; did you mean `scale`?"),
        ("specs/scael.yaml", "there is no layer `specs/scael.yaml`; did you mean `scale`?"),
        ("other/scale.yaml", "there is no layer `other/scale.yaml`; did you mean `scale`?"),
        ("Transformer", "there is no layer `Transformer`\n"),
    ],
)
def test_unknown_name_is_wrong_usage(name: str, message: str, capsys: Capture) -> None:
    assert main(["show", name]) == 2
    assert message in capsys.readouterr().err


def test_name_of_two_layers_is_wrong_usage(project: Path, capsys: Capture) -> None:
    (project / "specs" / "other").mkdir()
    shutil.copy(project / "specs" / "scale.yaml", project / "specs" / "other")
    assert main(["show", "Scale"]) == 2
    assert "`specs/other/scale.yaml` or `specs/scale.yaml`: give the path" in capsys.readouterr().err


def test_path_that_cannot_be_a_module_is_wrong_usage(project: Path, capsys: Capture) -> None:
    (project / "specs" / "scale.yaml").rename(project / "specs" / "my-scale.yaml")
    assert main(["show", "specs/my-scale.yaml"]) == 2
    assert "`my-scale` cannot name a Python module" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["full", "json"])
def test_faults_are_shown_instead(style: str, project: Path, capsys: Capture) -> None:
    spec = project / "specs" / "scale.yaml"
    spec.write_text(spec.read_text().replace("y = x * weight", "y = x @ weight"))
    assert main(["show", "Scale", "--output-format", style]) == 1
    assert "LG3" in capsys.readouterr().out


def test_colors_leave_the_text_as_it_is(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    main(["show", "Scale"])
    colored = capsys.readouterr().out
    assert "\x1b[32mproven\x1b[0m" in colored
    for code in ("1;34", "32", "1", "2", "0"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == (FOLDER / "scale.txt").read_text(encoding="utf-8")


def test_summary_says_how_many_layers_are_proven_and_how_many_are_told(capsys: Capture) -> None:
    for command in ("check", "check", "build", "build"):  # from the cache as without
        assert main([command]) == 0
        assert (
            capsys.readouterr()
            .err.rstrip()
            .endswith("; shapes proven for all sizes: 2 of 3; without definition, match or law: 3")
        )


def test_summary_tells_shapes_of_specs_without_faults_alone(project: Path, capsys: Capture) -> None:
    spec = project / "specs" / "scale.yaml"
    whole = spec.read_text()
    spec.write_text(whole.replace("y = x * weight", "y = x * weight / sum(x)"))
    assert main(["check", "specs/scale.yaml"]) == 1
    assert capsys.readouterr().err.rstrip().endswith(" s)")
    assert main(["check"]) == 1
    assert "; shapes proven for all sizes: 1 of the 2 without faults" in capsys.readouterr().err
