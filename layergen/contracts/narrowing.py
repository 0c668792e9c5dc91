"""Precision: a layer that is given float64 computes in float64.

What `float(x)` cuts off does not come back with `type_as(…, x)`: the result has the dtype that was asked for, and the
digits of float32. The forward is run in float64 once as it is, and once with everything kept as wide as it comes.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.attempts import comparable
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import CPU, IN_COMMON, SHAKE, started
from layergen.contracts.values import drawn
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.rules.values import LossOfPrecision
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import BOTH, Bystander, Runs, Watch

BACK = ("type_as", "loss_as")
CASTS = frozenset({"float", "half", "bfloat16"})
NARROWER = (torch.float32, torch.float16, torch.bfloat16)
DIGITS = 1e-10  # of an output's own size; float32 is off by some hundred times as much

EXACT = Watch(IN_COMMON[torch.float64], BOTH, Bystander)


class Widened(ForwardInterpreter):
    """Leaves what is float64 as it is where it would become less; notes the calls."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.narrowing: list[ex.Call] = []

    def watched(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        given = [part for part in (*arguments, *keywords.values()) if isinstance(part, Tensor)]
        if not any(map(_is_followed, given)):
            return super().watched(node, arguments, keywords)
        if _casts(node.function, arguments):
            self.narrowing.append(node)
            return arguments[0]
        if keywords.get("dtype") in NARROWER:
            self.narrowing.append(node)
            keywords = {**keywords, "dtype": torch.float64}
        return super().watched(node, arguments, keywords)


def _is_followed(tensor: Tensor) -> bool:
    """Whether a tensor is in float64, and made of inputs or parameters: angles of positions may have less digits."""
    return tensor.dtype is torch.float64 and tensor.requires_grad


def _casts(function: str, arguments: list[Any]) -> bool:
    """Whether a call makes another, narrower tensor of one in float64, and nothing else."""
    first = arguments[0] if arguments else None
    if not isinstance(first, Tensor) or not _is_followed(first):
        return False
    other = arguments[1] if len(arguments) > 1 else None
    return function in CASTS or (function in BACK and isinstance(other, Tensor) and other.dtype in NARROWER)


def check_narrowing(ways: Ways) -> Iterator[Finding]:
    """Yield the first call that leaves of float64 no more than float32 holds, on the way to an output in float64."""
    for runs in ways.runs:
        for seen in runs.seen(EXACT) if _may_narrow(runs) else ():
            if seen.fault is not None or not comparable(runs.program, seen.training):
                continue
            usual, _ = _run(runs, seen.training, ForwardInterpreter)
            wide, calls = _run(runs, seen.training, Widened)
            if usual and wide and calls and _differ(usual, wide):
                yield _finding(calls[0], seen.instance)
                return


NARROWING = Promise(check_narrowing, (EXACT,))


def _may_narrow(runs: Runs) -> bool:
    calls = runs.program.forward.calls
    return any(
        call.function in CASTS or call.function in BACK or any(part.name == "dtype" for part in call.keywords)
        for call in calls
    )


def _run(runs: Runs, training: bool, kind: type[ForwardInterpreter]) -> tuple[Run | None, list[ex.Call]]:
    """A run in float64, with the calls that would have narrowed something, if they were kept from it."""
    made: list[ForwardInterpreter] = []

    def interpreter(*arguments: Any) -> ForwardInterpreter:
        made.append(kind(*arguments))
        return made[-1]

    with drawn(gradients=True):
        instance = Instance(runs.program, runs.setting, Placement(CPU, torch.float64, gradients=True))
        try:
            started(instance, shake=SHAKE)
            run = instance.run(training, interpreter=interpreter)
        except TrialFault:
            return None, []
    return run, made[0].narrowing if isinstance(made[0], Widened) else []


def _differ(usual: Run, wide: Run) -> bool:
    """Whether an output in float64 has other digits where all is kept as wide as it comes."""
    for name, output in usual.outputs.items():
        other = wide.outputs[name]
        if output.dtype is not torch.float64 or other.dtype is not torch.float64 or output.shape != other.shape:
            continue
        held = output.isfinite() & other.isfinite()
        found, right = output.detach()[held], other.detach()[held]
        if right.numel() and float((found - right).norm()) > DIGITS * float(right.norm()):
            return True
    return False


def _finding(call: ex.Call, instance: Instance) -> Finding:
    message = f"in float64, `{call.function}` leaves no more digits than float32 has"
    if call.function in BACK:
        help = "compute in the wider of the two dtypes: bring the other tensor to this one's"
    elif call.function in CASTS and call.arguments:
        help = f"write `upcast({ex.show(call.arguments[0])})`, which is float32 or wider"
    else:
        first = ex.show(call.arguments[0]) if call.arguments else "x"
        help = f"leave out `dtype`, and compute on `upcast({first})`, which is float32 or wider"
    place = Place(("forward",), call.span)
    return LossOfPrecision.at(place, message, notes=instance.explainer.notes(), help=help)
