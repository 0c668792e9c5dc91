"""Holds a layer against the existing module that it is to match."""

from collections.abc import Iterator

import torch

from layergen.diagnostics import Finding, Place
from layergen.lang.interpreter import EvaluationFault
from layergen.resolve.saved import is_saved
from layergen.rules.cases import MatchMismatch
from layergen.run.instance import META, Instance
from layergen.run.matched import matched_inputs, matched_module
from layergen.run.said import refusal
from layergen.run.trial import facts


def check_match(instance: Instance) -> Iterator[Finding]:
    """Yield how the module of `matches` differs from the layer at one setting."""
    match = instance.program.matches
    if match is None:
        return
    path = ("matches", "module")
    try:
        module = matched_module(instance, META)
    except EvaluationFault as fault:
        yield MatchMismatch.at(Place(path, fault.node.span), fault.message, notes=instance.explainer.notes())
        return
    theirs = {name: facts(tensor).shape for name, tensor in module.state_dict().items()}
    owned = {**instance.state, **{name: instance.inputs[name] for name in instance.program.kept}}
    ours = {
        name: tuple(tensor.shape)
        for name, tensor in owned.items()
        if tensor is not None and is_saved(instance.program, name)
    }
    if ours != theirs:
        message = f"the state dict of `{match.module.function}` is {_listed(theirs)}, that of the layer {_listed(ours)}"
        yield MatchMismatch.at(Place(path, match.module.span), message, notes=instance.explainer.notes())
        return
    yield from _check_call(instance, module)


def _check_call(instance: Instance, module: torch.nn.Module) -> Iterator[Finding]:
    """Call the module as the tests will."""
    match = instance.program.matches
    assert match is not None
    try:
        module(*matched_inputs(instance, instance.inputs))
    except Exception as error:
        if "meta" in str(error).lower():  # the module looks at data, which there is none of; the tests will call it
            return
        message = f"`{match.module.function}` cannot be called with the layer's inputs: {refusal(error)}"
        help = "give the call under `matches` as `{module: …, inputs: […]}`"
        yield MatchMismatch.at(Place(("matches", "module"), match.module.span), message, help=help)


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return "{" + ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items()) + "}" if shapes else "empty"
