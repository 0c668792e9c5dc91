"""Far indices: what is computed of positions stays in its table where a dimension is longer than in a usual case."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergen.contracts.lengths import is_small
from layergen.contracts.promise import Ways
from layergen.contracts.sites import LARGEST
from layergen.domains.site import Edge, Suspect
from layergen.domains.trips import Trip
from layergen.domains.witness import Witness, run_once
from layergen.lang.facts import CalleeKind
from layergen.resolve.program import Program
from layergen.settings.choice import Setting, allowed

CLAMPED = "keep the index in its table, as by `clamp(…, max=rows - 1)`"
LONG = (2100, 600, 150)  # the first that is small enough
TABLES = frozenset({"Embedding", "EmbeddingBag"})  # of torch.nn


def tables_read(program: Program) -> Iterator[Suspect]:
    """The calls of members that are tables, whose rows are chosen by what they are given."""
    for call in program.forward.calls:
        if call.callee is not None and call.callee.kind is CalleeKind.MEMBER:
            made = [one for name in call.callee.members for one in program.members[name].made]
            if any(one.call.function.rpartition(".")[2] in TABLES for one in made):
                yield Suspect(call, Edge.INDEX)


def far_trips(ways: Ways, suspects: Sequence[Suspect]) -> Iterator[Trip]:
    """Yield settings with one long dimension after the other, for what is read by an index that may be too large."""
    program = ways.program
    indices = tuple(suspect for suspect in suspects if suspect.edge is Edge.INDEX)
    for setting in [runs.setting for runs in ways.runs] if indices else ():
        for name in setting.sizes:
            longer = _longer(program, setting, name)
            if longer is not None:
                words = f"`{name}` is {longer.sizes[name]}"
                yield from (Trip(longer, False, indices, training, words, name) for training in program.modes)


def _longer(program: Program, setting: Setting, name: str) -> Setting | None:
    """The setting with a dimension that is as long as the layer takes it and is soon computed."""
    for size in LONG:
        longer = replace(setting, sizes={**setting.sizes, name: size})
        if allowed(program, longer) and is_small(program, longer, training=False, most=LARGEST):
            return longer
    return None


def far_help(program: Program, witness: Witness) -> str:
    """How to keep an index in its table that leaves it where a dimension is long."""
    name = witness.trip.settled
    assert name is not None
    for argument, value in witness.setting.values.items():
        if isinstance(value, int) and value > 1 and _ends_at(program, witness, name, value):
            return f"state `{name} <= {argument}` as a constraint, or {CLAMPED}"
    return f"{CLAMPED}, or say by a constraint how long `{name}` may be"


def _ends_at(program: Program, witness: Witness, name: str, size: int) -> bool:
    """Whether the layer works where a dimension has a size, and not where it is larger by one."""

    def fails(size: int) -> bool:
        setting = replace(witness.setting, sizes={**witness.setting.sizes, name: size})
        trip = replace(witness.trip, setting=setting)
        return not allowed(program, setting) or run_once(program, trip, witness.draw) is not None

    return fails(size + 1) and not fails(size)
