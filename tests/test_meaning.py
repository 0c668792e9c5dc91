"""Which entries of a layer depend on which: what is held, and what is refused."""

from typing import Any

import meant_at_scales
import pytest
import yaml
from meant import SOUND, WRONG
from small import DIM, checked, fault_of, program, spec

from layergen.check import CheckedLayer
from layergen.contract import contract_of
from layergen.present.guarantees import guarantees
from layergen.resolve.meanings import check_meanings
from layergen.resolve.program import Program


def read(text: str) -> Program:
    """A small layer from its parts as YAML."""
    return program(**yaml.safe_load(text))


ALL_SOUND = SOUND | meant_at_scales.SOUND
ALL_WRONG = WRONG | meant_at_scales.WRONG


LENGTHY = frozenset(  # those that take longest, which are slow; others of their kinds do not
    {
        "causal_attention_at_a_low_temperature",
        "contrastive",
        "key_masked_attention",
        "loss_of_the_next_token",
        "loss_with_a_reduction",
        "patches",
        "self_attention_with_a_mask",
    }
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LENGTHY else ()) for name in ALL_SOUND]
)
def test_sound_layers_pass(name: str) -> None:
    assert not checked(read(ALL_SOUND[name])).judgement.accepted


@pytest.mark.parametrize("name", ALL_WRONG)
def test_wrong_layers_are_refused(name: str) -> None:
    code, words, text = ALL_WRONG[name]
    finding = fault_of(read(text))
    assert (finding.rule.code, words in f"{finding.message} {finding.help}") == (code, True), finding


def claims(layer: CheckedLayer, contract: str) -> list[tuple[str, str]]:
    """What is shown of a contract."""
    return [(item.verdict, item.detail) for item in guarantees(layer) if item.contract == contract]


def test_claims_name_what_was_run() -> None:
    noise = checked(read(SOUND["sample_noise"]))
    assert claims(noise, "independence") == [
        ("tried", "in training, on 1 way, along `N`: the other samples replaced"),
        (
            "tried",
            "in evaluation, on 1 way, along `N`: the other samples replaced, all of them reordered and one alone",
        ),
    ]
    masked = checked(read(SOUND["masked_mean"]))
    assert claims(masked, "masks") == [
        (
            "tried",
            "on 1 way, positions of `x` that `mask` does not mark: replaced, more of them appended, "
            "all, none, and none of the first sample marked",
        )
    ]


@pytest.mark.parametrize(
    ("kept", "claimed"), [("where(mask[:, :, None], x, 0)", True), ("x * type_as(mask, x)[:, :, None]", False)]
)
def test_what_a_mask_hides_may_be_nan_where_no_weight_of_zero_keeps_it_out(kept: str, claimed: bool) -> None:
    mask = {"shape": ["N", "L"], "dtype": "bool", "marks": "x", "dim": "L"}
    layer = program(f"y = sum({kept}, dim=1)", inputs={"x": ["N", "L", "D"], "mask": mask}, outputs={"y": ["N", "D"]})
    ((_, detail),) = claims(checked(layer), "masks")
    assert ("replaced, NaN there" in detail) == claimed


@pytest.mark.parametrize("name", ["contrastive", "similarity_of_all_pairs", "huber_loss"])
def test_nothing_is_claimed_of_samples_that_mix_or_are_not_there(name: str) -> None:
    assert claims(checked(read(SOUND[name])), "independence") == []


def test_statistics_of_the_batch_are_claimed_in_evaluation_alone() -> None:
    ((_, detail),) = claims(checked(read(SOUND["batch_statistics_in_training"])), "independence")
    assert detail.startswith("in evaluation, on 1 way")


def test_causality_is_not_judged_without_the_key() -> None:
    parts = yaml.safe_load(WRONG["convolution_to_both_sides"][2])
    del parts["causal"]
    assert claims(checked(program(**parts)), "causal") == []


BATCH_NORM: dict[str, Any] = {
    "arguments": {"dim": {**DIM, "min": 2}},
    "buffers": {
        "running_mean": {"shape": ["dim"], "init": "zeros"},
        "running_var": {"shape": ["dim"], "init": "ones"},
        "num_batches_tracked": {"shape": [], "dtype": "int64", "init": "zeros"},
    },
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
    "forward": """
y, running_mean, running_var = batch_norm(x, running_mean, running_var, training=training)
if training:
    num_batches_tracked = num_batches_tracked + 1
""",
}


def test_layer_mixes_what_the_module_does_that_it_matches() -> None:
    layer = checked(program(**BATCH_NORM, matches="nn.BatchNorm1d(dim, affine=False)"))
    assert [detail.split(",")[0] for _, detail in claims(layer, "independence")] == ["in evaluation"]
    assert fault_of(program(**BATCH_NORM)).rule.name == "dependent-samples"


