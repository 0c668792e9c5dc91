"""Layers that are sound, of many kinds: no promise that a build tries on data refuses one, and their own tests pass."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import meant_at_scales
import pytest
from _pytest.mark import ParameterSet
from forked import run_tests
from meant import SOUND

from layergen.check import check
from layergen.cli import main
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.resolve import resolve

FOLDER = Path(__file__).parent / "sound"
LENGTHY = frozenset(  # those that take longest, which are slow; others of their kinds do not
    {
        "absolute_spectrum",
        "alibi_attention",
        "barlow_loss",
        "causal_attention",
        "clip_loss",
        "cosine_classifier",
        "decay_scan",
        "dilated_cube",
        "film",
        "group_norm",
        "info_nce_loss",
        "laplacian",
        "linear_attention",
        "lo_ra_linear",
        "mixture_density",
        "modulated_norm",
        "moving_average_norm",
        "pixel_shuffle",
        "random_features",
        "repeated_convolution",
        "sage_conv",
        "sigmoid_focal_loss",
        "sinkhorn_plan",
        "smooth_maximum",
        "spectral_filter",
        "timestep_embedding",
        "vector_quantizer",
        "walsh_transform",
        "weight_norm_linear",
    }
)


def sound_layers() -> Iterator[ParameterSet]:
    for path in sorted(FOLDER.glob("*.yaml")):
        yield pytest.param(path, id=path.stem, marks=pytest.mark.slow if path.stem in LENGTHY else ())


@pytest.mark.parametrize("path", list(sound_layers()))
@pytest.mark.filterwarnings("ignore")
def test_sound_layer_is_accepted(path: Path) -> None:
    checked = check(resolve(validate(load(path, path.name))))
    assert checked.measured.data.ways > 0  # that it was run on data at all


@pytest.mark.slow
def test_tests_of_sound_layers_pass(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "specs")
    for name, parts in (SOUND | meant_at_scales.SOUND).items():
        words = name.split("_")
        text = f"layer: Sound{''.join(map(str.title, words))}\nsummary: A sound layer.\n{parts.lstrip()}"
        (tmp_path / "specs" / f"sound_{'_'.join(words)}.yaml").write_text(text, encoding="utf-8")
    assert main(["-C", str(tmp_path), "build"]) == 0
    result = run_tests(tmp_path, "-q", "-p", "no:cacheprovider", "-m", "not slow", "generated/tests")
    assert result.code == 0, result.output[-5000:]
