"""Layers that are sound, of many kinds: no promise that a build tries on data may refuse one of them."""

from pathlib import Path

import pytest

from layergen.check import check
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.resolve import resolve

FOLDER = Path(__file__).parent / "sound"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")
def test_sound_layer_is_accepted(path: Path) -> None:
    checked = check(resolve(validate(load(path, path.name))))
    assert checked.data.ways > 0  # that it was run on data at all
