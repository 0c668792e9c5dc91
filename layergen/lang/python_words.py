"""What Python and torch say of values that do not go together, in the words of a spec's author."""

import re
from collections.abc import Callable

KINDS = {
    **dict.fromkeys(("Tensor", "Parameter", "FakeTensor"), "a tensor"), "list": "a list", "tuple": "a tuple",
    **dict.fromkeys(("int", "SymInt"), "an int"), **dict.fromkeys(("float", "SymFloat"), "a float"),
    **dict.fromkeys(("bool", "SymBool"), "a bool"), "NoneType": "`None`", "str": "a text",
    "complex": "a complex number", "dtype": "a dtype", "slice": "a slice", "ellipsis": "`...`", "Inner": "a member",
}  # fmt: skip
_TYPE = r"'?\"?(?:[a-z_]+\.)*(\w+)\"?'?"

Words = Callable[..., str]
_SAID: tuple[tuple[re.Pattern[str], Words], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (rf"unsupported operand type\(s\) for (\S+?)=?(?: or pow\(\))?: {_TYPE} and {_TYPE}",
         lambda sign, left, right: f"{left} and {right} have no `{sign}`"),
        (rf"bad operand type for unary (\S): {_TYPE}", lambda sign, kind: f"{kind} has no `{sign}`"),
        (rf"'(\S+)' not supported between instances of {_TYPE} and {_TYPE}",
         lambda sign, left, right: f"{left} and {right} cannot be compared by `{sign}`"),
        (rf"{_TYPE} object is not subscriptable", lambda kind: f"{kind} has no entries to index"),
        (rf"{_TYPE} object is not (?:iterable|an iterator)", lambda kind: f"{kind} is no list"),
        (rf"cannot unpack non-iterable {_TYPE} object", lambda kind: f"{kind} is no list, and cannot be taken apart"),
        (rf"{_TYPE} object is not callable", lambda kind: f"{kind} cannot be called"),
        (rf"object of type {_TYPE} has no len\(\)", lambda kind: f"{kind} has no length"),
        (rf"{_TYPE} object cannot be interpreted as an integer", lambda kind: f"{kind} is no int"),
        (rf"{_TYPE} object has no attribute '\w+'", lambda kind: f"{kind} does not do here"),
        (rf"can't multiply sequence by non-int of type {_TYPE}", lambda kind: f"a list and {kind} have no `*`"),
        (rf"can only concatenate (\w+) \(not {_TYPE}\) to \w+", lambda left, kind: f"{left} and {kind} have no `+`"),
        (rf"(\w+) indices must be integers or slices, not {_TYPE}",
         lambda whole, kind: f"{whole} is indexed by ints, not by {kind}"),
        (rf"invalid data type {_TYPE}", lambda kind: f"{kind} is no index"),
        (r"invalid index of a 0-dim tensor", lambda: "a single number has no entries to index"),
        (r"[Dd]imension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)",
         lambda low, high, got: f"there is no dimension {got}: they are {low} to {high}, of which -1 is the last"),
        (rf"expected Tensor as element (\d+) in argument \d+, but got {_TYPE}",
         lambda at, kind: f"the item at {at} is {kind}, not a tensor"),
        (r"[Ee]xpected \w+ >= (\S+) && \w+ <= (\S+) to be true",
         lambda low, high: f"values from {low} to {high} are wanted"),
        (rf"must be real number, not {_TYPE}", lambda kind: f"a number is wanted, not {kind}"),
        (rf"bad operand type for (\w+\()\): {_TYPE}", lambda name, kind: f"`{name[:-1]}` takes a number, not {kind}"),
        (rf"type {_TYPE} doesn't define __(\w+)__ method", lambda kind, name: f"`{name}` takes a number, not {kind}"),
        (rf"(\w+\()\) argument must be .*, not {_TYPE}",
         lambda name, kind: f"`{name[:-1]}` takes a number, not {kind}"),
        (rf"argument of type {_TYPE} is not (?:iterable|a container)", lambda kind: f"{kind} is no list"),
        (r"(\w+)\(\) (?:arg is an empty sequence|iterable argument is empty)",
         lambda name: f"`{name}` is given an empty list"),
        (r"invalid literal for int\(\)|could not convert string to float", lambda: "a text is no number"),
        (r"range\(\) arg 3 must not be zero", lambda: "the step of a range is 0"),
        (r"cannot convert float NaN to integer", lambda: "NaN is no int"),
        (r"string index out of range", lambda: "the text is not as long"),
    )
)  # fmt: skip


def kind_of(value: object) -> str:
    """A value in a word, by its type."""
    return KINDS.get(type(value).__name__, "this")


def without_python(message: str, numbers: bool = False) -> str:
    """A message in which what is said of types is told of values.

    Args:
        message: What Python or torch says.
        numbers: Whether all that it speaks of are numbers: a tuple of them is a list to a spec.
    """
    for pattern, words in _SAID:
        match = pattern.search(message)
        if match is not None:
            kinds = {**KINDS, "tuple": "a list"} if numbers else KINDS
            return words(*(kinds.get(part, part) for part in match.groups()))
    return message
