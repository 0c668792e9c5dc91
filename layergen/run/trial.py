"""Tries a layer at one setting on the meta device: shapes and dtypes are computed, data is not."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from layergen.diagnostics import Finding
from layergen.faults import SpecError, refuse
from layergen.ops.dtypes import dtype_name
from layergen.resolve.program import Program
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import BOTH, WITHOUT_DATA, Bystander, Runs, Seen, Watch
from layergen.settings.choice import Setting

SHAPES = Watch(WITHOUT_DATA, BOTH, Bystander)


@dataclass(frozen=True)
class TensorFacts:
    """A tensor's shape and dtype at one setting."""

    shape: tuple[int, ...]
    dtype: str  # "float32"


@dataclass(frozen=True)
class Trial:
    """What came of trying a layer at one setting."""

    inputs: Mapping[str, TensorFacts | None]
    ranges: Mapping[str, tuple[float, float]]
    outputs: Mapping[str, TensorFacts]
    state: Mapping[str, TensorFacts]
    written: Mapping[str, bool]  # whether inputs that may be written to are
    called: Mapping[str, int]  # how many modules of each member are called in training


@dataclass(frozen=True)
class TrialAt:
    """A setting that is none of the layer's cases, and what came of trying it."""

    setting: Setting
    trial: Trial


def facts(tensor: Tensor) -> TensorFacts:
    return TensorFacts(tuple(tensor.shape), dtype_name(tensor.dtype))


def check_shapes(instance: Instance, run: Run) -> Iterator[Finding]:
    """Yield the outputs that have another shape than declared."""
    for name, result in run.outputs.items():
        expected = instance.declared_shape(name)
        if tuple(result.shape) != expected:
            yield instance.explainer.shape_mismatch(name, expected, tuple(result.shape), run.stored)


def try_runs(runs: Runs) -> Trial:
    """Try a layer in training and in evaluation.

    Args:
        runs: Its runs at a setting, `SHAPES` among the watches.

    Raises:
        SpecError: If torch refuses it, or an output has another shape than declared.
    """
    tried = tuple(runs.seen(SHAPES))
    instance = tried[0].instance
    ranges = dict(instance.ranges())
    refuse([finding for seen in tried for finding in check_shapes(instance, seen.run)])
    return Trial(
        {name: tensor if tensor is None else facts(tensor) for name, tensor in instance.inputs.items()},
        ranges,
        {name: facts(tensor) for name, tensor in tried[-1].run.outputs.items()},
        {name: facts(tensor) for name, tensor in instance.state.items() if tensor is not None},
        dict(_written(tried)),
        _called(tried[0]),
    )


def _written(tried: Sequence[Seen[None]]) -> Iterator[tuple[str, bool]]:
    """Whether inputs that may be written to are; without those of which the mode decides."""
    for name in tried[0].run.given:
        found = {seen.run.has_written(name) for seen in tried}
        if len(found) == 1:
            yield name, found.pop()


def _called(seen: Seen[None]) -> dict[str, int]:
    """How many modules of each member are called: of a list, one for each of its items."""
    owners = Counter(path.partition(".")[0] for path in seen.run.called)
    return {name: owners[name] for name in seen.instance.program.members}


def works(runs: Runs) -> bool:
    """Whether a layer can be tried without a fault. See `try_runs`."""
    try:
        try_runs(runs)
    except SpecError:
        return False
    return True


def fault_at(program: Program, setting: Setting) -> TrialFault | None:
    """What a layer fails with when it is set up and run at a setting, if it does."""
    try:
        try_runs(Runs(program, setting, (SHAPES,)))
    except TrialFault as fault:
        return fault
    except SpecError:
        return None  # it runs, and gives other shapes
    return None


def fails_by_kind(program: Program, setting: Setting) -> bool:
    """Whether a layer gives a value of the wrong kind at a setting, for which no size is to blame."""
    fault = fault_at(program, setting)
    return fault is not None and fault.of_kind


def asks_for_data(program: Program, setting: Setting) -> bool:
    """Whether torch runs a layer at a setting with data alone, in some mode."""
    return any(fault.for_data for fault in faults_without_data(program, setting))


def faults_without_data(program: Program, setting: Setting) -> Iterator[TrialFault]:
    """What torch refuses of a layer at a setting where its tensors have no values, mode by mode."""
    for training in program.modes:
        try:
            Instance(program, setting).run(training)
        except TrialFault as fault:
            yield fault


def works_at(program: Program, setting: Setting) -> bool:
    """Whether a layer can be tried at a setting without a fault."""
    return works(Runs(program, setting, (SHAPES,)))
