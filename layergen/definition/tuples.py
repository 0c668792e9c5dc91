"""Tuples of tensors in a definition: ``state.h[n, j]`` is an entry of the one that is ``state[0]`` among the inputs."""

from collections.abc import Mapping
from dataclasses import replace

from layergen.definition.grammar import Equation
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.tuples import TensorTuple, whole_name


def item_of(path: str, tuples: Mapping[str, TensorTuple]) -> str | None:
    """What ``state.h`` is called among inputs or outputs, if there is such a tensor."""
    whole, _, name = path.partition(".")
    if whole not in tuples or name not in tuples[whole].names:
        return None
    return tuples[whole].items[tuples[whole].names.index(name)]


def told_name(item: str, tuples: Mapping[str, TensorTuple]) -> str:
    """The name of a tensor as a definition has it: ``state.h`` for ``state[0]``."""
    found = tuples.get(whole_name(item))
    return f"{whole_name(item)}.{found.names[found.items.index(item)]}" if found and item in found.items else item


def tuples_read(spec: LayerSpec) -> Mapping[str, TensorTuple]:
    """The tuples that a definition may read: what is given has precedence over what is computed."""
    return {**spec.given_tuples, **spec.taken_tuples}


def without_tuples(equation: Equation, spec: LayerSpec) -> Equation:
    """An equation in which the tensors of tuples have the names that they have among inputs and outputs."""
    read = tuples_read(spec)

    def change(node: ex.Expression) -> ex.Expression | None:
        match node:
            case ex.Member(value=ex.Name(id=whole), name=name):
                item = item_of(f"{whole}.{name}", read)
                return ex.Name(item, span=node.span) if item is not None else None
            case ex.Compare(left=ex.Name(id=whole) as left, operators=("is" | "is not",)) if whole in read:
                return replace(node, left=replace(left, id=read[whole].items[0]))
        return None

    def changed(nodes: tuple[ex.Expression, ...]) -> tuple[ex.Expression, ...]:
        return tuple(ex.transform(node, change) for node in nodes)

    own = item_of(equation.name.id, spec.given_tuples)
    return replace(
        equation,
        name=equation.name if own is None else replace(equation.name, id=own),
        indices=changed(equation.indices),
        value=ex.transform(equation.value, change),
        conditions=changed(equation.conditions),
    )