UPSAMPLE: dict[str, Any] = {
    "arguments": {"channels": DIM},
    "parameters": {"weight": {"shape": ["channels", "channels", 2, 2], "init": "kaiming_uniform(a=2.2)"}},
    "inputs": {"x": ["N", "channels", "H", "W"]},
    "outputs": {"y": ["N", "channels", "2 * H", "2 * W"]},
    "forward": "y = conv_transpose2d(x, weight, stride=2)",
}


def test_accepted_judgement_stands_in_what_is_shown_and_in_the_contract() -> None:
    assert fault_of(program(**UPSAMPLE)).rule.name == "wrong-fan"
    layer = checked(program(**UPSAMPLE, accept={"wrong-fan": "as it was published"}))
    assert [finding.rule.name for finding in layer.judgement.accepted] == ["wrong-fan"]
    assert claims(layer, "accepted") == [("declared", "wrong-fan: as it was published")]
    assert contract_of(layer).accepted == (("wrong-fan", "as it was published"),)


def started(init: str) -> Program:
    """A transposed convolution that matches that of torch, with another start perhaps."""
    weight = {"shape": ["channels", "channels", 2, 2], "init": init}
    matches = "nn.ConvTranspose2d(channels, channels, 2, 2, bias=False)"
    return program(**{**UPSAMPLE, "parameters": {"weight": weight}, "matches": matches})


def test_start_of_the_matched_module_is_not_judged() -> None:
    assert checked(started("kaiming_uniform(a=sqrt(5))")).judgement.accepted == ()
    assert fault_of(started("kaiming_uniform(a=0.1)")).rule.name == "wrong-fan"


TUPLE = "outputs: {y: [N, L], state: {tuple: {h: [N, L], c: [N, L]}}}"


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("LG303", "forward: |\n  y = x\n  state = (as_strided(x, [N, L], [L, 1]), x)"),
        ("LG327", "forward: |\n  y = x\n  state = (x - mean(x, dim=0, keepdim=True), x)"),
        ("LG329", "causal: L\nforward: |\n  y = x\n  state = (flip(x, [1]), x)"),
    ],
)
def test_a_fault_of_a_tensor_in_a_tuple_is_found_where_the_tuple_is_made(code: str, parts: str) -> None:
    finding = fault_of(read(f"inputs: {{x: [N, L]}}\n{TUPLE}\n{parts}"))
    assert (finding.rule.code, finding.place.span) == (code, (6, 11)), finding
    assert "`state[0]`" in finding.message


def test_a_mean_over_what_a_mask_leaves_out_is_found_in_a_tuple() -> None:
    inputs = "inputs: {x: [N, L], mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}}"
    outputs = "outputs: {y: [N, L], state: {tuple: {h: [N], c: [N]}}}"
    forward = "forward: |\n  y = where(mask, x, 0.0)\n  state = (mean(x, dim=1), sum(y, dim=1))"
    assert fault_of(read(f"{inputs}\n{outputs}\n{forward}")).rule.code == "LG330"


IMAGE: dict[str, Any] = {"inputs": {"x": ["N", "C", "H", "W"]}, "outputs": {"y": ["N", "C", "H", "W"]}}


@pytest.mark.parametrize(
    ("dims", "message"),
    [
        ([], "`causal` names no dimension"),
        (["H", "H"], "`causal` names a dimension twice"),
        (["H", "Q"], "`Q` is not a dimension of the inputs"),
    ],
)
def test_what_is_causal_row_by_row_is_named(dims: list[str], message: str) -> None:
    (finding,) = check_meanings(spec("y = tanh(x)", **IMAGE, causal=dims))
    assert finding.message == message


def test_dimensions_that_no_tensor_has_together_come_in_no_order() -> None:
    apart = {"inputs": {"x": ["N", "H"], "z": ["N", "W"]}, "outputs": {"y": ["N", "H", "W"]}}
    (finding,) = check_meanings(spec("y = x[:, :, None] + z[:, None]", **apart, causal=["H", "W"]))
    own = "as entries of their own just once, so that no entry is later than another"
    assert finding.message == f"no input has `H` and `W` {own}"


def test_causality_row_by_row_is_claimed_as_what_it_is() -> None:
    ((_, detail),) = claims(checked(program("y = tanh(x)", **IMAGE, causal=["H", "W"])), "causal")
    assert detail.startswith("on 1 way, along `H` and `W` row by row: all that is later")
    assert detail.endswith("and the sequence ended in the middle")
