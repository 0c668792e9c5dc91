"""Tensors of members that are one: ``head.weight: embedding.weight``, and over lists one pair for every index."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from layergen.lang import expression as ex
from layergen.lang.values import Family, describe, fault, read_expression, read_family, read_path

EACH = "each"


@dataclass(frozen=True)
class Tie:
    """A tensor that is another one."""

    key: str  # the left one, as it is written
    left: ex.Expression
    right: ex.Expression  # the one that both are
    each: Family | None = None  # which its paths mention the index of

    @property
    def members(self) -> tuple[str, ...]:
        """The members that have the two."""
        return tuple(dict.fromkeys(name for name in map(first, (self.left, self.right)) if name is not None))


def first(path: ex.Expression) -> str | None:
    """The member with which a path begins."""
    while isinstance(path, ex.Member | ex.Subscript):
        path = path.value
    return path.id if isinstance(path, ex.Name) else None


def _key(text: str) -> ex.Expression:
    """The path that a key is; what is wrong with it is told at the key as a whole."""
    try:
        return read_expression(text)
    except PydanticCustomError as error:
        message = (error.context or {}).get("message")
        raise fault(f"`{text}` is no path of a tensor: {message}", help="write it as `head.weight`") from None


def _ties(value: object) -> tuple[Tie, ...]:
    if isinstance(value, tuple):
        return value
    if not isinstance(value, dict):
        raise fault(f"expected a mapping, got {describe(value)}", help="write `{head.weight: embedding.weight}`")
    each: Family | None = None
    found: list[Tie] = []
    for key, path in value.items():
        try:
            if key == EACH:
                each = read_family(path)
            else:
                found.append(Tie(key, _key(key), read_path(path)))
        except PydanticCustomError as error:
            inner = (error.context or {}).get("key", ())
            keys = (key, *(inner if isinstance(inner, tuple) else (inner,)))
            raise PydanticCustomError(error.type, "{message}", {**(error.context or {}), "key": keys}) from None
    if each is not None and not found:
        raise fault("there is no pair of tensors", key=EACH, help="write `a[k + 1].weight: c[k].weight` beside it")
    if each is not None and not any(_mentions(tie, each) for tie in found):
        raise fault(
            f"no path mentions the index `{each.index}`",
            key=EACH,
            help="delete it, or write it into the paths: `a[k + 1].weight: c[k].weight`",
        )
    return tuple(Tie(tie.key, tie.left, tie.right, each if _mentions(tie, each) else None) for tie in found)


def _mentions(tie: Tie, each: Family | None) -> bool:
    """Whether one of the two paths is another one for each index."""
    return each is not None and each.index in ex.names(tie.left) | ex.names(tie.right)


Ties = Annotated[tuple[Tie, ...], BeforeValidator(_ties)]
