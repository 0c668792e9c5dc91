"""A layer at one setting, run again and again in float64 on data that differs in what a contract asks about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from layergen.lang.interpreter import EvaluationFault
from layergen.probe.initial import initialize
from layergen.probe.sites import CPU, ON_DATA
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.resolve.standing import declared
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.moving import move_buffer
from layergen.run.on_data import without_repeats
from layergen.run.starting import begin
from layergen.settings.choice import Setting

IN_FLOAT64 = Placement(CPU, torch.float64)
TOLERANCE = 1e-4  # of the largest entry: what rounding explains, in a step in float32 too
FLOOR = 1e-9
TINY = 1e-24  # which is far below what rounding leaves of ordinary numbers in float64
FAR = 1000.0  # outdoes any ordinary value in a maximum or below a relu
NEAR = 0.01  # of inputs at which what saturates at ordinary ones, as a softmax at a low temperature, does not
LARGE = 30.0  # of inputs that come past thresholds which hide ordinary ones
HUGE = (300.0, 1000.0)  # of all that is given, by which scores outdo a number such as -10000 that is added to them

Tensors = Mapping[str, Tensor]


class Probe:
    """A layer at a setting, with parameters that nothing is equal or zero at, and buffers as they start.

    Args:
        program: The layer.
        setting: Where it is run.
        state: Parameters and buffers of another probe, to have the same.

    Attributes:
        inputs: The inputs as they are declared at the setting.
        results: The outputs as they are declared at the setting.

    Raises:
        TrialFault: If it cannot be set up there.
    """

    def __init__(self, program: Program, setting: Setting, state: Tensors | None = None) -> None:
        self.program = program
        self.setting = setting
        self.instance = Instance(program, setting, IN_FLOAT64)
        self.ranges = dict(self.instance.ranges())
        self.generator = torch.Generator().manual_seed(0)
        known = self.instance.interpreter(self.instance.scalars)
        self.inputs = {name: declared(part, known) for name, part in program.inputs.items()}
        self.results = {name: declared(part, known) for name, part in program.outputs.items()}
        self.seed = 0  # of the random numbers that the forward draws
        if state is None:
            self.start()
            state = {name: tensor.clone() for name, tensor in self.instance.state.items() if tensor is not None}
        self.state = state

    def start(self) -> None:
        """Give the parameters values of both signs where they are products' factors, and the buffers their own."""
        begin(self.instance)
        for name in (*self.instance.program.initial_order, *self.instance.inner):
            tensor = self.instance.state[name]
            if tensor is None:
                continue
            if name in self.instance.program.buffers:
                initialize(self.instance, name)
                if name in self.program.forward.assigned and tensor.is_floating_point():
                    move_buffer(tensor, self.generator)  # training does not leave it where it starts
            elif name in self.instance.inner and not self.instance.inner[name].parameter:
                continue
            elif tensor.dim() < 2:
                tensor.uniform_(0.5, 1.5, generator=self.generator)
            else:
                fan = max(tensor[0].numel(), 1)
                tensor.normal_(0, fan**-0.5, generator=self.generator)

    @property
    def given(self) -> list[str]:
        """The inputs that are not left out."""
        return [name for name, tensor in self.instance.inputs.items() if tensor is not None]

    def at(self, setting: Setting) -> "Probe":
        """The same layer with inputs of other sizes.

        Raises:
            TrialFault: If it cannot be set up there.
        """
        return Probe(self.program, setting, self.state)

    def draw(self, name: str, scale: float = 1.0) -> Tensor:
        """Values for an input: normal ones times a scale, or of its range, about its middle if the scale is small.

        Bool inputs are either true or false, and integers anything in their range, whatever the scale.
        """
        like = self.instance.inputs[name]
        assert like is not None
        if like.dtype is torch.bool:
            return torch.rand(like.shape, generator=self.generator) < 0.5
        low, high = self.ranges.get(name, (None, None))
        if low is not None and high is not None:
            distinct = len(self.program.inputs[name].distinct)
            if distinct:
                keys = partial(torch.rand, generator=self.generator)
                return without_repeats(like.shape, distinct, (low, high), keys).to(like.dtype)
            if not like.is_floating_point():
                return torch.randint(int(low), int(high), like.shape, generator=self.generator, dtype=like.dtype)
            share = torch.rand(like.shape, generator=self.generator, dtype=torch.float64)
            share = 0.5 + min(scale, 1.0) * (share - 0.5)
            return (low + (high - low) * share).to(like.dtype)
        return scale * torch.randn(like.shape, generator=self.generator, dtype=like.dtype)

    def drawn(self, masks: bool | None = None, positive: bool = False, scale: float = 1.0) -> dict[str, Tensor]:
        """Values for all inputs that are given; if asked for, bool ones all alike, and floating ones above zero."""
        values = {name: self.draw(name, scale) for name in self.given}
        if masks is not None:
            values |= {name: torch.full_like(v, masks) for name, v in values.items() if v.dtype is torch.bool}
        if positive:
            free = [name for name, v in values.items() if v.is_floating_point() and name not in self.ranges]
            values |= {name: values[name].abs() for name in free}
        return values

    def run(self, training: bool, inputs: Tensors, gradients: bool = False) -> Run | None:
        """Run the forward with these inputs and the probe's own state; None if it fails.

        The random numbers that it draws are the same each time, as long as the seed is.
        """
        for name, value in self.state.items():
            kept = self.instance.state[name]
            assert kept is not None
            kept.copy_(value)
        with torch.set_grad_enabled(gradients), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            try:
                return self.instance.run(training, inputs=inputs)
            except TrialFault:
                return None

    def outputs(self, training: bool, inputs: Tensors) -> Tensors | None:
        """What the layer gives for inputs; None if it fails."""
        run = self.run(training, inputs)
        return None if run is None else run.outputs


