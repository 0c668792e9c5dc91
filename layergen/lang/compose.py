"""From text to nodes: strict YAML, read from PyYAML's stream of events.

The events come one by one from PyYAML's Python parser, a state machine without recursion, so composing can stop at the
first level too deep. (Its C parser crashes the process on deep nesting.)
"""

import re
from typing import NoReturn

import yaml

from layergen.diagnostics import Diagnostic, Mark, Rule, Span
from layergen.faults import SourceError
from layergen.lang.nodes import List, Mapping, Node, Scalar
from layergen.lang.text import FORBIDDEN, SourceText, character_name
from layergen.lang.yaml_errors import explain
from layergen.lang.yaml_scalars import CORE, KINDS, Value, resolve, resolve_tagged
from layergen.rules.file import (
    Alias,
    DuplicateKey,
    FileTooLarge,
    ForbiddenCharacter,
    ForeignTag,
    InvalidYaml,
    NestingTooDeep,
    NotAMapping,
)
from layergen.words import shorten

DEPTH = 64
VALUES = 20_000
FAULTS = 50  # of one file; a file with more is no spec, and its faults would fill screens

TAGS = {*(CORE + kind for kind in KINDS), CORE + "map", CORE + "seq"}
PROPERTY = re.compile(r"([!&][^ \t\r\n]*)(?:[ \t\r\n]+(?:#[^\r\n]*)?)*")  # a tag or an anchor before a value
BEGINNING = "a spec begins with `layer: …`"

ValueEvent = yaml.AliasEvent | yaml.ScalarEvent | yaml.CollectionStartEvent


def compose(source: SourceText) -> Mapping:
    """The nodes of a spec's text.

    Raises:
        SourceError: With all faults found. An error of syntax ends the search.
    """
    faults = _Faults(source)
    for match in FORBIDDEN.finditer(source.text):
        faults.add(ForbiddenCharacter, f"{character_name(match.group())} may not stand in a spec", *match.span())
    faults.check()
    root = _Composer(source, faults).document()
    faults.check()
    return root


def _extent(event: yaml.Event) -> Span:
    assert event.start_mark and event.end_mark  # only events that a program makes lack them
    return event.start_mark.index, event.end_mark.index


