"""The command line: what it prints where, and its exit codes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from torch import Tensor

import layergen
from layergen import cli, pipeline
from layergen.cli import main
from layergen.project.making import Generated, Order

Capture = pytest.CaptureFixture[str]
LAYERGEN = [sys.executable, "-m", "layergen"]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project to work in."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "LAYERGEN_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def with_fault(project: Path) -> Path:
    spec = project / "specs" / "norm" / "rms_norm.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text("layer: RMSNorm\nlayer: RMSNorm\n")
    return spec


def test_new_spec_builds_as_it_stands(project: Path, capsys: Capture) -> None:
    assert main(["new", "GatedScale", "--category", "norm"]) == 0
    assert capsys.readouterr().out == "specs/norm/gated_scale.yaml\n"
    assert main(["build"]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("1 spec: 8 files written, 0 unchanged (")
    assert main(["build", "--check"]) == 0
    assert "class GatedScale(nn.Module):" in (project / "generated" / "norm" / "gated_scale.py").read_text()


def test_a_folder_with_specs_below_a_project_is_told_to_which_it_belongs(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (project / "pyproject.toml").touch()
    inner = project / "inner"
    (inner / "specs").mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert main(["new", "Gated"]) == 0
    output = capsys.readouterr()
    assert output.out == "../specs/custom/gated.yaml\n"
    assert output.err.startswith("layergen: the project is `..`, where the nearest `pyproject.toml` is")
    monkeypatch.chdir(project / "specs")
    assert main(["new", "Other"]) == 0
    assert capsys.readouterr() == ("custom/other.yaml\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gated"], "`gated` cannot name a layer"),
        (["None"], "`None` cannot name a layer"),
        (["Class"], "`class` cannot name a Python module"),
        (["Gated", "--category", "../up"], "`..` cannot name a Python module"),
        (["Gated", "--category", "/etc"], "`/` cannot name a Python module"),
        (["Taken"], "is there already"),
        (["Taken", "--category", "norm"], "`specs/custom/taken.yaml` defines a layer of this name already"),
        (["Tensor"], "`Tensor` cannot name a layer: Python, torch or generated code has it already"),
    ],
)
def test_new_refuses_what_could_not_be_built(arguments: list[str], message: str, capsys: Capture) -> None:
    main(["new", "Taken"])
    assert main(["new", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_check_names_what_is_out_of_date_and_writes_nothing(project: Path, capsys: Capture) -> None:
    main(["new", "GatedScale"])
    capsys.readouterr()
    assert main(["build", "--check"]) == 1
    output = capsys.readouterr()
    assert "generated/custom/gated_scale.py: missing\n" in output.out
    assert "1 spec: 8 files to write" in output.err
    assert not (project / "generated").exists()


def test_diff_shows_what_a_build_would_change(project: Path, capsys: Capture) -> None:
    main(["new", "GatedScale"])
    main(["build"])
    capsys.readouterr()
    assert main(["build", "--diff"]) == 0
    assert capsys.readouterr().out == ""
    spec = project / "specs" / "custom" / "gated_scale.yaml"
    spec.write_text(spec.read_text().replace("Scale each feature", "Stretch each feature"))
    assert main(["build", "--diff"]) == 1
    assert "+++ generated/custom/gated_scale.py\n" in capsys.readouterr().out


def test_unchanged_build_imports_no_heavy_library(project: Path) -> None:
    main(["new", "GatedScale"])
    main(["build"])
    script = (
        "import sys; from layergen.cli import main; code = main(['build']);"
        "heavy = {'torch', 'sympy', 'black', 'jinja2', 'pydantic', 'yaml', 'difflib', 'multiprocessing'};"
        "heavy |= {'dataclasses', 'inspect'};"  # which take longer than all else that a build begins with
        "print(code, sorted(heavy & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"
    assert "1 spec: 0 files written, 8 unchanged" in done.stderr


def test_faults_go_to_stdout_and_the_summary_to_stderr(project: Path, capsys: Capture) -> None:
    with_fault(project)
    for command in ("build", "check"):
        assert main([command]) == 1
        output = capsys.readouterr()
        assert output.out.startswith("specs/norm/rms_norm.yaml:2:1: LG106 duplicate-key: ")
        assert output.err.startswith("1 fault in 1 of 1 spec: ")


def test_json_is_all_that_stands_on_stdout(project: Path, capsys: Capture) -> None:
    with_fault(project)
    assert main(["build", "--diff", "--output-format", "json"]) == 1
    (fault,) = json.loads(capsys.readouterr().out)
    assert (fault["code"], fault["filename"]) == ("LG106", "specs/norm/rms_norm.yaml")
    (project / "specs" / "norm" / "rms_norm.yaml").unlink()
    main(["new", "GatedScale"])
    capsys.readouterr()
    assert main(["build", "--check", "--output-format", "json"]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out) == [] and "gated_scale.py: missing" in output.err


@pytest.mark.parametrize(
    ("variables", "colored"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_color_is_for_terminals_and_those_who_ask(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], colored: bool
) -> None:
    with_fault(project)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    main(["check"])
    assert ("\x1b[" in capsys.readouterr().out) == colored


def test_misnamed_file_is_reported(project: Path, capsys: Capture) -> None:
    main(["new", "GatedScale"])
    spec = project / "specs" / "custom" / "gated_scale.yaml"
    spec.rename(spec.with_name("other.yaml"))
    capsys.readouterr()
    assert main(["check", "--output-format", "concise"]) == 1
    assert "specs/custom/other.yaml:1:8: LG505 misnamed-file: " in capsys.readouterr().out


def test_wrong_configuration_is_wrong_usage(project: Path, capsys: Capture) -> None:
    (project / "pyproject.toml").write_text("[tool.layergen]\nouput = 'x'\n")
    assert main(["build"]) == 2
    assert "did you mean `output`?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["biuld"], ["build", "--chekc"], ["-C", "no-such-folder", "build"]])
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: Capture) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err


def test_a_command_that_there_is_none_of_gets_the_nearest(capsys: Capture) -> None:
    main(["buid"])
    assert capsys.readouterr().err.endswith("error: there is no command `buid`; did you mean `build`?\n")
    main(["frobnicate"])
    assert "the commands are build, check, show, test, bench, new, ops, explain\n" in capsys.readouterr().err


def test_every_command_is_known_to_the_search_for_the_nearest(capsys: Capture) -> None:
    main([])
    listed = re.findall(r"^    (\w+)  ", capsys.readouterr().out, re.MULTILINE)
    assert listed == [name for _, name, _, _ in cli.COMMANDS]


def test_without_a_command_there_is_help(capsys: Capture) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("usage: layergen")


def test_an_empty_project_is_told_how_to_begin(project: Path, capsys: Capture) -> None:
    assert main(["build"]) == 2
    assert "there is no folder `specs` yet: `layergen new NAME` writes a first spec" in capsys.readouterr().err
    (project / "specs").mkdir()
    assert main(["build"]) == 0
    assert capsys.readouterr().err.endswith("; `layergen new NAME` writes a first spec\n")


@pytest.mark.parametrize("name", ["RMSNorm", "rms_norm"])
@pytest.mark.parametrize("command", ["build", "check"])
def test_a_layer_is_built_by_its_name(project: Path, capsys: Capture, command: str, name: str) -> None:
    with_fault(project)
    assert main([command, name]) == 1
    assert capsys.readouterr().out.startswith("specs/norm/rms_norm.yaml:2:1")


def test_a_name_that_no_layer_has_gets_the_nearest(project: Path, capsys: Capture) -> None:
    with_fault(project)
    assert main(["build", "RMSNrom"]) == 2
    assert capsys.readouterr().err == "layergen: there is no layer `RMSNrom`; did you mean `rms_norm`?\n"


def test_a_rule_that_there_is_none_of_is_sent_to_the_list(capsys: Capture) -> None:
    assert main(["explain", "nope"]) == 2
    assert "`layergen explain` lists them" in capsys.readouterr().err


def test_works_in_another_folder(project: Path, capsys: Capture) -> None:
    (project / "inner").mkdir()
    with_fault(project / "inner")
    assert main(["-C", "inner", "check"]) == 1
    assert capsys.readouterr().out.startswith("specs/norm/rms_norm.yaml:2:1")


def test_version(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"layergen {layergen.__version__}\n"


@pytest.mark.parametrize("word", ["LG502", "lg502", "hand-edited-file"])
def test_explain_shows_the_page_of_a_rule(word: str, capsys: Capture) -> None:
    assert main(["explain", word]) == 0
    page = capsys.readouterr().out
    assert page.startswith("LG502 hand-edited-file\n\n") and "--force" in page


def test_explain_lists_all_rules(capsys: Capture) -> None:
    assert main(["explain"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == sorted(lines)
    assert {"LG101", "LG201", "LG505"} <= {line.split()[0] for line in lines}


def test_explain_suggests_the_nearest_rule(capsys: Capture) -> None:
    assert main(["explain", "hand-edited"]) == 2
    assert "there is no rule `hand-edited`; did you mean LG502 hand-edited-file?" in capsys.readouterr().err


def test_ops_lists_signatures(capsys: Capture) -> None:
    assert main(["ops", "conv2d"]) == 0
    assert capsys.readouterr().out.startswith("conv2d(input, weight, bias=None")
    assert main(["ops", "conv?d", "--output-format", "concise"]) == 0
    assert capsys.readouterr().out.split() == ["conv1d", "conv2d", "conv3d"]
    assert main(["ops", "conv2d", "--output-format", "json"]) == 0
    (op,) = json.loads(capsys.readouterr().out)
    assert (op["name"], op["python"]) == ("conv2d", "F.conv2d")


def test_ops_without_a_match_suggests_one(capsys: Capture) -> None:
    assert main(["ops", "conv2dd"]) == 1
    assert "did you mean `conv2d`?" in capsys.readouterr().err


def test_bug_of_ours_is_told_in_brief(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(cli, "build", broken)
    assert main(["build"]) == 70
    brief = capsys.readouterr().err
    assert "a bug in layergen" in brief and "RuntimeError: broken" in brief and "Traceback" not in brief
    monkeypatch.setenv("LAYERGEN_TRACEBACK", "1")
    assert main(["build"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "broken", "told"),
    [
        ("check", "scale_a", "2 specs: 1 not checked, for a bug in layergen, no faults in the others ("),
        ("check", "scale", "2 specs: 2 not checked, for a bug in layergen ("),
        ("build", "scale_a", "2 specs: 1 not made, for a bug in layergen, "),
        ("build", "scale", "2 specs: 2 not made, for a bug in layergen, "),
    ],
)
def test_what_could_not_be_looked_at_is_not_said_to_be_without_faults(
    command: str, broken: str, told: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(order: Order) -> Generated:
        if broken in order.spec.name:
            raise RuntimeError("broken")
        return generate(order)

    generate = pipeline.generate
    monkeypatch.setattr(pipeline, "generate", failing)
    for name in ("ScaleA", "ScaleB"):
        main(["new", name])
    assert main([command, "-j", "1"]) == 70
    assert told in capsys.readouterr().err


def test_reader_that_leaves_early_is_no_bug() -> None:
    process = subprocess.Popen([*LAYERGEN, "explain"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout and process.stderr
    process.stdout.close()
    assert process.wait() != 70
    assert "Traceback" not in process.stderr.read()


def test_output_that_takes_no_unicode_is_no_bug(project: Path) -> None:
    with_fault(project).write_text("lâyer: X\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*LAYERGEN, "check"], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1 and "LG" in done.stdout


def test_load_gives_the_class_and_writes_nothing(project: Path) -> None:
    main(["new", "GatedScale"])
    layer = layergen.load("specs/custom/gated_scale.yaml")
    assert repr(layer(4)).startswith("GatedScale(")
    assert [path.name for path in project.iterdir()] == ["specs"]


def test_load_raises_all_faults(project: Path) -> None:
    spec = with_fault(project)
    with pytest.raises(layergen.LayergenError, match="LG106 duplicate-key"):
        layergen.load(spec)


def test_load_finds_members_in_a_project_that_is_a_folder_of_specs(tmp_path: Path) -> None:
    place = tmp_path / "specs" / "norm"
    place.mkdir(parents=True)
    inputs = "inputs: {x: [N]}\noutputs: {y: [N]}\n"
    (place / "twice.yaml").write_text(f"layer: Twice\nsummary: Double.\n{inputs}forward: y = 2 * x\n")
    outer = (
        f"layer: FourTimes\nsummary: Double twice.\nmodules: {{twice: Twice()}}\n{inputs}forward: y = twice(twice(x))\n"
    )
    (place / "four_times.yaml").write_text(outer)
    assert layergen.load(place / "four_times.yaml")()(Tensor([1.0])).item() == 4
    with pytest.raises(layergen.LayergenError, match="there is no such file"):
        layergen.load(place)


def test_tests_that_cannot_be_imported_are_a_fault(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    main(["new", "GatedScale"])
    assert main(["build"]) == 0
    (project / "generated/tests/custom/test_gated_scale.py").write_text("import nothing_of_this_name\n")
    assert main(["test", "GatedScale"]) == 1
    assert "nothing_of_this_name" in capfd.readouterr().out


def test_build_from_python(project: Path) -> None:
    main(["new", "GatedScale"])
    result = layergen.build()
    assert not result.diagnostics and (project / "generated" / "custom" / "gated_scale.py").exists()


def test_bug_in_one_spec_is_told_after_all_else_and_exits_with_70(
    project: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    main(["new", "GatedScale"])
    monkeypatch.setattr(sys.modules["layergen.pipeline"], "examined", broken)
    capsys.readouterr()
    for command in ("build", "check"):
        assert main([command]) == 70
        told = capsys.readouterr().err
        assert "(met in specs/custom/gated_scale.yaml):\nRuntimeError: broken\n" in told and "Traceback" not in told
    monkeypatch.setenv("LAYERGEN_TRACEBACK", "1")
    assert main(["check"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "-1", "many", "1.5"])
def test_number_of_processes_is_positive(number: str, capsys: Capture) -> None:
    assert main(["build", "--jobs", number]) == 2
    assert "must be a positive number" in capsys.readouterr().err


def test_styles_of_faults_are_those_that_can_be_printed() -> None:
    from layergen.present import diagnostics

    assert tuple(diagnostics.STYLES) == cli.STYLES
