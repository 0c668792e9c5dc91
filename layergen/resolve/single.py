"""Whether a layer takes a single sample by itself: all that its forward does with a batch are ops that take both."""

from collections.abc import Iterator, Mapping, Set

from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.model import Input
from layergen.lang.visitor import Block, parts
from layergen.ops.traits import SINGLE
from layergen.resolve.unbatched import axis

BEHIND = frozenset({"softmax", "log_softmax"})  # ops that take both where they count a dimension from the end


def takes_single_samples(block: Block, inputs: Mapping[str, Input], name: str, read: Set[str]) -> bool:
    """Whether a forward computes the same without a dimension as with it, at a size of 1.

    Args:
        block: The forward.
        inputs: The inputs of the layer.
        name: The dimension, which comes first in the inputs that have it.
        read: The names that are read elsewhere, as by constraints.
    """
    where = {input: axis(part, name) for input, part in inputs.items()}
    batched = {input for input, place in where.items() if place is not None}
    closed = all(ex.Literal(...) not in inputs[input].entries for input in batched)
    first = closed and all(where[input] == ex.Literal(0) and not inputs[input].optional for input in batched)
    return first and name not in read and all(_kept(block, name, batched))


def _kept(block: Block, name: str, batched: set[str]) -> Iterator[bool]:
    """Whether each statement does nothing else with tensors that have the dimension; these are added to."""
    for statement in block:
        found = parts(statement)
        mentioned = set[str]().union(*map(ex.names, found.expressions))
        if isinstance(statement, ex.Assign):
            yield name not in mentioned
            if mentioned & batched:
                yield _takes_both(statement.value, batched)
                batched |= {target.id for target in statement.targets}
        else:
            yield isinstance(statement, ex.If | ex.Comment) and not mentioned & {name, *batched}
            for inner in found.blocks:
                yield from _kept(inner, name, batched)


def _takes_both(value: ex.Expression, batched: set[str]) -> bool:
    """Whether a value is what an op makes of these tensors that takes a single sample as it takes a batch."""
    if not isinstance(value, ex.Call) or value.callee is None or value.callee.kind is not CalleeKind.OP:
        return False
    given = [*value.arguments, *(keyword.value for keyword in value.keywords)]
    others = [part for part in given if not (isinstance(part, ex.Name) and part.id in batched)]
    if any(ex.names(part) & batched for part in others):
        return False
    if value.callee.name in BEHIND:
        dims = [keyword.value for keyword in value.keywords if keyword.name == "dim"] or list(value.arguments[1:2])
        return any(isinstance(dim, ex.Unary) and dim.operator == "-" for dim in dims)
    return value.callee.name in SINGLE
