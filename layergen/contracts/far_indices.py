"""Far indices: what is computed of positions stays in its table where a dimension is longer than in a usual case."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from layergen.contracts.domains import finding_of, small
from layergen.diagnostics import Finding
from layergen.domains.site import Edge, Suspect
from layergen.domains.study import study
from layergen.domains.trips import Trip
from layergen.domains.witness import Witness, fails_at, witnesses_on
from layergen.lang.facts import CalleeKind
from layergen.probe.lengths import is_small
from layergen.resolve.program import Program
from layergen.run.room import LARGEST
from layergen.settings.choice import Setting, allowed

CLAMPED = "keep the index in its table, as by `clamp(…, max=rows - 1)`"
LONG = (2100, 600, 150)  # the first that is small enough
TABLES = frozenset({"Embedding", "EmbeddingBag"})  # of torch.nn

Holds = Callable[[Setting], bool]


def check_far_indices(program: Program, settings: Sequence[Setting], holds: Holds) -> Iterator[Finding]:
    """Yield what is read by an index that leaves its table where a dimension is long.

    Args:
        program: A layer that works at its settings.
        settings: One for each way through the forward.
        holds: Tells whether a setting keeps what is told of sizes, as that no more positions come than a table has.
    """
    found = (suspect for suspect in study(program, settings).suspects if suspect.edge is Edge.INDEX)
    indices = (*found, *_tables_read(program))
    if indices and small(program, settings):
        trips = (trip for setting in settings for trip in _far_trips(program, setting, indices, holds))
        for witness in witnesses_on(program, trips, indices):
            yield finding_of(program, witness)._replace(help=_help(program, witness))


def _tables_read(program: Program) -> Iterator[Suspect]:
    """The calls of members that are tables, whose rows are chosen by what they are given."""
    for call in program.forward.calls:
        if call.callee is not None and call.callee.kind is CalleeKind.MEMBER:
            made = [one for name in call.callee.members for one in program.members[name].made]
            if any(one.call.function.rpartition(".")[2] in TABLES for one in made):
                yield Suspect(call, Edge.INDEX)


def _far_trips(program: Program, setting: Setting, indices: tuple[Suspect, ...], holds: Holds) -> Iterator[Trip]:
    """Yield a setting with one long dimension after the other: as long as the layer takes it and is soon computed."""
    for name in setting.sizes:
        sizes = (replace(setting, sizes={**setting.sizes, name: size}) for size in LONG)
        longer = (one for one in sizes if allowed(program, one) and holds(one))
        fitting = (one for one in longer if is_small(program, one, training=False, most=LARGEST))
        for one in islice(fitting, 1):
            words = f"`{name}` is {one.sizes[name]}"
            yield from (Trip(one, False, indices, training, words, name) for training in program.modes)


def _help(program: Program, witness: Witness) -> str:
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
        return not allowed(program, setting) or fails_at(program, witness, setting)

    return fails(size + 1) and not fails(size)
