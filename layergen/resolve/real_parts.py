"""Real parts of complex initial values: what is made from nothing to be a part of complex numbers is real."""

from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.inits import Initial
from layergen.lang.visitor import mapped

OF_REAL = frozenset({"complex", "polar", "view_as_complex"})  # which torch computes of real tensors alone
REAL = {"complex64": "float32", "complex128": "float64"}


def with_real_parts(init: Initial, dtype: str | None) -> Initial:
    """An initial value of a complex tensor in which `complex(randn(n), randn(n))` has the real dtype that goes with it.

    Args:
        init: The initial value, as it is written.
        dtype: That of the tensor, in which else all is made.
    """
    real = REAL.get(dtype or "")
    if real is None:
        return init

    def made_real(node: ex.Expression) -> ex.Expression | None:
        if not isinstance(node, ex.Call):
            return None
        op = ops.find(node.function)
        given = {keyword.name for keyword in node.keywords}
        if op is None or not op.factory or op.floating == "never" or "dtype" in given:
            return None
        return replace(node, keywords=(*node.keywords, ex.Keyword("dtype", ex.Name(real))))

    def composed(node: ex.Expression) -> ex.Expression | None:
        if not isinstance(node, ex.Call) or node.function not in OF_REAL:
            return None
        parts = tuple(ex.transform(part, made_real) for part in node.arguments)
        named = tuple(replace(part, value=ex.transform(part.value, made_real)) for part in node.keywords)
        return replace(node, arguments=parts, keywords=named)

    before = mapped(init.before, lambda node: ex.transform(node, composed))
    return replace(init, before=before, value=ex.transform(init.value, composed))