@dataclass(frozen=True)
class Way:
    """A way through a layer's forward, to be probed in one mode."""

    probe: Probe
    training: bool


def probed(ways: Ways) -> Iterator[Way]:
    """All ways of a layer in all of its modes, as far as it is small enough to be run on data."""
    for runs in ways.runs:
        probe: Probe | None = None
        for seen in runs.seen(ON_DATA):
            try:
                probe = probe or Probe(ways.program, seen.instance.setting)
            except (TrialFault, EvaluationFault):
                break
            yield Way(probe, seen.training)


def differs(one: Tensor, other: Tensor, tolerance: float = TOLERANCE, floor: float = FLOOR) -> bool:
    """Whether two tensors differ by more than rounding explains: by a part of the largest entry, and a little more.

    What rounding leaves of ordinary numbers is not as small as a product of many: there, nothing more is asked for.
    """
    if one.shape != other.shape:
        return True
    if not one.is_floating_point() and not one.is_complex():
        return not torch.equal(one, other)
    finite = one[one.isfinite()].abs()
    scale = float(finite.max()) if finite.numel() else 0.0
    tolerance = max(tolerance, 50 * torch.finfo(one.dtype).eps)
    floor = 0.0 if 0 < scale < TINY else floor
    return not torch.allclose(one, other, rtol=0.0, atol=floor + tolerance * scale, equal_nan=True)


def at_index(tensor: Tensor, where: tuple[int, ...], index: int | slice) -> tuple[Any, ...]:
    """What picks an index along some dimensions of a tensor."""
    return tuple(index if axis in where else slice(None) for axis in range(tensor.dim()))


def resized(setting: Setting, name: str, size: int) -> Setting:
    """A setting with another size of a dimension, or of each leading one."""
    if name == "...":
        return replace(setting, leading=(size,) * len(setting.leading))
    return replace(setting, sizes={**setting.sizes, name: size})
