"""Flat: a gradient that autograd computes is not zero wherever one looks, though the values change."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product

from layergen.contracts.detached import IN_FLOAT64, SLOPES
from layergen.contracts.gradient import declare, word
from layergen.contracts.learning import IN_FLOAT32, START, steep
from layergen.contracts.promise import Promise
from layergen.contracts.roomier import roomier
from layergen.diagnostics import Finding, Place
from layergen.probe.probing import differs
from layergen.probe.slopes import Slopes, gradients
from layergen.probe.values import LARGE, ORDINARY, SMALL, Point, drawn, give
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.behaviour import NoGradient
from layergen.run.budget import budget
from layergen.run.explain import Explainer
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.on_data import draw_input, draw_integers, fill
from layergen.run.watching import Seen
from layergen.settings.choice import Setting

SEEDS = range(6)
TRIED = (ORDINARY, SMALL, LARGE)  # inputs, for each of which a gradient might not be zero
SPREAD = 3.0


@dataclass
class Found:
    """The tensors whose gradients were computed, and where these were not zero."""

    there: dict[str, tuple[Place, str]] = field(default_factory=dict)  # where each is declared, and as what
    steep: set[str] = field(default_factory=set)

    def add(self, seen: Seen[Slopes]) -> None:
        """Add what came of a run."""
        self.there |= {name: part for name, part in _wanted(seen.instance).items() if name in seen.evidence.of}
        self.steep |= set(steep(seen.evidence.of, seen.run, IN_FLOAT32))

    @property
    def still(self) -> list[str]:
        """Those whose gradient was zero wherever it was computed."""
        return [name for name in self.there if name not in self.steep]


def check_flat(ways: Ways) -> Iterator[Finding]:
    """Yield the inputs and parameters whose gradients are zero on each way and at each draw, though outputs change."""
    found = Found()
    for seen in ways.seen(START):
        if seen.fault is None:
            found.add(seen)
    if not found.still or not all(runs.admits(IN_FLOAT64) for runs in ways.runs):
        return
    tried = ways.settings
    _look(ways.program, found, product(tried, TRIED, SEEDS))
    with budget():
        _look(ways.program, found, ((setting, ORDINARY, seed) for setting in roomier(ways) for seed in SEEDS))
    said: set[Place] = set()
    for name in found.still:
        place, role = found.there[name]
        if place not in said and any(_matters(ways.program, setting, name) for setting in tried):
            said.add(place)
            message = f"the {role} `{name}` gets no gradient: it is zero at each draw, though outputs change with it"
            notes = Explainer(ways.program, tried[0]).notes()
            yield NoGradient.at(place, message, notes=notes, help=_help(role, name))


FLAT = Promise(check_flat, (START, SLOPES))


def _look(program: Program, found: Found, draws: Iterable[tuple[Setting, Point, int]]) -> None:
    """Look for a gradient at draws for those that had none so far."""
    for setting, point, seed in draws:
        if not found.still:
            return
        for training in program.modes:
            found.steep |= _steep_at(program, setting, training, point, seed)


def _wanted(instance: Instance) -> Mapping[str, tuple[Place, str]]:
    """The tensors that are to have a gradient: where each is declared, and as what."""
    program = instance.program
    found = {name: ("input", ("inputs", name)) for name, part in program.inputs.items() if part.gradient}
    found |= {name: ("parameter", program.path(name)) for name, part in program.parameters.items() if part.gradient}
    inner = (path for path, part in instance.inner.items() if part.parameter and part.gradient)
    found |= {path: ("parameter", ("modules", path.split(".")[0])) for path in inner}
    return {name: (Place(path, key=True), role) for name, (role, path) in found.items()}


def _steep_at(program: Program, setting: Setting, training: bool, point: Point, seed: int) -> set[str]:
    """The tensors whose gradient is not zero at a draw."""
    with drawn(seed, gradients=True):
        try:
            instance = Instance(program, setting, IN_FLOAT64.placement)
            fill(instance)
            give(instance, point)
            if seed:  # of the few integers of a batch, some ends alone may give a gradient, or none of them
                draw_integers(instance)
            run = instance.run(training)
        except TrialFault:
            return set()
        return set(steep(gradients(instance, run), run, IN_FLOAT32))


def _matters(program: Program, setting: Setting, name: str) -> bool:
    """Whether the outputs change with a tensor."""
    return any(_changes(program, setting, training, name) for training in program.modes)


def _changes(program: Program, setting: Setting, training: bool, name: str) -> bool:
    with drawn():
        try:
            instance = Instance(program, setting, replace(IN_FLOAT64.placement, gradients=False))
            fill(instance)
            tensor = {**instance.state, **instance.inputs}.get(name)
            if tensor is None:
                return False
            usual = _again(instance, training)
            ranges = dict(instance.ranges())
            for _ in SEEDS:
                draw_input(tensor, ranges.get(name))
                if name not in ranges:
                    tensor *= SPREAD
                now = _again(instance, training)
                if any(differs(output, now.outputs[key]) for key, output in usual.outputs.items()):
                    return True
        except TrialFault:
            pass
    return False


def _again(instance: Instance, training: bool) -> Run:
    """A run with the same random numbers each time."""
    with drawn(1):
        return instance.run(training)


def _help(role: str, name: str) -> str:
    straight = f"a straight-through estimate is `x + detach(q - x)`, with `gradient: {word(role)}`"
    return f"{straight}; or {declare(role)}" if role == "input" or "." not in name else straight
