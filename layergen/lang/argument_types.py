"""The types of arguments: one reading of what a spec says, which all stages ask."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from layergen.lang.kinds import Kind, Kinds

ANY = 0  # how many entries a list has that may have any number of them
MOST = 32  # entries that a type may fix
WORDS = (
    "int",
    "float",
    "bool",
    "str",
    "size2",
    "float2",
    "ints",
    "floats",
    "str | size2",
    "function",
    "tensor",
    "axis",
)  # shown where it is another
NUMERALS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Base(StrEnum):
    """What a value is, or each entry of a list."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    STR = "str"
    FUNCTION = "function"
    TENSOR = "tensor"


SINGLE = {str(base): base for base in Base}
LISTS = {"size": Base.INT, "float": Base.FLOAT}  # what a number of entries follows
KINDS = {
    Base.INT: Kind.INT,
    Base.FLOAT: Kind.FLOAT,
    Base.BOOL: Kind.BOOL,
    Base.STR: Kind.STR,
    Base.FUNCTION: Kind.FUNCTION,
    Base.TENSOR: Kind.TENSOR,
}
LIST_KINDS = {Base.INT: Kind.INTS, Base.FLOAT: Kind.FLOATS}


@dataclass(frozen=True)
class ArgumentType:
    """The type of an argument.

    Attributes:
        base: What a value is, or each entry of a list.
        count: How many entries a list has, `ANY` if that is open; None: it is no list.
        worded: Whether text may stand in the place of its numbers, as in ``str | size2``.
        spelled: Whether each entry of a list is given: a constraint refuses one number for all.
    """

    base: Base
    count: int | None = None
    worded: bool = False
    spelled: bool = False

    def __str__(self) -> str:
        """The type as a spec says it."""
        if self.count is None:
            text = str(self.base)
        elif self.count == ANY:
            text = f"{self.base}s"
        else:
            text = f"{'size' if self.base is Base.INT else self.base}{self.count}"
        return f"str | {text}" if self.worded else text

    @property
    def numeric(self) -> bool:
        """Whether its values, those that are no text, are numbers or lists of them."""
        return self.base in LISTS.values()

    @property
    def integral(self) -> bool:
        """Whether these numbers are ints."""
        return self.base is Base.INT

    @property
    def fractional(self) -> bool:
        """Whether these numbers may be fractions."""
        return self.base is Base.FLOAT

    @property
    def listed(self) -> bool:
        """Whether its values, those that are no text, are lists."""
        return self.count is not None

    @property
    def sized(self) -> bool:
        """Whether they are lists of so many entries."""
        return bool(self.count)

    @property
    def textual(self) -> bool:
        """Whether text is one of its values."""
        return self.worded or self.base in (Base.STR, Base.FUNCTION)

    @property
    def callable(self) -> bool:
        """Whether its values are functions, some of which go by their names."""
        return self.base is Base.FUNCTION

    @property
    def kinds(self) -> Kinds:
        """The kinds that its values have once the constructor has brought them into one form."""
        own = KINDS[self.base] if self.count is None else LIST_KINDS[self.base]
        return frozenset({own, Kind.STR}) if self.textual else frozenset({own})

    @property
    def numbers(self) -> "ArgumentType":
        """The type of those of its values that are no text."""
        return replace(self, worded=False)

    def of(self, count: int | None) -> "ArgumentType":
        """The type of a list of so many, or of one alone."""
        return ArgumentType(self.base, count)


def read_type(text: str) -> ArgumentType | None:
    """The type that a text says; None if it says none."""
    parts = [part.strip() for part in text.split("|")]
    if len(parts) == 1:
        return _read_one(text.strip())
    found = [_read_one(part) for part in parts]
    worded = ArgumentType(Base.STR)
    if len(found) != 2 or worded not in found:
        return None
    other = next((one for one in found if one != worded), None)
    return ArgumentType(other.base, other.count, worded=True) if other and other.numeric else None


def _read_one(text: str) -> ArgumentType | None:
    if text in SINGLE:
        return ArgumentType(SINGLE[text])
    if text in ("ints", "floats"):
        return ArgumentType(SINGLE[text[:-1]], ANY)
    match = re.fullmatch(r"(size|float)([1-9]\d?)", text)
    if match is None or int(match[2]) > MOST:
        return None
    return ArgumentType(LISTS[match[1]], int(match[2]))


def numeral(count: int) -> str:
    """A number in words, as far as one writes it so."""
    return NUMERALS[count] if count < len(NUMERALS) else str(count)
