"""In half: whether a layer that draws in a wider dtype draws by the same law in half precision.

`rand` has 256 values in bfloat16: what is drawn there with a small probability is drawn with another one.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import product

import torch
from torch import Tensor

from layergen.faults import SpecError
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.attempts import Attempt
from layergen.probe.batches import batch_of
from layergen.probe.values import drawn
from layergen.resolve.method import draws
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.trial import SHAPES, TrialAt, try_runs
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed, case_sizes, setting_with

RUNS = 24  # in each dtype; a test makes as many
CHANCE = 3.0  # standard errors by which means may be apart; a test allows twice as many
HALF = torch.bfloat16
RARE = 0.001  # a share; `rand` is below it in bfloat16 with a probability of 1 / 256
SAMPLES = (1000, 100)  # in a batch, the first at which the inputs are small enough
LARGEST = 50_000  # elements of these


def alike_in_half(program: Program, setting: Setting, training: bool) -> TrialAt | None:
    """A large batch of which squares and shares of zeros have the means in half precision that they have in float64."""
    if program.updates or not widens(program):
        return None
    for large in _large(program, setting):
        try:
            exact, found = (_rows(program, large, training, dtype) for dtype in (torch.float64, HALF))
            trial = try_runs(Runs(program, large, (SHAPES,)))
        except (SpecError, TrialFault, RuntimeError):
            return None
        error = torch.sqrt((exact.var(0) + found.var(0)) / RUNS)
        room = torch.finfo(HALF).eps * exact.mean(0)
        alike = (exact.mean(0) - found.mean(0)).abs() <= CHANCE * error + room
        return TrialAt(large, trial) if bool(alike.all()) else None
    return None


def widens(program: Program) -> bool:
    """Whether a forward casts to a wider dtype, or says in which one it draws."""
    told = (draws(call) and any(word.name == "dtype" for word in call.keywords) for call in program.forward.calls)
    return program.forward.upcasts or any(told)


def _large(program: Program, setting: Setting) -> Iterator[Setting]:
    """The setting with a larger batch, where shares that are drawn are small, so far as they may be."""
    batch = batch_of(program)
    shares = [
        name for name, part in program.arguments.items() if part.type.fractional and (part.min, part.max) == (0, 1)
    ]
    for rare, samples in product((dict.fromkeys(shares, RARE), {}), SAMPLES if batch in setting.sizes else ()):
        sizes = {**case_sizes(program, setting), str(batch): samples}
        with suppress(EvaluationFault):
            large = setting_with(program, setting.name, {**setting.given, **rare}, sizes, setting.absent)
            if large is not None and allowed(program, large):
                inputs = Instance(program, large).inputs.values()
                if sum(tensor.numel() for tensor in inputs if tensor is not None) <= LARGEST:
                    yield large


def _rows(program: Program, setting: Setting, training: bool, dtype: torch.dtype) -> Tensor:
    """The means of squares and the shares of zeros, in a row for each run."""
    with drawn():
        instance = Attempt(program, setting, HALF, training).started(dtype)
        return torch.stack([_row(instance, training) for _ in range(RUNS)])


def _row(instance: Instance, training: bool) -> Tensor:
    outputs = (output.double() for output in instance.run(training).outputs.values() if output.is_floating_point())
    return torch.stack([mean for output in outputs for mean in (output.square().mean(), (output == 0).double().mean())])
