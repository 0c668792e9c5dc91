"""A check of generated code, and what it says."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from layergen.lang import expression as ex
from layergen.lang.scalars import BROADCASTABLE
from layergen.words import listed

LONGEST = 60  # characters of a condition within a sentence


@dataclass(frozen=True)
class Check:
    """A check of the constructor or the forward: when it fails, and with what message."""

    condition: str
    message: str  # source of a string or an f-string

    def lines(self) -> tuple[str, str]:
        return f"if {self.condition}:", f"    raise ValueError({self.message})"


def must_be(node: ex.Expression) -> str:
    """What a constraint demands, as the beginning of a message."""
    node = _of_given(node)
    if (choice := _of_choice(node)) is not None:
        chosen, rest = choice
        return f"{must_be(rest)} with {chosen}"
    told = _of_rest(node, ex.show)
    return f"{told[0]} must be {told[1]}" if told else f"expected {ex.show(node)}"


def labelled(node: ex.Expression, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The names whose values a message ends with, each behind what it is called; the one of which it speaks, alone."""
    told = len(names) == 1 and must_be(node).startswith(f"{names[0]} must be ")
    for index, name in enumerate(names):
        yield "" if told else f"{', ' if index else ''}{name}=", name


def is_not(node: ex.Expression, code: Callable[[str], str]) -> str:
    """That a constraint is not kept, in the words in which a message demands it, where ``code`` marks source.

    A formula that nobody reads within a sentence is told by its names, first the one that may be None.
    """
    if (choice := _of_choice(node)) is not None:
        chosen, rest = choice
        return f"{is_not(rest, code)} with {code(chosen)}"
    demanded = _of_given(node)
    told = _of_rest(demanded, lambda part: code(ex.show(part)))
    if told:
        return f"{told[0]} is not {told[1]}"
    text = ex.show(demanded)
    names = list(dict.fromkeys(part.id for part in ex.walk(demanded) if isinstance(part, ex.Name)))
    if len(text) <= LONGEST or len(names) < 2:
        return f"{code(text)} does not hold"
    given = next((name for name in map(_absent, _choices(node)) if name in names), None)
    if given is None:
        return f"{listed(map(code, names))} do not fit each other"
    return f"{code(given)} does not fit {listed(code(name) for name in names if name != given)}"


def _of_given(node: ex.Expression) -> ex.Expression:
    """Of a constraint on a value that may be None, what it demands of one that is given: only that can be wrong."""
    choices = tuple(_choices(node))
    demands = [choice for choice in choices if _absent(choice) is None]
    kept = [part for part in choices if part in demands or any(_absent(part) not in ex.names(one) for one in demands)]
    return reduce(lambda left, right: ex.Binary("or", left, right), kept if demands else choices)


def _of_choice(node: ex.Expression) -> tuple[str, ex.Expression] | None:
    """Of a constraint on one choice of an argument alone, ``padding != 'same' or …``, the choice and the rest."""
    match node:
        case ex.Binary("or", ex.Compare(ex.Name(id=name), ("!=",), (ex.Literal(value=str(chosen)),)), rest):
            return f"{name}={chosen!r}", rest
    return None


def _absent(node: ex.Expression) -> str | None:
    """The name that a condition asks to be None, if it does."""
    match node:
        case ex.Compare(ex.Name(id=name), ("is",), (ex.Literal(value=None),)):
            return name
    return None


def _choices(node: ex.Expression) -> Iterator[ex.Expression]:
    """What a constraint leaves to choose from: the parts of an ``or``."""
    match node:
        case ex.Binary("or", left, right):
            yield from _choices(left)
            yield from _choices(right)
        case _:
            yield node


def _of_rest(node: ex.Expression, show: Callable[[ex.Expression], str]) -> tuple[str, str] | None:
    """Of a constraint on the rest of a division, the number, and what it must be."""
    match node:
        case ex.Compare(ex.Binary("%", number, ex.Literal(value=2)), ("==",), (ex.Literal(value=0 | 1 as rest),)):
            return show(number), "odd" if rest else "even"
        case ex.Compare(ex.Binary("%", number, divisor), ("==",), (ex.Literal(value=0),)):
            return show(number), f"divisible by {show(divisor)}"
        case ex.Call(function=function, arguments=(one, other)) if function == BROADCASTABLE:
            return show(one), f"broadcastable with {show(other)}"
    return None
