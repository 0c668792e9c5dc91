"""Learning: from its initial values, every parameter moves."""

from collections.abc import Iterable, Iterator, Mapping, Set
from contextlib import suppress
from itertools import product

import torch
from torch import Tensor

from layergen.contracts.effects import has_effect
from layergen.contracts.finite import POINTS
from layergen.contracts.promise import Promise
from layergen.contracts.roomier import roomier
from layergen.contracts.sources import sources, value_names
from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.inits import INITIALIZERS
from layergen.probe.sites import CPU, SMALL, started
from layergen.probe.slopes import gradients
from layergen.probe.values import ORDINARY, WIDE, drawn, give
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.values import NeverLearns
from layergen.run.budget import budget
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

STEPS = 5  # as many factors in a row may start at zero
DRAWS = 4  # of initial values: a `relu` may start dead
RATE = 0.1  # how far a parameter moves in a step, all in all

# Of the largest number in a run: a slope of less may be what rounding leaves of none.
IN_FLOAT32, IN_FLOAT64 = 1e-5, 1e-12

DRAWN = frozenset(INITIALIZERS) - {"constant", "dirac", "eye", "ones", "sparse", "zeros"}

CLAMPS = frozenset({"clamp", "clamp_min", "clamp_max", "clip", "hardtanh", "relu6", "hardsigmoid"})

START = POINTS[ORDINARY][0]


def check_learning(ways: Ways) -> Iterator[Finding]:
    """Yield the parameters that no step of gradient descent moves, on any way; one finding for all of them."""
    program = ways.program
    if not program.members and not any(part.gradient for part in program.parameters.values()):
        return
    if not any(tensor.floating for tensor in program.outputs.values()):
        return
    there: dict[str, None] = {}
    inner: dict[str, None] = {}
    declared: dict[str, str] = {}
    moved: set[str] = set()
    tried = []
    for runs in ways.runs:
        for seen in runs.seen(START):
            own = seen.instance.program
            declared |= own.declared
            state = {name: seen.instance.state[name] for name, part in own.parameters.items() if part.gradient}
            there |= {name: None for name, tensor in state.items() if tensor is not None and tensor.requires_grad}
            inner |= {path: None for path in learned_inside(seen.instance) if path in seen.evidence.of}
            moved |= set(steep(seen.evidence.of, seen.run, IN_FLOAT32) if seen.fault is None else ())
            tried.append((runs.setting, seen.training))
    rounded: set[str] = set()  # parameters whose slope is no more than what rounding leaves of none
    for seed in range(DRAWS):
        for setting, training in tried:
            if {*there, *inner} <= moved:
                return
            steps = Steps(program, setting, training, seed)
            moved |= steps.moved
            rounded |= steps.rounded
    moved |= _moved_in_more_room(ways, {*there, *inner} - moved)
    still = [name for name in there if name not in moved]
    idle = [name for name in still if not any(has_effect(program, *where, name) for where in tried)]
    without = list(dict.fromkeys(declared.get(name, name) for name in idle))
    stuck = list(dict.fromkeys(declared.get(name, name) for name in still if name not in {*idle, *rounded}))
    if without:
        yield _ineffective(without, program)
    elif stuck:
        yield _finding(stuck, program)
    elif _still_inside(inner, moved | rounded):  # an offset of keys moves by rounding
        moved |= {name for where in tried for name in _moved_far_off(program, *where)}
        if still := _still_inside(inner, moved | rounded):
            yield _finding(still, program)


LEARNING = Promise(check_learning, (START, SMALL))


def _moved_in_more_room(ways: Ways, names: Set[str]) -> Set[str]:
    """Those of some parameters that move where dimensions are larger: alone in its group, an entry may not matter."""
    moved: set[str] = set()
    with budget():
        for setting, training in product(roomier(ways), ways.program.modes):
            if names <= moved:
                break
            moved |= Steps(ways.program, setting, training, 0).moved
    return moved & names


def learned_inside(instance: Instance) -> Iterator[str]:
    """The paths of the parameters of members that are to be learned."""
    for path, owned in instance.inner.items():
        if owned.parameter and owned.learned and owned.gradient:
            yield path


def _still_inside(paths: Iterable[str], moved: Set[str]) -> list[str]:
    """The parameters of the members of which nothing moves: of a list, not each has to be chosen, as by a router."""
    moving = {path.partition(".")[0] for path in paths if path in moved}
    return [path for path in paths if path.partition(".")[0] not in moving]


def _moved_far_off(program: Program, setting: Setting, training: bool) -> Set[str]:
    """The parameters that have a gradient at inputs of some 300: a `relu` may need large ones."""
    with drawn(gradients=True), suppress(TrialFault):
        instance = Instance(program, setting, Placement(CPU, torch.float64, gradients=True))
        started(instance)
        give(instance, WIDE)
        return {name for name, slope in gradients(instance, instance.run(training)).items() if slope.any()}
    return set()


