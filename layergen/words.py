"""Counts, lists and quotations in prose: how messages say what they are about."""

from collections.abc import Iterable

LONGEST = 40  # characters of a value that a message shows
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def plural(count: int, noun: str, several: str = "") -> str:
    """``1 spec``, ``2 specs``; ``several`` is the plural where it is no noun with an s."""
    return f"{count} {noun if count == 1 else several or f'{noun}s'}"


def listed(words: Iterable[str], joint: str = "and", *, comma: bool = False) -> str:
    """Words one after the other, as in a sentence: ``a, b and c``. With ``comma``, one stands before the joint too."""
    *most, last = words
    return f"{', '.join(most)}{',' if comma else ''} {joint} {last}" if most else last


def ordinal(index: int) -> str:
    """The place of an index that counts from 0: ``first``."""
    return ORDINALS[index] if index < len(ORDINALS) else f"{index + 1}th"


def shorten(text: str, length: int = LONGEST) -> str:
    """A text that ends in an ellipsis where it is too long for a message."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