class _Faults:
    """The faults found so far."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        self.found: list[Diagnostic] = []

    def add(
        self, rule: type[Rule], message: str, start: int, end: int, *,
        label: str = "", marks: tuple[Mark, ...] = (), help: str | None = None,
    ) -> None:  # fmt: skip
        self.found.append(self.source.diagnostic(rule, message, start, end, label=label, marks=marks, help=help))
        if len(self.found) == FAULTS:
            self.found[-1] = self.found[-1]._replace(notes=("note: the search of this file ends here",))
            self.check()

    def stop(self, rule: type[Rule], message: str, start: int, end: int, *, help: str | None = None) -> NoReturn:
        self.add(rule, message, start, end, help=help)
        raise SourceError(tuple(self.found))

    def check(self) -> None:
        """Give up if there are any."""
        if self.found:
            raise SourceError(tuple(self.found))


class _Composer:
    """Makes nodes of the events of one document."""

    def __init__(self, source: SourceText, faults: _Faults) -> None:
        self.text = source.text
        self.source = source
        self.faults = faults
        self.values = 0
        self.loader = yaml.SafeLoader(source.text)

    def document(self) -> Mapping:
        self._next()  # the start of the stream
        if isinstance(self._next(), yaml.StreamEndEvent):
            problem = "holds only comments" if self.text.strip() else "is empty"
            self.faults.stop(NotAMapping, f"the file {problem}", 0, 0, help=BEGINNING)
        node = self._node(self._next(), 1)
        self._next()  # the end of the document
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            start, _ = _extent(after)
            help = "write each spec to a file of its own"
            self.faults.stop(InvalidYaml, "a second document begins here", start, start + 3, help=help)
        if not isinstance(node, Mapping):
            kind = "a list" if isinstance(node, List) else "a single value"
            message = f"the top level is {kind}, not a mapping of keys to values"
            self.faults.stop(NotAMapping, message, node.start, node.end, help=BEGINNING)
        return node

    def _next(self) -> yaml.Event:
        """The next event of the stream. An error of syntax ends the search."""
        try:
            event: yaml.Event = self.loader.get_event()  # type: ignore[no-untyped-call]
            return event
        except yaml.MarkedYAMLError as error:
            problem = explain(error, self.text)
            self.faults.stop(problem.rule, problem.message, problem.start, problem.end, help=problem.help)
        except (ValueError, OverflowError):  # of an escape or a directive: PyYAML hands Python any number
            at = self.loader.get_mark().index
            self.faults.stop(InvalidYaml, "the number here is out of range", at, at + 1)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        assert isinstance(event, ValueEvent)  # by PyYAML's grammar of events
        start, end = _extent(event)
        self.values += 1
        if self.values > VALUES:
            self.faults.stop(FileTooLarge, f"the file has more than {VALUES:,} values", start, start + 1)
        if isinstance(event, yaml.AliasEvent):
            help = "write the value out; put text that begins with `*` in quotes"
            self.faults.add(Alias, "an alias: specs do without anchors and aliases", start, end, help=help)
            return Scalar(start, end, text="", value="", raw="", style="")
        start = self._properties(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, start)
        if depth > DEPTH:
            message = f"mappings and lists are nested more than {DEPTH} levels deep"
            self.faults.stop(NestingTooDeep, message, start, start + 1)
        tag, make = ("map", self._mapping) if isinstance(event, yaml.MappingStartEvent) else ("seq", self._list)
        if event.tag in TAGS - {CORE + tag}:
            self.faults.add(InvalidYaml, f"this is no `{event.tag.replace(CORE, '!!')}`", start, start + 1)
        return make(start, depth)

    def _properties(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> int:
        """Judge the tag and the anchor before a value. Returns where the value itself begins."""
        at, end = _extent(event)
        while match := PROPERTY.match(self.text, at, end):
            word, extent = match[1], match.span(1)
            if word.startswith("&"):
                help = "delete it; put text that begins with `&` in quotes"
                self.faults.add(Alias, "an anchor: specs do without anchors and aliases", *extent, help=help)
            elif event.tag not in TAGS:
                help = "delete it; put text that begins with `!` in quotes"
                self.faults.add(ForeignTag, f"`{shorten(word)}` is not a tag of YAML's core schema", *extent, help=help)
            at = match.end()
        return at

    def _scalar(self, event: yaml.ScalarEvent, start: int) -> Scalar:
        (_, end), text = _extent(event), event.value
        value: Value = text
        try:
            if event.tag in TAGS:
                value = resolve_tagged(text, event.tag)
            elif not event.style:
                value = resolve(text)
        except ValueError as error:
            self.faults.add(InvalidYaml, str(error), start, end)
        node = Scalar(start, end, text, value, self.text[start:end], event.style or "")
        for match in FORBIDDEN.finditer(text):  # as the file itself has none, these are escapes
            message = f"{character_name(match.group())} may not stand in a spec"
            self.faults.add(ForbiddenCharacter, message, *node.spots[match.start()])
        return node

    def _list(self, start: int, depth: int) -> List:
        items = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return List(start, _extent(event)[1], tuple(items))

    def _mapping(self, start: int, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if not isinstance(key, Scalar) or not isinstance(key.value, str):
                self._bad_key(key, self._cut(start, entries) if value.start == value.end else None)
            elif key.text in entries:
                self._duplicate(key, entries[key.text][0])
            else:
                entries[key.text] = key, value
        return Mapping(start, _extent(event)[1], entries)

    def _cut(self, start: int, entries: dict[str, tuple[Scalar, Node]]) -> tuple[str, Node] | None:
        """The entry of a mapping in braces whose value a comma may have cut: the last one."""
        if self.text[start] != "{" or not entries:
            return None
        key, (_, value) = list(entries.items())[-1]
        return (key, value) if isinstance(value, Scalar) else None

    def _bad_key(self, key: Node, cut: tuple[str, Node] | None) -> None:
        shown = shorten(self.text[key.start : key.end])
        if isinstance(key, Scalar) and shown and cut:
            message = f"`{cut[0]}` ends at the comma"
            values = f"{self.text[cut[1].start : cut[1].end]}, {shown}"
            help = f"put a list in brackets: `{cut[0]}: [{values}]`"
        elif not isinstance(key, Scalar):
            message = f"a {'list' if isinstance(key, List) else 'mapping'} stands where a key should"
            help = "put text that begins with a bracket or a brace in quotes"
        elif shown:
            message, help = f"the key `{shown}` is not text", f'write `"{shown}"`'
        else:
            message, help = "a key is missing", "write a key before the `:`"
        self.faults.add(InvalidYaml, message, key.start, key.end, help=help)

    def _duplicate(self, key: Scalar, first: Scalar) -> None:
        mark = Mark(self.source.location(first.start, first.end), "first here")
        message = f"the key `{shorten(key.text)}` is given twice"
        self.faults.add(DuplicateKey, message, key.start, key.end, label="again here", marks=(mark,))
