"""Golden cases: each folder of tests/cases holds specs and what layergen makes of them.

A case is a project whose specs are those of the folder itself (``a_case/*.yaml``). Beside them may stand

- ``stdout.txt``: the faults that a build reports; nothing is written then. Without it, there are none.
- ``advice.txt``: the advice on specs without a fault, as ``layergen check`` shows it. Without it, there is none.
- ``expected/``: the whole output folder after the build. Without it, any output will do. What the tests of all layers
  share stands in one case alone, and is the same in the others.
- ``before/``: what is in the output folder before the build.
- ``mended/``: a case of its own, in which the faults are mended. It shows that a rule lets pass what is right.

``pytest --update-cases`` writes what layergen does now to ``stdout.txt`` and ``advice.txt``, and to ``expected/`` where
there is one.
"""

import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from forked import run_tests
from made import keep

from layergen.cli import main
from layergen.diagnostics import Rule
from layergen.rules import all_rules

CASES = Path(__file__).parent / "cases"
FOLDERS = sorted([*CASES.glob("*/"), *CASES.glob("*/mended/")])
FOLLOWED = ("advice.txt", "mended/advice.txt")
LENGTHY = frozenset(  # the cases that take long, which are slow tests as the mended ones are; others show their rules
    {
        "accepted_for_nothing",
        "arguments_by_name_alone",
        "attention_written_out",
        "axis_of_an_input",
        "buffer_read_before_its_update",
        "constraints_on_lists",
        "cosine_of_one",
        "derived_in_the_place_of_an_argument",
        "frozen_member",
        "labels_that_all_count_for_nothing",
        "layer_of_layers",
        "length_of_a_table",
        "list_of_sizes_in_a_shape",
        "loop_over_a_written_list",
        "loop_over_members",
        "loop_over_pairs_of_members",
        "loss_of_any_shape",
        "member_without_elements",
        "named_run_of_dimensions",
        "names_of_imports",
        "norm_written_out",
        "one_tensor_for_each_layer",
        "positions_counted_in_bfloat16",
        "products_kept_from_autocast",
        "rearranged_heads",
        "rows_that_no_index_meets",
        "rows_that_values_choose",
        "shapes_that_inputs_promise",
        "statements_that_linters_would_change",
        "tuple_among_targets",
        "tuple_on_a_condition",
        "types_that_checkers_of_types_miss",
        "values_and_functions_for_members",
        "values_that_start_from_each_other",
        "whole_layer_that_starts_by_loops",
        "whole_layer_with_a_function",
        "whole_layer_with_a_tensor",
        "whole_layer_with_families_of_members",
        "whole_layer_with_its_own_repr",
        "whole_layer_with_lists_of_numbers",
        "whole_layer_with_members_along_dimensions",
        "whole_layer_with_optional_input",
        "whole_layer_with_sizes_in_lists",
        "whole_layer_with_sizes_of_a_run",
        "whole_layer_with_text_or_sizes",
        "whole_layer_with_ties_over_lists",
        "whole_layer_with_what_is_perhaps_kept_small",
    }
)
MENDED = frozenset(  # the cases that reach, mended, what no other test reaches, and are no slow tests for that
    {
        "axis_of_no_input",
        "choices_of_a_union",
        "derived_without_its_argument",
        "distance_of_a_row_from_itself",
        "family_as_a_tensor",
        "integers_that_cannot_be_distinct",
        "loops_in_initial_values",
        "loss_that_was_never_wider",
        "mask_the_other_way_round",
        "one_weight_for_all_channels",
        "output_on_a_condition",
        "spectrum_in_half_precision",
        "table_of_positions_in_bfloat16",
    }
)
PARTS = ("stdout.txt", "advice.txt", "expected", "before", "mended")
SHARED = ("tests/behaviours.py", "tests/conftest.py")
HOLDS_SHARED = CASES / "whole_packages" / "expected"


def marked() -> Iterator[Any]:
    """All cases by their names, those marked that hold all that a build writes, and as slow the mended and lengthy."""
    for folder in FOLDERS:
        marks = [pytest.mark.written] if (folder / "expected").exists() else []
        slow = folder.parent.name not in MENDED if folder.name == "mended" else folder.name in LENGTHY
        marks += [pytest.mark.slow] if slow else []
        yield pytest.param(folder, id=folder.relative_to(CASES).as_posix(), marks=marks)


