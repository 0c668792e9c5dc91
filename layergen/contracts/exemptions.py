"""Exemptions: what a spec takes out of a check needs it.

An input that says `gradient: false` or `surrogate` is not held to having the derivative, and so a gradient that is cut
off by accident goes unnoticed. Each such declaration is held against the layer as if it were not there: where all
checks find the same without it, it is told to go. That is told only of what was measured in full; what a declaration
may be there for and no run has shown is none of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch

from layergen.contracts.detached import (
    SLOPES,
    detaches_on_the_way,
    differs_along,
    gradient_of,
    is_exact,
    may_cut,
    may_detach,
)
from layergen.contracts.influence import every_entry_matters
from layergen.contracts.training import DRAWS
from layergen.diagnostics import Finding, Path, Place
from layergen.lang.dtypes import COMPLEX
from layergen.lang.tensors import SURROGATE
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.resolve.surrogates import opened
from layergen.rules.meaning import NeedlessExemption
from layergen.run.on_data import drawn, fill
from layergen.run.watching import Runs, Seen

SEEDS = 3  # draws at which slopes are measured

Holds = Callable[[Program], bool]  # whether the checks find no more of another program


@dataclass(frozen=True)
class Silenced:
    """A gradient that is said not to be the derivative, or not to be wanted."""

    section: Literal["inputs", "parameters", "modules"]
    name: str
    without: Program  # the same layer, of which that is not said

    @property
    def place(self) -> Path:
        return self.section, self.name, "gradient"

    def leaves(self, seen: Seen[None]) -> Iterator[str]:
        """The tensors of a run whose gradient it is."""
        own = seen.instance.program.declared
        for name, tensor in {**seen.instance.inputs, **seen.instance.state}.items():
            inner = seen.instance.inner.get(name)
            member = name.partition(".")[0] == self.name and inner is not None and inner.parameter
            if (member if self.section == "modules" else own.get(name, name) == self.name) and tensor is not None:
                yield name


def needless_exemptions(ways: Ways, holds: Holds) -> Iterator[Finding]:
    """Yield what is taken out of a check that it would pass.

    Args:
        ways: The runs of the layer, which keeps all contracts.
        holds: Whether the same layer without an exemption keeps them, too.
    """
    yield from _random(ways)
    yield from _partial(ways)
    for silenced in _silenced(ways.program):
        if _is_derivative(ways, silenced) and holds(silenced.without):
            yield _needless(ways.program, silenced)
    for name, part in ways.program.inputs.items():
        if not part.floating and part.dtype not in COMPLEX and not part.gradient and name in ways.program.taken:
            message = f"`{name}` has no gradient in any case: it is of dtype {part.dtype}"
            help = f"delete `gradient: {SURROGATE if part.surrogate else 'false'}`"
            yield NeedlessExemption.at(Place(("inputs", name, "gradient")), message, help=help)


def _needless(program: Program, silenced: Silenced) -> Finding:
    name, said = silenced.name, _said(program, silenced)
    message = f"nothing is wrong with the gradient of `{name}`: it was measured on every way"
    help = f"delete `{said}`"
    if silenced.section == "inputs" and not program.inputs[name].surrogate:
        message = f"a gradient flows back to `{name}`, and is the derivative: it was measured on every way"
        help = f"cut it off by `detach({name})`, or delete `{said}`"
    return NeedlessExemption.at(Place(silenced.place), message, help=help)


def _said(program: Program, silenced: Silenced) -> str:
    surrogate = silenced.section == "inputs" and program.inputs[silenced.name].surrogate
    return f"gradient: {SURROGATE if surrogate else 'false'}"


def _random(ways: Ways) -> Iterator[Finding]:
    """Yield where a layer may draw random numbers at all times, and does not do so in evaluation."""
    program = ways.program
    if program.random != "always" or any(member.draws for member in program.members.values()):
        return  # when a member draws is up to it
    runs = list(ways.seen(DRAWS)) if program.draws else []
    if program.draws and len(runs) < len(ways.runs):
        return
    if not any(seen.fault is not None or seen.evidence for seen in runs):
        when = "random numbers in training alone" if program.draws else "no random numbers"
        message = f"the layer draws {when}"
        yield NeedlessExemption.at(Place(("random",)), message, help="delete `random: always`")


def _partial(ways: Ways) -> Iterator[Finding]:
    """Yield the inputs of which each entry has an effect on every way, though some are said to have none."""
    for name, part in ways.program.inputs.items():
        if part.partial and part.floating and every_entry_matters(ways, name):
            message = f"each entry of `{name}` has an effect"
            yield NeedlessExemption.at(Place(("inputs", name, "partial")), message, help="delete `partial: true`")


def _silenced(program: Program) -> Iterator[Silenced]:
    """The gradients of which a layer says so itself, each with the layer that does not."""
    if program.matches is not None:  # what it matches may have none
        return
    estimated = may_detach(program)  # and where an estimate is measured, it may be the derivative
    for name, tensor in program.inputs.items():
        silent = tensor.floating and not tensor.gradient and not (tensor.surrogate and estimated)
        if silent and name in program.taken:
            yield Silenced("inputs", name, opened(program, name))
    if may_cut(program):  # by a `detach`, or by the update of a buffer, of which inputs are no part
        return
    for name, parameter in program.parameters.items():
        if not parameter.gradient:
            owned = {**program.parameters, name: parameter.model_copy(update={"gradient": True})}
            yield Silenced("parameters", name, replace(program, parameters=owned))
    for name, member in program.members.items():
        if not member.gradient:
            others = {**program.members, name: replace(member, gradient=True)}
            yield Silenced("modules", name, replace(program, members=others))


def _is_derivative(ways: Ways, silenced: Silenced) -> bool:
    """Whether the gradient is there, is what is measured, and meets no `detach`, on each way that has the tensor."""
    measured, detaching = False, may_detach(silenced.without)
    for runs in ways.runs:
        own = Runs(silenced.without, runs.setting, (SLOPES,))
        found = list(own.seen(SLOPES))
        if len(found) < len(own.modes(SLOPES)):
            return False
        for seen in found:
            if seen.fault is not None or not is_exact(seen.run):
                return False
            for name in silenced.leaves(seen):
                if not _agrees(seen, name) or (detaching and detaches_on_the_way(seen, name)):
                    return False
                measured = True
    return measured


def _agrees(seen: Seen[None], name: str) -> bool:
    """Whether a tensor gets a gradient in a run that is its derivative, at each draw, and not zero at all of them."""
    steep = False
    for seed in range(SEEDS):
        with drawn(seed), torch.no_grad():
            fill(seen.instance)
        gradient = gradient_of(seen, name)
        if gradient is None or not gradient.isfinite().all() or differs_along(seen, name, gradient):
            return False
        steep = steep or bool(gradient.any())
    return steep
