"""Init: the fan that scales a weight is the number of values that each output sums over."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.inits import is_initializer
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.tensors import WrongFan
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import TRAINING, WITHOUT_DATA, Watch, Watcher

# Ops that sum a weight, their second argument, over its dimension of this index; the fan-in counts dimension 1.
SUMMED = {"linear": 1, "conv1d": 1, "conv2d": 1, "conv3d": 1, "bilinear": 1}
TRANSPOSED = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
SUMMED |= dict.fromkeys(TRANSPOSED, 0)
PRODUCTS = frozenset({"matmul", "mm", "bmm"})
ONE_SIDED = frozenset({"kaiming_uniform", "kaiming_normal"})


Uses = Mapping[str, tuple[int, ex.Expression]]  # along which dimension a weight is summed, and what sums it


def check_fans(ways: Ways) -> Iterator[Finding]:
    """Yield the initial values that are scaled by another fan than that of the weight's use."""
    program = ways.program
    uses: Uses = {}
    for seen in ways.seen(SUMS):
        uses = {**seen.evidence, **uses}
    for name, tensor in program.parameters.items():
        path = ("parameters", name, "init")
        call = tensor.init.value
        if is_initializer(call) and call.function in ONE_SIDED and name in uses:
            summed, user = uses[name]
            mode = next((k.value for k in call.keywords if k.name == "mode"), ex.Literal("fan_in"))
            if summed == 0 and mode == ex.Literal("fan_in"):
                yield _wrong(path, call, name, user, _with_mode(call))
        for node in dict.fromkeys(tensor.init.nodes()):
            if isinstance(node, ex.Call) and node.function == "fan_in" and len(node.arguments) == 1:
                weight = ex.show(node.arguments[0])
                if uses.get(weight, (1,))[0] == 0:
                    other = ex.Call("fan_out", node.arguments)
                    yield _wrong(path, node, weight, uses[weight][1], ex.show(other))
        yield from _lone_fan_out(program, path, call, uses)


def _lone_fan_out(program: Program, path: tuple[str, ...], init: ex.Expression, uses: Uses) -> Iterator[Finding]:
    """A uniform bound of one over the root of the fan-out is that of the fan-in, mistaken."""
    if not is_initializer(init) or init.function != "uniform":
        return
    for node in ex.walk(init):
        match node:
            case ex.Binary(
                "/", ex.Literal(value=1), ex.Call("sqrt", (ex.Call("fan_out", (ex.Name(id=weight),)) as fan,))
            ):
                if weight in uses and uses[weight][0] == 1:
                    yield _wrong(path, fan, weight, uses[weight][1], ex.show(ex.Call("fan_in", fan.arguments)))
                    return
            case ex.Binary("/", ex.Literal(value=1), ex.Call("sqrt", (ex.Name(id=argument),) as names)):
                weight = path[1]
                if weight in uses and uses[weight][0] == 1 and _is_outputs(program, weight, argument, uses):
                    fan_in = ex.show(program.parameters[weight].entries[1])
                    yield _wrong(path, names[0], weight, uses[weight][1], fan_in)
                    return


def _is_outputs(program: Program, weight: str, argument: str, uses: Uses) -> bool:
    """Whether an argument is the outputs of a weight, and the inputs of no weight: recurrent layers scale so."""
    entries = program.parameters[weight].entries
    if len(entries) < 2 or entries[0] != ex.Name(argument) or entries[1] == ex.Name(argument):
        return False
    return not any(
        len(program.parameters[name].entries) > 1 and ex.Name(argument) == program.parameters[name].entries[1]
        for name in uses
        if name in program.parameters
    )


def _wrong(path: tuple[str, ...], node: ex.Expression, weight: str, user: ex.Expression, instead: str) -> Finding:
    what = f"`{ex.show(node)}`"
    message = f"{what} does not count what `{weight}` is summed over"
    labels = [Label(Place(FORWARD, user.span), f"sums over dimension {_axis(user)} of `{weight}`")]
    return WrongFan.at(Place(path, node.span), message, labels=labels, help=f"write `{instead}`")


def _axis(user: ex.Expression) -> int:
    return SUMMED.get(user.function, 0) if isinstance(user, ex.Call) else 0


def _with_mode(call: ex.Call) -> str:
    kept = tuple(keyword for keyword in call.keywords if keyword.name != "mode")
    return ex.show(ex.Call(call.function, call.arguments, (*kept, ex.Keyword("mode", ex.Literal("fan_out")))))


class UseWatch(Watcher[Uses]):
    """Notes along which dimension each weight is summed: 0 or 1."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.program = instance.program
        self.uses: dict[str, tuple[int, ex.Expression]] = {}

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        if node.function in SUMMED and len(node.arguments) > 1:
            self.note(node.arguments[1], SUMMED[node.function], node)
        elif node.function in PRODUCTS and len(node.arguments) == 2:
            self.product(node.arguments[0], node.arguments[1], node)
        elif node.function == "einsum" and arguments and isinstance(arguments[0], str):
            self.einsum(node, arguments[0])
        elif node.function == "embedding" and len(node.arguments) > 1:
            self.note(node.arguments[1], 0, node)

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        if node.operator == "@" and isinstance(left, Tensor) and isinstance(right, Tensor):
            self.product(node.left, node.right, node)

    def evidence(self, run: Run | None) -> Uses:
        return self.uses

    def product(self, left: ex.Expression, right: ex.Expression, node: ex.Expression) -> None:
        self.note(left, 1, node)
        self.note(right, 0, node)

    def note(self, weight: ex.Expression, summed: int, node: ex.Expression) -> None:
        if isinstance(weight, ex.Name) and weight.id in self.program.parameters:
            stacked = isinstance(node, ex.Binary) or (isinstance(node, ex.Call) and node.function in PRODUCTS)
            tensor = self.instance.state[weight.id]
            if stacked and tensor is not None and tensor.dim() > 2:
                return  # see `stacks`
            self.uses.setdefault(weight.id, (summed, node))

    def einsum(self, node: ex.Call, equation: str) -> None:
        """Indices that are not in the result are summed over."""
        inputs, _, result = equation.replace(" ", "").partition("->")
        for indices, operand in zip(inputs.split(","), node.arguments[1:], strict=False):
            if len(indices) == 2 and result:
                summed = [position for position, index in enumerate(indices) if index not in result]
                if len(summed) == 1:
                    self.note(operand, summed[0], node)


SUMS = Watch(WITHOUT_DATA, TRAINING, UseWatch)
FANS = Promise(check_fans, (SUMS,))
