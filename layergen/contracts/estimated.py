"""Estimated: a gradient that is no derivative is that of the expression under `matches`, where this tells it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import reduce
from itertools import product

import torch
from torch import Tensor

from layergen.compare.compared import CLOSE, ROUNDED, close, entry_text, shown_apart
from layergen.contracts.detached import SLOPES, is_exact
from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.probe.slopes import gradients
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.resolve.surrogates import opened, told_surrogates
from layergen.rules.cases import MatchMismatch
from layergen.run.equations import Running, tensors_in
from layergen.run.on_data import drawn
from layergen.run.watching import Runs, Seen
from layergen.words import listed, plural

HELP = "one of the two is wrong: hold them against the source; what stands in a `detach` has no part in a gradient"


def check_estimated(ways: Ways) -> Iterator[Finding]:
    """Yield the first gradient that is not the one of the expression, in evaluation, way by way."""
    program, told = ways.program, told_surrogates(ways.program)
    if not told or program.formula is None or program.always_draws:
        return
    compared = 0
    for runs in ways.runs:
        asked = reduce(opened, (name for name in told if name in program.inputs), program)
        for seen in Runs(asked, runs.setting, (SLOPES,)).seen(SLOPES):
            if seen.fault is not None or (seen.training and program.asks_mode):
                continue
            compared += 1
            message = _disagreement(program, seen, told)
            if message is not None:
                notes = seen.instance.explainer.notes()
                yield MatchMismatch.at(Place(("matches",), program.formula.span), message, notes=notes, help=HELP)
                return
    if compared:
        names = listed(f"`{name}`" for name in told)
        ways.say("surrogates", f"on {plural(compared, 'way')}: the gradient of {names} is that of the match")


def _disagreement(program: Program, seen: Seen[None], told: tuple[str, ...]) -> str | None:
    """The first entry of a gradient that the forward and the expression give otherwise."""
    assert program.formula is not None
    ours, theirs = _gradients(seen, seen.run.outputs), _gradients(seen, _matched(seen, program.formula))
    for name in told:
        leaf = {**seen.instance.inputs, **seen.instance.state}.get(name)
        if leaf is None:
            continue
        for index in product(*map(range, leaf.shape)):
            one, other = (of.get(name, torch.zeros_like(leaf))[index].item() for of in (ours, theirs))
            if not close(one, other, CLOSE if is_exact(seen.run) else ROUNDED):
                left, right = shown_apart(one, other)
                where = entry_text(name, index)
                return f"the gradient of `{where}` is {left} by the forward and {right} by the match"
    return None


def _matched(seen: Seen[None], formula: ex.Expression) -> Mapping[str, Tensor]:
    """What the expression gives, by the names of the outputs."""
    return dict(zip(seen.instance.returned(), tensors_in(Running(seen.instance).evaluate(formula)), strict=True))


def _gradients(seen: Seen[None], outputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The gradients of a sum of outputs, weighed by the same random numbers each time."""
    with drawn():
        return gradients(seen.instance, replace(seen.run, outputs=outputs))


ESTIMATED = Promise(check_estimated)
