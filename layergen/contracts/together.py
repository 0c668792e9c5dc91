"""Settings: flags and numbers that move together, on small real tensors, at sizes that leave another rest each.

Each way through a forward is taken by flags that are turned one by one. Here every two of what a setting decides meet:
a flag with a stride, an absent input with a choice, windows that are not square with either.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergen.contracts.sites import CPU, LARGEST, WITH_DATA, fill
from layergen.diagnostics import Finding
from layergen.faults import SpecError
from layergen.resolve.program import Program
from layergen.run.explain import Explainer
from layergen.run.fitting import fitted
from layergen.run.instance import Instance, Placement
from layergen.run.missing import missing_constraint
from layergen.run.trial import check_shapes
from layergen.settings.choice import Setting, allowed
from layergen.settings.emptiness import empty_output, empty_tensors
from layergen.settings.pairs import divides, pairs

RESTS = (0, 1, 2)  # by which sizes grow, so that a division by 2 or 3 leaves every rest
INDEX = re.compile(r"\bindex\b.*\bout of\b")
SMALL = LARGEST // 4  # elements of inputs and tensors with which a layer runs on data


def check_together(program: Program, chosen: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the first fault of a layer at the chosen settings and at those in which two of them are combined."""
    for setting in (*chosen, *pairs(program, chosen[0])):
        found = next(empty_tensors(program, setting), None) or _first(program, setting)
        if found is not None:
            yield found
            return


def _first(program: Program, setting: Setting) -> Finding | None:
    """The first fault at a setting, at sizes that suit it."""
    fault = _fault(program, setting)
    if fault is None:
        near = setting
    else:
        near = fitted(program, setting, _works)
        if near is setting:
            help = fault.help
            if help is None and not INDEX.search(fault.message):  # what a table lacks, no constraint gives it
                help = missing_constraint(program, setting, _works)
            return replace(fault, help=help)
    for rest in RESTS[1:] if divides(program) else ():
        other = replace(near, sizes={name: size + rest for name, size in near.sizes.items()})
        fault = _fault(program, other) if allowed(program, other) else None
        if fault is not None and fault.rule.name == "shape-mismatch":
            return fault
    return None


def _works(program: Program, setting: Setting) -> bool:
    return _fault(program, setting) is None


def _fault(program: Program, setting: Setting) -> Finding | None:
    """What is wrong at a setting, if anything is."""
    try:
        instance = _instance(program, setting)
        for training in program.forward.modes:
            run = instance.run(training)
            for finding in check_shapes(instance, run):
                return finding
            for name, result in run.outputs.items():
                if not result.numel() and all(tensor is None or tensor.numel() for tensor in instance.inputs.values()):
                    return empty_output(program, setting, name)
    except SpecError as fault:
        return fault.findings[0]
    return None


def _instance(program: Program, setting: Setting) -> Instance:
    """The layer with data, if it is small."""
    explainer = Explainer(program, setting, str)  # no name for a size that is equal to it here
    empty = Instance(program, setting, explainer=explainer)
    tensors = (*empty.inputs.values(), *empty.state.values())
    if sum(tensor.numel() for tensor in tensors if tensor is not None) > SMALL:
        return empty
    instance = Instance(program, setting, Placement(CPU), explainer)
    with WITH_DATA.within():
        fill(instance)
    return instance
