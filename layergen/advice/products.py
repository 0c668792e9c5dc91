"""A product with a matrix of the layer's own, to which a bias is added: `linear` does both at once."""

from collections.abc import Iterator

from layergen.advice.patterns import given, optionally, owned, product, transposed
from layergen.advice.proposal import Proposal, spelled
from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.resolve.values import Site
from layergen.rules.writing import BiasAfterProduct


def products(site: Site, program: Program) -> Iterator[Proposal]:
    """Propose `linear` where a bias is added to a product."""
    for rest, bias in optionally(site.value, "+"):
        found = _factors(rest) if owned(bias, program) else None
        if found is None or not owned(found[1], program):
            continue
        x, weight, straight = found
        words = [spelled(part, site) for part in (x, weight, bias)]
        if None in words:
            continue
        if not straight:
            words[1] = f"transpose({words[1]}, 0, 1)"
        text = f"linear({', '.join(map(str, words))})"
        message = f"`{ex.show(bias)}` is added to a product, which `linear` does in one step"
        yield Proposal(BiasAfterProduct, site, text, rest, message)


def _factors(node: ex.Expression) -> tuple[ex.Expression, ex.Expression, bool] | None:
    """The two factors of a product, and whether the second one is as `linear` takes it."""
    if (linear := given(node, "linear")) and len(linear) == 2:
        return linear[0], linear[1], True
    if (factors := product(node)) is None:
        return None
    x, weight = factors
    inner = transposed(weight)
    return (x, weight, False) if inner is None else (x, inner, True)
