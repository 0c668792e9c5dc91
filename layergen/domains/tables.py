"""Whether the tables of a layer are as long as the sizes that it is tried at, which shows with data alone.

A layer that looks up the position of each entry, `embedding(arange(L), table)`, needs sizes that its table holds. One
whose index leaves the table whatever the sizes are is wrong, and no other sizes are looked for.
"""

from layergen.diagnostics import Span
from layergen.domains.site import Edge
from layergen.domains.study import suspects_at
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.low_integers import run_or_lower
from layergen.run.on_data import CPU, drawn, fill
from layergen.run.room import has_room
from layergen.run.said import beyond_a_table
from layergen.run.trial import works_at
from layergen.settings.choice import Setting


def works_with_tables(program: Program, setting: Setting) -> bool:
    """Whether a layer can be tried at a setting without a fault, and no size is too large there for its tables."""
    return works_at(program, setting) and not _outgrown(program, setting)


def _outgrown(program: Program, setting: Setting) -> bool:
    """Whether an index lies outside of its table, of which one follows a dimension."""
    if not has_room(program, setting):
        return False
    for training in program.modes:
        try:
            with drawn():
                instance = Instance(program, setting, Placement(CPU))
                fill(instance)
            run_or_lower(instance, training)
        except TrialFault as fault:
            if beyond_a_table(fault.finding.message):
                return _follows_a_size(program, setting, training, fault.finding.place.span)
    return False


def _follows_a_size(program: Program, setting: Setting, training: bool, span: Span | None) -> bool:
    """Whether the index at some place, or its table, is as large as a dimension makes it."""
    suspects = suspects_at(program, setting, training)
    found = (suspect for suspect in suspects if suspect.edge is Edge.INDEX and suspect.node.span == span)
    return any(suspect.follows & setting.sizes.keys() for suspect in found)
