"""Builds after builds: the same bytes however they are made, and old or new files whatever happens to them."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from layergen.cli import main
from layergen.project.cache import CLOCK, FOLDER
from layergen.project.signing import is_intact
from layergen.project.workers import SHARE

NAMES = [f"Scale{letter}" for letter in "ABCDEFGHIJ"]
assert len(NAMES) >= 2 * SHARE  # so that two processes are worth their start


def project(root: Path, names: list[str] = NAMES) -> Path:
    root.mkdir()
    for number, name in enumerate(names):
        assert main(["-C", str(root), "new", name, "--category", "ab"[number % 2]]) == 0
    return root


def build(root: Path, *arguments: str) -> None:
    assert main(["-C", str(root), "build", *arguments]) == 0


def build_apart(root: Path, *arguments: str, **variables: str) -> None:
    """Build in a process of its own, which takes as long as torch does to be imported."""
    command = [sys.executable, "-m", "layergen", "build", *arguments]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def contents(root: Path) -> dict[str, bytes]:
    files = [path for path in (root / "generated").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as this process has built it."""
    root = project(tmp_path_factory.mktemp("built") / "project")
    build(root, "-j", "1")
    return root


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    shutil.copytree(built, tmp_path / "project")
    return tmp_path / "project"


def test_processes_hash_seed_and_locale_change_no_byte(built: Path, copy: Path) -> None:
    shutil.rmtree(copy / "generated")
    shutil.rmtree(copy / FOLDER)
    build_apart(copy, "-j", "2", PYTHONHASHSEED="2", LC_ALL="C", PYTHONUTF8="0")
    assert contents(copy) == contents(built)


def test_outputs_come_back_from_the_cache(built: Path, copy: Path) -> None:
    shutil.rmtree(copy / "generated")
    program = "import sys; from layergen.cli import main; sys.exit(main(['build']) or 'torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=copy, check=True, capture_output=True)
    assert contents(copy) == contents(built)


@pytest.mark.parametrize(
    "damage",
    ["all", *(pytest.param(part, marks=pytest.mark.slow) for part in ("gone", "manifest", "texts", "results"))],
)
def test_damaged_cache_changes_no_byte(built: Path, copy: Path, damage: str) -> None:
    spoilt = {"manifest": "manifest.json", "texts": "*.text", "results": "*.json", "all": "*"}
    if damage == "gone":
        shutil.rmtree(copy / FOLDER)
    else:
        for path in (copy / FOLDER).glob(spoilt[damage]):
            path.write_bytes(path.read_bytes()[:-7])
    build(copy, "specs/a/scale_a.yaml")
    assert contents(copy) == contents(built)


def test_one_change_makes_one_layer_again(copy: Path) -> None:
    spec = copy / "specs" / "a" / "scale_a.yaml"
    spec.write_text(spec.read_text().replace("Scale each feature", "Stretch each feature"))
    before = contents(copy)
    build(copy)
    after = contents(copy)
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed <= {"generated/a/scale_a.py", "generated/tests/a/test_scale_a.py"} and changed


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are not killed by signals there")
def test_killed_builds_leave_whole_files_and_the_next_one_mends(built: Path, copy: Path) -> None:
    chance = random.Random(0)
    shutil.rmtree(copy / "generated")
    shutil.rmtree(copy / FOLDER)
    for _ in range(8):
        command = [sys.executable, "-m", "layergen", "build", "-j", "2"]
        process = subprocess.Popen(command, cwd=copy, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(chance.uniform(0.1, 6))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert all(is_intact(text.decode()) for path, text in contents(copy).items() if path.endswith(".py"))
    build(copy)
    assert contents(copy) == contents(built)


@pytest.mark.slow
def test_two_builds_at_once_give_what_one_gives(built: Path, copy: Path) -> None:
    shutil.rmtree(copy / "generated")
    shutil.rmtree(copy / FOLDER)
    command = [sys.executable, "-m", "layergen", "build", "-j", "1"]
    builds = [subprocess.Popen(command, cwd=copy, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in builds] == [0, 0]
    build(copy)
    assert contents(copy) == contents(built)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="processes are not interrupted by signals there")
@pytest.mark.parametrize("delay", [0, 0.5])
def test_interrupt_ends_all_processes_at_once_and_quietly(copy: Path, delay: float) -> None:
    """Before the other processes are there, and while they import torch."""
    shutil.rmtree(copy / FOLDER)
    command = [sys.executable, "-m", "layergen", "build", "-j", "2"]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # else ignored, in what runs in the background
    process = subprocess.Popen(command, cwd=copy, stderr=subprocess.PIPE, text=True, start_new_session=True)
    signal.signal(signal.SIGINT, before)
    while not (copy / FOLDER / CLOCK).exists():
        time.sleep(0.01)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=60)[1]  # which ends when no process holds the pipe any more
    assert "Traceback" not in told
    assert process.returncode == 130 and told == "layergen: interrupted\n"
