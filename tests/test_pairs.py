"""Faults that people have made: of each pair in tests/pairs the wrong layer is refused, and its sound twin is not."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from forked import run_tests
from projects import Project

PAIRS = Path(__file__).parent / "pairs"
REFUSED = {  # by the build, with one finding
    "arc_margin": "LG315",
    "autocorrelation": "LG302",
    "bn_biased": "LG404",
    "bool_minus": "LG303",
    "causal_conv": "LG301",
    "causal_leak": "LG329",
    "fnet": "LG304",
    "fp16_fill": "LG304",
    "head_merge": "LG350",
    "ignore_onehot": "LG303",
    "lora_zero": "LG323",
    "masked_attn": "LG314",
    "mean_pool": "LG327",
    "nan_masked": "LG314",
    "off_by_one": "LG303",
    "pairwise_self": "LG315",
    "partial_rope": "LG301",
    "pos_batch": "LG327",
    "pos_index": "LG347",
    "rel_pos": "LG316",
    "rotary_half": "LG320",
    "se": "LG303",
    "se_zero": "LG407",
    "smooth_l1": "LG315",
    "spectral2": "LG324",
    "valid_mean": "LG216",
    "view_input": "LG303",
    "view_merge": "LG303",
}
NOT_FOUND = ("focal_mean",)  # wrong values alone: nothing in the spec says what is to be computed
NAMES = sorted(path.name for path in PAIRS.iterdir())


def texts(kind: str, *names: str) -> dict[str, bytes]:
    """The specs of some pairs, each in a folder of its own."""
    paths = {name: next((PAIRS / name / kind).glob("*.yaml")) for name in names}
    return {f"{name}/{path.name}": path.read_bytes() for name, path in paths.items()}


def failing(root: Path, kind: str, *names: str) -> set[tuple[str, str]]:
    """Build specs without a fault, and run their tests: the pairs and the names of those that fail."""
    built = Project(root, texts(kind, *names)).build()
    assert (built.code, built.faults) == (0, ()), built.errors
    result = run_tests(root, "-q", "-p", "no:cacheprovider", "-rfE", "generated")
    failed = set(re.findall(r"^(?:FAILED|ERROR) generated/tests/(\w+)/\w+\.py::(\w+)", result.output, re.MULTILINE))
    assert result.code == bool(failed), result.output
    return failed


def test_each_pair_is_held_to_something() -> None:
    assert sorted((*REFUSED, *NOT_FOUND)) == NAMES


# Those whose check takes longest. Others show their rules.
LENGTHY = frozenset(
    {
        "arc_margin",
        "autocorrelation",
        "head_merge",
        "lora_zero",
        "partial_rope",
        "rel_pos",
        "se",
        "spectral2",
        "valid_mean",
    }
)


def refused_ones() -> Iterator[ParameterSet]:
    for name, code in REFUSED.items():
        yield pytest.param(name, code, id=name, marks=pytest.mark.slow if name in LENGTHY else ())


@pytest.mark.parametrize(("name", "code"), list(refused_ones()))
def test_wrong_one_is_refused(tmp_path: Path, name: str, code: str) -> None:
    built = Project(tmp_path, texts("bad", name)).build()
    assert [fault.code for fault in built.faults] == [code]
    assert (built.code, built.files) == (1, frozenset()), built.errors


@pytest.mark.slow
def test_sound_ones_are_accepted_and_pass_their_tests(tmp_path: Path) -> None:
    assert not failing(tmp_path, "good", *NAMES)


@pytest.mark.slow
def test_what_is_wrong_in_values_alone_is_not_found(tmp_path: Path) -> None:
    assert not failing(tmp_path, "bad", *NOT_FOUND)
