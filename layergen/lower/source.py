"""Prints a spec's expressions as Python source, and puts a spec's text into Python literals.

Every character of a spec that reaches generated code passes through here: expressions are printed from our own tree,
values by ``repr``, prose with the escapes that its literal needs.
"""

import math
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.dtypes import DTYPES
from layergen.lang.facts import Callee, CalleeKind
from layergen.lang.kinds import Kind
from layergen.lang.meetings import broadcast_in
from layergen.lang.scalars import BROADCAST, BROADCASTABLE, NUMBERS, SCALARS
from layergen.lower.dtypes import wide_dtype
from layergen.lower.lists import LISTS, as_tuple, form, joined, needs_joining, spread, summands
from layergen.lower.wide import made_wide, takes_dtype_of_input
from layergen.ops.traits import ONE_FOR_EACH, UNDERSTATED, WITH_INDICES
from layergen.resolve.inference import kinds_of
from layergen.resolve.iteration import is_numbered
from layergen.resolve.made_wide import is_wide

CONSTANTS = {**{name: f"math.{name}" for name in NUMBERS}, **{name: f"torch.{name}" for name in DTYPES}}
WIDTH = 88
TIE = "\0"  # stands for a space at which no line ends
LONGEST_TIED = 44  # characters of code in which no line ends
RAISED = 16  # columns before what is raised
ONE_LINE = 65  # characters of a message that stands on one line


@dataclass(frozen=True)
class Origin:
    """Where tensors made from nothing are made, as source text."""

    device: str  # empty: torch's default
    dtype: str


