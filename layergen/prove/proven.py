"""What is known of the shapes along one way through a forward: a proof at symbols, or that it was tried."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from layergen.lang import expression as ex
from layergen.prove.hints import Hints
from layergen.resolve.program import Child
from layergen.settings.choice import Setting


@dataclass(frozen=True)
class ProvenStep:
    """What a statement gives: a name with its shape as formulas, and its dtype; for a number, no dtype."""

    target: ex.Name
    shape: tuple[Any, ...]
    dtype: str


@dataclass(frozen=True)
class GuardAt:
    """A condition that torch asked about, and the call that made it ask."""

    condition: Any
    node: ex.Call | None


@dataclass(frozen=True)
class Proof:
    """What one symbolic run has shown."""

    setting: Setting  # whose way through the forward it took
    hints: Hints
    training: bool
    steps: tuple[ProvenStep, ...] = ()
    outputs: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # formulas of the shapes
    guards: tuple[GuardAt, ...] = ()
    concrete: Mapping[str, Any] = field(default_factory=dict)  # arguments that had to be numbers, and their values
    sampled: tuple[str, ...] = ()  # outputs whose shape algebra could not settle; they agree at the hints
    tied: tuple[str, ...] = ()  # equations that torch has assumed of sizes, though the spec does not demand them
    untold: Mapping[str, int] | None = None  # sizes at which torch refuses the layer, and no condition says so
    counts: tuple[str, ...] = ()  # of the loops that are proven by induction over so many turns
    amounts: Mapping[str, Any] = field(default_factory=dict)  # what the run has cost: formulas, if it was measured
    rests: tuple[Child, ...] = ()  # the layers whose contracts it rests on

    @property
    def whole(self) -> bool:
        """Whether the shapes are proven for all sizes, with no argument left out."""
        known = self.concrete or self.sampled or self.tied or self.inherited
        return not known and self.untold is None

    @property
    def inherited(self) -> tuple[str, ...]:
        """What was not shown of the shapes of the layers that it rests on."""
        return tuple(f"of `{child.name}`: {reason}" for child in self.rests for reason in child.open)


@dataclass(frozen=True)
class Tried:
    """A way through the forward that cannot be run at symbols; why."""

    setting: Setting
    reason: str
    for_data: bool = False  # whether torch runs it with data alone
    by_turn: bool = False  # whether the turns of a loop differ from each other
    by_size: bool = False  # whether torch takes the size of a dimension as a number
    further: int = 0  # at how many settings it was tried that differ from its own in the sizes of dimensions
    untold: Mapping[str, int] | None = None  # as for a proof
