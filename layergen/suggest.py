"""The name that was probably meant."""

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The nearest of the names that are known, if one is near: first one that differs in case alone.

    Args:
        name: What was written.
        known: What could be meant. Where two are as near, the one that comes first is taken.
        cutoff: How alike they must be, from 0 to 1.
    """
    import difflib  # which takes longer to import than is needed where all names are right

    names = list(known)
    same = next((other for other in names if other.lower() == name.lower()), None)
    return same or next(iter(difflib.get_close_matches(name, names, 1, cutoff)), None)
