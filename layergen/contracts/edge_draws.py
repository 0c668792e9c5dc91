"""Edge draws: a random number may be 0 where it is drawn between 0 and 1, and the layer gives numbers then, too.

A logarithm of it is minus infinity: once in 16 million entries in float32, and in one of 256 in bfloat16.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.finite import floats
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.sites import CPU, SMALL, started
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.rules.behaviour import UnboundedDraw
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement

UNIFORM = frozenset({"rand", "rand_like"})


class WithZero(ForwardInterpreter):
    """Draws as others do, but for the first entry of what is uniform between 0 and 1, which is 0; notes the calls."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.zeroed: list[ex.Call] = []

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        value = super().call(node, arguments, keywords)
        if node.function in UNIFORM and isinstance(value, Tensor) and value.numel():
            self.zeroed.append(node)
            value.view(-1)[0] = 0
        return value


def check_edge_draws(ways: Ways) -> Iterator[Finding]:
    """Yield the first output that is no number where a random number is 0."""
    program = ways.program
    if not any(call.function in UNIFORM for call in program.forward.calls):
        return
    for runs in ways.runs:
        if not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        for training in program.modes:
            instance = Instance(program, runs.setting, Placement(CPU, torch.float32))
            try:
                usual, _ = _run(instance, training, ForwardInterpreter)
                edge, calls = _run(instance, training, WithZero)
            except TrialFault:
                continue
            for name, output in floats(edge).items():
                if calls and bool((~output.isfinite() & usual.outputs[name].isfinite()).any()):
                    yield _finding(name, edge, usual, calls, instance)
                    return


EDGE_DRAWS = Promise(check_edge_draws, (SMALL,))


def _run(instance: Instance, training: bool, kind: type[ForwardInterpreter]) -> tuple[Run, list[ex.Call]]:
    """A run on the numbers of a seed by some interpreter, with the draws of which an entry was set to 0.

    Raises:
        TrialFault: If the layer does not run.
    """
    made: list[ForwardInterpreter] = []

    def interpreter(*given: Any) -> ForwardInterpreter:
        made.append(kind(*given))
        return made[-1]

    with drawn():
        started(instance)
        run = instance.run(training, interpreter=interpreter)
    return run, made[0].zeroed if isinstance(made[0], WithZero) else []


def _finding(name: str, edge: Run, usual: Run, calls: list[ex.Call], instance: Instance) -> Finding:
    output = edge.outputs[name]
    index = int((~output.isfinite() & usual.outputs[name].isfinite()).flatten().nonzero()[0])
    value = output.flatten()[index].item()
    shown = "NaN" if value != value else "infinite"
    call = ex.show(calls[0])
    message = f"`{name}` is {shown} where `{call}` draws a 0, which it may"
    help = f"keep away from 0, `clamp({call}, min=1e-6)`, or call what draws as is wanted, such as `randn_like`"
    return UnboundedDraw.at(Place(FORWARD, calls[0].span), message, notes=instance.explainer.notes(), help=help)
