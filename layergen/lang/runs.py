"""The named runs of a layer: ``S...`` is ``...`` with a name, by which the sizes that it stands for can be read.

The first of several becomes ``...``; the others stay lists that are put into a shape, which an input tells.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.values import Shape
from layergen.lang.visitor import Block, mapped

LEADING = ex.Literal(...)


def dots(run: str | None) -> str:
    """What the dimensions that ``...`` stands for are called: by the name that they have."""
    return f"{run}..." if run else "..."


def runs(shapes: Mapping[str, Shape], known: Collection[str]) -> dict[str, tuple[str, ex.Splice]]:
    """The named runs in the shapes of inputs: each with the input and the entry where it stands first.

    Args:
        shapes: The shapes by the names of the inputs.
        known: The names of arguments and derived values, whose lists are no runs.
    """
    found: dict[str, tuple[str, ex.Splice]] = {}
    for name, shape in shapes.items():
        for node in _splices(shape if isinstance(shape, tuple) else (shape,)):
            if isinstance(node.value, ex.Name) and node.value.id not in known:
                found.setdefault(node.value.id, (name, node))
    return found


def _splices(entries: Iterable[ex.Expression]) -> Iterator[ex.Splice]:
    return (node for entry in entries for node in ex.walk(entry) if isinstance(node, ex.Splice))


def has_leading(shape: Shape) -> bool:
    """Whether any dimensions without a name may stand in a shape."""
    return any(
        node == LEADING for entry in (shape if isinstance(shape, tuple) else (shape,)) for node in ex.walk(entry)
    )


def without_name(node: ex.Expression, run: str) -> ex.Expression:
    """An expression in which the run that is put into a list has become ``...``."""

    def change(part: ex.Expression) -> ex.Expression | None:
        if isinstance(part, ex.Splice) and part.value == ex.Name(run):
            return replace(LEADING, span=part.span)
        return None

    return ex.transform(node, change)


def shape_without_name(shape: Shape, run: str) -> Shape:
    """A shape in which a run has lost its name."""
    return tuple(without_name(entry, run) for entry in shape) if isinstance(shape, tuple) else without_name(shape, run)


def block_without_name(block: Block, run: str) -> tuple[ex.Statement, ...]:
    """Statements in which a run has lost its name."""
    return mapped(block, lambda node: without_name(node, run))