class SourcePrinter(ex.Printer):
    """Prints expressions as the generated module writes them.

    Args:
        names: The source text of each name of the program.
        origin: The device and dtype of tensors made from nothing.
        once: A free name for values that are read twice where they are computed.
        functional: What ``torch.nn.functional`` is called.
        leading: The source text of the leading dimensions, for ``...`` in a list.
        read: Gives the source text of a tensor of a family, where it is no item of a list.
        listed: The classes of the members in lists, by the lists' names.
        given: The source text of lists as the caller gave them, which an op may be handed that takes one number, too.
    """

    def __init__(
        self,
        names: Mapping[str, str],
        origin: Origin | None = None,
        once: str = "",
        functional: str = "F",
        leading: str = "...",
        read: Callable[[ex.Subscript, Callable[[ex.Expression], str]], str | None] = lambda node, show: None,
        listed: Mapping[str, str] = MappingProxyType({}),
        given: Mapping[str, str] = MappingProxyType({}),
        untyped: Callable[[ex.Member], bool] = lambda node: False,
    ) -> None:
        self.untyped = untyped
        self.listed = listed
        self.given = given
        self.names = names
        self.origin = origin
        self.once = once
        self.functional = functional
        self.leading = leading
        self.read = read

    def name(self, node: ex.Name) -> str:
        if node.id in self.names:
            return self.names[node.id]
        head, dot, rest = node.id.partition(".")
        if dot and head in self.names:  # where a size is read: `self.weight.shape[0]`
            return f"{self.names[head]}.{rest}"
        if node.id in CONSTANTS:
            return CONSTANTS[node.id]
        return node.id

    def literal(self, node: ex.Literal) -> str:
        return python(node.value)

    def bare(self, node: ex.Expression) -> str:
        match node:
            case ex.Binary(operator="+") if kinds_of(node) & LISTS and needs_joining(parts := summands(node)):
                return self.sequence(joined(parts))
            case ex.Subscript() if text := self.read(node, self.show):
                return text
            case ex.Unary("not", ex.Name(id=name)) if (text := self.names.get(name, "")).endswith(" is not None"):
                return f"{text.removesuffix(' is not None')} is None"
            case ex.Unary(operator="*", operand=operand):
                return f"*{self.show(operand, ex.PRECEDENCE['|'])}"
            case ex.Compare(left=left, operators=("==" | "!=",), comparators=(right,)) if "(" in (
                form(left),
                form(right),
            ):
                return super().bare(replace(node, left=as_tuple(left), comparators=(as_tuple(right),)))
        return super().bare(node)

    def splice(self, node: ex.Splice) -> str:
        return f"*{self.show(node.value, ex.PRECEDENCE['|'])}"

    def member(self, node: ex.Member) -> str:
        """A tensor of a member, of which is told what it is where a type checker cannot know."""
        text = self.path(node)
        return f"cast(Tensor, {text})" if self.untyped(node) else text

    def path(self, node: ex.Expression) -> str:
        """The path of a tensor of a member; one of a list says of which class it is, or that this is not known here."""
        match node:
            case ex.Member(value=ex.Subscript(value=ex.Name(id=name)) as value) if name in self.listed:
                return f"cast({self.listed[name]}, {self.show(value)}).{node.name}"
            case ex.Member(value=ex.Name(id=name)) if name in self.listed:  # of a loop over a list
                return f"cast({self.listed[name]}, {name}).{node.name}"
            case ex.Member(value=ex.Member(value=ex.Subscript(value=ex.Member()) as item, name=inner), name=name):
                return f"cast(Any, {self.path(item)}).{inner}.{name}"
            case ex.Member(value=value, name=name):
                return f"{self.path(value)}.{name}"
            case ex.Subscript(value=ex.Member() as value, index=index):
                return f"{self.path(value)}[{self.show(index)}]"
        return self.show(node, ex.PRECEDENCE["primary"])

    def sequence(self, node: ex.Sequence) -> str:
        return super().sequence(self.spliced(node))

    def spliced(self, node: ex.Sequence) -> ex.Sequence:
        """A list with the leading dimensions in the place of ``...``."""
        if not ex.is_spliced(node):
            return node
        leading = ex.Name(f"*{self.leading}")
        return replace(node, items=tuple(leading if item == ex.Literal(...) else item for item in node.items))

    def call(self, node: ex.Call) -> str:
        items = [self.spliced(part) if isinstance(part, ex.Sequence) else part for part in node.arguments]
        node = replace(node, arguments=tuple(items))
        if node.callee is not None and node.callee.kind in (CalleeKind.MEMBER, CalleeKind.FUNCTION):
            return f"{self.names.get(node.function, node.function)}({self.arguments(node)})"
        if node.callee is not None and node.callee.kind is CalleeKind.ITERATION:
            if node.function == "reversed" and is_numbered(node.arguments[0]):
                return f"reversed(list({self.arguments(node)}))"
            return f"{node.function}({self.arguments(node)}{', strict=True' if node.function == 'zip' else ''})"
        op = ops.called(node)
        if op is None and node.function in (BROADCAST, BROADCASTABLE):  # torch's `broadcast_shapes` has no types
            both = ", ".join(f"{self.show(part, ex.PRECEDENCE['primary'])}[::-1]" for part in node.arguments)
            if node.function == BROADCASTABLE:
                return f"all(m == n or 1 in (m, n) for m, n in zip({both}, strict=False))"
            return f"[n if m == 1 else m for m, n in itertools.zip_longest({both}, fillvalue=1)][::-1]"
        if op is None and node.function == "len" and (lists := broadcast_in(node.arguments[0]))[1:]:
            return f"max({', '.join(self.call(replace(node, arguments=(part,))) for part in lists)})"
        if op is None:
            return f"{SCALARS[node.function].text}({self.arguments(node)})"
        if op.name == "upcast":
            return self.upcast(node)
        if op.name == "loss_as":  # outside of a forward, where nothing asks for autocast
            return self.call(replace(node, function="type_as", callee=Callee(CalleeKind.OP, "type_as")))
        if op.factory:
            return self.factory(node, op)
        if op.name == "type_as" and (made := self.made_like(node)):
            return made
        first = node.arguments[0] if node.arguments else None
        if first is not None and (op.namespace == "Tensor" or (op.methodic and Kind.TENSOR in kinds_of(first))):
            rest = spread(replace(node, arguments=node.arguments[1:]), op)
            return f"{self.show(first, ex.PRECEDENCE['primary'])}.{op.name}({self.arguments(rest)})"
        function = self.function(op)
        if op.name.endswith(WITH_INDICES) and not _is_understated(op):
            function = function.removesuffix(WITH_INDICES)
            node = replace(node, keywords=(*node.keywords, ex.Keyword("return_indices", ex.Literal(True))))
        return f"{function}({self.arguments(self.handed(_tupled(_for_each(node, op), op), op))})"

    def handed(self, node: ex.Call, op: ops.Op) -> ex.Call:
        """A call that hands on what the caller gave, where the op brings that into one form by itself."""
        if not self.given or op.name in ONE_FOR_EACH:
            return node
        items = (self.as_given(part, _formals(op, place)) for place, part in enumerate(node.arguments))
        keywords = (replace(part, value=self.as_given(part.value, _named(op, part.name))) for part in node.keywords)
        return replace(node, arguments=tuple(items), keywords=tuple(keywords))

    def as_given(self, node: ex.Expression, formals: Sequence[ops.Formal]) -> ex.Expression:
        wide = bool(formals) and all(Kind.INT in formal.accepts for formal in formals)
        known = isinstance(node, ex.Name) and node.id in self.given
        return ex.Name(self.given[node.id]) if wide and known and isinstance(node, ex.Name) else node

    def function(self, op: ops.Op) -> str:
        """The name of an op's function."""
        return f"{self.functional}.{op.name}" if op.namespace == "F" else op.python

    def upcast(self, node: ex.Call) -> str:
        """A value in a wide dtype. It gets its name where it stands: a line before would come before a condition."""
        operand = node.arguments[0]
        value = self.show(operand, ex.PRECEDENCE["primary"])
        if self.origin is not None and is_wide(operand):
            return value
        if self.origin is not None and node.callee and node.callee.whole:
            dtype = wide_dtype(self.origin.dtype)
            made = made_wide(operand, dtype)
            return f"{value}.to({dtype})" if made is None else self.show(made)
        if not self.once or isinstance(operand, ex.Name):
            return f"{value}.to({wide_dtype(f'{value}.dtype')})"
        return f"({self.once} := {self.show(operand)}).to({wide_dtype(f'{self.once}.dtype')})"

    def factory(self, node: ex.Call, op: ops.Op) -> str:
        node, given = spread(node, op), {keyword.name for keyword in node.keywords}
        parts = [self.arguments(node)] if node.arguments or node.keywords else []
        if self.origin is not None and "device" not in given:
            parts += [f"device={self.origin.device}"] if self.origin.device else []
            if "dtype" not in given and node.callee and node.callee.floating:
                parts.append(f"dtype={wide_dtype(self.origin.dtype) if node.callee.wide else self.origin.dtype}")
        return f"{self.function(op)}({', '.join(parts)})"

    def made_like(self, node: ex.Call) -> str | None:
        """A tensor that is made from nothing with the device and the dtype of another one, if a call asks for that."""
        match node.arguments:
            case (ex.Call() as made, ex.Name() as other) if self.origin is not None and takes_dtype_of_input(made):
                name, before = self.show(other), self.origin
                self.origin = Origin(f"{name}.device", f"{name}.dtype")
                text = self.show(made)
                self.origin = before
                return text
        return None


