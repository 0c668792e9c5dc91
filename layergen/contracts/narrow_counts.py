"""Precision: positions that are counted in half precision by name are those that are meant, in every dtype of a layer.

`arange(L, dtype=bfloat16)` counts 257 as 256 where all else is in float64. The forward is run in float64 at a long
dimension as it is, and with these positions as wide, in training too: random numbers are the same fixed ones in both.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.ops.dtypes import dtype_name
from layergen.probe.attempts import TOLERANCE, Attempt
from layergen.probe.lengths import POSITIONS, counted, long_attempts
from layergen.probe.sites import IN_COMMON
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.rules.values import LossOfPrecision
from layergen.run.fixed_draws import FixedDraws
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.watching import BOTH, Bystander, Watch

HALVES = (torch.float16, torch.bfloat16)
EXACT = Watch(IN_COMMON[torch.float64], BOTH, Bystander)


class Counting(ForwardInterpreter):
    """Makes positions in float64 that a forward asks for in half precision; notes the calls, with that dtype."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.widened: list[tuple[ex.Call, torch.dtype]] = []

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        dtype = keywords.get("dtype")
        if node.function in POSITIONS and dtype in HALVES:
            self.widened.append((node, dtype))
            keywords = {**keywords, "dtype": torch.float64}
        return super().call(node, arguments, keywords)


def check_narrow_counts(ways: Ways) -> Iterator[Finding]:
    """Yield the first positions that half precision makes others, on which an output depends."""
    program = ways.program
    if not any(call.function in POSITIONS and any(word.name == "dtype" for word in call.keywords)
               for call in program.forward.calls):  # fmt: skip
        return
    for runs in ways.runs:
        for name in counted(program) if runs.admits(EXACT.site) else ():
            for attempt in long_attempts(runs, name):
                if (finding := _finding(attempt, name)) is not None:
                    yield finding
                    return


NARROW_COUNTS = Promise(check_narrow_counts, (EXACT,))


def _finding(attempt: Attempt, length: str) -> Finding | None:
    """What is said of a run at a long dimension, if something is."""
    made: list[Counting] = []

    def counting(*arguments: Any) -> Counting:
        made.append(Counting(*arguments))
        return made[-1]

    usual, wide = _run(attempt, ForwardInterpreter), _run(attempt, counting)
    if usual is None or wide is None or not made[0].widened:
        return None
    for name, output in usual.outputs.items():
        if (values := _apart(output, wide.outputs[name])) is not None:
            (node, dtype), size = made[0].widened[0], attempt.setting.sizes[length]
            message = f"`{node.function}` counts in {dtype_name(dtype)}: an entry of `{name}` is {values[0]:.5g} "
            message += f"instead of {values[1]:.5g} where {length} == {size}"
            help = f"count in float32: `{ex.show(_in_float32(node))}`"
            notes = attempt.started(torch.float64).explainer.notes()
            return LossOfPrecision.at(Place(FORWARD, node.span), message, notes=notes, help=help)
    return None


def _run(attempt: Attempt, interpreter: Any) -> Run | None:
    """A run in float64 with fixed numbers for random ones; None where there are none to fix."""
    with drawn(), suppress(TrialFault):
        instance = attempt.started(torch.float64)
        with FixedDraws() as draws:
            run = instance.run(attempt.training, interpreter=interpreter)
        return run if draws.fixed else None
    return None


def _apart(found: Tensor, right: Tensor) -> tuple[float, float] | None:
    """The entry that is off most, as it is and as it should be, if that is much."""
    if found.shape != right.shape or not right.is_floating_point() or not right.numel():
        return None
    ours, theirs = found.double().flatten(), right.double().flatten()
    apart = (ours - theirs).abs().nan_to_num(nan=0.0, posinf=0.0)
    index = int(apart.argmax())
    usual = float(theirs.square().mean().sqrt())
    return (float(ours[index]), float(theirs[index])) if float(apart[index]) > TOLERANCE * usual else None


def _in_float32(node: ex.Call) -> ex.Call:
    words = (ex.Keyword("dtype", ex.Name("float32")) if word.name == "dtype" else word for word in node.keywords)
    return ex.Call(node.function, node.arguments, tuple(words))
