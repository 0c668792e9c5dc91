"""Random numbers that training draws, and of which a definition does not speak."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from layergen.compare.compared import started
from layergen.compare.defined import is_random_in_training
from layergen.definition.faults import PATH
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.resolve.method import draws
from layergen.resolve.program import Program
from layergen.rules.advice import UntoldDraws
from layergen.run.forward import TrialFault
from layergen.settings.choice import Setting


def untold_draws(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield that a definition leaves out what its layer draws, where no module of torch tells it."""
    definition = program.definition
    if definition is None or definition.draws or program.matches is not None or not program.forward.draws:
        return
    first = next(node for node in nodes(program.forward.statements) if isinstance(node, ex.Call) and draws(node))
    for setting in settings:
        with suppress(TrialFault):
            if is_random_in_training(started(program, setting)):
                message = "training draws random numbers, of which the definition says nothing"
                help = "draw them in it, `keep[…] = bernoulli(1 - p)`, and say what training makes of them"
                labels = (Label(Place(FORWARD, first.span), "random numbers are drawn here"),)
                yield UntoldDraws.at(PATH, message, labels=labels, help=help)
                return
