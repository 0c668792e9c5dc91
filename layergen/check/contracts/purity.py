"""Purity: inputs and parameters stay as they are, and buffers are written where they are assigned."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layergen import ops
from layergen.check.settings import Setting
from layergen.check.stage import Stage
from layergen.check.trial import modes
from layergen.diagnostics import Finding, Place, Rule
from layergen.spec import expression as ex
from layergen.spec.model import LayerSpec


class TensorWritten(Rule):
    """The forward writes to a tensor that is not its own.

    An op whose name ends in an underscore writes to its argument. If that is an input, the caller's data changes behind
    its back, and other uses of it, or the backward pass, see the wrong values. Buffers are written by assigning to
    their names.

        inputs:
          x: [N, C]
        forward: y = relu_(x)

    Fix: call the op without the underscore.

        forward: y = relu(x)
    """

    code = "LG308"


def check_purity(spec: LayerSpec, ways: list[Setting]) -> Iterator[Finding]:
    """Yield the calls that write to inputs, parameters or buffers."""
    for setting in ways:
        for training in modes(spec):
            stage = Stage(spec, setting)
            watch = WriteWatch(stage)
            stage.run(training, watch)
            watch.look()
            yield from watch.findings


class WriteWatch:
    """Compares the versions of tensors before and after each call: torch counts every write."""

    def __init__(self, stage: Stage) -> None:
        tensors = {**stage.inputs, **stage.state}
        self.roles = dict.fromkeys(stage.inputs, "input") | dict.fromkeys(stage.spec.parameters, "parameter")
        self.tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        self.versions = {name: tensor._version for name, tensor in self.tensors.items()}
        self.last: ex.Call | None = None
        self.findings: list[Finding] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.look()
        self.last = node

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        """Operators write nothing."""

    def look(self) -> None:
        """Report what the last call has written."""
        for name, tensor in self.tensors.items():
            if tensor._version != self.versions[name] and self.last is not None:
                self.versions[name] = tensor._version
                self.findings.append(self.finding(name, self.last))

    def finding(self, name: str, node: ex.Call) -> Finding:
        role = self.roles.get(name, "buffer")
        message = f"`{node.function}` writes to the {role} `{name}`"
        instead = pure(node)
        shown = ex.show(instead) if instead else "…"
        help = f"assign to it: `{name} = {shown}`" if role == "buffer" else f"write `{shown}`" if instead else None
        return TensorWritten.at(Place(("forward",), node.span), message, help=help)


def pure(node: ex.Call) -> ex.Call | None:
    """The call that computes the same and writes nothing, if there is one."""
    kept = tuple(keyword for keyword in node.keywords if keyword.name != "inplace")
    if len(kept) < len(node.keywords):
        return ex.Call(node.function, node.arguments, kept)
    op = ops.find(node.function)
    name = node.function.rstrip("_")
    return ex.Call(name, node.arguments, kept) if op is not None and op.in_place and ops.find(name) else None
