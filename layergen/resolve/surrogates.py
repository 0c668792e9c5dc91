"""The tensors of a layer whose gradients are no derivatives, and are told by what the layer matches all the same."""

from dataclasses import replace

from layergen.lang import expression as ex
from layergen.resolve.program import Program


def told_surrogates(program: Program) -> tuple[str, ...]:
    """Inputs and parameters whose gradients are those of the expression under ``matches``, though no derivatives.

    An expression tells them where it has a ``detach`` of its own, which changes no value: one without may tell values
    alone, as ``round(x)`` does of a straight-through estimate.
    """
    if program.formula is None or not _detaches(program.formula):
        return ()
    inputs = (name for name, part in program.inputs.items() if part.floating and part.surrogate)
    own = (name for name, part in program.parameters.items() if not part.gradient)
    return (*inputs, *own)


def opened(program: Program, name: str) -> Program:
    """The same layer, of whose input nothing is said."""
    changed = program.inputs[name].model_copy(update={"gradient": True})
    return replace(program, inputs={**program.inputs, name: changed})


def _detaches(formula: ex.Expression) -> bool:
    return any(isinstance(node, ex.Call) and node.function == "detach" for node in ex.walk(formula))
