"""Whose values a block of statements reads: of what it takes for its size or dtype alone, it reads none."""

from layergen.contracts.gradient import values_of
from layergen.lang import expression as ex
from layergen.lang.visitor import Block, expressions, parts, statements

# The ops that take a tensor for its shape, dtype and device alone, by where it stands.
LIKE = ("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like")
SHAPES = {**dict.fromkeys(LIKE, 0), **dict.fromkeys(("type_as", "expand_as", "reshape_as", "view_as"), 1)}


def value_names(expression: ex.Expression) -> frozenset[str]:
    """The names whose values an expression reads."""
    return ex.names(ex.transform(values_of(expression), _without_shape))


def read_for_values(block: Block) -> frozenset[str]:
    """The names whose values a block reads."""
    return frozenset[str]().union(*map(value_names, expressions(block)))


def sources(block: Block, name: str) -> frozenset[str]:
    """The names whose values come into that of a name, on whatever way."""
    found = {name}
    while True:
        read = set(found)
        for statement in statements(block):
            part = parts(statement)
            targets = {target.id for target in part.targets}
            if isinstance(statement, ex.Append):
                targets = {statement.list.id}
            if targets & found:
                read = read.union(*map(value_names, part.expressions))
        if read == found:
            return frozenset(found)
        found = read


def _without_shape(node: ex.Expression) -> ex.Expression | None:
    """A call without the tensor that it takes for its shape; None for what takes none."""
    at = SHAPES.get(node.function) if isinstance(node, ex.Call) else None
    if not isinstance(node, ex.Call) or at is None or at >= len(node.arguments):
        return None
    others = tuple(ex.transform(part, _without_shape) for index, part in enumerate(node.arguments) if index != at)
    return ex.Sequence((*others, *(ex.transform(word.value, _without_shape) for word in node.keywords)))
