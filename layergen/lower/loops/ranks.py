"""How many dimensions a tensor has, as far as the words of a forward tell."""

from collections.abc import Iterator, Sequence

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.visitor import statements
from layergen.ops.traits import ELEMENTWISE
from layergen.resolve.inference import INT, kinds_of
from layergen.resolve.program import Program

KEEPING = {  # the rank of their first operand
    *ELEMENTWISE,
    *("chunk", "split", "softmax", "log_softmax", "dropout", "layer_norm", "rms_norm", "normalize"),
    *("flip", "roll", "cumsum", "type_as", "upcast", "detach", "transpose"),
}
AS_OTHERS = -1  # the rank of a name within what that name is given: what the rest of it says


class Ranks:
    """The ranks of what a forward computes. A state that a loop carries keeps its own, which is proven elsewhere."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.made: dict[str, int] = {}  # of names that the forward did not have
        self.asked: set[str] = set()  # the names that are being looked at

    def __call__(self, node: ex.Expression) -> int | None:
        """The rank of a tensor, 0 for a number; None if it cannot be told."""
        rank = self.of(node)
        return None if rank == AS_OTHERS else rank

    def of(self, node: ex.Expression) -> int | None:
        if not kinds_of(node) & {Kind.TENSOR, Kind.TENSORS, Kind.UNKNOWN}:
            return 0
        match node:
            case ex.Name(id=name):
                return self.of_name(name)
            case ex.Unary(operand=operand):
                return self.of(operand)
            case ex.Binary(operator="+" | "-" | "*" | "/" | "**", left=left, right=right):
                return self.joined([self.of(left), self.of(right)], largest=True)
            case ex.Binary(operator="@", left=left, right=right):
                ranks = [self.of(left), self.of(right)]
                return ranks[0] if ranks[1] == 2 else None
            case ex.Conditional(then=then, orelse=orelse):
                return self.joined([self.of(then), self.of(orelse)])
            case ex.Call(function="zeros" | "ones", arguments=(ex.Sequence(items=items),)):
                return len(items) if all(map(_is_one, items)) else None
            case ex.Call(function="zeros" | "ones", arguments=arguments):
                return len(arguments) if all(kinds_of(part) == INT for part in arguments) else None
            case ex.Subscript(value=ex.Name(id=name), index=index) if kinds_of(index) == INT:
                family = self.program.tensors.get(name)  # of which it takes a member
                return next(self.given(name)) if family is not None and family.each is not None else None
            case ex.Call(arguments=(first, *_)) if self.is_map(node):
                return self.of(first)
            case ex.Call(function=function, arguments=(first, *others)) if function in ELEMENTWISE and ops.called(node):
                values = [*others, *(word.value for word in node.keywords)]
                return self.joined([self.of(first), *map(self.of, values)], largest=True)
            case ex.Call(function=function, arguments=(first, *_)) if function in KEEPING and ops.called(node):
                return self.of(first)
        return None

    def is_map(self, node: ex.Expression) -> bool:
        """Whether an expression is a linear map of the last dimension, which takes each entry of the others alike.

        A bias of several dimensions meets those of what is mapped, so that it matters how many there are.
        """
        if not isinstance(node, ex.Call) or node.function != "linear" or ops.called(node) is None:
            return False
        given = dict(zip(("weight", "bias"), node.arguments[1:], strict=False))
        ranks = {name: self(part) for name, part in given.items()}
        ranks |= {word.name: self(word.value) for word in node.keywords}
        return ranks.get("weight") == 2 and ranks.get("bias", 0) in (0, 1)

    def joined(self, ranks: Sequence[int | None], largest: bool = False) -> int | None:
        """The one rank of several values, or the largest of their ranks."""
        if None in ranks:
            return None
        found = {rank for rank in ranks if rank is not None and rank != AS_OTHERS}
        if not found:
            return AS_OTHERS
        return max(found) if largest or len(found) == 1 else None

    def of_name(self, name: str) -> int | None:
        """The rank of a name by its shape and by all that it is given."""
        if name in self.made:
            return self.made[name]
        if name in self.asked:
            return AS_OTHERS
        self.asked.add(name)
        found = list(self.given(name))
        self.asked.discard(name)
        return self.joined(found) if found else None

    def given(self, name: str) -> Iterator[int | None]:
        part = self.program.tensors.get(name) or self.program.inputs.get(name)
        if part is not None:
            whole = isinstance(part.shape, tuple) and all(map(_is_one, part.shape))
            yield len(part.entries) if whole else None
        for statement in statements(self.program.forward.statements):
            match statement:
                case ex.Assign(targets=targets, value=value) if name in {target.id for target in targets}:
                    parted = isinstance(value, ex.Call) and value.function in ("chunk", "split")
                    yield self.of(value) if len(targets) == 1 or parted else None
                case ex.For(targets=targets, iterable=iterable) if name in {target.id for target in targets}:
                    yield self.item(iterable, [target.id for target in targets].index(name), len(targets))

    def item(self, node: ex.Expression, position: int, count: int) -> int | None:
        """The rank of what a loop gives one of its names."""
        match node:
            case ex.Call(function="unbind", arguments=(first, *_)) if count == 1:
                rank = self.of(first)
                return rank - 1 if rank is not None and rank > 0 else None
            case ex.Call(function="range") if count == 1:
                return 0
            case ex.Call(function="reversed", arguments=(inner,)):
                return self.item(inner, position, count)
            case ex.Call(function="enumerate", arguments=(inner,)) if count == 2:
                return self.item(inner, 0, 1) if position else 0
            case ex.Call(function="zip", arguments=inners) if count == len(inners):
                return self.item(inners[position], 0, 1)
        return None


def _is_one(entry: ex.Expression) -> bool:
    """Whether an entry of a shape is one dimension, and not any number of them."""
    return entry != ex.Literal(...) and not isinstance(entry, ex.Splice)
