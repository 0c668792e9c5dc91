"""What an argument allows: one telling, for the checks of a build and for the generated constructor alike."""

import math
from collections.abc import Sequence

from layergen.lang.model import SIZES, Argument
from layergen.lang.values import describe
from layergen.words import listed


def requirement(argument: Argument) -> str:
    """What a value must be, as the end of "… must be …"; empty if anything of the type will do."""
    if argument.choices is not None:
        return listed(map(repr, argument.choices), "or")
    low, high = argument.min, argument.max
    if low is not None and high is not None:
        opening = "(" if argument.excludes("min") else "["
        return f"in {opening}{low}, {high}{')' if argument.excludes('max') else ']'}"
    if low is not None:
        if (low == 0 and argument.excludes("min")) or (low == 1 and argument.integral and not argument.exclusive):
            return "positive"
        if argument.excludes("min"):
            return f"greater than {low}"
        return "non-negative" if low == 0 else f"at least {low}"
    if high is not None:
        return f"less than {high}" if argument.excludes("max") else f"at most {high}"
    return ""


def normalize(argument: Argument, value: object) -> object:
    """A value as the layer keeps it: one int becomes as many as a size has, lists become tuples.

    Raises:
        TypeError: If the value is not of the argument's type.
    """
    if value is None and argument.optional:
        return None
    match argument.type, value:
        case "bool", bool():
            return value
        case "str", str():
            return value
        case _, bool() | str() | None:
            pass
        case "int", int():
            return value
        case "float", int() | float():
            return value
        case "ints", int():
            return (value,)
        case "ints", list() | tuple() if _all_ints(value):
            return tuple(value)
        case "size1" | "size2" | "size3", int():
            return (value,) * SIZES[argument.type]
        case "size1" | "size2" | "size3", list() | tuple() if len(value) == SIZES[argument.type] and _all_ints(value):
            return tuple(value)
    raise TypeError(f"expected {expected(argument)}")


def expected(argument: Argument) -> str:
    """The argument's type in words."""
    words = {
        "int": "an int",
        "float": "a number",
        "bool": "`true` or `false`",
        "str": "text",
        "ints": "an int or a list of ints",
        "size1": "an int or a list of one",
        "size2": "an int or a list of two",
        "size3": "an int or a list of three",
    }
    return words[argument.type] + (" or null" if argument.optional else "")


def allows(argument: Argument, value: object) -> bool:
    """Whether a normalized value is within the argument's bounds and choices."""
    if value is None:
        return argument.optional
    if argument.choices is not None:
        return value in argument.choices
    parts = value if isinstance(value, tuple) else (value,)
    return all(_within(argument, part) for part in parts if isinstance(part, int | float))


def refusal(name: str, argument: Argument, value: object) -> str:
    """Why an argument cannot have a value; empty if it can."""
    try:
        value = normalize(argument, value)
    except TypeError:
        return f"`{name}` takes {expected(argument)}, got {describe(value)}"
    return "" if allows(argument, value) else f"`{name}` must be {requirement(argument)}, got {describe(value)}"


def _within(argument: Argument, number: float) -> bool:
    if math.isnan(number):
        return argument.min is None or argument.max is None  # as a comparison with one bound lets it pass
    if argument.min is not None and (number < argument.min or (number == argument.min and argument.excludes("min"))):
        return False
    above = argument.max is not None and (
        number > argument.max or (number == argument.max and argument.excludes("max"))
    )
    return not above


def _all_ints(values: Sequence[object]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)
