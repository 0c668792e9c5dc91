"""A product to which a turn adds another is one call, ``addmm``; its weight is transposed once, before the loop."""

from collections.abc import Iterator
from dataclasses import replace

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import Callee, CalleeKind
from layergen.lang.visitor import Block, sources
from layergen.lower.loops.columns import header
from layergen.lower.loops.scene import Scene, computed, given, put, tensor
from layergen.lower.loops.shapes import weight_of
from layergen.resolve.inference import TENSOR

PARTS = frozenset({"chunk", "split", "unbind"})  # what gives parts of its first operand
OTHER = "other"  # the dtype of what is no product


def added(loop: ex.For, ahead: Block, scene: Scene) -> tuple[list[ex.Statement], ex.For]:
    """The statements that transpose weights, to put before a loop, and the loop in which such a sum is one call.

    Args:
        loop: The loop.
        ahead: What was put before it.
        scene: The forward that it stands in.
    """
    transposed: dict[str, ex.Assign] = {}
    while (found := next(_sums(loop, ahead, scene), None)) is not None:
        node, other, product = found
        weight = weight_of(product)
        name = ex.show(weight)
        if name not in transposed:
            transposed[name] = given(scene.free(f"transposed_{name}"), _op("t", weight))
        called = transposed[name].targets[0].id
        scene.shape.made[called] = (scene.shape(weight) or ())[::-1]
        call = _op("addmm", other, product.arguments[0], tensor(called))
        loop = replace(loop, body=tuple(put(statement, node, call) for statement in loop.body))
        scene.note(node, "is one call, with a weight that is transposed once, before the loop")
    return list(transposed.values()), loop


def _sums(loop: ex.For, ahead: Block, scene: Scene) -> Iterator[tuple[ex.Expression, ex.Expression, ex.Call]]:
    """The sums of a product and another that a turn always computes, with what is added to it, and the product.

    ``addmm`` takes tensors of one dtype, and under autocast it brings what is wider to the lower one: a sum does not.
    """
    dtypes = _Dtypes(loop, ahead, scene)
    for node in computed(loop.body):
        match node:
            case ex.Binary(operator="+", left=left, right=right):
                for product, other in ((right, left), (left, right)):
                    shape = scene.shape(other)
                    alike = shape is not None and None not in shape and shape == scene.shape(product)
                    if isinstance(product, ex.Call) and _is_plain(product, loop, scene) and alike:
                        found = dtypes(product) | dtypes(other)
                        if len(found) == 1 and OTHER not in found:
                            yield node, other, product


def _is_plain(call: ex.Call, loop: ex.For, scene: Scene) -> bool:
    """Whether a call is a product of a matrix with a weight of the layer alone, which no turn changes."""
    if not scene.shape.is_map(call) or len(call.arguments) + len(call.keywords) != 2 or scene.rank(call) != 2:
        return False
    weight = weight_of(call)
    return isinstance(weight, ex.Name) and weight.id in scene.program.tensors and scene.stays(weight, loop)


class _Dtypes:
    """The dtypes of the layer's tensors with which products are made, that a value is or is a part of."""

    def __init__(self, loop: ex.For, ahead: Block, scene: Scene) -> None:
        columns = header(loop, scene)
        self.steps = {column.target: column.source for column in columns.columns} if columns else {}
        self.ahead = ahead
        self.program = scene.program

    def __call__(self, node: ex.Expression, within: frozenset[str] = frozenset()) -> frozenset[str | None]:
        match node:
            case ex.Name(id=name) if name in within:
                return frozenset()
            case ex.Name(id=name) if name not in {*self.program.inputs, *self.program.tensors}:
                found = self._sources(name)
                return frozenset[str | None]().union(*(self(part, within | {name}) for part in found))
            case ex.Call(function=function, arguments=(first, *_)) if function in PARTS and ops.called(node):
                return self(first, within)
            case ex.Call(function="addmm", arguments=(first, *_)) if ops.called(node):
                return self(first, within)
            case ex.Call(function="linear") if ops.called(node):
                weights = [*node.arguments[1:], *(word.value for word in node.keywords)]
                return frozenset(map(self._own, weights))
        return frozenset({OTHER})

    def _sources(self, name: str) -> list[ex.Expression]:
        """What a name of the forward is given, those among them that it has by now alone."""
        if name in self.steps:
            return [self.steps[name]]
        return list(sources(self.ahead, name)) or list(sources(self.program.forward.statements, name))

    def _own(self, weight: ex.Expression) -> str | None:
        """The dtype of a tensor of the layer, None for that with which all are made."""
        if not isinstance(weight, ex.Name) or weight.id not in self.program.tensors:
            return OTHER
        return self.program.tensors[weight.id].dtype


def _op(name: str, *arguments: ex.Expression) -> ex.Call:
    return ex.Call(name, arguments, callee=Callee(CalleeKind.OP, name), kinds=TENSOR)
