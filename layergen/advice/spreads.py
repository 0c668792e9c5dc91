"""A value that is divided by how far its entries are from zero, or from their mean."""

from collections.abc import Iterator
from dataclasses import dataclass

from layergen.advice.patterns import argument, either_way, given, is_number, number, numbers
from layergen.lang import expression as ex

Dims = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Spread:
    """What a value is that is divided by its spread."""

    x: ex.Expression
    eps: ex.Expression
    core: ex.Expression  # what it is divided by, squared
    dims: Dims = ()  # over which its entries are taken together
    centred: bool = False  # whether their mean has been taken away
    statistics: tuple[ex.Expression, ex.Expression] | None = None  # a mean and a variance that come from elsewhere


def normalised(node: ex.Expression) -> Iterator[Spread]:
    """What a value may be the norm of."""
    for top, squared in _quotients(node):
        for variance, eps in either_way(squared, "+"):
            yield from _spread(top, variance, eps, squared)


def _quotients(node: ex.Expression) -> Iterator[tuple[ex.Expression, ex.Expression]]:
    """A value that is divided by a root, and what it is the root of."""
    if isinstance(node, ex.Binary) and node.operator == "/" and (root := _root(node.right, 0.5, "sqrt")) is not None:
        yield node.left, root
    for left, right in either_way(node, "*"):
        if (root := _root(right, -0.5, "rsqrt")) is not None:
            yield left, root


def _root(node: ex.Expression, power: float, function: str) -> ex.Expression | None:
    """What a value is the root of."""
    if found := given(node, function):
        return found[0]
    raised = _raised(node)
    return raised[0] if raised and is_number(raised[1], power) else None


def _raised(node: ex.Expression) -> tuple[ex.Expression, ex.Expression] | None:
    """The base and the exponent of a power."""
    if isinstance(node, ex.Binary) and node.operator == "**":
        return node.left, node.right
    found = given(node, "pow")
    return (found[0], found[1]) if found and len(found) == 2 else None


def _spread(top: ex.Expression, variance: ex.Expression, eps: ex.Expression, core: ex.Expression) -> Iterator[Spread]:
    mean = top.right if isinstance(top, ex.Binary) and top.operator == "-" else None
    if (averaged := given(variance, "mean")) and (squared := _squared(averaged[0])) is not None:
        dims = _dims(variance)
        if squared is not top or dims is None:
            return
        if isinstance(top, ex.Binary) and mean is not None and _is_mean(mean, top.left, dims):
            yield Spread(top.left, eps, core, dims, centred=True)
        yield Spread(top, eps, core, dims)
    elif isinstance(top, ex.Binary) and mean is not None:
        dims = _variance(variance, top.left)
        if dims is not None and _is_mean(mean, top.left, dims):
            yield Spread(top.left, eps, core, dims, centred=True)
        elif dims is None:
            yield Spread(top.left, eps, core, statistics=(mean, variance))


def _squared(node: ex.Expression) -> ex.Expression | None:
    """What a value is the square of."""
    if found := given(node, "square"):
        return found[0]
    if isinstance(node, ex.Binary) and node.operator == "*" and node.left is node.right:
        return node.left
    raised = _raised(node)
    return raised[0] if raised and is_number(raised[1], 2) else None


def _dims(node: ex.Expression) -> Dims | None:
    """The dimensions that a mean takes together and keeps; None if it does not keep them."""
    keeps = number(argument(node, 2, "keepdim")) is True
    return numbers(argument(node, 1, "dim")) if keeps else None


def _is_mean(node: ex.Expression, x: ex.Expression, dims: Dims) -> bool:
    """Whether a value is the mean of another one over some dimensions."""
    if found := given(node, "mean"):
        return found[0] is x and _dims(node) == dims
    return _variance(node, x, part=1) == dims


def _variance(node: ex.Expression, x: ex.Expression, part: int = 0) -> Dims | None:
    """The dimensions over which a value is the variance of another one, without a correction; or of both the mean."""
    if isinstance(node, ex.Subscript) and is_number(node.index, part):
        node, function = node.value, "var_mean"
    else:
        function = "var" if part == 0 else ""
    found = given(node, function)
    if not found or found[0] is not x or number(argument(node, 9, "keepdim")) is not True:
        return None
    uncorrected = is_number(argument(node, 9, "correction") or ex.Literal(None), 0)
    biased = number(argument(node, 2, "unbiased")) is False
    return numbers(argument(node, 1, "dim")) if uncorrected or biased else None
