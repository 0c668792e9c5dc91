"""The initializers of torch.nn.init that a spec may name, without their underscore."""

from typing import TypeGuard

from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind

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
    if isinstance(init, ex.Call) and init.function in INITIALIZERS:
        return init
    return None
