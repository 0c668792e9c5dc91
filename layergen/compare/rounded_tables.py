"""Constants that a layer holds in a narrow dtype, where its definition tells the formula and reads none of them.

They are compared as they would be in float64, so that what a formula gets wrong is not taken for what rounding does.
"""

from collections.abc import Iterator
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.model import Buffer
from layergen.lang.visitor import nodes
from layergen.resolve.program import NARROW, Program
from layergen.resolve.saved import is_constant

WIDE = {"complex64": "complex128"}  # and of others float64


def rounded_tables(program: Program) -> Iterator[str]:
    """The buffers that round what the definition computes itself."""
    if program.definition is None:
        return
    read = {name for node in nodes(program.forward.statements) for name in ex.names(node)}
    for name in sorted(read - program.definition.mentions):
        if is_constant(program, name) and program.buffers[name].dtype in NARROW:
            yield name


def with_wide_tables(program: Program) -> Program:
    """The same layer, whose tables hold what its formula gives."""
    wide: dict[str, Buffer] = {}
    for name in rounded_tables(program):
        own = program.buffers[name]
        wide[name] = own.model_copy(update={"dtype": WIDE.get(str(own.dtype), "float64")})
    return replace(program, buffers={**program.buffers, **wide}) if wide else program
