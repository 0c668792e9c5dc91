"""Surrogates: a gradient flows back to an input that says of it that it is not the derivative.

It is read from the gradients of runs, not from their graphs: what is zero at each of some draws does not flow.
"""

from collections.abc import Iterator, Sequence

import torch

from layergen.contracts.detached import SLOPES, gradient_of
from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import expressions, statements
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.resolve.surrogates import opened
from layergen.rules.behaviour import NoGradient
from layergen.run.on_data import drawn, fill
from layergen.run.watching import Runs, Seen

SEEDS = 8  # draws at which gradients are looked at
TRAINING = "training"
Flow = tuple[bool, bool]  # the mode of a run, and whether a gradient flows back in it


def check_surrogates(ways: Ways) -> Iterator[Finding]:
    """Yield the inputs of `gradient: surrogate` to which no gradient flows back."""
    program = ways.program
    for name, part in program.inputs.items():
        if part.surrogate and part.floating and name in program.taken:
            yield from _dry(program, name, list(_flows(ways, name)))


def _flows(ways: Ways, name: str) -> Iterator[Flow]:
    """Whether a gradient flows back to an input, on each way and in each mode in which the layer can be run."""
    without = opened(ways.program, name)
    for runs in ways.runs:
        for seen in Runs(without, runs.setting, (SLOPES,)).seen(SLOPES):
            if seen.fault is None and seen.instance.inputs[name] is not None:
                yield seen.training, _flows_back(seen, name)


def _flows_back(seen: Seen[None], name: str) -> bool:
    for seed in range(SEEDS):
        with drawn(seed), torch.no_grad():
            fill(seen.instance)
        gradient = gradient_of(seen, name, seed)
        if gradient is not None and bool(gradient.any()):
            return True
    return False


def _dry(program: Program, name: str, flows: Sequence[Flow]) -> Iterator[Finding]:
    """Yield that no gradient flows in a mode on any way; evaluation may do without where it has a way of its own."""
    for training in (True, False):
        found = [flowing for mode, flowing in flows if mode is training]
        if not found or any(found) or (not training and _something_else(program)):
            continue
        where = f" in {'training' if training else 'evaluation'}" if program.asks_mode else ""
        message = f"no gradient flows back to `{name}`{where}, of which `gradient: surrogate` says that one does"
        help = f"a straight-through estimate is `{name} + detach(round({name}) - {name})`; if none is to flow, say "
        help += "`gradient: false`"
        yield NoGradient.at(Place(("inputs", name, "gradient")), message, help=help)
        return


def _something_else(program: Program) -> bool:
    """Whether a layer does in evaluation what it does not do in training: by a branch of its own, or by a member."""
    if any(member.modes for member in program.members.values()):
        return True
    tests = [
        made.test for made in statements(program.forward.statements) if isinstance(made, ex.If) and not made.orelse
    ]
    for node in expressions(program.forward.statements):
        asked = [part for part in ex.walk(node) if isinstance(part, ex.Name) and part.id == TRAINING]
        handed = [argument for part in ex.walk(node) if isinstance(part, ex.Call) for argument in _handed(part)]
        alone = any(node is test for test in tests) and not _denied(node)
        if not alone and any(not any(part is value for value in handed) for part in asked):
            return True
    return False


def _handed(call: ex.Call) -> Iterator[ex.Expression]:
    yield from call.arguments
    yield from (keyword.value for keyword in call.keywords)


def _denied(test: ex.Expression) -> bool:
    """Whether a condition may hold because the layer is not in training."""
    return any(isinstance(part, ex.Unary | ex.Compare) and TRAINING in ex.names(part) for part in ex.walk(test))


SURROGATES = Promise(check_surrogates)
