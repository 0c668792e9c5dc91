"""The name that was probably meant."""

from collections.abc import Iterable

SHORTEST = 5  # letters of a name of which a slip can be told
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


def is_slip(name: str, other: str) -> bool:
    """Whether a long name is another one but for a letter left out, doubled, put in or changed in place with the next.

    Names that differ in a letter, as `dim_q` and `dim_k` do, differ on purpose.
    """
    if name == other or min(len(name), len(other)) < SHORTEST or abs(len(name) - len(other)) > 1:
        return False
    if len(name) == len(other):
        return any(name == other[:at] + other[at + 1] + other[at] + other[at + 2 :] for at in range(len(other) - 1))
    longer, shorter = (name, other) if len(name) > len(other) else (other, name)
    inner = range(1, len(longer) - 1)  # `kdim` and `dim1` are names of their own
    return any(longer[at].isalpha() and longer[:at] + longer[at + 1 :] == shorter for at in inner)
