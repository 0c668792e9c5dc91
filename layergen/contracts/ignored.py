"""Ignored: where a label says that it does not count, nothing that stands beside it gets a gradient of the loss."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import Input
from layergen.probe.probing import differs
from layergen.probe.sites import CPU, SMALL, fill
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.resolve.standing import axes
from layergen.rules.meaning import IgnoredCounts
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

NAMES = re.compile(r"(?:^|_)(?:ignored?|skipped|skip)(?:_|$)")
DOCS = re.compile(r"\b(?:ignor\w+|skipped|left out|counts? for nothing|(?:does|do) not count)\b", re.I)
WITH_GRADIENTS = Placement(CPU, torch.float64, gradients=True)
NOTHING = 1e-12  # of the largest gradient


@dataclass(frozen=True)
class Ignored:
    """A value beside the range of some labels that does not count."""

    labels: str
    index: int  # among such values


def check_ignored(ways: Ways) -> Iterator[Finding]:
    """Yield the first input of which rows count in a loss though their label says that they do not."""
    program = ways.program
    losses = [name for name, part in program.outputs.items() if not part.entries]
    found = list(_ignored(program)) if losses else []
    if not found or not all(seen.evidence for seen in ways.seen(SMALL)):
        return
    for ignored in found:
        for runs in ways.runs:
            with suppress(TrialFault):
                name = Trial(program, runs.setting, ignored).counting(losses)
                if name is not None:
                    yield _finding(program, ignored, name)
                    return


IGNORED = Promise(check_ignored, (SMALL,))


def _ignored(program: Program) -> Iterator[Ignored]:
    """The values that do not count, by the name or the `doc` of an argument, or the `doc` of the labels."""
    for name, part in program.inputs.items():
        for index, value in enumerate(part.also):
            given = [program.arguments[one] for one in ex.names(value) if one in program.arguments]
            named = any(NAMES.search(one) for one in ex.names(value))
            if named or any(DOCS.search(one.doc) for one in given) or (not given and DOCS.search(part.doc or "")):
                yield Ignored(name, index)


class Trial:
    """A layer on labels of which some do not count."""

    def __init__(self, program: Program, setting: Setting, ignored: Ignored) -> None:
        self.program, self.part = program, program.inputs[ignored.labels]
        self.setting, self.ignored = setting, ignored

    def counting(self, losses: list[str]) -> str | None:
        """An input of which rows have a gradient where their labels do not count, each row by itself.

        Raises:
            TrialFault: If the layer does not run.
        """
        with drawn(gradients=True):
            instance = Instance(self.program, self.setting, WITH_GRADIENTS)
            fill(instance)
            left_out = self.mark(instance)
            rows = {} if left_out is None else dict(self.rows(instance, left_out))
            usual = _slopes(instance, losses, rows)
            for name, row in rows.items():
                with torch.no_grad():
                    tensor = instance.inputs[name]
                    assert tensor is not None
                    tensor[row] += torch.rand_like(tensor[row])
            other = _slopes(instance, losses, rows)
        for name, slope in usual.items():
            row = rows[name]
            counts = float(slope[row].abs().max()) > NOTHING * float(slope.abs().max())
            if counts and not differs(slope[~row], other[name][~row]):  # else, rows tell each other something
                return name
        return None

    def mark(self, instance: Instance) -> Tensor | None:
        """Which labels do not count: every other one, which is written; None where there are too few of them."""
        labels, also = instance.inputs[self.ignored.labels], instance.also(self.ignored.labels)
        bounds = dict(instance.ranges()).get(self.ignored.labels)
        if labels is None or bounds is None or labels.numel() < 2 or len(also) <= self.ignored.index:
            return None
        left_out = (torch.arange(labels.numel()) % 2 == 1).reshape(labels.shape)
        low, high = bounds
        labels.copy_(torch.randint(int(low), int(high), labels.shape)).masked_fill_(left_out, also[self.ignored.index])
        return left_out

    def rows(self, instance: Instance, left_out: Tensor) -> Iterator[tuple[str, Tensor]]:
        """Which entries of the other inputs stand beside labels that do not count."""
        for name, part in self.program.inputs.items():
            tensor = instance.inputs[name]
            if tensor is None or not part.gradient or not tensor.requires_grad:
                continue
            places = _places(self.part, part, left_out.dim(), tensor.dim())
            if places is not None:
                sizes = [tensor.shape[place] if place in places else 1 for place in range(tensor.dim())]
                order = sorted(range(len(places)), key=lambda axis: places[axis])
                yield name, left_out.permute(order).reshape(sizes).expand(tensor.shape)


def _places(labels: Input, part: Input, rank: int, other: int) -> list[int] | None:
    """Where the dimensions of labels stand in another input; None where it has not all of them."""
    found: list[int] = []
    for entry in labels.entries:
        name = entry.id if isinstance(entry, ex.Name) else "..." if entry == ex.Literal(...) else None
        places = axes(part, name, other) if name is not None else None
        if places is None:
            return None
        found += places
    return found if len(found) == rank else None


def _slopes(instance: Instance, losses: list[str], rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The gradients of the losses, by inputs."""
    torch.manual_seed(0)
    outputs = instance.run(not instance.program.asks_mode).outputs
    ends = [outputs[name] for name in losses if name in outputs and outputs[name].requires_grad]
    inputs = {name: tensor for name in rows if (tensor := instance.inputs[name]) is not None}
    if not ends or not inputs:
        return {}
    found = torch.autograd.grad(ends, list(inputs.values()), allow_unused=True)
    return {name: slope for name, slope in zip(inputs, found, strict=True) if slope is not None and slope.any()}


def _finding(program: Program, ignored: Ignored, name: str) -> Finding:
    shown = ex.show(program.inputs[ignored.labels].also[ignored.index])
    message = f"the loss follows `{name}` where `{ignored.labels}` is `{shown}`, which is to count for nothing"
    help = f"leave out all that comes of such rows: `where({ignored.labels} != {shown}, …, 0)`"
    return IgnoredCounts.at(Place(("inputs", ignored.labels, "also", ignored.index)), message, help=help)
