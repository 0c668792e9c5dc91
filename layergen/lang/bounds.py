"""What an argument allows: one telling, for the checks of a build and for the generated constructor alike."""

import math

from layergen.lang.argument import Argument
from layergen.lang.argument_types import ANY, ArgumentType, Base, numeral
from layergen.lang.values import describe
from layergen.words import listed


def requirement(argument: Argument) -> str:
    """What a value must be, as the end of "… must be …"; empty if anything of the type will do."""
    texts = [repr(choice) for choice in argument.choices or ()]
    if argument.type.callable:
        return listed([*texts, "a function"], "or")
    if argument.type.worded:
        return listed([*texts, *([bounds(argument)] if bounds(argument) else nouns(argument.type.numbers))], "or")
    return listed(texts, "or") if texts else bounds(argument)


def bounds(argument: Argument) -> str:
    """Between which numbers a number must lie; empty if any number will do."""
    low, high = argument.min, argument.max
    if low is not None and high is not None:
        opening = "(" if argument.excludes("min") else "["
        return f"in {opening}{low}, {high}{')' if argument.excludes('max') else ']'}"
    if low is not None:
        least = low == 1 and argument.type.integral and not argument.exclusive
        if (low == 0 and argument.excludes("min")) or least:
            return "positive"
        if argument.excludes("min"):
            return f"greater than {low}"
        return "non-negative" if low == 0 else f"at least {low}"
    if high is not None:
        return f"less than {high}" if argument.excludes("max") else f"at most {high}"
    return ""


def normalize(argument: Argument, value: object) -> object:
    """A value as the layer keeps it: one number becomes as many as a list has, lists become tuples.

    Raises:
        TypeError: If the value is not of the argument's type.
    """
    type = argument.type
    if (value is None and argument.optional) or (isinstance(value, str) and type.textual):
        return value
    if not type.listed and _is(type.base, value):
        return value
    if type.listed and not type.spelled and _is(type.base, value):
        return (value,) * (type.count or 1)
    parts = tuple(value) if isinstance(value, list | tuple) else None
    if parts is not None and type.listed and type.count in (ANY, len(parts)) and _all(argument, parts):
        return parts
    raise TypeError(f"expected {expected(argument)}")


def _all(argument: Argument, parts: tuple[object, ...]) -> bool:
    """Whether all entries of a list are of an argument's type."""
    return all((part is None and argument.optional_entries) or _is(argument.type.base, part) for part in parts)


def _is(base: Base, value: object) -> bool:
    """Whether a value is one of some base."""
    if isinstance(value, bool):
        return base is Base.BOOL
    if base is Base.FLOAT:
        return isinstance(value, int | float)
    return isinstance(value, int) if base is Base.INT else base in (Base.STR, Base.FUNCTION) and isinstance(value, str)


def expected(argument: Argument) -> str:
    """The argument's type in words."""
    entries = ", with null for some," if argument.optional_entries else ""
    return listed(nouns(argument.type), "or") + entries + (" or null" if argument.optional else "")


def nouns(type: ArgumentType) -> tuple[str, ...]:
    """Values of a type in words, one for each form that they may have: ``an int``, ``a list of two``."""
    if type.worded:
        return ("text", *nouns(type.numbers))
    one = {Base.INT: "an int", Base.FLOAT: "a number", Base.BOOL: "`true` or `false`", Base.STR: "text"}.get(
        type.base, "a function's name"
    )
    if not type.listed:
        return (one,)
    several = f"a list of {numeral(type.count) if type.count else 'ints' if type.integral else 'numbers'}"
    return (several,) if type.spelled else (one, several)


def allows(argument: Argument, value: object) -> bool:
    """Whether a normalized value is within the argument's bounds and choices."""
    if value is None:
        return argument.optional
    if argument.choices is not None and (isinstance(value, str) or not argument.type.worded):
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
        return argument.min is None and argument.max is None
    if argument.min is not None and (number < argument.min or (number == argument.min and argument.excludes("min"))):
        return False
    above = argument.max is not None and (
        number > argument.max or (number == argument.max and argument.excludes("max"))
    )
    return not above
