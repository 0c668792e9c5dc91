"""A layer's contract: plain data that others rely on, and that prose does not change."""

import json
import pickle
from typing import Any

import pytest
from small import DIM, FLAG, checked, program

from layergen.checked import CheckedLayer
from layergen.contract import Contract, contract_of
from layergen.project.library import contract_digest

LAYER: dict[str, Any] = {
    "forward": "y = linear(x, weight, bias) if training else linear(dropout(x, 0.5, training), weight, bias)",
    "arguments": {
        "features": {**DIM, "doc": "Number of inputs."},
        "units": {"type": "int", "default": "2 * features", "min": 1, "doc": "Number of outputs."},
        "bias": FLAG,
    },
    "derived": {"total": "features * units"},
    "constraints": ["units % features == 0"],
    "parameters": {
        "weight": {"shape": ["units", "features"], "init": "kaiming_uniform"},
        "bias": {"when": "bias", "shape": ["units"], "init": "zeros"},
    },
    "buffers": {"steps": {"shape": ["total"], "init": "zeros", "persistent": False}},
    "inputs": {"x": {"shape": ["...", "features"], "range": [0, 1]}},
    "outputs": {"y": ["...", "units"]},
}
LAYER["forward"] = f"{LAYER['forward']}\nif training:\n    steps = steps + 1"


@pytest.fixture(scope="module")
def layer() -> CheckedLayer:
    return checked(program(**LAYER))


@pytest.fixture(scope="module")
def unchanged(layer: CheckedLayer) -> str:
    return contract_digest(contract_of(layer).plain())


def copied(contract: Contract) -> object:
    """What another process gets."""
    return pickle.loads(pickle.dumps(contract))  # noqa: S301 (of our own making)


def digest(**changes: Any) -> str:
    return contract_digest(contract_of(checked(program(**{**LAYER, **changes}))).plain())


def test_says_all_that_another_layer_needs(layer: CheckedLayer) -> None:
    contract = contract_of(layer)
    units = contract.arguments[1]
    assert (units.name, units.type, units.default, units.min) == ("units", "int", "2 * features", 1)
    assert contract.derived == (("total", "features * units"),)
    assert contract.constraints == ("units % features == 0",)
    assert contract.inputs[0].shape == ("...", "features") and contract.inputs[0].range == ("0", "1")
    assert contract.outputs[0].shape == ("...", "units")
    state = [(part.name, part.role, part.when, part.persistent, part.updated) for part in contract.state]
    assert state == [
        ("weight", "parameter", None, True, False),
        ("bias", "parameter", "bias", True, False),
        ("steps", "buffer", None, False, True),
    ]
    assert contract.modes and contract.random == "training"
    assert contract.costs.flops == "2 * features * prod(...) * units"
    assert contract.costs.parameters == "units + features * units"


def test_says_of_each_way_through_the_forward_what_was_shown(layer: CheckedLayer) -> None:
    contract = contract_of(layer)
    assert {path.where for path in contract.paths} == {("bias=True",), ("bias=False",)}
    assert {path.training for path in contract.paths} == {True, False}
    assert contract.proven == layer.proven


def test_is_plain_data(layer: CheckedLayer) -> None:
    contract = contract_of(layer)
    plain = json.loads(json.dumps(contract.plain()))
    assert Contract.of_plain(plain) == contract == copied(contract)
    with pytest.raises(ValueError):
        Contract.of_plain({**plain, "layer": None})


def test_prose_does_not_change_it(unchanged: str) -> None:
    prose = {"summary": "Do something else.", "description": "At length."}
    arguments = {**LAYER["arguments"], "features": {**DIM, "doc": "Other words."}}
    assert digest(**prose, arguments=arguments, forward=f"# A comment.\n{LAYER['forward']}") == unchanged


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": {"y": {"shape": ["...", "units"], "dtype": "float32"}}},
        {"constraints": ["units > features"]},
        {"inputs": {"x": ["...", "features"]}},
        {"buffers": {"steps": {"shape": ["total"], "init": "zeros"}}},
        {
            "arguments": {
                **LAYER["arguments"],
                "units": {"type": "int", "min": 1, "default": "3 * features", "doc": "U."},
            }
        },
    ],
)
def test_what_others_rely_on_changes_it(changes: dict[str, Any], unchanged: str) -> None:
    if "dtype" in str(changes):
        changes["forward"] = LAYER["forward"].replace("\n", "\ny = type_as(y, ones([1], dtype=float32))\n", 1)
    assert digest(**changes) != unchanged
