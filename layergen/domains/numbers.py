"""Sizes at which a layer gives numbers, where at the usual ones it gives none, whatever its inputs are.

`ctc_loss` is infinite where there are more targets than steps, which shows with data alone. A layer that gives a number
at some draw is tried where it is, and so is one that gives none at any sizes: those are for the checks to judge.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

import torch
from torch import Tensor

from layergen.domains.tables import works_with_tables
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import CPU, drawn, fill
from layergen.run.room import has_room
from layergen.settings.choice import Setting, allowed, case_sizes

DRAWS = range(3)
TIMES = (2, 4)  # how much larger than all others a size is
LITTLE = (2, 1)


def with_numbers(program: Program, chosen: Sequence[Setting]) -> tuple[Setting, ...]:
    """The settings, the base first, or others of other sizes where the layer gives numbers at those alone.

    The base tells for all others, which have its sizes.
    """
    base, *others = chosen
    found = _numbered(program, base)
    return (found, *((_numbered(program, other) if found is not base else other) for other in others))


def _numbered(program: Program, setting: Setting) -> Setting:
    """The setting, or where it gives no number at any draw, one that gives nothing else at each."""
    outcomes = _outcomes(program, setting)
    usual = next(outcomes, None)
    if usual is None or any(map(_any_finite, (usual, *outcomes))):
        return setting
    fixed = {name: size for name, size in case_sizes(program, setting).items() if isinstance(size, int)}
    for sizes in _others(setting):
        other = replace(setting, sizes={**sizes, **fixed})
        if other != setting and allowed(program, other) and works_with_tables(program, other):
            found = list(_outcomes(program, other))
            if found and all(map(_all_finite, found)):
                return other
    return setting


def _outcomes(program: Program, setting: Setting) -> Iterator[list[Tensor]]:
    """The floating outputs at some draws, in evaluation; nothing where the layer has none, or does not run."""
    with suppress(TrialFault):
        if not any(part.floating for part in program.outputs.values()) or not has_room(program, setting):
            return
        for seed in DRAWS:
            with drawn(seed), torch.no_grad():
                instance = Instance(program, setting, Placement(CPU))
                fill(instance)
                run = instance.run(training=program.modes[-1])
            yield [output for output in run.outputs.values() if output.is_floating_point() and output.numel()]


def _any_finite(outputs: Sequence[Tensor]) -> bool:
    return not outputs or any(bool(output.isfinite().any()) for output in outputs)


def _all_finite(outputs: Sequence[Tensor]) -> bool:
    return all(bool(output.isfinite().all()) for output in outputs)


def _others(setting: Setting) -> Iterator[dict[str, int]]:
    """Sizes to try: one dimension after the other the largest by far, then each of them small, then all larger."""
    largest = max(setting.sizes.values(), default=0)
    yield from ({**setting.sizes, name: times * largest} for times in TIMES for name in setting.sizes)
    yield from ({**setting.sizes, name: little} for little in LITTLE for name in setting.sizes)
    yield from ({name: times * size for name, size in setting.sizes.items()} for times in TIMES)
