"""Purity: inputs and parameters stay as they are, and buffers are written where they are assigned."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from layergen import ops
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.probe.sites import WITH_GRADIENTS
from layergen.probe.ways import Ways
from layergen.resolve.written import written
from layergen.rules.behaviour import TensorWritten
from layergen.rules.values import UnwrittenInput
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
        self.parts: list[tuple[ex.Call, Any]] = []  # ops that write to a part of a tensor, and which that is
        self.findings: list[Finding] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.look()
        self.last = node
        op, first = ops.called(node), next(iter(arguments), None)
        if op is not None and op.in_place and isinstance(first, torch.Tensor) and first._is_view():
            self.parts.append((node, first._base))

    def evidence(self, run: Run | None) -> tuple[Finding, ...]:
        self.look()
        for node, whole in self.parts:
            for name, tensor in run.given.items() if run is not None else ():
                if whole is tensor:
                    message = f"`{node.function}` writes to a part of the input `{name}`"
                    help = f"write to all of it, by a name of its own: `{name} = copy_({name}, …)`"
                    self.findings.append(TensorWritten.at(Place(FORWARD, node.span), message, help=help))
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
        if role == "input" and node.callee is not None and node.callee.kind is CalleeKind.MEMBER:
            help = f"say that it is written, `{name}: {{…, written: inplace}}`, or hand over `clone({name})`"
        return TensorWritten.at(Place(FORWARD, node.span), message, help=help)


def pure(node: ex.Call) -> ex.Call | None:
    """The call that computes the same and writes nothing, if there is one."""
    kept = tuple(keyword for keyword in node.keywords if keyword.name != "inplace")
    if len(kept) < len(node.keywords):
        return ex.Call(node.function, node.arguments, kept)
    op = ops.called(node)
    name = node.function.rstrip("_")
    return ex.Call(name, node.arguments, kept) if op is not None and op.in_place and ops.find(name) else None


class WayBackWatch(Watcher[bool]):
    """Goes the way back from a run that writes to inputs: what a gradient needs must be as it was."""

    def evidence(self, run: Run | None) -> bool:
        ends = [output.sum() for output in run.outputs.values() if output.requires_grad] if run and run.given else []
        leaves = [each for each in (*self.instance.inputs.values(), *self.instance.state.values()) if each is not None]
        leaves = [each for each in leaves if each.requires_grad]
        try:
            torch.autograd.grad(ends, leaves, retain_graph=True, allow_unused=True) if ends and leaves else ()
        except RuntimeError as error:  # others are judged where gradients are
            return "modified by an inplace operation" not in str(error)
        return True


WRITES = Watch(WITHOUT_DATA, BOTH, WriteWatch)
WAYS_BACK = Watch(WITH_GRADIENTS, BOTH, WayBackWatch)


def check_purity(ways: Ways) -> Iterator[Finding]:
    """Yield the calls that write to inputs, parameters or buffers, and the inputs of which no word of theirs holds."""
    left = dict.fromkeys(written(ways.program))
    for seen in ways.seen(WRITES):
        yield from seen.evidence
        if isinstance(seen.outcome, Run):
            left = {name: None for name in left if not seen.outcome.has_written(name)}
    for name in left:
        message = f"`{name}` is said to be written, and no run writes to it"
        help = f"write to it, `{name} = copy_({name}, …)`, or delete `written`"
        yield UnwrittenInput.at(("inputs", name, "written"), message, help=help)
    yield from check_ways_back(ways)


def check_ways_back(ways: Ways) -> Iterator[Finding]:
    """Yield an input that is written where a gradient needs what it was."""
    for seen in ways.seen(WAYS_BACK):
        if not seen.evidence:
            name = next(name for name in seen.run.given if seen.run.has_written(name))
            message = f"`{name}` is written, and a gradient needs the values that it had before"
            help = f"compute with a copy of them: `clone({name})`"
            yield TensorWritten.at(seen.run.place(name), message, help=help)
            return


PURITY = Promise(check_purity, (WRITES, WAYS_BACK))
