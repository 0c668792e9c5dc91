"""Agreement: the forward computes what the module or the expression does that the layer is to match."""

from collections.abc import Iterator, Mapping
from itertools import product

import torch
from torch import Tensor

from layergen.compare.compared import HELP, close, entry_text, room, shown_apart, started
from layergen.compare.far_off import has_open_inputs
from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.ops.dtypes import dtype_name
from layergen.probe.sites import WITH_DATA
from layergen.probe.values import FARTHER, ORDINARY, drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.cases import MatchMismatch
from layergen.run.equations import Running, tensors_in
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.matched import loaded_module, matched_inputs
from layergen.run.said import refusal
from layergen.words import plural


def check_agreement(ways: Ways) -> Iterator[Finding]:
    """Yield the first value that differs, on the first way on which one does."""
    program = ways.program
    matched = matched_by(program)
    if matched is None or program.always_draws:
        return
    path, node = matched
    settings = [runs.setting for runs in ways.runs if runs.admits(WITH_DATA)]
    # An expression knows of no mode, and two that draw at random in training need not draw in the same order.
    modes = program.modes if program.formula is None and not program.draws else (False,)
    compared = set[str]()
    points = (ORDINARY, FARTHER) if has_open_inputs(program) else (ORDINARY,)
    for setting, training, point in product(settings, modes, points):
        instance = started(program, setting, point)
        try:
            message = disagreement(instance, training)
            compared.add(setting.name)
        except TrialFault:  # a layer that does not run at these values is another contract's
            continue
        except Mismatch as mismatch:
            message = str(mismatch)
        except EvaluationFault as fault:
            yield instance.explainer.fault(path, fault, instance.scalars)
            return
        if message is not None:
            mode = "" if len(program.modes) == 1 else " in training" if training else " in evaluation"
            notes = instance.explainer.notes()
            notes += (f"the inputs are {point.words.removeprefix('of ')}",) if point is FARTHER else ()
            yield MatchMismatch.at(Place(path, node.span), f"{message}{mode}", notes=notes, help=HELP)
            return
    if compared:
        where = "" if modes == program.modes else ", in evaluation"
        ways.say("matches", f"on {plural(len(compared), 'way')}{where}: the values of `{ex.show(node)}`")


AGREEMENT = Promise(check_agreement)


class Mismatch(Exception):
    """What is matched gives nothing that could be compared."""


def disagreement(instance: Instance, training: bool) -> str | None:
    """How the layer and what it is to match differ at the values of an instance, if they do.

    Raises:
        EvaluationFault: If what is matched cannot be computed.
        Mismatch: If it gives nothing that could be compared.
        TrialFault: If the layer does not run.
    """
    _, node = matched_by(instance.program) or ((), ex.Literal(None))
    return _difference(_ours(instance, training), _theirs(instance, training), ex.show(node))


def matched_by(program: Program) -> tuple[Path, ex.Expression] | None:
    if program.matches is not None:
        return ("matches", "module"), program.matches.module
    return None if program.formula is None else (("matches",), program.formula)


def _ours(instance: Instance, training: bool) -> Mapping[str, Tensor]:
    """The outputs of the layer, and the buffers that it has updated and that the match has, too."""
    program = instance.program
    with drawn():
        run = instance.run(training)
    kept = {name for name, buffer in program.buffers.items() if buffer.persistent and program.formula is None}
    return {**run.outputs, **{step.name: step.value for step in run.steps if step.name in kept}}


def _theirs(instance: Instance, training: bool) -> Mapping[str, Tensor]:
    """What the match gives, and its buffers then.

    Raises:
        EvaluationFault: If it cannot be computed.
        Mismatch: If it gives nothing that could be compared.
    """
    program = instance.program
    with torch.no_grad(), drawn():
        if program.formula is not None:
            return _named(instance, Running(instance).evaluate(program.formula))
        assert program.matches is not None
        call = program.matches.module
        module = loaded_module(instance).train(training)
        try:
            given = module(*matched_inputs(instance, instance.inputs))
        except Exception as error:  # whatever torch raises of what the layer takes
            raise Mismatch(f"`{call.function}` refuses what the layer takes: {refusal(error)}") from None
    return {**dict(module.named_buffers()), **_named(instance, given)}


def _named(instance: Instance, value: object) -> Mapping[str, Tensor]:
    """The tensors of a result by the names of the outputs.

    Raises:
        Mismatch: If there are more or fewer.
    """
    tensors, names = tensors_in(value), instance.returned()
    if len(tensors) != len(names):
        given, wanted = plural(len(tensors), "tensor"), plural(len(names), "output")
        raise Mismatch(f"what is matched gives {given}, and the layer {wanted} here")
    return dict(zip(names, tensors, strict=True))


def _difference(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], match: str) -> str | None:
    """How two results differ: in a shape, a dtype, or the first entry that does."""
    for name, one in ours.items():
        other = theirs[name]
        if one.shape != other.shape:
            return f"`{name}` is {list(one.shape)} by the forward and {list(other.shape)} by `{match}`"
        if one.dtype != other.dtype:
            return f"`{name}` is {dtype_name(one.dtype)} by the forward and {dtype_name(other.dtype)} by `{match}`"
        pairs = zip(product(*map(range, one.shape)), one.reshape(-1).tolist(), other.reshape(-1).tolist(), strict=True)
        found = next((pair for pair in pairs if not close(*pair[1:], room(one))), None)
        if found is not None:
            index, *both = found
            left, right = shown_apart(*both)
            return f"`{entry_text(name, index)}` is {left} by the forward and {right} by `{match}`"
    return None
