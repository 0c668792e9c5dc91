"""Autocast: the layer runs under autocast, and its outputs have the dtype that is declared or the lower one.

So it does with inputs in the lower one, as the product of a layer before it gives them.
"""

from collections.abc import Iterator, Sequence

import torch

from layergen.contracts.dtype import failed, mismatches
from layergen.contracts.kernels import OperandWatch, has_no_kernel, refused
from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding
from layergen.lang import expression as ex
from layergen.lang.visitor import assigned, parts
from layergen.ops.dtypes import dtype_name
from layergen.probe.sites import BEHIND_ANOTHER, DATA_UNDER_AUTOCAST, UNDER_AUTOCAST
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.behaviour import DtypeMismatch
from layergen.run.watching import TRAINING, Bystander, Watch
from layergen.words import listed

LOWERED = Watch(UNDER_AUTOCAST, TRAINING, Bystander)
FOLLOWING = Watch(BEHIND_ANOTHER, TRAINING, Bystander)
LOWERED_DATA = Watch(DATA_UNDER_AUTOCAST, TRAINING, OperandWatch)
LOWER = torch.bfloat16
AS_GIVEN = "with inputs in bfloat16 as another layer gives them"


def check_autocast(ways: Ways) -> Iterator[Finding]:
    """Yield what fails under autocast on the CPU, on the first way; losses are looked at on all of them."""
    for seen in ways.runs[0].seen(LOWERED):
        if seen.fault is not None:
            yield failed(seen.fault, "under autocast")
        else:
            yield from mismatches(seen, "under autocast", also=LOWER)
    yield from _behind_another(ways)
    yield from _with_data(ways)
    if is_loss(ways.program):
        yield from _lowered_loss(ways)


def _behind_another(ways: Ways) -> Iterator[Finding]:
    """What fails with inputs as a product gives them there, of a layer without a module of torch that does so, too."""
    if ways.program.matches is not None or any(seen.fault for seen in ways.runs[0].seen(LOWERED)):
        return
    for seen in ways.runs[0].seen(FOLLOWING):
        if seen.fault is not None:
            yield failed(seen.fault, f"under autocast, {AS_GIVEN}")


def _with_data(ways: Ways) -> Iterator[Finding]:
    """The first thing that torch refuses of data under autocast, and lets through where there is none."""
    told = any(seen.fault for watch in (LOWERED, FOLLOWING) for seen in ways.runs[0].seen(watch))
    if told or ways.program.matches is not None:  # what torch's own module does there is not its author's
        return
    for seen in ways.seen(LOWERED_DATA):
        if seen.fault is not None and not has_no_kernel(seen.fault):
            yield refused(seen, seen.fault, "with data under autocast to bfloat16")
            return


def is_loss(program: Program) -> bool:
    """Whether each output has the dtype that losses have, whichever branch gives it."""
    last = [list(_last_values(program.forward.statements, name)) for name in program.outputs]
    return all(map(bool, last)) and all(
        isinstance(value, ex.Call) and value.function == "loss_as" for values in last for value in values
    )


def _last_values(block: Sequence[ex.Statement], name: str) -> Iterator[ex.Expression]:
    """What a name may be given last: by the last statement that is taken in any case, or by one behind it."""
    for statement in reversed(block):
        made = parts(statement)
        if isinstance(statement, ex.Assign) and any(target.id == name for target in made.targets):
            yield statement.value
            return
        for inner in made.blocks:
            yield from _last_values(inner, name)
        if isinstance(statement, ex.If) and all(name in assigned(inner) for inner in made.blocks):
            return


def _lowered_loss(ways: Ways) -> Iterator[Finding]:
    """The first loss that was never in float32, so that `loss_as` has nothing that it could leave there."""
    for seen in (seen for runs in ways.runs for seen in runs.seen(FOLLOWING) if seen.fault is None):
        for name, output in seen.run.outputs.items():
            if output.dtype is not LOWER:
                continue
            message = f"`loss_as` gives `{name}` in {dtype_name(LOWER)} under autocast, {AS_GIVEN}: it was never wider"
            sources = [f"`upcast({key})`" for key, part in ways.program.inputs.items() if part.floating]
            help = f"compute it in float32 or wider, from {listed(sources)}" if sources else None
            yield DtypeMismatch.at(seen.run.place(name), message, notes=seen.instance.explainer.notes(), help=help)
            return


AUTOCAST = Promise(check_autocast, (LOWERED, FOLLOWING, LOWERED_DATA))
