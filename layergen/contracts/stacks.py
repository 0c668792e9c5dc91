"""Init: torch counts all but two dimensions of a weight as a window; of a stack of matrices, they are none."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from layergen.contracts.fans import ONE_SIDED, PRODUCTS
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.inits import is_initializer
from layergen.lang.values import Shape
from layergen.probe.ways import Ways
from layergen.resolve.signature import alternatives
from layergen.rules.tensors import WrongFan
from layergen.run.forward import Run
from layergen.run.initial import fans
from layergen.run.instance import Instance
from layergen.run.watching import TRAINING, WITHOUT_DATA, Watch, Watcher

Sums = Mapping[str, tuple[frozenset[int], ex.Expression]]  # the dimensions that are summed over, and where
KERNELS = frozenset({"linear", "conv1d", "conv2d", "conv3d"})  # ops that sum over all dimensions of a weight but one


class Mixed(NamedTuple):
    """What an einsum makes of the matrices or kernels of a stack."""

    name: str
    dims: tuple[int | None, ...]  # of the stack, that its own are
    value: Tensor


class StackWatch(Watcher[Sums]):
    """Notes over which dimensions the products sum that take a parameter of more than two dimensions."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.sums: dict[str, tuple[frozenset[int], ex.Expression]] = {}
        self.mixed: list[Mixed] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        if node.function in PRODUCTS and len(node.arguments) == 2:
            self.product(node.arguments[0], node.arguments[1], node)
        elif node.function == "einsum" and arguments and isinstance(arguments[0], str):
            self.einsum(node, arguments[0])

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        if node.operator == "@" and isinstance(left, Tensor) and isinstance(right, Tensor):
            self.product(node.left, node.right, node)

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        if not isinstance(node, ex.Call) or len(operands) < 2:
            return
        if node.function == "einsum" and isinstance(operands[0], str) and isinstance(value, Tensor):
            self.mixed += self.mixtures(node, operands[0], value)
        elif node.function in KERNELS and isinstance(operands[1], Tensor):
            self.kernel(node, operands[1])

    def evidence(self, run: Run | None) -> Sums:
        return self.sums

    def product(self, left: ex.Expression, right: ex.Expression, node: ex.Expression) -> None:
        for weight, last in ((left, 1), (right, 2)):
            rank = self.rank(weight)
            self.note(weight, frozenset({rank - last}), node)

    def einsum(self, node: ex.Call, equation: str) -> None:
        """Indices that are not in the result are summed over; those that no other operand has are summed away."""
        inputs, _, result = equation.replace(" ", "").partition("->")
        for indices, operand in zip(inputs.split(","), node.arguments[1:], strict=False):
            if "." not in indices and result:
                self.note(operand, frozenset(i for i, index in enumerate(indices) if index not in result), node)

    def mixtures(self, node: ex.Call, equation: str, value: Tensor) -> Iterator[Mixed]:
        inputs, _, result = equation.replace(" ", "").partition("->")
        for indices, operand in zip(inputs.split(","), node.arguments[1:], strict=False):
            if "." not in indices + result and isinstance(operand, ex.Name) and operand.id in self.sums:
                dims = tuple(indices.index(index) if index in indices else None for index in result)
                yield Mixed(operand.id, dims, value)

    def kernel(self, node: ex.Call, kernel: Tensor) -> None:
        """A kernel that is a mixture, or a view of one, sums over what it has of the stack beside its outputs."""
        for name, dims, value in self.mixed:
            last = dims[1 - kernel.dim() :]
            if _whole(kernel) is _whole(value) and kernel.shape[1:] == value.shape[1 - kernel.dim() :]:
                self.sums[name] = (frozenset(dim for dim in last if dim is not None), node)

    def rank(self, weight: ex.Expression) -> int:
        tensor = self.instance.state.get(weight.id) if isinstance(weight, ex.Name) else None
        return tensor.dim() if tensor is not None else 0

    def note(self, weight: ex.Expression, summed: frozenset[int], node: ex.Expression) -> None:
        if isinstance(weight, ex.Name) and weight.id in self.instance.program.parameters and self.rank(weight) > 2:
            self.sums.setdefault(weight.id, (summed, node))


