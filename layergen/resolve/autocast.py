"""Which statements of a forward are kept from autocast: those that multiply what was upcast.

Autocast runs products in half precision, whatever they are given, and so takes back what ``upcast`` has asked for. A
statement is kept from it where all tensors of its products are wide, and where nothing else in it counts on autocast:
without it, a product of half precision with a float32 parameter would fail, and a power would not be in float32. What
autocast leaves alone does not count.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from enum import Enum, auto

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import Autocast, CalleeKind
from layergen.lang.kinds import Kind
from layergen.lang.model import Buffer, Input, Parameter
from layergen.lang.visitor import Block, calls, parts, statements
from layergen.ops.traits import ALIASING, LOWERED, PROMOTING, UNCAST, UNDIFFERENTIABLE
from layergen.resolve.inference import arguments_of, kinds_of

TENSORS = frozenset({Kind.TENSOR, Kind.TENSORS, Kind.UNKNOWN})
NARROW = frozenset({"float16", "bfloat16"})
PLAIN = frozenset({CalleeKind.SCALAR, CalleeKind.ITERATION})  # callees that compute no tensor
REAL_PARTS = frozenset({"abs", "angle", "real", "imag", "view_as_real", "fft.irfft", "fft.irfft2", "fft.irfftn"})
COMPLEX_MAKERS = frozenset({"complex", "polar", "view_as_complex", "stft"})


class Width(Enum):
    """How wide the numbers of a value are."""

    OPEN = auto()  # as the caller's or the layer's own: half precision, it may be
    FIXED = auto()  # whole numbers, or float32 and wider by declaration: never half precision
    WIDE = auto()  # upcast
    COMPLEX = auto()  # complex of such, of which autocast knows nothing


def kept_from_autocast(
    block: tuple[ex.Statement, ...], inputs: Mapping[str, Input], owned: Mapping[str, Parameter | Buffer]
) -> tuple[ex.Statement, ...]:
    """The statements of a forward, each of which knows what autocast is to it."""
    if not any(call.function == "upcast" for call in calls(block)):
        return block
    widths = {name: _declared(tensor.dtypes) for name, tensor in inputs.items()}
    widths |= {name: _declared((tensor.dtype,) if tensor.dtype else ()) for name, tensor in owned.items()}
    return _Widths(widths).block(block)


def kept_whole(block: Block) -> bool:
    """Whether some statements of a forward are kept from autocast, and nothing in the others knows it."""
    return _of_products(block) == {Autocast.OFF}


def has_narrow_products(block: Block) -> bool:
    """Whether there are products that autocast may run in half precision, as their factors were not upcast."""
    return not _of_products(block) <= {Autocast.OFF}


def _of_products(block: Block) -> set[Autocast]:
    """What statements with products do to autocast."""
    own = [statement for statement in statements(block) if not isinstance(statement, ex.If | ex.For)]
    return {statement.autocast for statement in own if any(map(_is_lowered, _expressions(statement)))}


def multiplies(node: ex.Node) -> bool:
    """Whether there is something in an expression that autocast may run in half precision."""
    return any(_is_lowered(part) for part in ex.walk(node) if isinstance(part, ex.Expression))


def _declared(dtypes: tuple[str, ...]) -> Width:
    """The width of a tensor whose dtype is one of these; of any floating dtype if it is none."""
    return Width.OPEN if not dtypes or NARROW & {*dtypes} else Width.FIXED


def _joined(widths: Iterable[Width]) -> Width:
    """The width of a value that may be one of some, or of an op that takes one dtype."""
    found = set(widths)
    order = (Width.OPEN, Width.COMPLEX, Width.WIDE)
    return next((width for width in order if width in found), Width.FIXED)


def _promoted(widths: Iterable[Width]) -> Width:
    """The width of what has the widest dtype of some."""
    found = set(widths)
    order = (Width.COMPLEX, Width.WIDE, Width.OPEN)
    return next((width for width in order if width in found), Width.FIXED)


class _Widths:
    """Follows a forward from top to bottom, and knows how wide each name is."""

    def __init__(self, widths: Mapping[str, Width]) -> None:
        self.names = dict(widths)
        self.autocast = True  # whether the statement at hand is left to it

    def block(self, block: tuple[ex.Statement, ...]) -> tuple[ex.Statement, ...]:
        return tuple(map(self.statement, block))

    def statement(self, statement: ex.Statement) -> ex.Statement:
        match statement:
            case ex.Assign(targets=targets, value=value):
                mark, width = self.judged(value)
                self.names |= {target.id: width for target in targets}
                return replace(statement, autocast=mark)
            case ex.Append(list=name, value=value):
                mark, width = self.judged(value)
                self.names[name.id] = _joined((self.names.get(name.id, Width.FIXED), width))
                return replace(statement, autocast=mark)
            case ex.If(test=test, body=body, orelse=orelse):
                before = dict(self.names)
                then, after = self.block(body), self.names
                self.names = before
                others = self.block(orelse)
                self.merge(after)
                return replace(statement, body=then, orelse=others, autocast=self.whole(test, (*then, *others)))
            case ex.For():
                return self.loop(statement)
            case _:
                return replace(statement, autocast=Autocast.ANY)

    def loop(self, statement: ex.For) -> ex.Statement:
        """A loop, followed until no turn begins with other widths than the one before."""
        item = self.width(statement.iterable)
        while True:
            before = dict(self.names)
            self.names |= {target.id: item for target in statement.targets}
            body = self.block(statement.body)
            self.merge(before)
            if self.names == before | {name: self.names[name] for name in self.names.keys() - before.keys()}:
                return replace(statement, body=body, autocast=self.whole(statement.iterable, body))

    def merge(self, other: Mapping[str, Width]) -> None:
        """Go on from one of two places."""
        for name, width in other.items():
            self.names[name] = _joined((width, self.names.get(name, width)))

    def whole(self, head: ex.Expression, inner: tuple[ex.Statement, ...]) -> Autocast:
        """What autocast is to a statement with others in it."""
        marks = {self.judged(head)[0], *(part.autocast for part in inner)}
        return next((mark for mark in (Autocast.ON, Autocast.OFF) if mark in marks), Autocast.ANY)

    def judged(self, value: ex.Expression) -> tuple[Autocast, Width]:
        """What autocast is to the computation of a value, and the width that this has then."""
        self.autocast = False
        nodes = [node for node in ex.walk(value) if isinstance(node, ex.Expression)]
        products = [self.operands(node) for node in nodes if _is_product(node)]
        mark = Autocast.OFF if any(_joined(widths) is Width.WIDE for widths in products) else Autocast.ANY
        if any(map(self.counts_on_it, nodes)):
            mark = Autocast.ON
        self.autocast = mark is not Autocast.OFF
        return mark, self.width(value)

    def counts_on_it(self, node: ex.Expression) -> bool:
        """Whether a call may give something else, or fail, without autocast."""
        if isinstance(node, ex.Apply):
            return True
        if _is_product(node):
            return _joined(self.operands(node)) in (Width.OPEN, Width.FIXED)
        if isinstance(node, ex.Binary) and node.operator == "**":
            return _joined(self.operands(node)) is Width.OPEN
        if not isinstance(node, ex.Call) or (node.callee is not None and node.callee.kind in PLAIN):
            return False
        op = ops.called(node)
        if op is None or op.name == "loss_as":  # a member, or a function of the caller's, or what asks for it
            return True
        known = op.factory or op.name in ALIASING | UNCAST | UNDIFFERENTIABLE
        return not known and _joined(self.operands(node)) is Width.OPEN

    def operands(self, node: ex.Expression) -> list[Width]:
        """The widths of the tensors that an op works on."""
        if isinstance(node, ex.Binary):
            return [self.width(node.left), self.width(node.right)]
        assert isinstance(node, ex.Call)
        return [self.width(value) for _, value in arguments_of(node)]

    def width(self, node: ex.Expression) -> Width:
        match node:
            case ex.Name(id=name):
                return self.names.get(name, Width.OPEN if kinds_of(node) & TENSORS else Width.FIXED)
            case ex.Sequence(items=items):
                return _joined(map(self.width, items))
            case ex.Binary(operator="and" | "or", left=left, right=right):
                return _joined((self.width(left), self.width(right)))
            case ex.Binary():
                return self.product(node) if _is_product(node) else _promoted(self.operands(node))
            case ex.Conditional(then=then, orelse=orelse):
                return _joined((self.width(then), self.width(orelse)))
            case ex.Unary(operand=operand):
                return self.width(operand)
            case ex.Subscript(value=value) | ex.Splice(value=value):
                return self.width(value)
            case ex.Call():
                return self.called(node)
            case ex.Member() | ex.Apply():
                return Width.OPEN
            case _:
                return Width.FIXED

    def product(self, node: ex.Expression) -> Width:
        """The width of a product, which autocast lowers if it is left to it."""
        found = _joined(self.operands(node))
        return Width.OPEN if self.autocast and found is not Width.COMPLEX else found

    def called(self, node: ex.Call) -> Width:
        op, operands = ops.called(node), self.operands(node)
        if op is None or not operands:
            plain = op is not None or (node.callee is not None and node.callee.kind in PLAIN)
            return _joined(operands) if plain else Width.OPEN
        match op.name:
            case "upcast":
                return Width.COMPLEX if operands[0] is Width.COMPLEX else Width.WIDE
            case "type_as":
                return operands[-1]
            case "half" | "bfloat16" | "loss_as":
                return Width.OPEN
            case "float" | "double" | "int" | "long" | "short" | "bool":
                return Width.FIXED
        for _, value in arguments_of(node):
            if isinstance(value, ex.Name) and kinds_of(value) == {Kind.DTYPE}:
                return Width.OPEN if value.id in NARROW else Width.FIXED
        return operands[-1] if op.name == "to" else self.computed(node, op, operands)

    def computed(self, node: ex.Call, op: ops.Op, operands: list[Width]) -> Width:
        """The width of what an op gives whose dtype is not asked for."""
        if op.factory:
            return Width.OPEN if node.callee and node.callee.floating else Width.FIXED
        if op.name in UNDIFFERENTIABLE:
            return Width.FIXED
        found = _promoted(operands) if op.name in PROMOTING else _joined(operands)
        if op.name in REAL_PARTS:
            return Width.WIDE if found is Width.COMPLEX else found
        if op.name in COMPLEX_MAKERS or op.namespace == "torch.fft":
            return found if found is Width.OPEN else Width.COMPLEX
        return self.product(node) if _is_product(node) else found


def _expressions(statement: ex.Statement) -> Iterator[ex.Expression]:
    nodes = (node for part in parts(statement).expressions for node in ex.walk(part))
    return (node for node in nodes if isinstance(node, ex.Expression))


def _is_lowered(node: ex.Expression) -> bool:
    """Whether autocast may lower what an expression gives: a product, or a call of which nobody knows what it does."""
    callee = node.callee if isinstance(node, ex.Call | ex.Apply) else None
    return _is_product(node) or (callee is not None and callee.kind in (CalleeKind.MEMBER, CalleeKind.FUNCTION))


def _is_product(node: ex.Expression) -> bool:
    """Whether an expression is an op that autocast runs in half precision."""
    if isinstance(node, ex.Binary):
        return node.operator == "@"
    op = ops.called(node) if isinstance(node, ex.Call) else None
    return op is not None and op.name in LOWERED
