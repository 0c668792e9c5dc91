"""Purity: inputs and parameters stay as they are, and buffers are written where they are assigned."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layergen import ops
from layergen.contracts.promise import Promise, Ways
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.rules.behaviour import TensorWritten
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import BOTH, WITHOUT_DATA, Watch, Watcher


class WriteWatch(Watcher[tuple[Finding, ...]]):
    """Compares the versions of tensors before and after each call: torch counts every write."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        tensors = {**instance.inputs, **instance.state}
        self.roles = dict.fromkeys(instance.inputs, "input") | dict.fromkeys(instance.program.parameters, "parameter")
        self.tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None}
        self.versions = {name: tensor._version for name, tensor in self.tensors.items()}
        self.last: ex.Call | None = None
        self.findings: list[Finding] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.look()
        self.last = node

    def evidence(self, run: Run | None) -> tuple[Finding, ...]:
        self.look()
        return tuple(self.findings)

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
        return TensorWritten.at(Place(FORWARD, node.span), message, help=help)


def pure(node: ex.Call) -> ex.Call | None:
    """The call that computes the same and writes nothing, if there is one."""
    kept = tuple(keyword for keyword in node.keywords if keyword.name != "inplace")
    if len(kept) < len(node.keywords):
        return ex.Call(node.function, node.arguments, kept)
    op = ops.called(node)
    name = node.function.rstrip("_")
    return ex.Call(name, node.arguments, kept) if op is not None and op.in_place and ops.find(name) else None


WRITES = Watch(WITHOUT_DATA, BOTH, WriteWatch)


def check_purity(ways: Ways) -> Iterator[Finding]:
    """Yield the calls that write to inputs, parameters or buffers."""
    for seen in ways.seen(WRITES):
        yield from seen.evidence


PURITY = Promise(check_purity, (WRITES,))