def _whole(tensor: Tensor) -> Tensor:
    """The tensor that another one is a view of."""
    return tensor if tensor._base is None else tensor._base


STACKED = Watch(WITHOUT_DATA, TRAINING, StackWatch)


def check_stacks(ways: Ways) -> Iterator[Finding]:
    """Yield the initial values of stacks whose fan counts more, or less, than a sum runs over."""
    reported: set[str] = set()
    for seen in ways.seen(STACKED):
        for name, (summed, user) in seen.evidence.items():
            tensor = ways.program.parameters[name]
            shape = tuple(seen.instance.state[name].shape)  # type: ignore[union-attr]
            wanted = math.prod(shape[dimension] for dimension in summed)
            for node, counted in _fans(name, tensor.init.value, shape):
                sizes = _sizes(tensor.shape, len(shape))
                if counted != wanted and summed and sizes and name not in reported:
                    reported.add(name)
                    yield _finding(name, node, user, [sizes[dimension] for dimension in sorted(summed)], len(shape))


def _sizes(shape: Shape, rank: int) -> list[ex.Expression]:
    """The expressions of the sizes, those of a list by their indices; none where that is not told."""
    ways = alternatives(shape)
    if len(ways) != 1 or len(ways[0].lists) != len(ways[0].opens) or len(ways[0].opens) > 1:
        return []
    found: list[ex.Expression] = []
    for entry in ways[0].entries:
        if isinstance(entry, ex.Splice):
            found += [ex.Subscript(entry.value, ex.Literal(index)) for index in range(rank - ways[0].least)]
        else:
            found.append(entry)
    return found


STACKS = Promise(check_stacks, (STACKED,))


def _fans(name: str, init: ex.Expression, shape: tuple[int, ...]) -> Iterator[tuple[ex.Call, int]]:
    """The fans that an initial value takes, and what they count."""
    fan_in, fan_out = fans(shape)
    if is_initializer(init) and init.function in ONE_SIDED:
        mode = next((word.value for word in init.keywords if word.name == "mode"), ex.Literal("fan_in"))
        yield init, fan_out if mode == ex.Literal("fan_out") else fan_in
    for node in ex.walk(init):
        if isinstance(node, ex.Call) and node.function in ("fan_in", "fan_out") and node.arguments == (ex.Name(name),):
            yield node, fan_in if node.function == "fan_in" else fan_out


def _finding(name: str, node: ex.Call, user: ex.Expression, entries: list[ex.Expression], rank: int) -> Finding:
    product = entries[0]
    for entry in entries[1:]:
        product = ex.Binary("*", product, entry)
    message = f"`{ex.show(node)}` takes `{name}` for one matrix with a window, and counts {rank - 1} of its dimensions"
    labels = [Label(Place(FORWARD, user.span), f"sums over `{ex.show(product)}` alone")]
    return WrongFan.at(
        Place(("parameters", name, "init"), node.span), message, labels=labels, help=_instead(node, product)
    )


def _instead(node: ex.Call, fan: ex.Expression) -> str:
    """The same initial value with the fan of one matrix of the stack."""
    if node.function in ("fan_in", "fan_out"):
        return f"write `{ex.show(fan)}`"
    one = ex.Call("sqrt", (ex.Literal(5),))
    if node.function == "kaiming_uniform" and any(word == ex.Keyword("a", one) for word in node.keywords):
        bound = ex.show(ex.Binary("/", ex.Literal(1), ex.Call("sqrt", (fan,))))
        return f"write `uniform(-{bound}, {bound})`"
    if node.keywords or node.arguments:
        return f"scale it by what one matrix sums over, `{ex.show(fan)}`"
    number = 6 if node.function == "kaiming_uniform" else 2
    scale = ex.Call("sqrt", (ex.Binary("/", ex.Literal(number), fan),))
    text = ex.show(scale)
    return f"write `uniform(-{text}, {text})`" if node.function == "kaiming_uniform" else f"write `normal(0, {text})`"
