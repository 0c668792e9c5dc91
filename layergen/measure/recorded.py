"""What a layer gives at one setting, on values that need no random numbers: by the spec's own words, in float64.

The generated tests give the layer the same values and compare. It shows that the code does what the spec says, not that
the spec is right. `templates/behaviours_recorded.py.j2` has the twin of each formula here.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.inits import is_initializer
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.initial import initialize
from layergen.resolve.method import draws
from layergen.resolve.program import Program
from layergen.run.fixed_draws import FixedDraws
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.members import penalties
from layergen.run.on_data import CPU, drawn, without_repeats
from layergen.run.starting import begin
from layergen.settings.choice import Setting

Numbers = float | tuple[float, ...]
State = Mapping[str, Tensor]

LARGEST = 50_000  # elements of a layer's inputs and tensors
SEEDS = range(3)  # at which it is found out which tensors start at random
MORE_SEEDS = range(16)  # where some have so few elements that they may start as they did by chance, 1 or -1
FEW = 4  # such elements
LOOKS, DRAWS = 8, 300  # of random numbers: whether they matter, and then how; a test makes as many
SURE = 0.06  # how far the spread of so many draws may be off, in shares of it, for a test to be held to it
DIGITS = 6
COUNTED = 2  # how much further counters are than at the start
APART = -1  # the offset of the weights in sums: no tensor's own, to which a gradient may be orthogonal
TINY = 1e-9  # what rounding leaves of zero
NOTHING = 1e-20  # by which zero is not the number that it was, and less than any epsilon


@dataclass(frozen=True)
class Recorded:
    """What a layer gives at a setting."""

    values: Mapping[str, Mapping[str, Numbers]] = field(default_factory=dict)  # by mode
    # The mean and the spread of each output, where what is drawn cannot be fixed.
    draws: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.draws)


@dataclass(frozen=True)
class Scale:
    """What is made of the values of free floating inputs: how large they are, and how far from zero.

    And of those of parameters.
    """

    times: float = 1.0
    shift: float = 0.0
    nudge: float = 0.0  # by how much each of them is further off, at random
    weights: float = 1.0  # how large parameters are

    def of(self, values: Tensor) -> Tensor:
        """The values of an input, from those that it has without a scale."""
        scaled = self.times * values + self.shift
        return scaled + self.nudge * (NOTHING + scaled.abs()) * torch.randn_like(scaled) if self.nudge else scaled


USUAL = Scale()


def recorded(program: Program, setting: Setting) -> Recorded:
    """Record a layer at a setting; nothing where it is large, or cannot be told without random numbers."""
    try:
        with drawn(), torch.no_grad():
            recorder = Recorder(program, setting)
            if recorder.state is None:
                return Recorded()
            found = {training: recorder.fixed_values(training) for training in program.modes}
            told = {"training" if training else "evaluation": values for training, values in found.items() if values}
            return Recorded(told, recorder.law() if len(told) < len(found) else {})
    except (TrialFault, EvaluationFault, RuntimeError):
        return Recorded()


def is_count(tensor: Tensor) -> bool:
    """Whether a tensor is one integer, as counters are."""
    return tensor.dim() == 0 and tensor.dtype is torch.int64


def draws_in(program: Program, training: bool) -> bool:
    """Whether a layer may draw random numbers in a mode."""
    return program.draws and (program.random == "always" or (training and program.asks_mode))


class Recorder:
    """A layer at a setting, given values by formulas.

    Args:
        program: The layer.
        setting: Where it is run.
        scale: What its inputs are there.
        state: The values of its tensors by their names, where another recorder has found them.
        dtype: In what it is computed.

    Attributes:
        state: The same; None where they cannot be told.
        infinite: The names of what was not finite in the last run.
    """

    def __init__(
        self,
        program: Program,
        setting: Setting,
        scale: Scale = USUAL,
        state: State | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        self.program = program
        self.scale = scale
        self.infinite: set[str] = set()
        self.instance = Instance(program, setting, Placement(CPU, dtype))
        self.ranges = dict(self.instance.ranges())
        tensors = (*self.instance.inputs.values(), *self.instance.state.values())
        small = sum(tensor.numel() for tensor in tensors if tensor is not None) <= LARGEST
        self.state = state or (self.settled() if small else None)

    def settled(self) -> State | None:
        """Tensors near to where they start, those that start at random near zero; None where that cannot be told."""
        starts = [self.start(seed) for seed in SEEDS]
        if any(tensor.numel() <= FEW and self.may_have_few_values(name) for name, tensor in starts[0].items()):
            starts += [self.start(seed) for seed in MORE_SEEDS[len(SEEDS) :]]
        state: dict[str, Tensor] = {}
        for position, name in enumerate(sorted(starts[0]), len(self.instance.inputs)):
            first, *others = (start[name] for start in starts)
            alike = [torch.equal(first, other) for other in others]
            if any(alike) != all(alike):
                return None
            if first.is_floating_point() or first.is_complex():
                state[name] = (first if alike[0] else 0 * first) + 0.5 * waves_like(first, position)
            elif alike[0]:
                state[name] = first + COUNTED if is_count(first) else first
            else:
                return None
        return state

    def may_have_few_values(self, name: str) -> bool:
        """Whether a tensor with few elements may start as it did by chance: orthogonal, or by an op, as `sign`."""
        tensor = self.instance.state[name]
        return (tensor is not None and tensor.dim() > 1) or _computes_draws(self.instance.program, name)

    def start(self, seed: int) -> State:
        """The values that the layer's tensors start with."""
        with drawn(seed):
            begin(self.instance)
        for name in self.instance.program.initial_order:
            if self.instance.state[name] is not None:
                initialize(self.instance, name, seed)
        return {name: tensor.clone() for name, tensor in self.instance.state.items() if tensor is not None}

    def prepare(self) -> Mapping[str, Tensor]:
        """Give the layer's tensors their values; gives those whose gradients are recorded as parameters'."""
        assert self.state is not None
        learned = {id(self.instance.state[name]) for name in self.state if self.is_parameter(name)}
        for name, value in self.state.items():
            target = self.instance.state[name]
            assert target is not None
            target.requires_grad_(False).copy_(self.scale.weights * value if id(target) in learned else value)
        found: dict[int, tuple[str, Tensor]] = {}  # a tied one under the first of its names, whichever owns it
        for name in sorted(self.state):
            target = self.instance.state[name]
            if target is not None and id(target) in learned:
                found.setdefault(id(target), (name, target))
        return dict(found.values())

    def is_parameter(self, name: str) -> bool:
        """Whether a tensor is a parameter of the layer, or of a member."""
        inner = self.instance.inner.get(name)
        return inner.parameter if inner else name in self.instance.program.parameters

    def inputs(self) -> dict[str, Tensor]:
        """The values of the inputs."""
        return {
            name: self.scaled(
                name, settled_input(tensor, self.ranges.get(name), position, len(self.program.inputs[name].distinct))
            )
            for position, (name, tensor) in enumerate(self.instance.inputs.items())
            if tensor is not None
        }

    def scaled(self, name: str, values: Tensor) -> Tensor:
        """The values of an input at the recorder's scale, where nothing binds them."""
        inexact = values.is_floating_point() or values.is_complex()
        bound = self.scale == USUAL or name in self.ranges or name in self.program.kept or not inexact
        return values if bound else self.scale.of(values)

    def fixed_values(self, training: bool) -> dict[str, Numbers] | None:
        """What the layer gives in a mode, where its draws are fixed; None where they cannot be."""
        floating = {name: part for name, part in self.program.inputs.items() if part.floating}
        derivatives = [name for name, part in floating.items() if part.gradient]
        try:  # with gradients that are handed on past a choice, too, and are no derivatives
            return self.drawn_values(training, floating)
        except (TrialFault, RuntimeError):
            if len(derivatives) == len(floating):
                raise
            return self.drawn_values(training, derivatives)

    def drawn_values(self, training: bool, asked: Collection[str]) -> dict[str, Numbers] | None:
        """The same, with the gradients of the inputs that are asked for."""
        if not draws_in(self.program, training):
            return self.values(training, asked)
        with FixedDraws() as draws:
            found = self.values(training, asked)
        return found if draws.fixed else None

    @torch.enable_grad()
    def values(self, training: bool, asked: Collection[str]) -> dict[str, Numbers]:
        """What the layer gives in a mode, with gradients of some inputs and of parameters, and updated buffers."""
        parameters, inputs = self.prepare(), self.inputs()
        taken = (name for name in self.program.taken if name in inputs and name in asked)
        leaves = {f"gradient of {name}": inputs[name].requires_grad_() for name in taken}
        for tensor in parameters.values():
            tensor.requires_grad_()
        run = self.instance.run(training, inputs=inputs)
        self.infinite = {name for name, output in run.outputs.items() if not bool(output.isfinite().all())}
        found = {name: digest(output) for name, output in run.outputs.items()}
        slopes, buffers = dict(self.gradients(run, leaves, list(parameters.values()))), dict(self.updated(run))
        if training:
            self.instance.keep(run)  # a penalty is asked for after the call
        return found | self.penalty() | slopes | buffers

    def gradients(
        self, run: Run, leaves: Mapping[str, Tensor], parameters: Sequence[Tensor]
    ) -> Iterator[tuple[str, Numbers]]:
        """The gradients of a sum of all outputs, in one number for each input, and one for all parameters."""
        outputs = [output for output in run.outputs.values() if output.requires_grad]
        if not outputs:
            return
        total = torch.stack([weighted(output) for output in outputs]).sum()
        tensors = [*leaves.values(), *parameters]
        slopes = torch.autograd.grad(total, tensors, allow_unused=True)
        names = [*leaves, *("gradients of parameters" for _ in parameters)]
        bad = (slope is not None and not bool(slope.isfinite().all()) for slope in slopes)
        self.infinite |= {name for name, infinite in zip(names, bad, strict=True) if infinite}
        sums = [0.0 if slope is None else float(weighted(slope)) for slope in slopes]
        yield from ((name, rounded(number)) for name, number in zip(leaves, sums, strict=False))
        if parameters:
            yield "gradients of parameters", rounded(float(weighted(torch.tensor(sums[len(leaves) :]))))

    def penalty(self) -> dict[str, Numbers]:
        """The regularization term: the layer's own one, and those of members."""
        own = [] if self.program.penalty is None else [self.instance.evaluated(self.program.penalty)]
        terms = [*own, *penalties(self.instance.members.values())]
        return {"penalty()": digest(torch.stack(terms).sum())} if terms else {}

    def updated(self, run: Run) -> Iterator[tuple[str, Numbers]]:
        """The layer's own buffers that a run has assigned, and the inputs that it has written to."""
        yield from ((f"{name} afterwards", digest(given)) for name, given in run.given.items() if run.has_written(name))
        assigned = {step.name: step.value for step in run.steps}
        for name, part in self.program.buffers.items():
            kept = self.instance.state.get(name)
            if part.each is None and kept is not None and name in self.program.forward.assigned:
                yield f"{name} afterwards", digest(assigned.get(name, kept))

    def law(self) -> dict[str, tuple[float, float]]:
        """The mean and the spread of each output over many draws; few where none are made at this setting.

        Those are left out of which so many draws do not tell the spread, as where a rare event changes all.
        """
        self.prepare()
        inputs, before = self.inputs(), torch.get_rng_state()
        rows = [self.row(inputs) for _ in range(LOOKS)]
        if any(row != rows[0] for row in rows) or not torch.equal(before, torch.get_rng_state()):
            rows += [self.row(inputs) for _ in range(DRAWS - LOOKS)]
        columns = {name: torch.tensor([row[name] for row in rows], dtype=torch.float64) for name in rows[0]}
        return {
            name: (float(f"{rounded(float(column.mean())):.4g}"), float(f"{rounded(float(column.std())):.3g}"))
            if column.std() > TINY
            else (rounded(float(column[0])), 0.0)
            for name, column in columns.items()
            if _tells_spread(column)
        }

    def row(self, inputs: Mapping[str, Tensor]) -> dict[str, float]:
        run = self.instance.run(True, inputs=inputs)
        return {name: float(weighted(output)) for name, output in run.outputs.items()}


