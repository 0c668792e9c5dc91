"""Puts what went wrong in a trial into words: in the names of the program, with the call that was probably meant."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from layergen import ops
from layergen.diagnostics import FORWARD, Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.tuples import whole_name, wholes
from layergen.resolve.program import Program
from layergen.rules.calls import SizeOfValues
from layergen.rules.names import Unassigned
from layergen.rules.shapes import HiddenCoupling, OpFailed, ShapeMismatch
from layergen.run.alignment import apart, broadcast, kept, shape_of, spread, together, unfit, with_argument
from layergen.run.endless import Endless
from layergen.run.fault import MemberFault
from layergen.run.remedies import chunked, remedy, taken_apart
from layergen.run.roles import role_meant
from layergen.run.said import dotted, needs_data, plain, sheltered, sized_by_values
from layergen.settings.choice import Setting

MOST_TENSORS = 3  # of a list that are shown one by one
LONGEST_SIZE = 20  # characters of a size that a shape shows as it is
ELEMENTWISE = frozenset({"+", "-", "*", "/", "//", "%", "**", "&", "|", "^"})


WEIGHTED = "keep all entries and weight them: `sum(h * m) / sum(m)` is a mean over those where `m` is 1"
WITHOUT_VALUES = {
    "one_hot": "say how many classes there are: `one_hot(x, count)`",
    "bincount": "say how many classes there are: `sum(one_hot(x, count), dim=0)`",
    "where": "choose element by element: `where(condition, a, b)`",
    "repeat_interleave": "repeat each entry as often: `repeat_interleave(x, count, dim=…)`",
}


class Explainer:
    """Explains the faults of one setting.

    Args:
        program: The layer.
        setting: Where it was tried.
        formula: The text of a size, where sizes are symbolic.
        renamed: Puts the names of the spec for those that torch has for symbols.
    """

    def __init__(
        self,
        program: Program,
        setting: Setting,
        formula: Callable[[Any], str] | None = None,
        renamed: Callable[[str], str] = lambda text: text,
    ) -> None:
        self.formula = formula
        self.renamed = renamed
        self.program = program
        self.setting = setting

    def no_tensor(self, name: str, value: object) -> Finding:
        """The finding for an output that is no tensor."""
        place = Place(("outputs", name), key=True)
        several = isinstance(value, list | tuple | Endless)
        help = "join them with `stack` or `cat`, or give each an output of its own" if several else None
        help = taken_apart(self.program, name) or help
        return ShapeMismatch.at(place, f"output `{name}` is {self.shown(value)}, not a tensor", help=help)

    def unassigned(self, name: str) -> Finding:
        """The finding for an output that has no value though it is returned."""
        when = self.program.outputs[name].when if name in self.program.outputs else None
        message = f"output `{name}` has no value" + ("" if when is None else f", though `{ex.show(when)}`")
        help = f"assign it wherever it is returned: `{name} = …`"
        return Unassigned.at(Place(("outputs", name), key=True), message, notes=self.notes(), help=help)

    def size(self, size: int | torch.SymInt) -> str:
        """A size by its formula, or by the only name that has this value, or as a number."""
        if self.formula is not None:
            return self.formula(size)
        scalars = {name: value for name, value in self.setting.values.items() if type(value) is int}
        named = [name for name, value in {**self.setting.sizes, **scalars}.items() if value == size]
        return named[0] if len(named) == 1 and size > 1 else str(size)

    def count(self, number: int) -> str:
        """How many there are of something: by the only dimension or argument that has this value, or as a number."""
        numbers = {**self.setting.sizes, **self.setting.values}
        named = [name for name, value in numbers.items() if type(value) is int and value == number > 2]
        return f"`{named[0]}`" if len(named) == 1 else str(number)

    def shape(self, shape: tuple[int, ...]) -> str:
        return dotted(f"[{', '.join(self.size(size) for size in shape)}]")

    def shown(self, value: object) -> str:
        """A value that an op was given, in a few words."""
        if isinstance(value, Tensor):
            return self.shape(tuple(value.shape))
        if isinstance(value, Endless):
            first = value.runs[0][1]
            return f"a list of tensors, the first {self.shown(first)}" if isinstance(first, Tensor) else "a list"
        if isinstance(value, list | tuple) and any(isinstance(item, Tensor) for item in value):
            if len(value) > MOST_TENSORS:
                return f"a list of tensors, the first {self.shown(value[0])}"
            return f"[{', '.join(self.shown(item) for item in value)}]"
        return f"`{self.text(value)}`"

    def text(self, value: object) -> str:
        """A value that is no tensor; one that is symbolic, by its formula."""
        if isinstance(value, list):
            return f"[{', '.join(map(self.text, value))}]"
        if isinstance(value, tuple):
            return f"({', '.join(map(self.text, value))}{',' * (len(value) == 1)})"
        if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
            return self.formula(value) if self.formula else type(value).__name__.removeprefix("Sym").lower()
        return str(value)

    def notes(self) -> tuple[str, ...]:
        """The setting at which it happened: what stands for its arguments, its dimensions and for ``...``."""
        leading = any(ex.Literal(...) in tensor.entries for tensor in self.program.inputs.values())
        rest = {"...": list(self.setting.leading)} if leading else {}
        absent = dict.fromkeys(wholes(sorted(self.setting.absent)))
        parts = {**self.setting.values, **self.setting.sizes, **rest, **absent}
        text = ", ".join(f"{name}={self.text(value)}" for name, value in parts.items())
        return (f"setting: {text}",) if text else ()

    def fault(self, path: Path, fault: EvaluationFault, values: Mapping[str, Any] = MappingProxyType({})) -> Finding:
        """The finding for an expression that could not be computed where names had these values."""
        node = fault.node
        if isinstance(fault, MemberFault):
            labels, help = fault.labels, fault.help
            message = sheltered(dotted(self.renamed(fault.message)), self.names())
            return fault.rule.at(Place(path, node.span), message, labels=labels, notes=self.notes(), help=help)
        if isinstance(node, ex.Binary) and node.operator in ELEMENTWISE:
            shapes = [tuple(operand.shape) for operand in fault.operands if isinstance(operand, Tensor)]
            if len(shapes) == 2 and not broadcast(*shapes):
                return self.coupling(path, node, shapes[0], shapes[1])
        absent = self.absent(node, values)
        if absent is not None and "None" in fault.message:
            return absent_finding(path, absent, self.notes())
        notes = self.notes()
        if needs_data(fault.message) and sized_by_values(node):
            return _size_of_values(path, node, notes)
        message = sheltered(dotted(self.renamed(plain(fault.message))), self.names())
        if needs_data(fault.message) and isinstance(node, ex.Expression):
            return OpFailed.at(Place(path, node.span), f"torch runs `{short(node)}` with data alone", notes=notes)
        role = role_meant(self.program, node, message)
        if role is not None:
            return role.finding(self.program, path, node, notes)
        pair = unfit(node, values, message)
        if pair is not None and isinstance(node, ex.Call):
            return self.unfit(path, node, *pair, values)
        if isinstance(node, ex.Call) or (isinstance(node, ex.Binary) and node.operator == "@"):
            tensors = self.operands(node, values)
            if tensors:
                notes = (f"shapes: {tensors}", *notes)
            message = f"`{node.written.function if isinstance(node, ex.Call) else node.operator}` fails: {message}"
        help = remedy(node, message, values) or self.missing_constraint(node)
        return OpFailed.at(Place(path, node.span), message, notes=notes, help=help)

    def names(self) -> frozenset[str]:
        """All names that the spec itself has given."""
        own = {*self.program.names, *self.program.dimensions, *self.program.derived, *wholes(self.program.outputs)}
        return frozenset(own.union(self.program.forward.assigned))

    def missing_constraint(self, node: ex.Node) -> str | None:
        """What is probably demanded where a quotient of two arguments fails as a size."""
        shapes = [entry for tensor in self.program.tensors.values() for entry in tensor.entries]
        for part in (found for whole in (node, *shapes) for found in ex.walk(whole)):
            match part:
                case ex.Binary("//", ex.Name(id=number), ex.Name(id=divisor)) if {number, divisor} <= {
                    *self.program.arguments
                } and not self.divides(divisor, number):
                    return f"if `{divisor}` is to divide `{number}`, add the constraint `{number} % {divisor} == 0`"
                case ex.Binary("//", ex.Name(id=number), divisor) if number in self.setting.sizes:
                    demand = f"{number} % {ex.Printer().show(divisor, ex.PRECEDENCE['unary'])} == 0"
                    return f"if `{number}` has to be a multiple, add the constraint `{demand}`"
        return None

    def divides(self, divisor: str, number: str) -> bool:
        """Whether the spec already demands that an argument divides another."""
        rest = ex.Binary("%", ex.Name(number), ex.Name(divisor))
        return ex.Compare(rest, ("==",), (ex.Literal(0),)) in self.program.constraints

    def absent(self, node: ex.Node, values: Mapping[str, Any]) -> ex.Name | None:
        """The first operand of a node that is None here: an optional input, or a parameter that does not exist."""
        arguments = (name for name, part in self.program.arguments.items() if part.optional)
        optional = {*self.program.tensors, *wholes(self.program.inputs), *arguments}
        operands = [part.value if isinstance(part, ex.Keyword) else part for part in ex.children(node)]
        if not isinstance(node, ex.Call | ex.Binary | ex.Subscript | ex.Unary | ex.Name):
            return None
        named = [part for part in (node, *operands) if isinstance(part, ex.Name) and part.id in optional]
        return next((part for part in named if part.id in values and values[part.id] is None), None)

    def shape_mismatch(
        self, name: str, declared: tuple[int, ...], found: tuple[int, ...], stored: Mapping[str, ex.Name]
    ) -> Finding:
        """The finding for an output of another shape than declared, at the first entry that differs.

        ``stored`` is where the names of the forward got their values.
        """
        entries = self.program.outputs[name].shape
        whole = whole_name(name)
        labels = (Label(Place(FORWARD, stored[whole].span), "computed here"),) if whole in stored else ()
        if isinstance(entries, tuple) and ex.Literal(...) not in entries and len(declared) == len(found):
            index = next(index for index, size in enumerate(declared) if size != found[index])
            own, other = ex.show(entries[index]), self.size(found[index])
            if self.size(declared[index]) != own and type(declared[index]) is int:
                own = f"{own} = {declared[index]}"
            message = f"dimension {index} of output `{name}` is declared as `{own}`, but is `{other}`"
            return ShapeMismatch.at(("outputs", name, "shape", index), message, notes=self.notes(), labels=labels)
        own = self.shape(declared)
        help = "write `[]`: a single number is a tensor without dimensions" if found == () else None
        if isinstance(entries, tuple):
            own = f"[{', '.join(ex.show(entry) for entry in entries)}]"
        message = f"output `{name}` is declared as {own}, but is {self.shape(found)}"
        return ShapeMismatch.at(("outputs", name, "shape"), message, notes=self.notes(), labels=labels, help=help)

    def operands(self, node: ex.Expression, values: Mapping[str, Any]) -> str:
        """The shapes of a node's operands that are plain names."""
        named = [part.value if isinstance(part, ex.Keyword) else part for part in ex.children(node)]
        tensors = {
            part.id: values[part.id]
            for part in named
            if isinstance(part, ex.Name) and isinstance(values.get(part.id), Tensor)
        }
        return ", ".join(f"{name} {self.shown(value)}" for name, value in tensors.items())

    def coupling(self, path: Path, node: ex.Binary, left: tuple[int, ...], right: tuple[int, ...]) -> Finding:
        """The finding for two shapes that do not broadcast."""
        small, large = (node.left, node.right) if len(left) < len(right) else (node.right, node.left)
        few, many = (left, right) if len(left) < len(right) else (right, left)
        position = next(
            index
            for index in range(-1, -len(few) - 1, -1)
            if few[index] != many[index] and 1 not in (few[index], many[index])
        )
        which = "the last dimension" if position == -1 else f"dimension {position}"
        message = f"`{short(small)}` meets {which} of `{short(large)}`"
        names = Primes(self)
        first, second = names.shape(left), names.shape(right)
        demand = f"{names.size(few[position])} == {names.size(many[position])}"
        notes = (f"shapes: {first} {node.operator} {second} agree only where {demand}", *names.notes(), *self.notes())
        labels = [Label(Place(path, large.span), names.shape(many))]
        return HiddenCoupling.at(
            Place(path, small.span), message, label=names.shape(few), labels=labels, notes=notes,
            help=self.aligned(small, large, few, many) or chunked(self.program, node) or self.rows(small, few, many),
        )  # fmt: skip

    def unfit(
        self, path: Path, call: ex.Call, small: ex.Expression, large: ex.Expression, values: Mapping[str, Any]
    ) -> Finding:
        """The finding for two arguments of a call that do not broadcast."""
        few, many = shape_of(small, values), shape_of(large, values)
        assert few is not None
        assert many is not None
        place = together(few, many) or apart(few, many)
        spaced = spread(small, place, len(many)) if place else None
        one, other = self.shape(few), self.shape(many)
        message = f"`{short(small)}` is {one} and does not broadcast to `{short(large)}`, {other}"
        help = f"write `{ex.show(with_argument(call, small, spaced))}`" if spaced else None
        return OpFailed.at(Place(path, small.span), message, notes=self.notes(), help=help)

    def aligned(
        self, small: ex.Expression, large: ex.Expression, few: tuple[int, ...], many: tuple[int, ...]
    ) -> str | None:
        """How to bring the smaller tensor to the dimensions that it was meant for, where they can be told."""
        place = together(few, many)
        if place is None:
            return None
        spaced = kept(small, place, len(many)) or spread(small, place, len(many))
        text = f"write `{ex.show(spaced)}`" if spaced else None
        repaired = self.handed_over(small, large)
        if repaired:
            text = f"{text}, or hand it to the op: `{repaired}`" if text else f"write `{repaired}`"
        return text

    def rows(self, small: ex.Expression, few: tuple[int, ...], many: tuple[int, ...]) -> str | None:
        """How to take as many rows of a table of the layer's own as the other tensor has positions."""
        tables = {name: part.entries for name, part in self.program.tensors.items()}
        if not isinstance(small, ex.Name) or small.id not in tables or few[1:] != many[len(many) - len(few) + 1 :]:
            return None
        first, size = tables[small.id][0], self.size(many[len(many) - len(few)])
        table = isinstance(first, ex.Name) and first.id in self.program.arguments
        return f"for the first rows of `{small.id}`, write `{small.id}[:{size}]`" if table else None

    def handed_over(self, small: ex.Expression, large: ex.Expression) -> str | None:
        """The call that takes the smaller tensor itself, as ``conv2d`` takes a bias."""
        if not isinstance(large, ex.Call) or not isinstance(small, ex.Name):
            return None
        op = ops.called(large)
        signature = op.signatures[0] if op else None
        parameter = signature.parameter(small.id) if signature else None
        if signature is None or parameter is None:
            return None
        position = signature.positional.index(parameter) if parameter in signature.positional else None
        if any(keyword.name == small.id for keyword in large.keywords):
            return None
        if position == len(large.arguments):
            return ex.show(ex.Call(large.function, (*large.arguments, small), large.keywords))
        if position is not None and position < len(large.arguments):
            return None
        keywords = (ex.Keyword(small.id, small), *large.keywords)
        return ex.show(ex.Call(large.function, large.arguments, keywords))


