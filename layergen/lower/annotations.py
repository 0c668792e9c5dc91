"""The types that a forward says because mypy does not see them."""

import re
from collections.abc import Iterable, Iterator

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind, Role
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.tuples import wholes
from layergen.lang.visitor import Block, statements
from layergen.lower.families import constant
from layergen.lower.returned import tuple_type
from layergen.resolve.inference import TENSOR, TENSORS, kinds_of
from layergen.resolve.program import Program

INTEGER = frozenset({Kind.INT})
NUMBERS = frozenset({Kind.INT, Kind.FLOAT})
CONVERTING = frozenset({"upcast", "loss_as"})  # ops of the language, which are methods of their first operand


def item_type(kinds: Kinds) -> str:
    """The type of the items of a list that begins empty."""
    names = {Kind.INTS: "int", Kind.FLOATS: "float"}
    return next((names[kind] for kind in names if kinds == {kind}), "Tensor")


class Annotations:
    """What mypy knows of the names of a forward while it is written, and what it has to be told."""

    def __init__(self, program: Program) -> None:
        self.program = program
        targets = program.forward.targets
        self.tensors = {target.id for target in targets if target.kinds == TENSOR} | {*wholes(program.outputs)} - {"_"}
        self.vague: frozenset[str] = frozenset()  # the names that mypy takes for anything
        self.vague = self.reassigned()
        self.said = self.vague & self.returned()  # those of which mypy is told all the same
        self.vague -= self.said
        self.numeric = frozenset(_numeric(program))  # the names that are a tensor in one place, a number in another
        self.typed = {*wholes(program.inputs), *program.parameters, *program.buffers}  # whose type mypy knows

    def annotation(self, statement: ex.Assign) -> str:
        """The type of a name where mypy cannot tell it: once, as mypy wants it."""
        target, value = statement.targets[0], statement.value
        empty = isinstance(value, ex.Sequence) and not value.items
        vague = target.id in self.said or self.untyped(value)
        if len(statement.targets) > 1 or target.id in self.typed:
            return ""
        if target.id in self.numeric:
            return ": Tensor | float"
        if not (empty or vague):
            return ""
        if empty:
            return f": list[{item_type(kinds_of(value))}]"
        result = self.program.results.get(target.id)
        if result is None and kinds_of(value) == TENSORS:
            return ": tuple[Tensor, ...]"
        return f": {tuple_type(result)}" if result else f": {_type_of(value)}"

    def declared(self, statement: ex.Assign) -> Iterator[str]:
        """The names that get their type on a line before, as those of an assignment of several do."""
        if len(statement.targets) == 1:
            return
        untyped = self.untyped(statement.value)
        for target in _leaves(statement):
            if target in self.tensors - self.typed and (untyped or target in self.said):
                yield target

    def tell(self, names: Iterable[str]) -> None:
        """Note that mypy knows the types of some names from here on."""
        self.typed.update(names)

    def reassigned(self) -> frozenset[str]:
        """The names whose type mypy has not been told, and that are then given what it sees no type in.

        A loop may take no turn: what a name was before it, it still is for mypy behind it.
        """
        found, told, seen = set[str](), {*wholes(self.program.inputs)}, {*wholes(self.program.inputs)}
        turns = {id(inner) for loop in _loops(self.program.forward.statements) for inner in statements(loop.body)}
        for statement in statements(self.program.forward.statements):
            if not isinstance(statement, ex.Assign):
                continue
            names = {*_leaves(statement)}
            if self.untyped(statement.value):
                open = names - self.tensors if len(statement.targets) > 1 else set()  # of which kind, nobody knows
                found |= open - {"_"}
                told |= names - seen - open
                found |= names - told if id(statement) not in turns else set()
            seen |= names
        return frozenset(found)

    def returned(self) -> set[str]:
        """The name that the one output has until it is returned."""
        *_, last = self.program.forward.statements
        match last:
            case ex.Assign(targets=(target,), value=ex.Name(id=name)) if (target.id,) == wholes(self.program.outputs):
                return {name}
        return set()

    def untyped(self, value: ex.Expression) -> bool:
        """Whether mypy sees no type in a value, so that it needs to be said."""
        match value:
            case ex.Name(id=name):
                derived = self.program.derived.get(name) if value.role is Role.DERIVED else None
                return name in self.vague or (derived is not None and self.untyped(derived))
            case ex.Conditional(then=then, orelse=orelse):
                return self.untyped(then) or self.untyped(orelse)
            case ex.Apply():
                return True
            case ex.Call(callee=callee) if callee is not None and callee.kind is CalleeKind.MEMBER:
                return True
            case ex.Call(arguments=arguments):
                op = ops.called(value)
                handed_on = op is not None and (op.methodic or op.name in CONVERTING)
                return op is not None and (op.untyped or (handed_on and any(map(self.untyped, arguments[:1]))))
            case ex.Binary(left=left, operator="**", right=right) if _is_integer(left) and _is_integer(right):
                return not isinstance(right, ex.Literal)  # it may be negative, and the power a fraction
            case ex.Binary(left=left, operator="**", right=right) if kinds_of(left) == INTEGER and _is_float(right):
                return not isinstance(left, ex.Literal)  # it may be negative, and the power complex
            case ex.Binary(left=left, right=right) | ex.Conditional(then=left, orelse=right):
                return self.untyped(left) or self.untyped(right)
            case ex.Subscript(value=ex.Name(id=name), index=index) if name in self.program.families:
                number = constant(index)
                return self.program.families[name].named is None or number is None or number < 0
            case ex.Subscript(value=ex.Member()):  # it may be one of a list
                return True
            case ex.Unary(operand=part) | ex.Subscript(value=part):
                return self.untyped(part)
            case _:
                return False


def _type_of(value: ex.Expression) -> str:
    """The type of a tensor, or of a number."""
    kinds = kinds_of(value)
    if not kinds or not kinds <= NUMBERS:
        return "Tensor"
    powers = (part for part in ex.walk(value) if isinstance(part, ex.Binary) and part.operator == "**")
    fraction = any(isinstance(power.right, ex.Unary) and power.right.operator == "-" for power in powers)
    return "int" if kinds == INTEGER and not fraction else "float"


def _numeric(program: Program) -> Iterator[str]:
    """The locals that are first a number and then a tensor, or the other way round."""
    kinds: dict[str, list[Kinds]] = {}
    for target in program.forward.targets:
        if target.role is Role.LOCAL and target.kinds is not None:
            kinds.setdefault(target.id, []).append(target.kinds)
    for name, several in kinds.items():
        both = frozenset[Kind]().union(*several)
        if several[0] != both and Kind.TENSOR in both and both & NUMBERS and both <= TENSOR | NUMBERS:
            yield name


def _is_integer(node: ex.Expression) -> bool:
    return node.kinds == INTEGER or (isinstance(node, ex.Literal) and type(node.value) is int)


def _is_float(node: ex.Expression) -> bool:
    return kinds_of(node) == frozenset({Kind.FLOAT})


def _leaves(statement: ex.Assign) -> Iterator[str]:
    """The names that an assignment gives values, those in tuples among its targets too."""
    for target in statement.targets:
        yield from re.findall(r"\w+", target.id) if target.grouped else [target.id]


def _loops(block: Block) -> Iterator[ex.For]:
    """The loops of a block."""
    return (statement for statement in statements(block) if isinstance(statement, ex.For))
