"""Initial values: what an ``init`` may be, and the initializers of torch.nn.init that it may name."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.visitor import Block, expressions

INITIALIZERS = (
    "constant",
    "dirac",
    "eye",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "ones",
    "orthogonal",
    "sparse",
    "trunc_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
)


@dataclass(frozen=True)
class Initial:
    """What a tensor starts as: an expression, perhaps with statements that come before it."""

    value: ex.Expression
    before: Block = ()
    target: tuple[ex.Name, ...] | None = None  # of a block, what its last statement assigns; None: it does not assign

    @property
    def is_block(self) -> bool:
        """Whether it is written as statements."""
        return self.target is not None or bool(self.before)

    @property
    def expressions(self) -> tuple[ex.Expression, ...]:
        """All that it computes, in order."""
        return (*expressions(self.before), self.value)

    def nodes(self) -> Iterator[ex.Node]:
        """Its expressions and all nodes under them."""
        return (node for expression in self.expressions for node in ex.walk(expression))

    @cached_property
    def asks_fan(self) -> bool:
        """Whether it is told by the fan of a tensor."""
        return any(map(is_fan, self.nodes()))

    @cached_property
    def mentions(self) -> frozenset[str]:
        """The names whose values it reads; of what it takes the fan, it reads no more than the shape."""
        return frozenset[str]().union(*map(_values, self.expressions))


def _values(node: ex.Node) -> frozenset[str]:
    match node:
        case ex.Name(id=name):
            return frozenset({name})
        case ex.Call(function=function) if function in FANS:
            return frozenset()
        case _:
            return frozenset[str]().union(*map(_values, node.children))


FANS = ("fan_in", "fan_out")  # functions of an earlier tensor, for the scale of an initial value


def is_initializer(node: ex.Expression) -> TypeGuard[ex.Call]:
    """Whether a resolved initial value is the call of an initializer."""
    return isinstance(node, ex.Call) and node.callee is not None and node.callee.kind is CalleeKind.INITIALIZER


def is_fan(node: ex.Node) -> TypeGuard[ex.Call]:
    """Whether a node is the fan of a tensor, as a resolved initial value may ask for it."""
    return isinstance(node, ex.Call) and node.callee is not None and node.callee.kind is CalleeKind.FAN


def initializer(init: ex.Expression) -> ex.Call | None:
    """The call of an initializer that an ``init`` is, or None if it is a tensor expression.

    A bare name is a call without arguments: ``zeros`` is ``zeros()``.
    """
    if isinstance(init, ex.Name) and init.id in INITIALIZERS:
        return ex.Call(init.id, span=init.span, function_span=init.span)
    if isinstance(init, ex.Call) and init.function in INITIALIZERS and not _makes_tensor(init):
        return init
    return None


def filling(init: ex.Expression, shape: ex.Expression | tuple[ex.Expression, ...]) -> ex.Expression:
    """An initial value that makes a tensor of the declared shape, ``zeros(dim)``, as the initializer ``zeros``."""
    if not isinstance(init, ex.Call) or init.keywords or not _makes_tensor(init) or not isinstance(shape, tuple):
        return init
    given = init.arguments
    if len(given) == 1 and isinstance(given[0], ex.Sequence):
        given = given[0].items
    if init.function == "eye" and len(given) == 1:
        given *= 2
    return ex.Call(init.function, span=init.span, function_span=init.function_span) if given == shape else init


def _makes_tensor(init: ex.Call) -> bool:
    """Whether a call is one of torch's rather than of torch.nn.init, whose initializers need no size."""
    return init.function in ("zeros", "ones", "eye") and bool(init.arguments)
