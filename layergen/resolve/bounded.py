"""Constraints that say again what the bounds of an argument say."""

from collections.abc import Mapping

from layergen.lang import expression as ex
from layergen.lang.argument import Argument

TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def is_bound(constraint: ex.Expression, arguments: Mapping[str, Argument]) -> bool:
    """Whether a constraint holds within the bounds of the one argument that it compares with a number."""
    match constraint:
        case ex.Compare(ex.Name(id=name), (sign,), (ex.Literal(value=int() | float() as number),)):
            return name in arguments and _holds(arguments[name], sign, number)
        case ex.Compare(ex.Literal(value=int() | float() as number), (sign,), (ex.Name(id=name),)):
            return name in arguments and _holds(arguments[name], TURNED.get(sign, sign), number)
    return False


def _holds(argument: Argument, sign: str, number: float) -> bool:
    """Whether a comparison holds of all numbers that an argument allows."""
    type = argument.type
    if type.listed or type.worded or not type.numeric or argument.optional:
        return False
    low, high, step = argument.min, argument.max, 1 if type.integral else 0  # between neighbours
    match sign:
        case ">" | ">=" if low is not None:
            strict = argument.excludes("min")
            least = low + step * strict
            return least > number or (least == number and (sign == ">=" or (strict and not step)))
        case "<" | "<=" if high is not None:
            strict = argument.excludes("max")
            most = high - step * strict
            return most < number or (most == number and (sign == "<=" or (strict and not step)))
    return False
