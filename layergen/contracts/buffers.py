"""Buffers: they change where they are assigned and nowhere else, and in training alone."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import statements
from layergen.ops.updating import STATISTICS, writes_statistics
from layergen.probe.sites import WITH_DATA
from layergen.probe.ways import Ways
from layergen.resolve.inference import bound
from layergen.resolve.program import Program
from layergen.rules.behaviour import TensorWritten
from layergen.rules.values import UpdatedInEvaluation
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import BOTH, WITHOUT_DATA, Bystander, Watch, Watcher
from layergen.words import listed


class ContentWatch(Watcher[tuple[Finding, ...]]):
    """Compares the layer's tensors before and after a run: some ops of torch write and do not count it."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.before = {name: tensor.clone() for name, tensor in instance.state.items() if tensor is not None}
        self.users: dict[str, ex.Call] = {}

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        for argument in (*node.arguments, *(keyword.value for keyword in node.keywords)):
            if isinstance(argument, ex.Name) and argument.id in self.before:
                self.users[argument.id] = node  # what used it last is most likely what wrote it

    def evidence(self, run: Run | None) -> tuple[Finding, ...]:
        assigned = run.stored if run else {}
        written: dict[ex.Call, list[str]] = {}
        for name, node in self.users.items():
            if name not in assigned and _differs(self.before[name], self.instance.state[name]):
                written.setdefault(node, []).append(name)
        return tuple(self.finding(names, node) for node, names in written.items())

    def finding(self, names: list[str], node: ex.Call) -> Finding:
        shown = listed([f"`{name}`" for name in sorted(names, key=list(self.before).index)])
        message = f"`{node.function}` writes to {shown}, which nothing in the forward says"
        return TensorWritten.at(Place(FORWARD, node.span), message, help=self.instead(names[0], node))

    def instead(self, name: str, node: ex.Call) -> str:
        """What to write so that the forward says what the op writes."""
        given = bound(node)
        statistics = [given.get(parameter) for parameter in STATISTICS] if writes_statistics(node.function) else []
        owned = [part.id for part in statistics if isinstance(part, ex.Name) and part.id in self.before]
        if not statistics or len(owned) < len(statistics):
            return f"assign to it: `{name} = …`"
        block = statements(self.instance.program.forward.statements)
        alone = (part.targets[0].id for part in block if isinstance(part, ex.Assign) and part.value == node)
        return f"take what it writes, too: `{', '.join([next(alone, '…'), *owned])} = {ex.show(node)}`"


def _differs(before: Tensor, after: Tensor | None) -> bool:
    return after is not None and not torch.allclose(before, after, rtol=0, atol=0, equal_nan=True)


CONTENTS = Watch(WITH_DATA, BOTH, ContentWatch)
ASSIGNED = Watch(WITHOUT_DATA, BOTH, Bystander)


def check_buffers(ways: Ways) -> Iterator[Finding]:
    """Yield the writes to the layer's tensors that nothing says, and the buffers that are assigned in evaluation."""
    written = {finding.place: finding for seen in ways.seen(CONTENTS) for finding in seen.evidence}
    yield from written.values()
    updated: dict[str, ex.Name] = {}
    for seen in ways.seen(ASSIGNED):
        if seen.training and ways.program.asks_mode:
            continue
        updated |= {name: target for name, target in seen.run.stored.items() if name in ways.program.buffers}
    for name, target in updated.items():
        message = f"the buffer `{name}` is updated in evaluation too"
        help = _by_mode(ways, name) or "put it under `if training:`"
        help += "; if evaluation is meant to update it, "
        help += "say why: `accept: {updated-in-evaluation: …}`"
        yield UpdatedInEvaluation.at(Place(FORWARD, target.span), message, help=help)


def updates_in_evaluation(program: Program) -> bool:
    """Whether a layer, or one that it is made of, says that evaluation updates its buffers."""
    own = UpdatedInEvaluation.name in program.accept
    return own or any(updates_in_evaluation(child.program) for child in program.children.values())


def _by_mode(ways: Ways, name: str) -> str | None:
    """The call that updates statistics in training alone, where one says `training=True` always."""
    for call in ways.program.forward.calls:
        given = [*call.arguments, *(keyword.value for keyword in call.keywords)]
        always = any(word.name == "training" and word.value == ex.Literal(True) for word in call.keywords)
        if always and any(isinstance(part, ex.Name) and part.id == name for part in given):
            return f"`{call.function}` is told that it is always training: write `training=training`"
    return None


BUFFERS = Promise(check_buffers, (CONTENTS, ASSIGNED))
