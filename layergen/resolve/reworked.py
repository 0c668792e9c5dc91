"""A program whose forward is another one: its words are understood as those of its own were."""

from collections.abc import Sequence
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.resolve.annotation import Environment, Functions
from layergen.resolve.blocks import annotated_block
from layergen.resolve.method import Method
from layergen.resolve.program import Program


def with_forward(program: Program, block: Sequence[ex.Statement]) -> Program:
    """The same program with other statements for its forward; what they call is not checked."""
    parts = {**program.tensors, **program.members}
    conditions = {name: part.when for name, part in parts.items() if part.when is not None}
    statements, _ = annotated_block(block, Environment(program.names, Functions.TENSORS, conditions))
    return replace(program, forward=Method(statements))
