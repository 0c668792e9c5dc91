"""Precision: a layer that is given float64 computes in float64.

What `float(x)` cuts off does not come back with `type_as(…, x)`: the result has the dtype that was asked for, and the
digits of float32. The forward is run in float64 once as it is, and once with everything kept as wide as it comes. What
is computed of integers alone, as `1 / count`, has the default dtype of torch: so the forward is run once more where
that is float64, too, if it makes anything that is less; at all settings then, as float32 holds quarters and no fifths.
Outputs and updates of buffers are compared.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.ops.dtypes import dtype_name
from layergen.probe.attempts import comparable
from layergen.probe.sites import CPU, IN_COMMON, SHAKE, started
from layergen.probe.values import ORDINARY, drawn, give
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.values import LossOfPrecision
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.started import fractions_in
from layergen.run.watching import BOTH, Bystander, Runs, Watch, Watcher
from layergen.settings.choice import Setting

BACK = ("type_as", "loss_as")
CASTS = frozenset({"float", "half", "bfloat16"})
NARROWER = (torch.float32, torch.float16, torch.bfloat16)
TURNS = 4  # of calls that change buffers: a third has no end in any of these dtypes
DIGITS = 1e-10  # of an output's own size; float32 is off by some hundred times as much

EXACT = Watch(IN_COMMON[torch.float64], BOTH, Bystander)


class Widened(ForwardInterpreter):
    """Leaves what is float64 as it is where it would become less; notes the calls."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.narrowing: list[ex.Call] = []

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        given = [part for part in (*arguments, *keywords.values()) if isinstance(part, Tensor)]
        if not any(map(_is_followed, given)):
            return super().call(node, arguments, keywords)
        if _casts(node.function, arguments):
            self.narrowing.append(node)
            return arguments[0]
        if keywords.get("dtype") in NARROWER:
            self.narrowing.append(node)
            keywords = {**keywords, "dtype": torch.float64}
        return super().call(node, arguments, keywords)


