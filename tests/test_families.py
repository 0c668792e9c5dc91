"""Families of tensors: their names, their order, and how code reads them."""

from typing import Any

import pytest
from small import DIM, checked, forward_lines, instance_of, program

from layergen.contract import contract_of
from layergen.lower.cases import in_order
from layergen.resolve.program import Program
from layergen.run.trial import facts

SHAPE = {"shape": ["dim"], "init": "ones"}


def layer(forward: str, **tensors: Any) -> Program:
    """A layer with families."""
    arguments = {"dim": DIM, "flag": {"type": "bool", "default": True, "doc": "Whether."}}
    parts = {name: {**SHAPE, **part} for name, part in tensors.items()}
    return program(
        forward, arguments=arguments, parameters=parts, inputs={"x": "[N, dim]"}, outputs={"y": ["N", "dim"]}
    )


NAMED = {"each": {"k": 2}, "named": "w_l{k}"}
OTHER = {"each": {"k": 2}, "named": "b_l{k}"}


def test_state_is_in_the_order_of_torch() -> None:
    found = layer("y = x", lists={"each": {"k": 2}}, w=NAMED, b=OTHER, last={})
    instance = instance_of(found)
    state = {name: facts(tensor) for name, tensor in instance.state.items() if tensor is not None}
    names = ["w_l0", "b_l0", "w_l1", "b_l1", "last", "lists.0", "lists.1"]
    assert list(in_order(instance.program, state)) == names
    assert instance.program.shown("w_l1") == "w[1]"
    assert instance.program.path("lists.0") == ("parameters", "lists")


def test_family_without_members_is_there() -> None:
    found = instance_of(layer("y = x", w={"each": {"k": 0}}, v={"each": {"k": 2}, "when": "not flag"}))
    assert found.named["w"] == []
    assert found.named["v"] is None


def test_index_is_known_to_shape_and_start() -> None:
    shape = {"each": {"k": 3}, "shape": ["dim", "k + 1"], "init": "full([dim, k + 1], k)"}
    tensors = instance_of(layer("y = x", w=shape)).state
    assert [tensor.shape[1] for tensor in tensors.values() if tensor is not None] == [1, 2, 3]


READS = {
    "y = x * w[0]": "return x * self.w_l0",
    "y = x * w[-1]": 'y: Tensor = x * getattr(self, f"w_l{2 - 1}")',
    "y = x * v[1]": "y: Tensor = x * self.v[1]",
    "y = x if v is None else x * v[0]": "y: Tensor = x if self.v is None else x * self.v[0]",
    "y = x if b is None else x * b[0]": "return x if not self.flag else x * self.b_l0",
}


@pytest.mark.parametrize("forward", READS)
def test_code_reads_one_tensor(forward: str) -> None:
    optional = {**OTHER, "when": "flag"}
    found = layer(forward, w=NAMED, v={"each": {"k": 2}, "when": "flag"}, b=optional)
    assert READS[forward] in forward_lines(found)


def test_contract_has_the_family_as_it_is_declared() -> None:
    found = contract_of(checked(layer("y = x * w[0] * w[1]", w=NAMED)))
    assert [(part.name, part.each, part.named) for part in found.state] == [("w", ("k", "2"), "w_l{k}")]
