"""Attention that is written out: `scaled_dot_product_attention` does it in one op, which keeps no matrix of weights."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from layergen.advice.patterns import argument, given, is_number, number, of_tensors, product, transposed
from layergen.advice.proposal import Proposal, spelled
from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.resolve.values import Site
from layergen.rules.writing import WrittenOutAttention

INFINITE = (ex.Unary("-", ex.Name("inf")), ex.Call("float", (ex.Literal("-inf"),)))
LARGE = 1000  # no score, but what is to outdo all of them
MESSAGE = "this attention is written out, which `scaled_dot_product_attention` does in one op"


@dataclass(frozen=True, eq=False)
class Scores:
    """What the scores of an attention are computed from."""

    query: ex.Expression
    key: ex.Expression
    scale: tuple[str, ex.Expression] | None = None  # an operator and a number
    mask: ex.Expression | None = None
    shown: bool = True  # whether the mask is true where is to be looked, or what is added, and not the other way round


def attention(site: Site, _: Program) -> Iterator[Proposal]:
    """Propose the op where a softmax of scores is multiplied with values."""
    factors = product(site.value)
    weights = given(factors[0], "softmax") if factors else None
    if not factors or not weights or number(argument(factors[0], 1, "dim")) is None:
        return
    for found in _scores(weights[0]):
        words = [spelled(part, site) for part in (found.query, found.key, factors[1])]
        mask = spelled(found.mask, site) if found.mask is not None else ""
        scale = spelled(found.scale[1], site) if found.scale else ""
        if None in (*words, mask, scale):
            continue
        if mask:
            words.append(f"attn_mask={mask}" if found.shown else f"attn_mask=~({mask})")
        for scaled in _scales(found, scale or ""):
            text = f"scaled_dot_product_attention({', '.join([*map(str, words), *scaled])})"
            yield Proposal(WrittenOutAttention, site, text, weights[0], MESSAGE, spared="softmax")


def _scales(found: Scores, scale: str) -> Iterator[list[str]]:
    """What is said of the scale, that of torch first."""
    if found.scale is None:
        yield ["scale=1.0"]
        return
    yield []
    yield [f"scale={scale}" if found.scale[0] == "*" else f"scale=1 / ({scale})"]


def _scores(node: ex.Expression) -> Iterator[Scores]:
    """What a value may be the scores of."""
    factors = product(node)
    if factors and (key := transposed(factors[1])) is not None:
        for query, scale in _scaled(factors[0]):
            yield Scores(query, key, scale)
    for inner, scale in _scaled(node):
        if scale:
            yield from (replace(found, scale=scale) for found in _scores(inner) if not found.scale and not found.mask)
    yield from _masked(node)


def _scaled(node: ex.Expression) -> Iterator[tuple[ex.Expression, tuple[str, ex.Expression] | None]]:
    """A value without the number that it is multiplied with or divided by, and that; or as it is."""
    match node:
        case ex.Binary(operator="*" | "/" as operator, left=left, right=right):
            if not of_tensors(right):
                yield left, (operator, right)
            elif operator == "*" and not of_tensors(left):
                yield right, (operator, left)
    yield node, None


def _masked(node: ex.Expression) -> Iterator[Scores]:
    """Scores of which some are left out, or to which something is added."""
    if (filled := given(node, "masked_fill")) and len(filled) == 3 and _is_infinite(filled[2]):
        yield from (replace(found, mask=filled[1], shown=False) for found in _scores(filled[0]) if not found.mask)
    if (chosen := given(node, "where")) and len(chosen) == 3 and _is_infinite(chosen[2]):
        yield from (replace(found, mask=chosen[0]) for found in _scores(chosen[1]) if not found.mask)
    if isinstance(node, ex.Binary) and node.operator == "+" and not _stands_in(node.right):
        yield from (replace(found, mask=node.right) for found in _scores(node.left) if not found.mask)


def _stands_in(added: ex.Expression) -> bool:
    """Whether a large number below zero stands in for that of minus infinity: larger scores outdo it in the op, too."""
    return any(
        isinstance(part, ex.Unary) and part.operator == "-" and _is_large(part.operand) for part in ex.walk(added)
    )


def _is_large(node: ex.Expression) -> bool:
    return isinstance(node, ex.Literal) and isinstance(node.value, int | float) and LARGE <= node.value < math.inf


def _is_infinite(node: ex.Expression) -> bool:
    return node in INFINITE or is_number(node, float("-inf"))