def _is_understated(op: ops.Op) -> bool:
    return op.name.startswith(UNDERSTATED) and op.name.endswith(WITH_INDICES)


def _formals(op: ops.Op, place: int) -> list[ops.Formal]:
    """What may stand at a place of a call."""
    several = (signature.positional for signature in op.signatures)
    return [formals[place] for formals in several if place < len(formals)]


def _named(op: ops.Op, name: str | None) -> list[ops.Formal]:
    found = (signature.parameter(name) for signature in op.signatures) if name else ()
    return [formal for formal in found if formal is not None]


def _for_each(node: ex.Call, op: ops.Op) -> ex.Call:
    """A call with a number for each dimension where torch takes one for all, if a type checker asks for that."""
    count = ONE_FOR_EACH.get(op.name)

    def repeated(part: ex.Expression, formals: Sequence[ops.Formal]) -> ex.Expression:
        sized = any({Kind.INT, Kind.INTS} <= formal.accepts for formal in formals)
        return ex.Sequence((part,) * (count or 1), "(") if sized and kinds_of(part) == {Kind.INT} else part

    if count is None:
        return node
    items = (repeated(part, _formals(op, place)) for place, part in enumerate(node.arguments))
    keywords = (replace(part, value=repeated(part.value, _named(op, part.name))) for part in node.keywords)
    return replace(node, arguments=tuple(items), keywords=tuple(keywords))


