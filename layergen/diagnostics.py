"""What can be wrong, and where: rules, findings and diagnostics.

A *rule* is a kind of fault with a stable code. A check yields *findings*: a rule, a message and a place in the
spec, given as a path (``parameters.weight.shape[2]``). A *diagnostic* is a finding whose place has become a line and
a column of a file, ready to print.
"""

import re
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

Path = tuple[str | int, ...]  # keys and indices from the root of a spec to one of its nodes
Span = tuple[int, int]  # start and end of some characters of a text, end excluded

FORWARD: Path = ("forward",)  # where most of what a layer does wrong is to be seen


class LayergenError(Exception):
    """A mistake of the user that stops the work as a whole: wrong usage or configuration."""


class Rule:
    """A kind of fault. A subclass states its ``code``; its name is the fault's and its docstring is its page."""

    code: ClassVar[str]
    name: ClassVar[str]
    judges: ClassVar[bool] = False  # a judgement of what the layer does, which the author may overrule by `accept`
    advises: ClassVar[bool] = False  # advice: it is no fault, stops nothing and changes no exit code
    registry: ClassVar[dict[str, type["Rule"]]] = {}

    def __init_subclass__(cls) -> None:
        cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", cls.__name__).lower()
        if cls.code in Rule.registry:
            raise TypeError(f"{cls.__name__} and {Rule.registry[cls.code].__name__} share the code {cls.code}")
        Rule.registry[cls.code] = cls

    @classmethod
    def page(cls) -> str:
        """The rule's page: what it reports, why, an example, and the fix."""
        import inspect

        return inspect.cleandoc(cls.__doc__ or "")

    @classmethod
    def at(
        cls,
        place: "Place | Path",
        message: str,
        *,
        label: str = "",
        labels: Iterable["Label"] = (),
        notes: Iterable[str] = (),
        help: str | None = None,
        fix: str | None = None,
    ) -> "Finding":
        """Report this fault at a place of the spec.

        Args:
            place: Where the fault is.
            message: One sentence without a full stop that names the fault and the value.
            label: Words to stand behind the carets.
            labels: Further places to mark, each with its words.
            notes: Lines of background, each as ``shapes: …``.
            help: How to mend it.
            fix: Text that may replace the place's own text as it stands.
        """
        where = place if isinstance(place, Place) else Place(place)
        return Finding(cls, message, where, label, tuple(labels), tuple(notes), help, fix)


class Place(NamedTuple):
    """A place in a spec: a node, by its path, and perhaps some characters of its text."""

    path: Path
    span: Span | None = None
    key: bool = False  # the node's key rather than its value

    def pointer(self) -> str:
        """The path as users write it: ``parameters.weight.shape[2]``."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text


class Label(NamedTuple):
    """A place to mark beside the fault itself, with its words."""

    place: Place
    text: str
    file: str = ""  # another spec, in which the place is


class Finding(NamedTuple):
    """A fault at a place of a spec. See `Rule.at` for the fields."""

    rule: type[Rule]
    message: str
    place: Place
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fix: str | None = None


class Location(NamedTuple):
    """Some characters of a file. Lines and columns count from 1; the end is excluded."""

    file: str  # as the user named it, with forward slashes
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1


class Mark(NamedTuple):
    """A location to underline in an excerpt, with its words."""

    location: Location
    text: str = ""


class Diagnostic(NamedTuple):
    """A fault at a location of a file, with all that it takes to print it."""

    rule: type[Rule]
    message: str
    location: Location
    label: str = ""
    marks: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fix: str | None = None
    pointer: str = ""
    excerpt: tuple[tuple[int, str], ...] = ()  # numbered source lines that the location and the marks touch

    def sort_key(self) -> tuple[Location, str, str]:
        return self.location, self.rule.code, self.message
