"""Long dimensions, along which positions are counted or values summed up: half precision is the first to lose count."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.probe.attempts import Attempt
from layergen.probe.initial import draws
from layergen.probe.turns import turns
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.room import SizeWatch
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed
from layergen.settings.larger import with_larger_arguments

LONG = (2100, 600)  # the first that is small enough; bfloat16 counts to 256
MOST = 1_000_000  # elements of all tensors of a run at a long dimension
TURNS = 4500  # of all loops, those in others as often as these turn
POSITIONS = frozenset({"arange", "linspace"})
RUNNING = frozenset({"cumsum", "cumprod", "logcumsumexp"})


def counted(program: Program) -> tuple[str, ...]:
    """The dimensions along which the forward counts positions, takes them from a table, or sums up."""
    found: set[str] = set()
    values = {
        target.id: statement.value
        for statement in program.forward.statements
        if isinstance(statement, ex.Assign)
        for target in statement.targets
    }
    for call in program.forward.calls:
        if call.function in RUNNING:
            found |= {*program.dimensions}
        if call.function in POSITIONS:
            names = ex.names(call)
            found |= names.union(*(ex.names(values[name]) for name in names if name in values))
    tables = set(tables_of_positions(program))
    for node in nodes(program.forward.statements):
        if isinstance(node, ex.Subscript) and isinstance(node.value, ex.Name) and node.value.id in tables:
            found |= ex.names(node)
    return tuple(name for name in program.dimensions if name in found)


def counts_positions(program: Program) -> bool:
    """Whether a forward makes positions, or takes what is computed from them from a table."""
    made = any(call.function in POSITIONS for call in program.forward.calls)
    return made or any(True for _ in tables_of_positions(program))


def tables_of_positions(program: Program) -> Iterator[str]:
    """The buffers of no dtype of their own that are computed from positions, and from nothing else."""
    for name, buffer in program.buffers.items():
        if any(map(draws, buffer.init.nodes())):
            continue
        functions = {node.function for node in buffer.init.nodes() if isinstance(node, ex.Call)}
        if buffer.dtype is None and functions & POSITIONS and buffer.init.mentions.isdisjoint(program.tensors):
            yield name


def long_attempts(runs: Runs, name: str) -> Iterator[Attempt]:
    """Runs at the setting with one dimension that is long, and no more elements than are soon computed; one a mode.

    Where the layer takes no dimension that is so long, its arguments are larger, too.
    """
    for setting in _long_settings(runs.program, runs.setting, name):
        attempts = [Attempt(runs.program, setting, torch.bfloat16, training) for training in runs.program.modes]
        if is_small(runs.program, setting, attempts[0].training) and attempts[0].run(torch.float64, 0):
            yield from attempts
            return


def _long_settings(program: Program, setting: Setting, name: str) -> Iterator[Setting]:
    for size in LONG:
        longer = replace(setting, sizes={**setting.sizes, name: size})
        if allowed(program, longer):
            yield longer
        for larger in with_larger_arguments(program, setting, size + 1):
            longer = replace(larger, sizes={**larger.sizes, name: size})
            if size + 1 in larger.values.values() and allowed(program, longer):
                yield longer


def is_small(program: Program, setting: Setting, training: bool, most: int = MOST) -> bool:
    """Whether a layer works at a setting, in few turns of its loops, and on tensors of few elements together."""
    if turns(program, setting) > TURNS:
        return False
    try:
        instance = Instance(program, setting)
        watch = SizeWatch(instance)
        watch.evidence(instance.run(training, watch))
    except (SpecError, TrialFault):
        return False
    return watch.elements <= most
