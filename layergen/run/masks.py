"""Masks where numbers are wanted: how a tensor of truth values becomes one of numbers, or its opposite."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from layergen.lang import expression as ex

OF_DTYPES = re.compile(r"[Bb]ool|dtype|floating point|can't be cast")


def mask_meant(node: ex.Node, message: str, values: Mapping[str, Any]) -> str | None:
    """Help with an op that refuses a tensor of truth values for its dtype."""
    if not OF_DTYPES.search(message):
        return None
    match node:
        case ex.Binary(operator="-", left=ex.Literal(value=1), right=turned) | ex.Unary(operator="-", operand=turned):
            return f"the opposite of a mask is `{ex.show(ex.Unary('~', turned))}`" if is_truth(turned, values) else None
    mask = next((part for part in given(node) if is_truth(part, values)), None)
    floats = [name for name, value in values.items() if isinstance(value, Tensor) and value.is_floating_point()]
    like = next((name for name in floats if name in ex.names(node)), floats[0] if floats else None)
    return f"a mask is no number: write `type_as({ex.show(mask)}, {like})`" if mask is not None and like else None


def given(node: ex.Node) -> Iterator[ex.Expression]:
    """What an op is given, one after the other."""
    match node:
        case ex.Call(arguments=arguments, keywords=keywords):
            yield from arguments
            yield from (keyword.value for keyword in keywords)
        case ex.Binary(left=left, right=right):
            yield from (left, right)


def is_truth(node: ex.Expression, values: Mapping[str, Any]) -> bool:
    """Whether an expression gives truth values, as far as its names tell."""
    match node:
        case ex.Name(id=name):
            value = values.get(name)
            return isinstance(value, Tensor) and value.dtype is torch.bool
        case ex.Subscript(value=inner) | ex.Unary(operator="~", operand=inner):
            return is_truth(inner, values)
        case ex.Call(function="reshape" | "view" | "unsqueeze" | "expand" | "flatten", arguments=(inner, *_)):
            return is_truth(inner, values)
        case ex.Compare(left=left):
            return any(isinstance(values.get(name), Tensor) for name in ex.names(left))
    return False
