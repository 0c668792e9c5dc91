"""Agreement: the forward computes what the module or the expression does that the layer is to match."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from layergen.contracts.compared import HELP, close, entry_text, shown, started
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import CPU, WITH_DATA
from layergen.contracts.values import drawn
from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.resolve.program import Program
from layergen.rules.cases import MatchMismatch
from layergen.run.equations import Running, tensors_in
from layergen.run.instance import Instance
from layergen.run.matched import matched_inputs, matched_module
from layergen.words import plural


def check_agreement(ways: Ways) -> Iterator[Finding]:
    """Yield the first value that differs, on the first way on which one does."""
    program = ways.program
    matched = _matched(program)
    if matched is None or (program.draws and program.random == "always"):
        return
    path, node = matched
    settings = [runs.setting for runs in ways.runs if runs.admits(WITH_DATA) and not runs.setting.absent]
    # An expression knows of no mode, and two that draw at random in training need not draw in the same order.
    modes = program.modes if program.formula is None and not program.draws else (False,)
    for setting, training in product(settings, modes):
        instance = started(program, setting)
        try:
            theirs = _theirs(instance, training)
        except EvaluationFault as fault:
            yield instance.explainer.fault(path, fault, {})
            return
        message = None if theirs is None else _difference(_ours(instance, training), theirs, ex.show(node))
        if message is not None:
            mode = "" if len(program.modes) == 1 else " in training" if training else " in evaluation"
            notes = instance.explainer.notes()
            yield MatchMismatch.at(Place(path, node.span), f"{message}{mode}", notes=notes, help=HELP)
            return
    if settings:
        where = "" if modes == program.modes else ", in evaluation"
        ways.say("matches", f"on {plural(len(settings), 'way')}{where}: the values of `{ex.show(node)}`")


AGREEMENT = Promise(check_agreement)


def _matched(program: Program) -> tuple[Path, ex.Expression] | None:
    if program.matches is not None:
        return ("matches", "module"), program.matches.module
    return None if program.formula is None else (("matches",), program.formula)


def _ours(instance: Instance, training: bool) -> Mapping[str, Tensor]:
    """The outputs of the layer, and the buffers that it has updated."""
    with drawn():
        run = instance.run(training)
    updated = {step.name: step.value for step in run.steps if step.name in instance.program.buffers}
    return {**run.outputs, **updated}


def _theirs(instance: Instance, training: bool) -> Mapping[str, Tensor] | None:
    """What the match gives, and its buffers then; None where its module cannot be run as it is.

    Raises:
        EvaluationFault: If the expression cannot be computed.
    """
    program = instance.program
    with torch.no_grad(), drawn():
        if program.formula is not None:
            return _named(instance, tensors_in(Running(instance).evaluate(program.formula)))
        try:
            module = matched_module(instance, CPU).double().train(training)
            owned = {**instance.state, **{name: instance.inputs[name] for name in program.kept}}
            module.load_state_dict({name: owned[name] for name in module.state_dict()})
            given = tensors_in(module(*matched_inputs(instance, instance.inputs)))
        except Exception:  # whatever torch raises: whether the module can take the layer's place is asked elsewhere
            return None
    return {**dict(module.named_buffers()), **_named(instance, given)}


def _named(instance: Instance, tensors: Sequence[Tensor]) -> Mapping[str, Tensor]:
    return dict(zip(instance.returned(), tensors, strict=False))


def _difference(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], match: str) -> str | None:
    """How two results differ: in a tensor that is not there, a shape, or the first entry that does."""
    for name, one in ours.items():
        other = theirs.get(name)
        if other is None:
            return f"`{match}` gives no `{name}`"
        if one.shape != other.shape:
            return f"`{name}` is {list(one.shape)} by the forward and {list(other.shape)} by `{match}`"
        pairs = zip(product(*map(range, one.shape)), one.reshape(-1).tolist(), other.reshape(-1).tolist(), strict=True)
        found = next((pair for pair in pairs if not close(*pair[1:])), None)
        if found is not None:
            index, left, right = found
            return f"`{entry_text(name, index)}` is {shown(left)} by the forward and {shown(right)} by `{match}`"
    return None