def _tells_spread(column: Tensor) -> bool:
    """Whether the spread of so many draws is near that of all: not where few of them make it."""
    apart = (column - column.mean()).square()
    if not bool(apart.sum() > TINY**2 * len(column)):
        return True
    tails = float(apart.square().mean() / apart.mean() ** 2)  # 3 of normal numbers
    return math.sqrt(max(tails - 1, 0) / (4 * DRAWS)) < SURE


def _computes_draws(program: Program, name: str) -> bool:
    """Whether an op gives a tensor its initial value from what is drawn, as far as it is the layer's own; else, any."""
    if name not in program.tensors:
        children = (child.program for child in program.children.values())
        return any(_computes_draws(child, own) for child in children for own in child.tensors)
    init = program.tensors[name].init
    drawn_there = any(draws(node) for node in init.nodes() if isinstance(node, ex.Call))
    return not is_initializer(init.value) and (drawn_there or bool(init.mentions & program.tensors.keys()))


def waves(shape: Sequence[int], offset: int) -> Tensor:
    """Values between -1 and 1 in no simple order, others for each offset."""
    count = torch.arange(1, math.prod(shape) + 1, dtype=torch.float64)
    return torch.sin((count + 0.37 * offset) ** 2).reshape(tuple(shape))


def waves_like(tensor: Tensor, offset: int) -> Tensor:
    """The same for a tensor, which may be complex."""
    if tensor.is_complex():
        return torch.view_as_complex(waves((*tensor.shape, 2), offset))
    return waves(tensor.shape, offset)


