"""Wrapped: an index that is below 0 at the low end of an input, or of a mask all alike, reads nothing that counts.

Torch counts such an index from the end: `a[t - 1]` reads the last entry where `t` is 0, and so do `take_along_dim` and
the like; other ops refuse it. Of an input whose range has numbers below 0 that is meant, and so it is of an index that
is below 0 whatever the inputs are. Nor is it told where the entry makes no difference, as behind a `where`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.finite import floats
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.probe.probing import differs
from layergen.probe.sites import CPU, SMALL, started
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.meanings import marked_dimension
from layergen.resolve.program import Program
from layergen.rules.values import WrappedIndex
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.words import listed

WRAPPING = {
    **dict.fromkeys(("take_along_dim", "index_put"), (1, "indices")),
    **dict.fromkeys(("take", "put"), (1, "index")),
    "index_fill": (2, "index"),
}
"""Ops that count an index below 0 from the end, and where they are given it: by position, and by name."""

Read = ex.Subscript | ex.Call


@dataclass(frozen=True)
class End:
    """What integer inputs or masks are, and what they are at the other end."""

    words: str  # as the end of "where …"
    here: Mapping[str, int]
    other: Mapping[str, int]


class Counting(ForwardInterpreter):
    """Notes the indices that have entries below 0."""

    least = -(2**63)  # that an entry is made where it is below

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.below: list[Read] = []

    def subscript(self, node: ex.Subscript) -> Any:
        return self.pick(node, self.evaluate(node.value), self.from_start(node, self.index(node.index)))

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        position, name = WRAPPING.get(node.function, (len(arguments), ""))
        given = [self.from_start(node, one) if at == position else one for at, one in enumerate(arguments)]
        named = {key: self.from_start(node, one) if key == name else one for key, one in keywords.items()}
        return super().call(node, given, named)

    def from_start(self, node: Read, index: Any) -> Any:
        if isinstance(index, tuple | list):
            return type(index)(self.from_start(node, part) for part in index)
        whole = isinstance(index, Tensor) and index.dtype in (torch.int32, torch.int64)
        if not whole or not bool((index < 0).any()):
            return index
        self.below.append(node)
        return index.clamp(min=self.least)


class FromStart(Counting):
    """Reads the first entry where an index is below 0."""

    least = 0


def check_wrapped(ways: Ways) -> Iterator[Finding]:
    """Yield the first output that depends on what an index below 0 reads."""
    program = ways.program
    for runs in ways.runs if _may_wrap(program) else ():
        if not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        instance = Instance(program, runs.setting, Placement(CPU, torch.float64))
        for end in _ends(instance):
            for training in program.modes:
                finding = _at_end(instance, training, end)
                if finding is not None:
                    yield finding
                    return


WRAPPED = Promise(check_wrapped, (SMALL,))


def _may_wrap(program: Program) -> bool:
    """Whether a forward reads by an index that may be a tensor, which inputs of integers or masks tell."""
    if not any(not part.floating and (part.range or part.dtype == "bool") for part in program.inputs.values()):
        return False
    parts = nodes(program.forward.statements)
    return any(isinstance(part, ex.Subscript) or getattr(part, "function", None) in WRAPPING for part in parts)


def _ends(instance: Instance) -> Iterator[End]:
    """All integer inputs at the low ends of their ranges, where these have no numbers below 0; each mask all alike."""
    program = instance.program
    given = {name for name, tensor in instance.inputs.items() if tensor is not None}
    ranges = {name: limits for name, limits in instance.ranges() if not program.inputs[name].floating}
    if ranges and all(low >= 0 for low, _ in ranges.values()):
        lows, highs = ({name: int(limits[end]) - end for name, limits in ranges.items()} for end in (0, 1))
        words = f"{listed(f'`{name}`' for name in ranges)} {'is' if len(ranges) == 1 else 'are'} at the low end"
        yield End(words, lows, highs)
    for name, part in program.inputs.items():
        if part.dtype == "bool" and name in given:
            yield End(f"`{name}` is all false", {name: 0}, {name: 1})
            if not part.marks:  # which says what a true one means
                yield End(f"`{name}` is all true", {name: 1}, {name: 0})


def _at_end(instance: Instance, training: bool, end: End) -> Finding | None:
    """What is wrong if an index is below 0 at an end, and not at the other one."""
    try:
        usual, below = _run(instance, training, end.here, Counting)
        if not below:
            return None
        _, anyway = _run(instance, training, end.other, Counting)
        other, _ = _run(instance, training, end.here, FromStart)
    except TrialFault:
        return None
    found = next((node for node in below if node not in anyway), None)
    for name, output in floats(usual).items() if found is not None else ():
        if found is not None and _counts(instance, name, end) and differs(output, other.outputs[name]):
            return _finding(found, name, end, instance)
    return None


def _counts(instance: Instance, output: str, end: End) -> bool:
    """Whether it matters what an output is at an end: not of positions of which a mask marks none."""
    inputs = instance.program.inputs
    entries = instance.program.outputs[output].entries
    for name in end.here:
        along = marked_dimension(inputs[name], inputs[inputs[name].marks[0]]) if inputs[name].marks else None
        if along is not None and any(along in ex.names(entry) for entry in entries):
            return False
    return True


def _run(instance: Instance, training: bool, fixed: Mapping[str, int], kind: type[Counting]) -> tuple[Run, list[Read]]:
    """A run on the numbers of a seed with some inputs at some numbers, and the indices that had entries below 0.

    Raises:
        TrialFault: If the layer does not run.
    """
    made: list[Counting] = []

    def interpreter(*given: Any) -> ForwardInterpreter:
        made.append(kind(*given))
        return made[-1]

    with drawn():
        started(instance)
        for name, number in fixed.items():
            tensor = instance.inputs[name]
            if tensor is not None:
                tensor.fill_(number)
        run = instance.run(training, interpreter=interpreter)
    return run, made[0].below


def _finding(node: Read, name: str, end: End, instance: Instance) -> Finding:
    read = ex.show(node.value if isinstance(node, ex.Subscript) else node.arguments[0])
    message = f"an index into `{read}` is below 0 where {end.words}, and `{name}` then gets an entry from the end"
    help = "let `clamp(…, min=0)` keep the index in the table, and `where` choose what there is before the first entry"
    ranged = any(instance.program.inputs[part].range for part in end.here)
    help += "; or leave the low end out of the `range`" if ranged else ""
    return WrappedIndex.at(Place(FORWARD, node.span), message, notes=instance.explainer.notes(), help=help)
