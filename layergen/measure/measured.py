"""All that is found out about a layer for its generated tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from layergen.measure.extremes import Extreme, extremes
from layergen.measure.lengthened import Lengthened, lengthened
from layergen.measure.limited import Limited, hold_at_bounds, hold_at_edges
from layergen.measure.narrowed import Narrowed, narrowed
from layergen.measure.reach import OnData, on_data
from layergen.measure.rounding import Rounding, holds_at_any_size, rounding, rounds_in_training
from layergen.measure.transforms import Transforms, transforms
from layergen.measure.unknown import Handed, handed_on
from layergen.probe.ways import Ways
from layergen.prove.proven import Proof, Tried
from layergen.run.watching import Runs
from layergen.settings.beside import NUMBERS


@dataclass(frozen=True)
class Met:
    """The runs of a layer, by where their settings come from."""

    ways: Ways
    cases: Sequence[Runs]  # those that its docstring and its tests show
    beside: Sequence[Runs]  # further ones, for the tests alone
    bounds: Sequence[Runs]  # at the limits of what the layer takes, so far as it works there

    @property
    def tested(self) -> tuple[Runs, ...]:
        return (*self.cases, *self.beside)


@dataclass(frozen=True)
class Measured:
    """What was found out about a layer."""

    data: OnData
    rounding: Rounding  # how closely it keeps to its values in half precision, in evaluation
    rounds_in_training: bool  # whether so in training, where that is something else
    transforms: Transforms  # what holds of it under `vmap`, second derivatives and others
    lengthened: tuple[Lengthened, ...] = ()  # how closely at long dimensions, along which it steps or counts
    narrowed: tuple[Narrowed, ...] = ()  # and at inputs that show it, under autocast and far from zero, too
    extremes: tuple[Extreme, ...] = ()  # what it gives at inputs that are all zero, all equal or very large
    at_bounds: tuple[Limited, ...] = ()  # how it is compared at the limits of what it takes
    at_edges: tuple[Limited, ...] = ()  # and where inputs are equal to what it tells them from
    unknown: Handed = field(default_factory=dict)  # what is NaN where an input is
    any_size: bool = False  # whether it keeps to its values in half precision wherever that holds them


def measured(met: Met, proofs: Sequence[Proof | Tried], for_data: bool) -> Measured:
    """Find out about a layer that keeps its contracts what its tests hold it to.

    Args:
        met: Its runs.
        proofs: What is shown of its shapes.
        for_data: Whether torch runs it, or a member of it, with data alone.

    Raises:
        SpecError: If it differs from its definition, its match or its laws at its bounds, or at the edges of what it
            tells apart.
    """
    program, ways = met.ways.program, met.ways.runs
    at_bounds = hold_at_bounds(program, met.bounds)
    rounded = rounding(program, met.tested)
    return Measured(
        on_data(met.ways),
        rounded,
        rounds_in_training(program, met.tested, rounded),
        transforms(program, met.cases, proofs, for_data),
        lengthened(program, met.cases),
        narrowed(program, ways),
        extremes(program, ways, _moved(met.cases)),
        at_bounds,
        hold_at_edges(program, ways, met.tested),
        handed_on(program, met.tested),
        holds_at_any_size(program, met.tested, rounded),
    )


def _moved(runs: Iterable[Runs]) -> list[Runs]:
    """Those at which numbers are others than usual, and no way is another."""
    return [made for made in runs if made.setting.name == NUMBERS]
