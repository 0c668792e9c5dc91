"""A spec's file: reading it, and finding the place that a finding means."""

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import NamedTuple

from layergen.diagnostics import Diagnostic, Finding, Label, Location, Mark, Path, Place, Rule
from layergen.faults import SourceError
from layergen.lang.compose import compose
from layergen.lang.nodes import Data, List, Mapping, Node, Scalar
from layergen.lang.text import SourceText
from layergen.lang.tuples import item_index, whole_name
from layergen.rules.file import FileTooLarge, InvalidEncoding, UnreadableFile

SIZE = 256 * 1024  # bytes
UTF_8_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class _Found(NamedTuple):
    """The deepest node on the way to a path, and its key if it is the value of a mapping."""

    key: Scalar | None
    node: Node


@dataclass(frozen=True)
class SpecSource(SourceText):
    """A spec's text and its nodes."""

    root: Mapping

    def data(self) -> dict[str, Data]:
        """The spec as plain Python."""
        return {text: node.data() for text, (_, node) in self.root.entries.items()}

    def node(self, path: Path) -> Node:
        """The deepest node on the way to a path."""
        found = self._find(path)
        return found.node if found else self.root

    def locate(self, place: Place) -> Location:
        """Where a place is in the file, or as much of the way to it as the file has.

        A part of the path that a node does not have is skipped, so that ``("inputs", "x", "shape", 0)`` finds the
        first dimension of the short form ``x: [N, C]`` as well.
        """
        return self.location(*self._extent(place))

    def diagnose(self, finding: Finding, others: Callable[[str], "SpecSource"] | None = None) -> Diagnostic:
        """The diagnostic of a finding about this spec.

        Args:
            finding: The finding.
            others: Reads other specs by their names, at which it may point.
        """
        location = self.locate(finding.place)
        own = [label for label in finding.labels if not label.file]
        marks = tuple(Mark(self.locate(label.place), label.text) for label in own)
        elsewhere = tuple(_elsewhere(label, others) for label in finding.labels if label.file)
        return Diagnostic(
            finding.rule,
            finding.message,
            location,
            finding.label,
            (*marks, *elsewhere),
            finding.notes,
            finding.help,
            finding.fix if self._is_verbatim(finding.place) else None,
            finding.place._replace(path=self.declared(finding.place.path)).pointer(),
            self.excerpt([location, *(mark.location for mark in marks)]),
        )

    def declared(self, path: Path) -> Path:
        """Where the file has what a path leads to.

        A tensor that the constructor takes for the forward stands among the arguments, and one of a tuple in it.
        """
        if len(path) < 2:
            return path
        section, name, *rest = path
        index = item_index(str(name))
        if index is not None and section != "ties":
            if rest[:1] == ["when"]:  # which is said of all of it
                return (section, whole_name(str(name)), *rest)
            whole = (section, whole_name(str(name)), "tuple")
            found = self._find(whole)
            names = list(found.node.entries) if found and isinstance(found.node, Mapping) else []
            return (*whole, names[index], *rest) if index < len(names) else path
        if section == "inputs" and not self._has(path[:2]):
            return ("arguments", *path[1:])
        return path

    def _has(self, path: Path) -> bool:
        """Whether a section has a part of some name."""
        section = self.root.entries.get(str(path[0])) if isinstance(self.root, Mapping) else None
        return section is not None and isinstance(section[1], Mapping) and path[1] in section[1].entries

    def _find(self, path: Path) -> _Found | None:
        """The deepest node on the way to a path; None for the root."""
        found: _Found | None = None
        node: Node = self.root
        path = self.declared(path)
        for part in path:
            if isinstance(node, Mapping) and part in node.entries:
                key, node = node.entries[part]
                found = _Found(key, node)
            elif isinstance(node, List) and isinstance(part, int) and 0 <= part < len(node.items):
                node = node.items[part]
                found = _Found(None, node)
            elif node is self.root:
                break
        return found

    def _extent(self, place: Place) -> tuple[int, int]:
        found = self._find(place.path)
        if found is None:
            return 0, 0
        key, node = found
        if isinstance(node, Scalar) and not place.key:
            if place.span:
                return node.extent(place.span)
            if not node.is_block and node.start < node.end:
                return node.start, node.end
        shown = key or node
        return shown.start, shown.end

    def _is_verbatim(self, place: Place) -> bool:
        """Whether the place's text stands in the file as it is, so that a fix may take its place."""
        found = self._find(place.path)
        scalar = found and (found.key if place.key else found.node)
        if not isinstance(scalar, Scalar):
            return False
        meant = scalar.text[slice(*place.span)] if place.span else scalar.text
        return meant == self.text[slice(*self._extent(place))]


def _elsewhere(label: Label, others: Callable[[str], SpecSource] | None) -> Mark:
    """A place in another spec; as it cannot be read, its file."""
    try:
        location = others(label.file).locate(label.place) if others else Location(label.file)
    except SourceError:
        location = Location(label.file)
    return Mark(location, label.text)


def load(path: FilePath, name: str) -> SpecSource:
    """Read a spec's file.

    Args:
        path: The file.
        name: How diagnostics call the file.

    Raises:
        SourceError: With all that is wrong with the file.
    """
    return parse(_decode(_read(path, name), name), name)


def parse(text: str, name: str) -> SpecSource:
    """Read a spec's text. See `load`."""
    return SpecSource(name, text, compose(SourceText(name, text)))


def _read(path: FilePath, name: str) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # and so never opened: a pipe would wait for its other end
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise _refusal(UnreadableFile, name, f"this is {kind}")
        if status.st_size <= SIZE:
            with path.open("rb") as file:
                data = file.read(SIZE + 1)
            if len(data) <= SIZE:
                return data
    except OSError as error:
        raise _refusal(UnreadableFile, name, f"cannot read the file: {_reason(error, path)}") from None
    except ValueError:  # a NUL in the path
        raise _refusal(UnreadableFile, name, "cannot read the file: its path is not valid") from None
    raise _refusal(FileTooLarge, name, f"the file is larger than {SIZE // 1024} KiB")


def _reason(error: OSError, path: FilePath) -> str:
    if isinstance(error, FileNotFoundError):
        return "the link leads nowhere" if path.is_symlink() else "there is none"
    return (error.strerror or type(error).__name__).lower()


def _refusal(rule: type[Rule], name: str, message: str) -> SourceError:
    return SourceError((Diagnostic(rule, message, Location(name)),))


def _decode(data: bytes, name: str) -> str:
    try:
        return data.removeprefix(UTF_8_MARK).decode("utf-8")
    except UnicodeDecodeError as error:
        source = SourceText(name, error.object.decode("utf-8", errors="replace"))
        at = len(error.object[: error.start].decode("utf-8"))
        message = f"the byte 0x{error.object[error.start]:02X} is not UTF-8"
        if data.startswith(UTF_16_MARKS):
            message = "the file is UTF-16, not UTF-8"
        help = "save the file as UTF-8"
        raise SourceError((source.diagnostic(InvalidEncoding, message, at, at + 1, help=help),)) from None