class Narrow(Watcher[bool]):
    """Notes whether a call, or two values, make something that has fewer digits than float64."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.found = False

    def gave(self, node: ex.Call | ex.Binary, operands: Sequence[Any], value: Any) -> None:
        self.found |= isinstance(value, Tensor) and value.dtype in NARROWER

    def evidence(self, run: Run | None) -> bool:
        return self.found


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
        for seen in runs.seen(EXACT):
            if seen.fault is not None or not comparable(runs.program, seen.training):
                continue
            usual, _ = _run(runs, seen.training, ForwardInterpreter)
            wide, calls = _run(runs, seen.training, Widened)
            if usual and calls and (wide is None or _differ(runs.program, usual, wide)):
                yield _finding(calls[0], seen.instance, None if wide else _of_its_own(runs.program))
                return
    yield from _of_integers(ways)


NARROWING = Promise(check_narrowing, (EXACT,))


def _of_integers(ways: Ways) -> Iterator[Finding]:
    """Yield the first result that has no more digits than the default dtype of torch holds of what integers give."""
    program = ways.program
    own = [(runs.setting, seen.training) for runs in ways.runs for seen in runs.seen(EXACT) if seen.fault is None]
    further = [(setting, training) for setting in ways.settings[len(ways.runs) :] for training in program.modes]
    narrow = any(_narrows(program, *at) for at in own)
    for setting, training in (*own, *further) if narrow else own if program.members else ():
        for usual, wide, instance in _turns(program, setting, training) if comparable(program, training) else ():
            if name := _differ(program, usual, wide):
                yield _lost(name, usual, wide, instance)
                return


def _narrows(program: Program, setting: Setting, training: bool) -> bool:
    """Whether a run in float64 makes something that has fewer digits, but for what members make."""
    with drawn(gradients=True), suppress(TrialFault):
        instance = Instance(program, setting, Placement(CPU, torch.float64, gradients=True))
        started(instance, shake=SHAKE)
        narrow = Narrow(instance)
        return narrow.evidence(instance.run(training, narrow))
    return False


def _turns(program: Program, setting: Setting, training: bool) -> Iterator[tuple[Run, Run, Instance]]:
    """Runs in float64, several where buffers change: as they are, and with fractions of integers as wide."""
    with drawn(gradients=True), suppress(TrialFault):
        instance = Instance(program, setting, Placement(CPU, torch.float64, gradients=True))
        started(instance, shake=SHAKE)
        for _ in range(TURNS if program.buffers else 1):
            usual = instance.run(training)
            with fractions_in(torch.float64):
                wide = instance.run(training)
            yield usual, wide, instance
            instance.keep(usual)
            give(instance, ORDINARY)


def _run(runs: Runs, training: bool, kind: type[ForwardInterpreter]) -> tuple[Run | None, list[ex.Call]]:
    """A run in float64, with the calls that would have narrowed something, if they were kept from it."""
    made: list[ForwardInterpreter] = []

    def interpreter(*arguments: Any) -> ForwardInterpreter:
        made.append(kind(*arguments))
        return made[-1]

    with drawn(gradients=True):
        instance = Instance(runs.program, runs.setting, Placement(CPU, torch.float64, gradients=True))
        run = None
        with suppress(TrialFault):
            started(instance, shake=SHAKE)
            run = instance.run(training, interpreter=interpreter)
    return run, [call for one in made if isinstance(one, Widened) for call in one.narrowing]


def _results(program: Program, run: Run) -> Mapping[str, Tensor]:
    """The outputs of a run, and what its buffers have become."""
    return {**run.outputs, **{step.name: step.value for step in run.steps if step.name in program.buffers}}


def _differ(program: Program, usual: Run, wide: Run) -> str | None:
    """The first output or buffer in float64 that has other digits in a run that loses none."""
    others = _results(program, wide)
    for name, output in _results(program, usual).items():
        other = others[name]
        if output.dtype is not torch.float64 or other.dtype is not torch.float64 or output.shape != other.shape:
            continue
        held = output.isfinite() & other.isfinite()
        found, right = output.detach()[held], other.detach()[held]
        if right.numel() and float((found - right).norm()) > DIGITS * float(right.norm()):
            return name
    return None


def _lost(name: str, usual: Run, wide: Run, instance: Instance) -> Finding:
    """What is said of a result that has no more digits than the default dtype of torch holds of what integers give."""
    place = usual.place(name)
    for one, other in zip(usual.steps, wide.steps, strict=False):
        if isinstance(one.value, Tensor) and one.value.dtype in NARROWER and other.value.dtype is torch.float64:
            place = Place(FORWARD, one.target.span)
            break
    message = f"in float64, `{name}` has no more digits than float32 holds of what is computed of integers"
    help = (
        "bring the integers to the dtype of what they meet, by `upcast(…)` or `type_as`, or to float64 by `double(…)`"
    )
    return LossOfPrecision.at(place, message, notes=instance.explainer.notes(), help=help)


def _of_its_own(program: Program) -> str | None:
    """Help with a tensor that is narrower than float64 whatever the layer is made in, so that nothing wide meets it."""
    for name, part in program.tensors.items():
        if part.dtype == "complex64":
            parts = f"`complex(upcast({name}[0]), upcast({name}[1]))`"
            return f"leave out the `dtype` of `{name}`, and keep its real and its imaginary part: {parts}"
        if part.dtype in {dtype_name(dtype) for dtype in NARROWER}:
            return f"leave out the `dtype` of `{name}`, and compute on `upcast({name})`"
    return None


def _finding(call: ex.Call, instance: Instance, own: str | None) -> Finding:
    message = f"in float64, `{call.function}` leaves no more digits than float32 has"
    if own is not None:
        help = own
    elif call.function in BACK:
        help = "compute in the wider of the two dtypes: bring the other tensor to this one's"
    elif call.function in CASTS and call.arguments:
        help = f"write `upcast({ex.show(call.arguments[0])})`, which is float32 or wider"
    else:
        first = ex.show(call.arguments[0]) if call.arguments else "x"
        help = f"leave out `dtype`, and compute on `upcast({first})`, which is float32 or wider"
    place = Place(FORWARD, call.span)
    return LossOfPrecision.at(place, message, notes=instance.explainer.notes(), help=help)
