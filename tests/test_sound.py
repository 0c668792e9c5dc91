"""Layers that are sound, of many kinds: no promise that a build tries on data refuses one, and their own tests pass."""

import shutil
import subprocess
import sys
from pathlib import Path

import meant_at_scales
import pytest
from meant import SOUND

from layergen.check import check
from layergen.cli import main
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.resolve import resolve

FOLDER = Path(__file__).parent / "sound"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")
def test_sound_layer_is_accepted(path: Path) -> None:
    checked = check(resolve(validate(load(path, path.name))))
    assert checked.data.ways > 0  # that it was run on data at all


@pytest.mark.slow
def test_tests_of_sound_layers_pass(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "specs")
    for name, parts in (SOUND | meant_at_scales.SOUND).items():
        words = name.split("_")
        text = f"layer: Sound{''.join(map(str.title, words))}\nsummary: A sound layer.\n{parts.lstrip()}"
        (tmp_path / "specs" / f"sound_{'_'.join(words)}.yaml").write_text(text, encoding="utf-8")
    assert main(["-C", str(tmp_path), "build"]) == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "generated/tests"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-5000:]