@pytest.fixture
def update(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-cases"))


@pytest.mark.parametrize("folder", list(marked()))
def test_case(
    folder: Path,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    update: bool,
) -> None:
    shutil.copytree(folder, tmp_path / "specs", ignore=shutil.ignore_patterns(*PARTS))
    if (folder / "before").exists():
        shutil.copytree(folder / "before", tmp_path / "generated")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    before = contents(tmp_path / "generated")
    code = main(["build"])
    if code == 0 and not before:
        keep(tmp_path / "generated", folder, tmp_path_factory)
    (output, summary), made = capsys.readouterr(), contents(tmp_path / "generated")
    advised = " of advice: " in summary and not output and main(["check"]) == 0  # from the cache, as it was built
    advice = capsys.readouterr().out if advised else ""
    if folder / "expected" != HOLDS_SHARED:
        shared = {path: made.pop(path) for path in SHARED if path in made and path not in before}
        assert update or all(text == (HOLDS_SHARED / path).read_text("utf-8") for path, text in shared.items())
    if update:
        assert not (output and is_sound(folder)), f"a sound case has become faulty: {output}"
        write(folder, {"stdout.txt": output, "advice.txt": advice}, made)
    assert output == contents(folder).get("stdout.txt", "")
    assert advice == contents(folder).get("advice.txt", "")
    assert code == (1 if output else 0)
    if (folder / "expected").exists():
        assert made == contents(folder / "expected")
    elif output:
        faulty = {Path(line.split(":")[0]).stem for line in output.splitlines() if line.startswith("specs/")}
        of_faulty = [path for path in made if Path(path).stem.removeprefix("test_") in faulty and path not in before]
        assert {path: made.get(path) for path in before} == before and not of_faulty


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
def test_each_rule_has_an_invalid_and_a_valid_case(rule: type[Rule]) -> None:
    fault = re.compile(rf"^(specs|generated)/.*: {rule.code} {rule.name}: ", re.MULTILINE)
    told = "advice.txt" if rule.advises else "stdout.txt"
    invalid = [file.parent for file in CASES.glob(f"*/{told}") if fault.search(file.read_text(encoding="utf-8"))]
    assert invalid
    assert rule.advises or any(folder.name not in LENGTHY for folder in invalid)  # `test_patterns.py` is of advice
    assert any((folder / "mended").exists() for folder in invalid)


def test_mended_cases_are_free_of_faults() -> None:
    assert not list(CASES.glob("*/mended/stdout.txt"))


def test_lengthy_cases_are_there() -> None:
    assert {folder.name for folder in FOLDERS} >= LENGTHY
    assert {folder.parent.name for folder in FOLDERS if folder.name == "mended"} >= MENDED


def test_advice_that_is_followed_is_not_given_again() -> None:
    assert not [folder for folder in CASES.glob("*/") if all((folder / name).exists() for name in FOLLOWED)]


def is_sound(folder: Path) -> bool:
    """Whether a case is there to show that nothing is wrong with it, so that no update may make it a faulty one."""
    return folder.name == "mended" or ((folder / "expected").exists() and not (folder / "stdout.txt").exists())


def contents(folder: Path) -> dict[str, str]:
    """The texts of all files in and below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace") for path in files}


def write(folder: Path, printed: dict[str, str], made: dict[str, str]) -> None:
    for name, output in printed.items():
        (folder / name).unlink(missing_ok=True)
        if output:
            (folder / name).write_text(output, encoding="utf-8", newline="\n")
    if not (folder / "expected").exists():
        return
    shutil.rmtree(folder / "expected")
    for name, text in made.items():
        path = folder / "expected" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def together() -> list[list[Path]]:
    """The expected outputs, put together into two or a few more where no file stands in the place of another."""
    groups: list[list[Path]] = [[], []]
    for folder in sorted(CASES.glob("*/expected/")):
        free = [group for group in groups if not any(modules(folder) & modules(other) for other in group)]
        if not free:
            groups.append([])
        min(free or groups[-1:], key=len).append(folder)
    return groups


@cache
def modules(folder: Path) -> set[str]:
    """The files of an expected output but for those that all have."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if path.name != "__init__.py"}
    return files - {*SHARED}


@pytest.mark.slow
@pytest.mark.parametrize("folders", together(), ids=len)
def test_expected_tests_pass(folders: list[Path], tmp_path: Path) -> None:
    for folder in folders:
        shutil.copytree(folder, tmp_path / "generated", dirs_exist_ok=True)
    for path in SHARED:
        shutil.copy(HOLDS_SHARED / path, tmp_path / "generated" / path)
    result = run_tests(tmp_path, "-q", "-p", "no:cacheprovider", "generated")
    assert result.code == 0, result.output
