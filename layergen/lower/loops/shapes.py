"""What shape a tensor has, as far as the words of a forward tell: how many dimensions, and the sizes of some."""

from collections.abc import Iterator, Sequence
from enum import Enum

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.visitor import statements
from layergen.lower.loops.split import Size, Sizes, part_of
from layergen.ops.traits import ELEMENTWISE
from layergen.resolve.inference import INT, kinds_of
from layergen.resolve.program import Program

KEEPING = {  # the shape of their first operand
    *ELEMENTWISE,
    *("softmax", "log_softmax", "dropout", "layer_norm", "rms_norm", "normalize"),
    *("flip", "roll", "cumsum", "type_as", "upcast", "detach", "clone", "zeros_like", "ones_like"),
}
BROADCAST = ELEMENTWISE | {"lerp", "maximum", "minimum", "where"}  # that of all tensors that they take


class Recurring(Enum):
    """The shape of a name within what that name is given: what the rest of it says."""

    SAME = "the shape of the others"
    RANK = "as many dimensions as the others"


Shape = Sizes | Recurring


class Shapes:
    """The shapes of what a forward computes. A state that a loop carries keeps its own, which is proven elsewhere."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.made: dict[str, Sizes] = {}  # of names that the forward did not have
        self.asked: dict[str, Shape] = {}  # of the names that are being looked at: that of the first value of each

    def __call__(self, node: ex.Expression) -> Sizes | None:
        """The shape of a tensor, without dimensions for a number; None if it cannot be told how many it has."""
        shape = self.of(node)
        return None if isinstance(shape, Recurring) else shape

    def rank(self, node: ex.Expression) -> int | None:
        """How many dimensions a tensor has, 0 for a number; None if it cannot be told."""
        shape = self(node)
        return None if shape is None else len(shape)

    def of(self, node: ex.Expression) -> Shape | None:
        if not kinds_of(node) & {Kind.TENSOR, Kind.TENSORS, Kind.UNKNOWN}:
            return ()
        match node:
            case ex.Name(id=name):
                return self.of_name(name)
            case ex.Unary(operand=operand):
                return self.of(operand)
            case ex.Binary(operator="+" | "-" | "*" | "/" | "**", left=left, right=right):
                return broadcast([self.of(left), self.of(right)])
            case ex.Binary(operator="@", left=left, right=right):
                return self.product(left, self.of(right), 1)
            case ex.Call(function="addmm", arguments=(_, left, right)) if ops.called(node):
                return self.product(left, self.of(right), 1)
            case ex.Conditional(then=then, orelse=orelse):
                return joined([self.of(then), self.of(orelse)])
            case ex.Call(function="zeros" | "ones", arguments=(ex.Sequence(items=items),)):
                return self.told(items) if all(map(_is_one, items)) else None
            case ex.Call(function="zeros" | "ones", arguments=arguments):
                return self.told(arguments) if all(kinds_of(part) == INT for part in arguments) else None
            case ex.Subscript(value=ex.Name(id=name), index=index) if kinds_of(index) == INT:
                family = self.program.tensors.get(name)  # of which it takes a member
                return _of_rank(next(self.given(name))) if family is not None and family.each is not None else None
            case ex.Call(arguments=(first, *_)) if self.is_map(node):
                return self.product(first, self.of(weight_of(node)), 0)
            case ex.Call(function=function, arguments=(first, *others)) if function in BROADCAST and ops.called(node):
                return broadcast([self.of(part) for part in (first, *others, *(word.value for word in node.keywords))])
            case ex.Call(function=function, arguments=(first, *_)) if function in KEEPING and ops.called(node):
                return self.of(first)
            case ex.Call(function="chunk" | "split" | "transpose", arguments=(first, *_)) if ops.called(node):
                return _of_rank(self.of(first))
        return None

    def is_map(self, node: ex.Expression) -> bool:
        """Whether an expression is a linear map of the last dimension, which takes each entry of the others alike.

        A bias of several dimensions meets those of what is mapped, so that it matters how many there are.
        """
        if not isinstance(node, ex.Call) or node.function != "linear" or ops.called(node) is None:
            return False
        given = dict(zip(("weight", "bias"), node.arguments[1:], strict=False))
        ranks = {name: self.rank(part) for name, part in given.items()}
        ranks |= {word.name: self.rank(word.value) for word in node.keywords}
        return ranks.get("weight") == 2 and ranks.get("bias", 0) in (0, 1)

    def product(self, first: ex.Expression, weight: Shape | None, features: int) -> Shape | None:
        """The shape of a product with a matrix, of which one dimension takes the place of the last of the first."""
        shape = self.of(first)
        if not isinstance(weight, tuple) or len(weight) != 2 or shape is None:
            return None
        if isinstance(shape, Recurring):
            return shape if weight[0] is not None and weight[0] == weight[1] else Recurring.RANK
        return (*shape[:-1], weight[features]) if shape else None

    def of_name(self, name: str) -> Shape | None:
        """The shape of a name by what it is declared to be, and by all that it is given."""
        if name in self.made:
            return self.made[name]
        if name in self.asked:
            return self.asked[name]
        self.asked[name] = Recurring.SAME
        found: list[Shape | None] = []
        for shape in self.given(name):
            if not found and isinstance(shape, tuple):
                self.asked[name] = shape  # of which all others have to be, if it is
            found.append(shape)
        del self.asked[name]
        return joined(found) if found else None

    def given(self, name: str) -> Iterator[Shape | None]:
        part = self.program.tensors.get(name) or self.program.inputs.get(name)
        if part is not None:
            whole = isinstance(part.shape, tuple) and all(map(_is_one, part.shape))
            loose = name in self.program.inputs and self.program.inputs[name].broadcast
            shape = self.told(part.entries) if whole else None
            yield _of_rank(shape) if loose else shape
        for statement in statements(self.program.forward.statements):
            match statement:
                case ex.Assign(targets=targets, value=value) if name in {target.id for target in targets}:
                    place = [target.id for target in targets].index(name)
                    yield self.of(value) if len(targets) == 1 else self.part(value, place, len(targets))
                case ex.For(targets=targets, iterable=iterable) if name in {target.id for target in targets}:
                    yield self.item(iterable, [target.id for target in targets].index(name), len(targets))

    def part(self, node: ex.Expression, place: int, count: int) -> Shape | None:
        """The shape of one of the parts into which a tensor is taken apart."""
        if not isinstance(node, ex.Call) or node.function not in ("chunk", "split") or ops.called(node) is None:
            return None
        shape = self.of(node.arguments[0])
        return self.told(part_of(shape, node, place, count)) if isinstance(shape, tuple) else _of_rank(shape)

    def item(self, node: ex.Expression, position: int, count: int) -> Shape | None:
        """The shape of what a loop gives one of its names."""
        match node:
            case ex.Call(function="unbind", arguments=(first, *others), keywords=words) if count == 1:
                shape = self.of(first)
                if not isinstance(shape, tuple) or not shape:
                    return None
                dim = (*others, *(word.value for word in words), ex.Literal(0))[0]
                known = isinstance(dim, ex.Literal) and isinstance(dim.value, int) and 0 <= dim.value < len(shape)
                return without(shape, dim.value) if known else (None,) * (len(shape) - 1)  # type: ignore[attr-defined]
            case ex.Call(function="range") if count == 1:
                return ()
            case ex.Call(function="reversed", arguments=(inner,)):
                return self.item(inner, position, count)
            case ex.Call(function="enumerate", arguments=(inner,)) if count == 2:
                return self.item(inner, 0, 1) if position else ()
            case ex.Call(function="zip", arguments=inners) if count == len(inners):
                return self.item(inners[position], 0, 1)
        return None

    def told(self, sizes: Sequence[Size]) -> Sizes:
        """Sizes as the words have them; one that is made of what the forward assigns may be another elsewhere."""
        changing = self.program.forward.assigned
        return tuple(None if size is None or ex.names(size) & changing else size for size in sizes)


def weight_of(call: ex.Call) -> ex.Expression:
    """The weight of a call of ``linear``."""
    return next((word.value for word in call.keywords if word.name == "weight"), (*call.arguments, call)[1])


def without(shape: Sizes, dim: int) -> Sizes:
    return (*shape[:dim], *shape[dim + 1 :])


def joined(shapes: Sequence[Shape | None]) -> Shape | None:
    """The one shape of several values, with the sizes in which they agree; None if their ranks differ."""
    found = [shape for shape in shapes if isinstance(shape, tuple)]
    if None in shapes or len({len(shape) for shape in found}) > 1:
        return None
    if not found:
        return Recurring.RANK if Recurring.RANK in shapes else Recurring.SAME
    sizes = tuple(column[0] if len(set(column)) == 1 else None for column in zip(*found, strict=True))
    return _of_rank(sizes) if Recurring.RANK in shapes else sizes


def broadcast(shapes: Sequence[Shape | None]) -> Shape | None:
    """The shape of what is made of several tensors and numbers, entry by entry."""
    found = [shape for shape in shapes if isinstance(shape, tuple)]
    if None in shapes:
        return None
    rank = max(map(len, found), default=0)
    if not rank and len(found) < len(shapes):
        return Recurring.RANK if Recurring.RANK in shapes else Recurring.SAME
    sizes = tuple(_meeting([shape[place] for shape in found if len(shape) >= -place]) for place in range(-rank, 0))
    return _of_rank(sizes) if Recurring.RANK in shapes else sizes


def _meeting(sizes: Sequence[Size]) -> Size:
    """The size to which several are broadcast, if all are known."""
    several = set(sizes) - {ex.Literal(1)} or {ex.Literal(1)}
    return several.pop() if len(several) == 1 else None


def _of_rank(shape: Shape | None) -> Shape | None:
    """A shape of which no more is known than how many dimensions it has."""
    if isinstance(shape, tuple):
        return (None,) * len(shape)
    return None if shape is None else Recurring.RANK


def _is_one(entry: ex.Expression) -> bool:
    """Whether an entry of a shape is one dimension, and not any number of them."""
    return entry != ex.Literal(...) and not isinstance(entry, ex.Splice)
