"""Puts what went wrong in a trial into words: in the names of the program, with the call that was probably meant."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from torch import Tensor

from layergen.diagnostics import FORWARD, Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.meetings import meetings
from layergen.lang.tuples import spread, whole_name, wholes
from layergen.lang.values import Shape
from layergen.resolve.membership import made_here
from layergen.rules.calls import SizeOfValues
from layergen.rules.members import WrongMember
from layergen.rules.names import Unassigned
from layergen.rules.shapes import OpFailed, ShapeMismatch
from layergen.run.alignment import broadcast, unfit
from layergen.run.couplings import coupling, misfit
from layergen.run.endless import Endless
from layergen.run.fault import MemberFault
from layergen.run.rearranged import rearranged
from layergen.run.remedies import remedy, taken_apart
from layergen.run.roles import role_meant
from layergen.run.said import beyond_a_table, dotted, needs_data, plain, sheltered, sized_by_values
from layergen.run.words import Words, short
from layergen.settings.computable import condition_of
from layergen.words import listed

LISTS = (list, tuple, Endless)
ELEMENTWISE = frozenset({"+", "-", "*", "/", "//", "%", "**", "&", "|", "^"})


WEIGHTED = "keep all entries and weight them: `sum(h * m) / sum(m)` is a mean over those where `m` is 1"
WITHOUT_VALUES = {
    "one_hot": "say how many classes there are: `one_hot(x, count)`",
    "bincount": "say how many classes there are: `sum(one_hot(x, count), dim=0)`",
    "where": "choose element by element: `where(condition, a, b)`",
    "repeat_interleave": "repeat each entry as often: `repeat_interleave(x, count, dim=…)`",
}


class Explainer(Words):
    """Explains the faults of one setting."""

    def no_tensor(self, name: str, value: object) -> Finding:
        """The finding for an output that is no tensor."""
        place = Place(("outputs", name), key=True)
        several = isinstance(value, list | tuple | Endless)
        help = "join them with `stack` or `cat`, or give each an output of its own" if several else None
        help = taken_apart(self.program, name) or help
        return ShapeMismatch.at(place, f"output `{name}` is {self.shown(value)}, not a tensor", help=help)

    def unassigned(self, name: str) -> Finding:
        """The finding for an output that has no value though it is returned."""
        items = spread([name], self.program.results)
        when = self.program.outputs[items[0]].when
        message = f"output `{name}` has no value" + ("" if when is None else f", though `{ex.show(when)}`")
        help = f"assign it wherever it is returned: `{name} = …`"
        return Unassigned.at(Place(("outputs", name), key=True), message, notes=self.notes(), help=help)

    def fault(self, path: Path, fault: EvaluationFault, values: Mapping[str, Any] = MappingProxyType({})) -> Finding:
        """The finding for an expression that could not be computed where names had these values."""
        node = fault.node
        if isinstance(fault, MemberFault):
            labels, help = fault.labels, fault.help
            if fault.rule is WrongMember and not labels:
                labels = made_here(node, self.program)
            message = sheltered(dotted(self.renamed(fault.message), self.program.run), self.names())
            place = Place(path, node.span, fault.key) if fault.at is None else Place(fault.at, key=fault.key)
            notes = (*self.shapes_given(fault), *self.notes())
            return fault.rule.at(place, message, labels=labels, notes=notes, help=help)
        if isinstance(node, ex.Binary) and node.operator in ELEMENTWISE:
            shapes = [tuple(operand.shape) for operand in fault.operands if isinstance(operand, Tensor)]
            if len(shapes) == 2 and not broadcast(*shapes):
                return coupling(self, path, node, shapes[0], shapes[1])
            lists = [operand for operand in fault.operands if isinstance(operand, LISTS)]
            if len(shapes) == 1 and len(lists) == 1:
                return _with_a_list(path, node, fault.operands, self.notes())
        absent = self.absent(node, values)
        if absent is not None and "None" in fault.message:
            return absent_finding(path, absent, self.notes())
        notes = self.notes()
        if needs_data(fault.message) and (picked := _picked_by_value(path, node, fault.operands, notes)):
            return picked
        if needs_data(fault.message) and sized_by_values(node):
            return _size_of_values(path, node, notes)
        message = sheltered(dotted(self.renamed(plain(fault.message)), self.program.run), self.names())
        if needs_data(fault.message) and isinstance(node, ex.Expression):
            return OpFailed.at(Place(path, node.span), f"torch runs `{short(node)}` with data alone", notes=notes)
        role = role_meant(self.program, node, message)
        if role is not None:
            return role.finding(self.program, path, node, notes)
        pair = unfit(node, values, message)
        if pair is not None and isinstance(node, ex.Call):
            return misfit(self, path, node, *pair, values)
        if isinstance(node, ex.Call) or (isinstance(node, ex.Binary) and node.operator == "@"):
            tensors = self.operands(node, values)
            if tensors:
                notes = (f"shapes: {tensors}", *notes)
            op = node.written.function if isinstance(node, ex.Call) else node.operator
            message = f"`{op}` fails: {message.removeprefix(f'{op}: ')}"
        help = remedy(node, message, values, self.program.decided)
        help = help or self.missing_constraint(node) or self.missing_entries(node)
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

    def missing_entries(self, node: ex.Node) -> str | None:
        """What is to be demanded of a list where it has no entry at an index."""
        condition = condition_of(self.program, node) if isinstance(node, ex.Subscript) else None
        return None if condition is None else f"add the constraint `{ex.show(condition)}`"

    def divides(self, divisor: str, number: str) -> bool:
        """Whether the spec already demands that an argument divides another."""
        rest = ex.Binary("%", ex.Name(number), ex.Name(divisor))
        return ex.Compare(rest, ("==",), (ex.Literal(0),)) in self.program.constraints

    def absent(self, node: ex.Node, values: Mapping[str, Any]) -> ex.Name | None:
        """The first operand of a node that is None here: an optional input, or a parameter that does not exist."""
        arguments = (name for name, part in self.program.arguments.items() if part.optional)
        optional = {*self.program.tensors, *wholes(self.program.inputs), *arguments}
        operands = [part.value if isinstance(part, ex.Keyword) else part for part in node.children]
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
            if self.formula is None and any(self.size(size) == other for size in (*found[:index], *found[index + 1 :])):
                other = str(found[index])  # as another dimension, by chance
            if self.size(declared[index]) != own and type(declared[index]) is int:
                own = f"{own} = {declared[index]}"
            message = f"dimension {index} of output `{name}` is declared as `{own}`, but is `{other}`"
            path: Path = ("outputs", name, "shape", index)
            help = self.size_without(entries[index], other) or self.rearranged(name, declared, found)
            return ShapeMismatch.at(path, message, notes=self.notes(), labels=labels, help=help)
        own = self.shape(declared)
        help = self.single(entries) if found == () else self.rearranged(name, declared, found)
        if isinstance(entries, tuple):
            words = [self.entry(entry) for entry in entries]
            own, help = f"[{', '.join(words)}]", help or self.broadcast(words)
        message = f"output `{name}` is declared as {own}, but is {self.shape(found)}"
        return ShapeMismatch.at(("outputs", name, "shape"), message, notes=self.notes(), labels=labels, help=help)

    def single(self, entries: Shape) -> str:
        """What to declare for a single number, or what to leave out for it to be several."""
        text = "write `[]`: a single number is a tensor without dimensions"
        own = [entry.id for entry in entries if isinstance(entry, ex.Name)] if isinstance(entries, tuple) else []
        kept = [f"`{size}`" for size in own if size in self.program.dimensions]
        return f"{text}; for numbers along {listed(kept)}, sum and average over the others alone" if kept else text

    def entry(self, entry: ex.Expression) -> str:
        """An entry of a shape as it is written, a run by its name."""
        return f"{self.program.run}..." if self.program.run and entry == ex.Literal(...) else ex.show(entry)

    def broadcast(self, words: Sequence[str]) -> str | None:
        """What an output has in the place of a run that is broadcast with another one."""
        for run, others in meetings(self.program.constraints, self.program.runs).items():
            if f"{run}..." in words:
                whole = f"broadcast({run}, {', '.join(sorted(others))})"
                return (
                    f"`{run}` is broadcast: write `{whole}...` in the place of `{run}...`" if len(others) == 1 else None
                )
        return None

    def rearranged(self, name: str, declared: tuple[int, ...], found: tuple[int, ...]) -> str | None:
        """What brings an output that is no part of a tuple to the shape that is declared."""
        if whole_name(name) != name:
            return None
        return rearranged(name, tuple(map(self.size, declared)), tuple(map(self.size, found)))

    def size_without(self, entry: ex.Expression, found: str) -> str | None:
        """What to write for a size of which a dimension is that of an input which is left out."""
        missing = set(wholes(self.setting.absent))
        for name in sorted(ex.names(entry) & self.program.dimensions.keys()):
            optional = self.program.dimensions[name].optional
            if optional in missing and optional not in ex.names(entry):
                meant = f"{ex.show(entry)} if {optional} is not None else {found}"
                return f"without `{optional}` there is no `{name}`: write `{meant}`"
        return None

    def shapes_given(self, fault: MemberFault) -> tuple[str, ...]:
        """The shapes of what a member is given that fails."""
        given = zip(fault.node.arguments if isinstance(fault.node, ex.Call) else (), fault.operands, strict=False)
        shapes = [f"{short(node)} {self.shown(value)}" for node, value in given if isinstance(value, Tensor)]
        return (f"shapes: {', '.join(shapes)}",) if shapes else ()

    def operands(self, node: ex.Expression, values: Mapping[str, Any]) -> str:
        """The shapes of a node's operands that are plain names."""
        named = [part.value if isinstance(part, ex.Keyword) else part for part in node.children]
        tensors = {
            part.id: values[part.id]
            for part in named
            if isinstance(part, ex.Name) and isinstance(values.get(part.id), Tensor)
        }
        return ", ".join(f"{name} {self.shown(value)}" for name, value in tensors.items())


