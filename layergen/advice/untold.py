"""Random numbers that training draws, and that are held to no definition."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from layergen.checked import CheckedLayer
from layergen.compare.compared import started
from layergen.compare.defined import is_random_in_training
from layergen.compare.in_law import FEWEST, MOST_TERMS
from layergen.definition.faults import PATH
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.resolve.method import draws
from layergen.resolve.program import Program
from layergen.rules.advice import UncomparedDraws, UntoldDraws
from layergen.run.forward import TrialFault
from layergen.settings.choice import Setting


def untold_draws(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield that a definition leaves out what its layer draws, where no module of torch tells it."""
    definition = program.definition
    if definition is None or definition.draws or program.matches is not None or not program.forward.draws:
        return
    if _draws_at_some(program, settings):
        first = next(node for node in nodes(program.forward.statements) if isinstance(node, ex.Call) and draws(node))
        message = "training draws random numbers, of which the definition says nothing"
        help = "draw them in it, `keep[…] = bernoulli(1 - p)`, and say what training makes of them"
        labels = (Label(Place(FORWARD, first.span), "random numbers are drawn here"),)
        yield UntoldDraws.at(PATH, message, labels=labels, help=help)


def uncompared_draws(layer: CheckedLayer, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield that no test is about what a definition draws, as it is too large, where no module of torch tells it."""
    program = layer.program
    definition = program.definition
    if definition is None or not definition.draws or program.matches is not None:
        return
    compared = layer.defined.drawn or any(one.law is not None for one in layer.measured.at_bounds)
    if not compared and _draws_at_some(program, settings):
        message = "no generated test compares what training draws with the definition"
        help = f"give a case of small sizes under `cases`: one draw may take {MOST_TERMS // FEWEST:,} terms of it"
        yield UncomparedDraws.at(PATH, message, help=help)


def _draws_at_some(program: Program, settings: Sequence[Setting]) -> bool:
    """Whether training draws something at one of the settings."""
    for setting in settings:
        with suppress(TrialFault):
            if is_random_in_training(started(program, setting)):
                return True
    return False
