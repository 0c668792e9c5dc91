"""The patterns of `rearrange`, `reduce` and `repeat`, as einops has them: ``n l (h d) -> n h l d``.

A pattern names the axes of a tensor before and after. Here it is read and judged by itself; `layergen.resolve.patterns`
makes ordinary calls of it.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.suggest import nearest
from layergen.words import listed

FUNCTIONS = ("rearrange", "reduce", "repeat")
REDUCTIONS = ("mean", "sum", "max", "min", "prod", "any", "all")
ELLIPSIS = "..."
UNKNOWN: Span = (-1, -1)  # of a size that is given to no axis, which stands outside of the pattern

_TOKEN = re.compile(r"\.\.\.|->|[()]|\w+|\S")
_AXIS = re.compile(r"[A-Za-z](?:\w*[A-Za-z0-9])?", re.ASCII)


class PatternFault(Exception):
    """A pattern that means nothing, or not what its function does. ``span`` counts in the pattern's text."""

    def __init__(self, message: str, span: Span, help: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.help = help


@dataclass(frozen=True)
class Axis:
    """An axis of a pattern: a name, a number of entries, or ``...``."""

    name: str  # empty where the pattern has a number
    size: int | None
    span: Span

    @property
    def unit(self) -> bool:
        return self.size == 1

    @property
    def text(self) -> str:
        return self.name or str(self.size)


@dataclass(frozen=True)
class Item:
    """One dimension of a tensor: an axis, or several that are one in memory, ``(h d)``."""

    axes: tuple[Axis, ...]
    grouped: bool
    span: Span

    @property
    def wide(self) -> tuple[Axis, ...]:
        """The axes that have more than one entry."""
        return tuple(axis for axis in self.axes if not axis.unit)


Side = tuple[Item, ...]


@dataclass(frozen=True)
class Pattern:
    """The dimensions of a tensor before and after."""

    left: Side
    right: Side

    @property
    def named(self) -> set[str]:
        """The names of all axes."""
        return {axis.name for axis in (*axes(self.left), *axes(self.right))} - {"", ELLIPSIS}


def axes(side: Side) -> Iterator[Axis]:
    """The axes of a side, in order."""
    return (axis for item in side for axis in item.axes)


def names(side: Side) -> set[str]:
    """The names on a side, ``...`` among them."""
    return {axis.name for axis in axes(side)} - {""}


def is_pattern(call: ex.Call) -> bool:
    """Whether a call is one of einops: ``repeat`` is also a method of tensors, which takes numbers."""
    if call.function == "repeat":
        written = call.arguments[1:2] or [word.value for word in call.keywords if word.name == "pattern"]
        return any(isinstance(value, ex.Literal) and isinstance(value.value, str) for value in written)
    return call.function in FUNCTIONS


def read_pattern(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        PatternFault: If it is none.
    """
    found = list(_TOKEN.finditer(text))
    arrows = [index for index, token in enumerate(found) if token[0] == "->"]
    if not arrows:
        meant = re.sub(r"\s*(?:=>|→|>|-(?=\s))\s*", " -> ", text.strip(), count=1)
        meant = meant if meant != text.strip() else f"{meant} -> …"
        raise PatternFault("the pattern has no `->`", (0, len(text)), f"write `{meant}`, the axes as they are to be")
    if len(arrows) > 1:
        raise PatternFault("the pattern has a second `->`", found[arrows[1]].span(), "a pattern has two sides")
    left, right = _side(found[: arrows[0]]), _side(found[arrows[0] + 1 :])
    lost = next((axis for axis in axes(right) if axis.name == ELLIPSIS), None)
    if lost is not None and ELLIPSIS not in names(left):
        raise PatternFault("`...` stands on the right alone", lost.span, "write it on the left too")
    inside = next((item for item in left if item.grouped and ELLIPSIS in names((item,))), None)
    if inside is not None:
        help = "dimensions that are apart already need no parentheses on the left"
        raise PatternFault("`...` stands in parentheses on the left", inside.span, help)
    return Pattern(left, right)


def _side(tokens: list[re.Match[str]]) -> Side:
    items: list[Item] = []
    group: list[Axis] | None = None
    start = 0
    seen: set[str] = set()
    for token in tokens:
        text = token[0]
        if text == "(":
            if group is not None:
                raise PatternFault("parentheses stand in parentheses", token.span(), "one level says all: `(a b c)`")
            group, start = [], token.start()
        elif text == ")":
            if group is None:
                raise PatternFault("this `)` closes nothing", token.span())
            items.append(Item(tuple(group), True, (start, token.end())))
            group = None
        else:
            axis = _axis(token)
            if axis.name and axis.name in seen:
                help = "each axis stands once on a side; `einsum` and `diagonal` take diagonals"
                raise PatternFault(f"`{axis.name}` stands twice on one side", axis.span, help)
            seen.add(axis.name)
            if group is None:
                items.append(Item((axis,), False, axis.span))
            else:
                group.append(axis)
    if group is not None:
        raise PatternFault("this `(` is never closed", (start, start + 1), "add a `)`")
    return tuple(items)


def _axis(token: re.Match[str]) -> Axis:
    text, span = token[0], token.span()
    if text == ELLIPSIS:
        return Axis(ELLIPSIS, None, span)
    if re.fullmatch(r"[0-9]+", text):
        if int(text) == 0 or len(text) > 9:
            raise PatternFault(f"an axis cannot have {text[:12]} entries", span, "the least is `1`")
        return Axis("", int(text), span)
    if not _AXIS.fullmatch(text):
        if text == ".":
            raise PatternFault("`.` is no axis", span, "any number of axes is `...`")
        help = "name axes by letters and digits, with spaces between: `n h w c`"
        raise PatternFault(f"`{text}` is no axis", span, help)
    return Axis(text, None, span)


def check_pattern(function: str, pattern: Pattern, given: Collection[str]) -> None:
    """Hold a pattern against what its function may do, and the axes whose sizes are given.

    Raises:
        PatternFault: If it does something else, or leaves a size open.
    """
    left, right = names(pattern.left), names(pattern.right)
    for name in given:
        if name not in pattern.named:
            near = nearest(name, sorted(pattern.named))
            known = f"there is {listed(f'`{axis}`' for axis in sorted(pattern.named))}" if pattern.named else None
            raise PatternFault(f"the pattern has no axis `{name}`", UNKNOWN, f"write `{near}`" if near else known)
    for axis in axes(pattern.right):
        if axis.name and axis.name not in left and (function != "repeat" or axis.name not in given):
            raise _unknown(function, axis, left - right, left)
        if not axis.name and not axis.unit and function != "repeat":
            help = f"`repeat` makes new entries: `repeat(x, …, {axis.size})`" if function == "rearrange" else None
            raise PatternFault(f"`{axis.text}` new entries appear, but `{function}` makes none", axis.span, help)
    for axis in axes(pattern.left):
        lost = axis.name not in right if axis.name else not axis.unit
        if lost and function != "reduce":
            other = f"write it on the right too, or say how it is taken together: `reduce(x, …, '{REDUCTIONS[0]}')`"
            near = nearest(axis.name, sorted(right - left)) if axis.name else None
            help = f"write `{near}`" if near else other
            raise PatternFault(f"`{axis.text}` stands on the left alone", axis.span, help)
    _check_sizes(pattern, given)


def _unknown(function: str, axis: Axis, unused: set[str], left: set[str]) -> PatternFault:
    """The fault of an axis that stands on the right alone."""
    near = nearest(axis.name, sorted(unused)) or nearest(axis.name, sorted(left))
    help = f"write `{near}`" if near else None
    if function == "repeat":
        message = f"`{axis.name}` stands on the right alone, and nothing says how large it is"
        return PatternFault(message, axis.span, help or f"give its size: `{axis.name}=…`")
    message = f"`{axis.name}` stands on the right alone"
    return PatternFault(message, axis.span, help or f"to repeat entries, write `repeat(x, …, {axis.name}=…)`")


def _check_sizes(pattern: Pattern, given: Collection[str]) -> None:
    """Of the axes in parentheses on the left all but one have a size; one that stands alone has its dimension's."""
    for item in pattern.left:
        open_axes = [axis for axis in item.wide if axis.name and axis.name not in given]
        if len(item.wide) > 1 and len(open_axes) > 1:
            texts = listed(f"`{axis.name}`" for axis in open_axes)
            help = f"give {'all but one' if len(open_axes) > 2 else 'one'} of them: `{open_axes[0].name}=…`"
            raise PatternFault(f"nothing says how large {texts} are", item.span, help)
        if len(item.wide) == 1 and item.wide[0].name in given:
            name = item.wide[0].name
            help = f"leave `{name}=` out; what it must be is said by the shapes of the inputs"
            raise PatternFault(f"`{name}` is a dimension of its own, whose size is known already", item.span, help)
