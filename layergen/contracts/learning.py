"""Learning: from its initial values, every parameter moves."""

from collections.abc import Iterator

import torch

from layergen.contracts.finite import POINTS
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import CPU, SMALL, started
from layergen.contracts.slopes import gradients
from layergen.contracts.values import ORDINARY, drawn, give
from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.inits import INITIALIZERS
from layergen.resolve.program import Program
from layergen.rules.values import NeverLearns
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

STEPS = 5  # as many factors in a row may start at zero
DRAWS = 4  # of initial values: a `relu` may start dead
RATE = 0.1  # how far a parameter moves in a step, all in all

DRAWN = frozenset(INITIALIZERS) - {"constant", "dirac", "eye", "ones", "sparse", "zeros"}

START = POINTS[ORDINARY][0]


def check_learning(ways: Ways) -> Iterator[Finding]:
    """Yield the parameters that no step of gradient descent moves, on any way; one finding for all of them."""
    program = ways.program
    if not any(part.gradient for part in program.parameters.values()):
        return
    if not any(tensor.floating for tensor in program.outputs.values()):
        return
    there: dict[str, None] = {}
    declared: dict[str, str] = {}
    moved: set[str] = set()
    tried = []
    for runs in ways.runs:
        for seen in runs.seen(START):
            own = seen.instance.program
            declared |= own.declared
            state = {name: seen.instance.state[name] for name, part in own.parameters.items() if part.gradient}
            there |= {name: None for name, tensor in state.items() if tensor is not None and tensor.requires_grad}
            moved |= {name for name, slope in seen.evidence.of.items() if slope.any()}
            tried.append((runs.setting, seen.training))
    for seed in range(DRAWS):
        for setting, training in tried:
            if there.keys() <= moved:
                return
            moved |= _moved(program, setting, training, seed)
    still = list(dict.fromkeys(declared.get(name, name) for name in there if name not in moved))
    if still:
        yield _finding(still, program)


LEARNING = Promise(check_learning, (START, SMALL))


def _moved(program: Program, setting: Setting, training: bool, seed: int) -> set[str]:
    """The parameters that move in a few steps from their initial values, towards a random target."""
    moved: set[str] = set()
    with drawn(seed, gradients=True):
        instance = Instance(program, setting, Placement(CPU, gradients=True))
        started(instance)
        for _ in range(STEPS):
            try:
                slopes = gradients(instance, instance.run(training))
            except TrialFault:
                return moved
            with torch.no_grad():
                for name, slope in slopes.items():
                    tensor = instance.state.get(name)
                    if tensor is not None and slope.any():
                        moved.add(name)
                        tensor -= RATE * slope / slope.norm().clamp(min=1e-12)
                give(instance, ORDINARY)
    return moved


def _finding(names: list[str], program: Program) -> Finding:
    first, *others = names
    message = f"the parameter `{first}` stays at its initial value: its gradient is zero"
    message += f" in each of {STEPS} steps of gradient descent, from {DRAWS} draws"
    places = [Place(("parameters", name, "init")) for name in others]
    labels = [Label(place, "nor does this one move") for place in places]
    return NeverLearns.at(Place(("parameters", first, "init")), message, labels=labels, help=_help(names, program))


def _help(names: list[str], program: Program) -> str:
    """What to do: one that starts at zero stops others, and none that is drawn at random does."""
    level = [name for name in names if not _is_drawn(name, program)]
    if len(level) > 1:
        return f"start one of `{level[0]}` and `{level[1]}` away from zero, as with `kaiming_uniform(a=sqrt(5))`"
    if level == names:
        return "start it away from zero, as with `kaiming_uniform(a=sqrt(5))`"
    return f"find what on the way from `{names[0]}` does not change with it, such as a softmax over a single entry"


def _is_drawn(name: str, program: Program) -> bool:
    """Whether a parameter starts at random values, none of which is zero but by accident."""
    part = program.parameters.get(name)
    return part is not None and isinstance(part.init.value, ex.Call) and part.init.value.function in DRAWN