def flags(shape: Sequence[int], offset: int) -> Tensor:
    """Which of these values are positive: some, but not all of several."""
    found = waves(shape, offset) > 0
    if found.numel() > 1 and found.all() == found.any():
        found.view(-1)[0].logical_not_()
    return found


def settled_input(like: Tensor, ends: tuple[float, float] | None, offset: int, distinct: int = 0) -> Tensor:
    """Values of an input, which lie between two ends if there are any; along so many last dimensions none twice."""
    if distinct and ends is not None:
        return without_repeats(like.shape, distinct, ends, lambda shape: waves(shape, offset)).to(like.dtype)
    if like.dtype is torch.bool:
        return flags(like.shape, offset)
    values = 2 * waves_like(like, offset)
    if ends is not None:
        low, high = ends
        values = low + (high - low) * (values + 2) / 4
    whole = not like.is_floating_point() and not like.is_complex()
    return (values.floor() if whole else values).to(like.dtype)


def entries(tensor: Tensor) -> Tensor:
    """All numbers of a tensor, with others for those that are not finite."""
    real = torch.view_as_real(tensor) if tensor.is_complex() else tensor
    return torch.nan_to_num(real.double().flatten(), nan=2.0, posinf=3.0, neginf=-3.0)


def weighted(tensor: Tensor) -> Tensor:
    """A sum in which each number has its own weight."""
    numbers = entries(tensor)
    return (numbers * waves(numbers.shape, APART)).sum()


def digest(tensor: Tensor) -> Numbers:
    """The first and the last number and a sum; a single number as it is."""
    numbers = entries(tensor.detach())
    if numbers.numel() == 1:
        return rounded(float(numbers))
    ends = [float(numbers[0]), float(numbers[-1])] if numbers.numel() else []
    return tuple(map(rounded, (*ends, float(weighted(tensor.detach())))))


def rounded(number: float) -> float:
    """A number with the digits that a test can tell."""
    return float(f"{number:.{DIGITS}g}") if abs(number) > TINY else 0.0
