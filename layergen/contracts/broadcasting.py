"""Coupling: tensors are combined along the dimensions that were meant."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import statements
from layergen.probe.ways import Ways
from layergen.rules.shapes import HiddenCoupling
from layergen.run.explain import ELEMENTWISE
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import TRAINING, WITHOUT_DATA, Watch, Watcher
from layergen.run.words import short

PAIRWISE = frozenset(
    {"add", "sub", "mul", "div", "maximum", "minimum", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"}
)
RESHAPING = frozenset({"unsqueeze", "reshape", "view", "expand", "unflatten", "broadcast_to", "repeat", "tile"})


class BroadcastWatch(Watcher[tuple[Finding, ...]]):
    """Looks at the shapes of tensors that are about to be combined element by element."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.findings: list[Finding] = []
        self.ones = {
            name
            for name, tensor in instance.program.tensors.items()
            if tensor.entries
            and all(entry == ex.Literal(1) for entry in tensor.entries)
            and instance.state[name] is not None
        }

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        if node.function in PAIRWISE and len(node.arguments) >= 2:
            self.judge(node.arguments[0], node.arguments[1], arguments[0], arguments[1])

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        if node.operator in ELEMENTWISE:
            self.judge(node.left, node.right, left, right)

    def evidence(self, run: Run | None) -> tuple[Finding, ...]:
        return tuple(self.findings)

    def judge(self, left: ex.Expression, right: ex.Expression, first: Any, second: Any) -> None:
        if not isinstance(first, Tensor) or not isinstance(second, Tensor):
            return
        for node, other, tensor in ((left, right, second), (right, left, first)):
            if isinstance(node, ex.Name) and node.id in self.ones and tensor.numel() > 1:
                self.findings.append(self.stretched(node, other, tensor))
        if self.is_outer(first, second) and not (self.is_deliberate(left) or self.is_deliberate(right)):
            self.findings.append(self.crossed(left, right, first, second))

    def is_outer(self, first: Tensor, second: Tensor) -> bool:
        """Whether each tensor is stretched to the other, and one dimension comes to stand twice.

        Where both have the same number of dimensions, each says itself along which it is stretched.
        """
        if first.dim() == second.dim() or self.instance.program.met:  # which says that all is meant
            return False
        rank = max(first.dim(), second.dim())
        left = [1] * (rank - first.dim()) + list(first.shape)
        right = [1] * (rank - second.dim()) + list(second.shape)
        pairs = list(zip(left, right, strict=True))
        both = any(a == 1 < b for a, b in pairs) and any(b == 1 < a for a, b in pairs)
        sizes = [max(pair) for pair in pairs if max(pair) > 1]
        return both and len(set(sizes)) < len(sizes)

    def is_deliberate(self, node: ex.Expression, depth: int = 0) -> bool:
        """Whether an expression brings its tensor into shape on purpose, here or where it was assigned."""
        for part in ex.walk(node):
            match part:
                case ex.Subscript(index=index) if any(item == ex.Literal(None) for item in ex.walk(index)):
                    return True
                case ex.Call(function=function) if function in RESHAPING:
                    return True
                case ex.Keyword(name="keepdim", value=ex.Literal(value=True)):
                    return True
                case ex.Name(id=name) if depth < 8:
                    values = [value for value in self.assigned(name) if value is not node]
                    if any(self.is_deliberate(value, depth + 1) for value in values):
                        return True
        return False

    def assigned(self, name: str) -> Iterator[ex.Expression]:
        """What a name of the forward is assigned."""
        for statement in statements(self.instance.program.forward.statements):
            if isinstance(statement, ex.Assign) and name in {target.id for target in statement.targets}:
                yield statement.value

    def stretched(self, node: ex.Name, other: ex.Expression, tensor: Tensor) -> Finding:
        shape = self.instance.explainer.shape(tuple(tensor.shape))
        parameter = self.instance.program.tensors[node.id]
        ones = f"[{', '.join('1' for _ in parameter.entries)}]"
        message = f"`{node.id}` of shape {ones} is stretched to all of `{short(other)}`"
        last = self.instance.explainer.size(tensor.shape[-1]) if tensor.dim() else "1"
        help = f"if one value for all is meant, write `{node.id}[{', '.join('0' for _ in parameter.entries)}]`"
        help += f"; if there is one for each, declare the shape `[{last}]`"
        labels = [Label(Place(FORWARD, other.span), shape)]
        return HiddenCoupling.at(Place(FORWARD, node.span), message, label=ones, labels=labels, help=help)

    def crossed(self, left: ex.Expression, right: ex.Expression, first: Tensor, second: Tensor) -> Finding:
        shape = self.instance.explainer.shape
        shapes = shape(tuple(first.shape)), shape(tuple(second.shape))
        message = f"`{short(left)}` and `{short(right)}` are each stretched to the other: every pair is combined"
        labels = [Label(Place(FORWARD, left.span), shapes[0])]
        help = "bring both to one shape; where all pairs are meant, say so: `x[:, None] - y[None, :]`"
        return HiddenCoupling.at(
            Place(FORWARD, right.span), message, label=shapes[1], labels=labels,
            notes=[f"shapes: {shapes[0]} and {shapes[1]}"], help=help,
        )  # fmt: skip


PAIRS = Watch(WITHOUT_DATA, TRAINING, BroadcastWatch)


def check_broadcasting(ways: Ways) -> Iterator[Finding]:
    """Yield the first pair of tensors that torch stretches though nobody asked for it."""
    for seen in ways.seen(PAIRS):
        if seen.evidence:
            yield seen.evidence[0]
            return


BROADCASTING = Promise(check_broadcasting, (PAIRS,))
