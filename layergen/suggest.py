"""The name that was probably meant."""

from collections.abc import Iterable

NEIGHBOURS = 12  # names that are looked at for letters that have changed places


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The nearest of the names that are known, if one is near: first one that differs in case or in order alone.

    Args:
        name: What was written.
        known: What could be meant. Where two are as near, the one that comes first is taken.
        cutoff: How alike they must be, from 0 to 1.
    """
    import difflib  # which takes longer to import than is needed where all names are right

    names = list(known)
    same = next((other for other in names if other.lower() == name.lower()), None)
    if same:
        return same
    close = difflib.get_close_matches(name, names, NEIGHBOURS, cutoff)
    swapped = [other for other in close if sorted(other) == sorted(name)]
    return next(iter((*swapped, *close)), None)