def steep(slopes: Mapping[str, Tensor], run: Run, least: float) -> Iterator[str]:
    """The slopes that are more than a share of the largest number in a run, or no numbers."""
    outputs = [output for output in run.outputs.values() if output.is_floating_point() or output.is_complex()]
    bound = least * max((_largest(tensor) for tensor in (*slopes.values(), *outputs)), default=0.0)
    for name, slope in slopes.items():
        if slope.any() and not (slope.abs() <= bound).all():
            yield name


def _largest(tensor: Tensor) -> float:
    numbers = tensor.detach().abs()
    return float(numbers[numbers.isfinite()].max()) if numbers.isfinite().any() else 0.0


class Steps:
    """A few steps of gradient descent from a layer's initial values, towards a random target, in float64.

    Attributes:
        moved: The parameters that move.
        rounded: Those whose slope may be what rounding leaves of none.
    """

    def __init__(self, program: Program, setting: Setting, training: bool, seed: int) -> None:
        self.moved: set[str] = set()
        self.rounded: set[str] = set()
        with drawn(seed, gradients=True), suppress(TrialFault):
            self.instance = Instance(program, setting, Placement(CPU, torch.float64, gradients=True))
            started(self.instance)
            for _ in range(STEPS):
                self.step(training)
                give(self.instance, ORDINARY)

    def step(self, training: bool) -> None:
        """Take a step.

        Raises:
            TrialFault: If the layer does not run.
        """
        run = self.instance.run(training)
        slopes = gradients(self.instance, run)
        moving = set(steep(slopes, run, IN_FLOAT64))
        with torch.no_grad():
            for name, slope in slopes.items():
                tensor = self.instance.state.get(name)
                if tensor is None or not slope.any():
                    continue
                if name in moving:
                    self.moved.add(name)
                    tensor -= RATE * slope / slope.norm().clamp(min=1e-12)
                else:
                    self.rounded.add(name)


def _ineffective(names: list[str], program: Program) -> Finding:
    first, *others = names
    message = f"near its initial value, no output changes with the parameter `{first}`, but for rounding"
    labels = [Label(Place(("parameters", name), key=True), "nor with this one") for name in others]
    help = _between_bounds(first, program)
    help += f"find what on the way from `{first}` does not change with it, such as a softmax over a single entry, or a "
    help += (
        "softmax or norm of what has one number added to all, and delete it; or start it where outputs change with it"
    )
    return NeverLearns.at(Place(("parameters", first), key=True), message, labels=labels, help=help)


def _finding(names: list[str], program: Program) -> Finding:
    first = names[0]
    message = f"the parameter `{first}` stays at its initial value: its gradient is zero"
    message += f" in each of {STEPS} steps of gradient descent, from {DRAWS} draws"
    place, *places = dict.fromkeys(_declared(name, program) for name in names)
    labels = [Label(other, "nor does this one move") for other in places]
    return NeverLearns.at(place, message, labels=labels, help=_help(names, program))


def _declared(name: str, program: Program) -> Place:
    """Where a parameter is told what it starts as, or the member is declared that has it."""
    if name in program.parameters:
        return Place(("parameters", name, "init"))
    return Place(("modules", name.partition(".")[0]), key=True)


def _help(names: list[str], program: Program) -> str:
    """What to do: one that starts at zero stops others, and none that is drawn at random does."""
    owners = {name.partition(".")[0]: name for name in reversed(names)}  # of a member, its first one speaks for all
    level = [name for name in names if not _is_drawn(name, program) and name in owners.values()]
    if len(level) > 1:
        return f"start one of `{level[0]}` and `{level[1]}` away from zero, as with `{_away(level[0], program)}`"
    if level == names and not _between_bounds(level[0], program):
        return f"start it away from zero, as with `{_away(level[0], program)}`"
    found = f"find what on the way from `{names[0]}` does not change with it, such as a softmax over a single entry"
    return f"{_between_bounds(names[0], program)}{found}"


def _between_bounds(name: str, program: Program) -> str:
    """What to look at first where a call on the way from a parameter cuts off what is past its bounds."""
    block = program.forward.statements
    for call in program.forward.calls:
        if call.function in CLAMPS and any(name in sources(block, read) for read in value_names(call)):
            return f"start it where `{ex.show(call)}` does not cut it off; or "
    return ""


def _away(name: str, program: Program) -> str:
    """Initial values that are not zero, for a tensor of as many dimensions."""
    part = program.parameters.get(name)
    return "kaiming_uniform(a=sqrt(5))" if part is None or len(part.entries) > 1 else "constant(0.1)"


def _is_drawn(name: str, program: Program) -> bool:
    """Whether a parameter starts at random values, none of which is zero but by accident; or as its module has it."""
    part, (member, _, path) = program.parameters.get(name), name.partition(".")
    if part is None and member in program.members:
        given = program.members[member].init
        value = given.get(path, given.get(path.partition(".")[2]))  # of one, or of one of a list
        return value is None or (isinstance(value, ex.Call) and value.function in DRAWN)
    return part is not None and isinstance(part.init.value, ex.Call) and part.init.value.function in DRAWN