class Primes:
    """Shows shapes in which long sizes get short names: ``W'`` for what has become of the dimension W."""

    def __init__(self, explainer: Explainer) -> None:
        self.explainer = explainer
        self.short: dict[str, str] = {}

    def size(self, size: int) -> str:
        text = self.explainer.size(size)
        if len(text) <= LONGEST_SIZE:
            return text
        if text not in self.short:
            sources = [name for name in self.explainer.setting.sizes if re.search(rf"\b{name}\b", text)]
            name = f"{sources[0] if sources else 'S'}'"
            while name in self.short.values():
                name += "'"
            self.short[text] = name
        return self.short[text]

    def shape(self, shape: tuple[int, ...]) -> str:
        return dotted(f"[{', '.join(self.size(size) for size in shape)}]")

    def notes(self) -> tuple[str, ...]:
        """What the short names stand for."""
        return tuple(f"where: {name} = {text}" for text, name in self.short.items())


def absent_finding(path: Path, name: ex.Name, notes: tuple[str, ...]) -> Finding:
    """The finding for a tensor that is used where it may not be there."""
    help = f"ask first: `if {name.id} is not None:`"
    return OpFailed.at(Place(path, name.span), f"`{name.id}` is None here", notes=notes, help=help)


def _size_of_values(path: Path, node: ex.Node, notes: tuple[str, ...]) -> Finding:
    """The finding for a call that gives a tensor whose size depends on values."""
    text = short(node) if isinstance(node, ex.Expression) else "this"
    message = f"the size of `{text}` depends on the values of a tensor"
    help = WITHOUT_VALUES.get(node.function if isinstance(node, ex.Call) else "", WEIGHTED)
    return SizeOfValues.at(Place(path, node.span), message, notes=notes, help=help)


def short(node: ex.Expression) -> str:
    """An expression in a few characters: a call without its arguments."""
    text = ex.show(node)
    if len(text) <= 30:
        return text
    return f"{node.written.function}(…)" if isinstance(node, ex.Call) else f"{text[:29]}…"