class Unexplained(Explainer):
    """Tells of the faults of one setting no more than torch does, where it is asked for nothing but whether it works.

    At many sizes one after the other, nearly all of the time goes into the words else.
    """

    def fault(self, path: Path, fault: EvaluationFault, values: Mapping[str, Any] = MappingProxyType({})) -> Finding:
        if beyond_a_table(fault.message):  # by which it may be tried anew
            return super().fault(path, fault, values)
        return OpFailed.at(Place(path, fault.node.span), fault.message)


def absent_finding(path: Path, name: ex.Name, notes: tuple[str, ...]) -> Finding:
    """The finding for a tensor that is used where it may not be there."""
    help = f"ask first: `if {name.id} is not None:`"
    return OpFailed.at(Place(path, name.span), f"`{name.id}` is None here", notes=notes, help=help)


def _size_of_values(path: Path, node: ex.Node, notes: tuple[str, ...]) -> Finding:
    """The finding for a call that gives a tensor whose size depends on values."""
    text = short(node) if isinstance(node, ex.Expression) else "this"
    message = f"the size of `{text}` depends on the values of a tensor"
    help = WITHOUT_VALUES.get(node.function if isinstance(node, ex.Call) else "", WEIGHTED)
    help += "; where it spares work, accept it with the reason: `accept: {size-of-values: …}`"
    return SizeOfValues.at(Place(path, node.span), message, notes=notes, help=help)