def _tupled(node: ex.Call, op: ops.Op) -> ex.Call:
    """A call with tuples in the place of lists where a type checker asks for them."""
    named = {formal.name for signature in op.signatures for formal in signature.parameters if formal.tupled}
    places = {
        place
        for signature in op.signatures
        for place, formal in enumerate(signature.parameters)
        if formal.tupled and not formal.keyword_only
    }
    items = (as_tuple(part) if place in places else part for place, part in enumerate(node.arguments))
    keywords = (replace(part, value=as_tuple(part.value)) if part.name in named else part for part in node.keywords)
    return replace(node, arguments=tuple(items), keywords=tuple(keywords)) if named else node


def python(value: object) -> str:
    """A value as a Python literal, as one would write it by hand."""
    if value is ...:
        return "..."
    if isinstance(value, float):
        if not math.isfinite(value):
            return f'float("{value}")'  # needs no import, wherever it stands
        return re.sub(r"e([-+])0(\d)$", r"e\1\2", repr(value))
    if isinstance(value, tuple):
        inner = ", ".join(python(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(python(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{python(key)}: {python(item)}' for key, item in value.items())}}}"
    return repr(value)


def quoted(text: str) -> str:
    """Text as a Python string literal in double quotes where that needs no escape, as black writes it."""
    literal = repr(text)
    return f'"{text}"' if literal == f"'{text}'" and '"' not in text else literal


def broken(text: str) -> str:
    """A string literal; a long one is broken at its spaces into several that follow each other.

    What stands in brackets stays on a line, if it is short.
    """
    pieces = [""]
    for word in re.findall(rf"(?:\([^()]{{,{LONGEST_TIED}}}\)|\S)+\s*|\s+", text):
        if pieces[-1] and len(pieces[-1]) + len(word.rstrip()) > ONE_LINE:
            pieces.append("")
        pieces[-1] += word
    if len(text) < WIDTH - 12 or len(pieces) < 2:
        return quoted(text)
    return f"({' '.join(quoted(piece) for piece in pieces)})"


def formatted(*parts: str | tuple[str], depth: int = 0) -> str:
    """An f-string: texts stand as they are, one-tuples hold the source of a replacement field.

    One that is too long for a line becomes several that follow each other; what came begins a line of its own.

    Args:
        parts: The texts and the fields.
        depth: How many blocks stand around the condition under which it is raised.
    """
    template = "".join(f"{{{part[0]}}}" if isinstance(part, tuple) else braces(part) for part in parts)
    room = WIDTH - RAISED - 4 * depth
    if len(_literal(template)) <= room:
        return _literal(template)
    lines = [""]
    for word in re.findall(r"(?:\{\{|\}\}|\{[^{}]*\}|[^\s{}])+\s*|\s+", template):
        if lines[-1] and (len(_literal(lines[-1] + word)) > room or word == "got "):
            lines.append("")
        lines[-1] += word
    return " ".join(_literal(line) for line in lines)


def _literal(template: str) -> str:
    """An f-string, or a plain string if there is nothing to fill in."""
    plain = re.sub(r"\{\{|\}\}", "", template)
    return f"f{quoted(template)}" if "{" in plain else quoted(template.replace("{{", "{").replace("}}", "}"))


def braces(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def wrap(text: str, width: int) -> tuple[str, ...]:
    """Prose in lines of at most ``width`` columns. Paragraphs keep apart by an empty line, and short code together."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        joined = re.sub("``[^`]+``", _together, " ".join(paragraph.split()))
        wrapped = textwrap.wrap(joined, width, break_long_words=False, break_on_hyphens=False)
        lines += ([""] if lines else []) + [line.replace(TIE, " ") for line in wrapped]
    return tuple(lines)


def _together(code: re.Match[str]) -> str:
    """Code that is not broken into lines if it is short."""
    return code[0].replace(" ", TIE) if len(code[0]) <= LONGEST_TIED else code[0]


class DocText:
    """Escapes prose for docstrings that share one prefix.

    A raw docstring cannot hold three quotes or end in a backslash, so such prose takes an ordinary one.
    """

    def __init__(self, texts: tuple[str, ...]) -> None:
        whole = "\n".join(texts)
        held = '"""' not in whole and not any(text.endswith('"') for text in texts)
        self.raw = "\\" in whole and held and not re.search(r"\\(\s|$)", whole)
        self.prefix = "r" if self.raw else ""

    def __call__(self, text: str) -> str:
        if self.raw:
            return text
        text = text.replace("\\", "\\\\")
        return re.sub(r'"{3,}|"+\Z', lambda quotes: '\\"' * len(quotes[0]), text)
