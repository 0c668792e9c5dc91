"""The initializers of torch.nn.init that a spec may name, without their underscore."""

from layergen.lang import expression as ex

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


def initializer(init: ex.Expression) -> ex.Call | None:
    """The call of an initializer that an ``init`` is, or None if it is a tensor expression.

    A bare name is a call without arguments: ``zeros`` is ``zeros()``.
    """
    if isinstance(init, ex.Name) and init.id in INITIALIZERS:
        return ex.Call(init.id, span=init.span, function_span=init.span)
    if isinstance(init, ex.Call) and init.function in INITIALIZERS:
        return init
    return None
