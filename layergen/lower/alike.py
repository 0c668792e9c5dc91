"""Leaves out what does nothing to tensors of one shape: an input that may be broadcast mostly has the shape at once.

``var.expand_as(input)`` is a node in the graph of autograd, which takes longer than to compare two shapes.
"""

from layergen.lang import expression as ex
from layergen.resolve.program import Program


def unless_alike(node: ex.Expression, program: Program) -> ex.Expression:
    """An expression that expands an input only where it has another shape than it is expanded to."""

    def change(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Call(function="expand_as", arguments=(ex.Name(id=name) as own, ex.Name(id=other))) if (
                name in program.inputs
                and other in program.inputs
                and program.inputs[name].broadcast
                and program.forward.assigned.isdisjoint({name, other})
                and program.shapes[name][0].entries == program.shapes[other][0].entries
            ):
                same = ex.Compare(ex.Name(f"{name}.shape"), ("==",), (ex.Name(f"{other}.shape"),))
                return ex.Conditional(same, own, part)
        return None

    return ex.transform(node, change)
