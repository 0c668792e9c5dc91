"""Layers that torch runs with data alone, or not at symbols: they are tried at numbers, and said to be."""

from pathlib import Path
from typing import Any

import pytest
from forked import run_tests
from projects import Project
from small import checked, fault_of, program, setting_of, settings_of

from layergen.checked import CheckedLayer
from layergen.domains.numbers import with_numbers
from layergen.present.guarantees import guarantees
from layergen.prove.demands import RankDemand, SizeDemand
from layergen.prove.proven import Proof, Tried
from layergen.resolve.program import Program

CTC = """\
layer: CtcScore
summary: Score alignments of a text with the frames of a recording.
inputs:
  p: [T, N, C]
  t: {shape: [N, S], dtype: int64, range: [1, C]}
  i: {shape: [N], dtype: int64, range: [T, T + 1]}
  l: {shape: [N], dtype: int64, range: [1, S + 1]}
outputs:
  y: []
forward: y = ctc_loss(log_softmax(p, dim=-1), t, i, l)
"""
GAUSSIAN = """\
layer: GaussianScore
summary: Score a prediction by its variance.
inputs: {x: [N], t: [N], v: {shape: [N], range: [1, 2]}}
outputs: {y: []}
forward: y = gaussian_nll_loss(x, t, v)
"""
FRACTIONAL = """\
layer: FractionalPool
summary: Pool windows of random places.
arguments:
  ratio: {type: float, min: 0, max: 1, exclusive: true, default: 0.5, doc: How much of a side is kept.}
constraints: [int(H * ratio) >= 1, int(W * ratio) >= 1]
inputs: {x: [N, C, H, W]}
outputs: {y: [N, C, int(H * ratio), int(W * ratio)]}
forward: y = fractional_max_pool2d(x, 2, output_ratio=[ratio, ratio])
random: always
cases: [{ratio: 0.5, H: 8, W: 12}]
"""
SPECS = {"ctc_score": CTC, "gaussian_score": GAUSSIAN, "fractional_pool": FRACTIONAL}


def gaussian(output: list[str]) -> Program:
    inputs = {"x": ["N"], "t": ["N"], "v": {"shape": ["N"], "range": [1, 2]}}
    return program("y = gaussian_nll_loss(x, t, v)", inputs=inputs, outputs={"y": output})


def shape_of(layer: CheckedLayer) -> tuple[str, str]:
    (found,) = (item for item in guarantees(layer) if item.contract == "shape")
    return found.verdict, found.detail


def test_what_runs_with_data_alone_is_tried_at_several_sizes() -> None:
    layer = checked(gaussian([]))
    (tried,) = layer.proofs
    assert isinstance(tried, Tried) and tried.for_data and tried.further == 3
    assert not layer.proven
    verdict, detail = shape_of(layer)
    assert verdict == "tried"
    assert "3 further sizes, not at symbols: torch runs `gaussian_nll_loss(x, t, v)` with data alone" in detail


def test_nothing_is_claimed_of_runs_that_need_no_data() -> None:
    said = {item.contract: item for item in guarantees(checked(gaussian([])))}
    assert said["device"].verdict == "checked"
    assert not any("autocast" in item.detail or "accelerator" in item.detail for item in said.values())


def ctc(**parts: Any) -> Program:
    lengths = "full([N], T, dtype=int64), full([N], S, dtype=int64)"
    inputs = {"x": ["T", "N", "C"], "t": {"shape": ["N", "S"], "dtype": "int64", "range": [1, "C"]}}
    forward = f"y = ctc_loss(log_softmax(x, dim=-1), t, {lengths})"
    return program(forward, **{"inputs": inputs, "outputs": {"y": []}, **parts})


def test_a_loss_is_tried_where_it_is_finite() -> None:
    found = checked(ctc())  # at ordinary sizes, the text is longer than the recording
    assert [case.setting.sizes["T"] > case.setting.sizes["S"] for case in found.cases] == [True]


@pytest.mark.parametrize(("case", "changed"), [({"S": 8}, "T"), ({"T": 5}, "S")])
def test_the_sizes_of_a_case_stay_where_others_make_a_loss_finite(case: dict[str, int], changed: str) -> None:
    layer = ctc(cases=[case])
    sizes = checked(layer).cases[0].setting.sizes
    usual = setting_of(layer).sizes
    assert sizes.items() >= case.items()
    assert [name for name in sizes if sizes[name] != usual[name]] == [changed]


def test_what_is_finite_nowhere_is_tried_at_its_usual_sizes() -> None:
    layer = program("y = mean(log(-square(x)))", inputs={"x": ["N", "C"]}, outputs={"y": []})
    usual = settings_of(layer)
    assert with_numbers(layer, usual) == tuple(usual)
    assert fault_of(layer).rule.code == "LG313"


def test_a_wrong_shape_shows_with_data_too() -> None:
    finding = fault_of(gaussian(["N"]))
    assert (finding.rule.code, finding.message) == ("LG302", "output `y` is declared as [N], but is []")


def test_a_shape_that_is_right_at_one_size_alone_is_found() -> None:
    inputs = {"x": ["N"], "v": {"shape": ["N"], "range": [1, 2]}}
    finding = fault_of(program("y = x + gaussian_nll_loss(x, x, v)", inputs=inputs, outputs={"y": [2]}))
    assert (finding.rule.code, finding.notes) == ("LG302", ("setting: N=3",))


def test_sizes_are_checked_without_being_tried() -> None:
    demands = [(type(check.demand), check.input) for check in checked(gaussian([])).input_checks]
    assert demands == [(RankDemand, "x"), (RankDemand, "t"), (SizeDemand, "t"), (RankDemand, "v"), (SizeDemand, "v")]


def test_a_size_that_is_rounded_from_a_product_is_tried() -> None:
    parts = {
        "arguments": {
            "ratio": {"type": "float", "min": 0, "max": 1, "exclusive": True, "default": 0.5, "doc": "Part."}
        },
        "inputs": {"x": ["N", "C", "H", "W"]},
        "outputs": {"y": ["N", "C", "int(H * ratio)", "int(W * ratio)"]},
        "constraints": ["int(H * ratio) >= 1", "int(W * ratio) >= 1"],
        "random": "always",
    }
    layer = checked(program("y = fractional_max_pool2d(x, 2, output_ratio=[ratio, ratio])", **parts))
    assert all(isinstance(proof, Proof) and proof.sampled == ("y",) for proof in layer.proofs)
    assert shape_of(layer)[0] == "tried"


def test_effect_of_an_input_with_one_value_is_not_asked_for() -> None:
    def counted(high: str) -> Program:
        inputs = {"x": ["N", "C"], "i": {"shape": ["N"], "dtype": "int64", "range": ["C", high]}}
        return program("y = x + (i // C)[:, None]", inputs=inputs, constraints=["C > 1"])

    assert checked(counted("C + 1"))
    assert fault_of(counted("2 * C")).rule.name == "ignored-entries"


@pytest.mark.slow
def test_what_is_generated_passes_its_tests(tmp_path: Path) -> None:
    project = Project(tmp_path, {f"{name}.yaml": text for name, text in SPECS.items()})
    built = project.build()
    assert (built.code, built.faults) == (0, ()), built.errors
    result = run_tests(tmp_path, "-q", "-p", "no:cacheprovider", "generated")
    assert result.code == 0, result.output