def _with_a_list(path: Path, node: ex.Binary, operands: Sequence[object], notes: tuple[str, ...]) -> Finding:
    """The finding for a tensor and a list that an operator is to join."""
    at = 0 if isinstance(operands[0], LISTS) else 1
    whole, written = operands[at], short((node.left, node.right)[at])
    kinds = ["a tensor", "a tensor"]
    if not isinstance(whole, list | tuple) or any(isinstance(item, Tensor) for item in whole):
        kinds[at] = f"{'a tuple' if isinstance(whole, tuple) else 'a list'} of tensors"
        help = f"join them, `stack({written})` or `cat({written})`, or take one of them, `{written}[0]`"
    else:
        kinds[at] = "a list"
        help = f"make a tensor of it, `tensor({written})`"
    return OpFailed.at(
        Place(path, node.span), f"{' and '.join(kinds)} have no `{node.operator}`", notes=notes, help=help
    )


def _picked_by_value(path: Path, node: ex.Node, operands: Sequence[Any], notes: tuple[str, ...]) -> Finding | None:
    """The finding for an index that is a tensor without dimensions, whose value torch asks for."""
    match node, operands:
        case ex.Subscript(value=table, index=index), (Tensor() as rows, Tensor() as which) if not which.dim():
            own, other = ex.show(index), ex.show(table)
            ways = {1: f"take({other}, {own})", 2: f"embedding({own}, {other})"}
            help = ways.get(rows.dim(), f"index_select({other}, 0, reshape({own}, [1]))[0]")
            message = f"`{short(node)}` asks for the value of `{own}`, which has no dimensions here"
            return SizeOfValues.at(Place(path, node.span), message, notes=notes, help=f"write `{help}`")
    return None
