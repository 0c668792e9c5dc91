"""Where a layer tells floating inputs apart, with what, and whether it can be said on which side a value is.

What is compared as it is given, or after steps that do not round, is on the same side of a number however it is
computed; a quotient that comes near to one may be on either.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from layergen.definition.grammar import INDEX_OF, reduction
from layergen.definition.scene import Definition
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes, sources
from layergen.resolve.program import Program

LEAPING = {  # ops that leap where their first operand is a number, and which numbers these are
    "ceil": (1.0, 2.0), "floor": (1.0, 2.0), "frac": (1.0,), "hardshrink": (0.5,), "heaviside": (), "round": (0.5, 1.5),
    "sign": (), "signbit": (), "threshold": (), "trunc": (1.0,),
}  # fmt: skip
BENDING = {  # and those that bend there
    "clamp": (), "elu": (), "hardsigmoid": (3.0,), "hardswish": (3.0,), "hardtanh": (1.0,), "leaky_relu": (),
    "maximum": (), "minimum": (), "relu": (), "relu6": (6.0,), "softshrink": (0.5,),
}  # fmt: skip
ORDERING = frozenset(  # of equal entries, these may give any
    {"argmax", "argmin", "argsort", "bucketize", "kthvalue", "median", "mode", "msort", "multinomial", "nanmedian"}
    | {"searchsorted", "sort", "topk", "unique", "fmod", "remainder"}
)
EXACT = frozenset(  # ops that do not round
    {"abs", "add", "amax", "amin", "broadcast_to", "chunk", "clamp", "detach", "expand", "expand_as", "flatten"}
    | {"flip", "gather", "max", "maximum", "min", "minimum", "movedim", "narrow", "neg", "permute", "relu", "repeat"}
    | {"reshape", "select", "split", "squeeze", "stack", "cat", "sub", "swapaxes", "transpose", "type_as", "unbind"}
    | {"unflatten", "unfold", "unsqueeze", "upcast", "where"}
)
SIGNS = frozenset({"<", "<=", ">", ">=", "==", "!="})


@dataclass(frozen=True)
class Telling:
    """The forward or the definition of a layer, as what tells inputs apart.

    Attributes:
        parts: All its nodes.
        given: What each of its names is computed from.
        floating: The floating inputs.
    """

    parts: Sequence[ex.Node]
    given: Mapping[str, Sequence[ex.Expression]]
    floating: Collection[str]

    def leaps(self) -> Iterator[tuple[ex.Expression, ...]]:
        """The operands of each op that may leap, and that floating inputs have a part in."""
        for node in self.parts:
            match node:
                case ex.Compare(left, signs, others) if SIGNS.issuperset(signs):
                    operands: tuple[ex.Expression, ...] = (left, *others)
                case ex.Call(function=function, arguments=(first, *_)) if function in LEAPING:
                    operands = (first,)
                case _:
                    continue
            if any(map(self.reads_input, operands)):
                yield operands

    def switches(self) -> Iterator[ex.Expression]:
        """What it compares with what, or tells apart by an op, so far as floating inputs have a part in it."""
        for node in self.parts:
            known = isinstance(node, ex.Call) and node.function in (*LEAPING, *BENDING)
            if (known or (isinstance(node, ex.Compare) and SIGNS.issuperset(node.operators))) and self.reads_input(
                node
            ):
                assert isinstance(node, ex.Expression)
                yield node

    def orders(self) -> bool:
        """Whether it sorts entries, so that equal ones may change places."""
        return any(
            (isinstance(node, ex.Call) and node.function.rpartition(".")[2] in ORDERING)
            or ((found := reduction(node)) is not None and found[0] in INDEX_OF)
            or (isinstance(node, ex.Call) and node.function in ("max", "min") and _along(node))
            or (isinstance(node, ex.Binary) and node.operator in ("//", "%") and self.reads_input(node))
            for node in self.parts
        )

    def is_told(self) -> bool:
        """Whether it can be said of each value on which side of what it is compared with it is."""
        return not self.orders() and all(all(map(self.is_exact, operands)) for operands in self.leaps())

    def behind(self, node: ex.Node) -> Iterator[ex.Node]:
        """A node and all under it, and what the names among these are computed from."""
        seen: set[str] = set()
        waiting = [node]
        while waiting:
            for part in ex.walk(waiting.pop()):
                yield part
                if isinstance(part, ex.Name) and part.id not in seen:
                    seen.add(part.id)
                    waiting += self.given.get(part.id, ())

    def compared(self, node: ex.Node) -> Iterator[ex.Node]:
        """What stands in a node beside indices, and what names that no input has a part in are computed from."""
        yield node
        if isinstance(node, ex.Name) and not self.reads_input(node):
            yield from self.behind(node)
        for child in (node.value,) if isinstance(node, ex.Subscript) else node.children:
            yield from self.compared(child)

    def reads_input(self, node: ex.Node) -> bool:
        return any(isinstance(part, ex.Name) and part.id in self.floating for part in self.behind(node))

    def is_exact(self, node: ex.Expression, seen: frozenset[str] = frozenset()) -> bool:
        """Whether no step rounds on the way from inputs, numbers and tensors to a value."""
        if not self.reads_input(node):
            return True
        found = reduction(node)
        if found is not None:
            return found[0] in ("max", "min") and self.is_exact(found[2], seen)
        match node:
            case ex.Name(id=name):
                return name in seen or all(self.is_exact(source, seen | {name}) for source in self.given.get(name, ()))
            case ex.Unary(operand=operand):
                return self.is_exact(operand, seen)
            case ex.Binary(operator="+" | "-", left=left, right=right):
                return self.is_exact(left, seen) and self.is_exact(right, seen)
            case ex.Subscript(value=value):
                return self.is_exact(value, seen)
            case ex.Conditional(then=then, orelse=orelse):
                return self.is_exact(then, seen) and self.is_exact(orelse, seen)
            case ex.Call(function=function, arguments=arguments) if function in EXACT:
                return all(self.is_exact(argument, seen) for argument in arguments)
        return False


def _along(call: ex.Call) -> bool:
    """Whether `max` goes along a dimension, and gives indices, too."""
    return any(keyword.name == "dim" for keyword in call.keywords)


def tellings(program: Program) -> tuple[Telling, ...]:
    """The forward of a layer, and its definition."""
    floating = frozenset(name for name, part in program.inputs.items() if part.floating)
    block = program.forward.statements
    given = {name: tuple(sources(block, name)) for name in program.forward.assigned}
    found = [Telling(tuple(nodes(block)), given, floating)]
    if program.definition is not None:
        found.append(_of_definition(program.definition, floating))
    return tuple(found)


def _of_definition(definition: Definition, floating: Collection[str]) -> Telling:
    values = {name: tuple(one.value for one in several) for name, several in definition.named.items()}
    parts = tuple(node for several in values.values() for value in several for node in ex.walk(value))
    return Telling(parts, values, floating)
