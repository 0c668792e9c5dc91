"""Initial values that are computed fit their tensors at all arguments that are allowed, odd ones among them."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any

from layergen.diagnostics import Finding, Place
from layergen.lang.inits import is_initializer
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.initial import fitting
from layergen.resolve.program import Program
from layergen.rules.tensors import InitMismatch
from layergen.run.environment import TensorCalls
from layergen.run.forward import TrialFault
from layergen.run.instance import META, Instance
from layergen.run.missing import missing_constraint, near
from layergen.settings.choice import Setting
from layergen.words import listed

TRIES = 80  # settings that are tried


def check_starts(program: Program, base: Setting) -> Iterator[Finding]:
    """Yield the initial values that do not fit at other numbers than those of a setting, at which they do."""
    computed = [name for name, part in program.tensors.items() if not is_initializer(part.init.value)]
    said = set[str]()
    for other in islice(_others(program, base), TRIES) if computed else ():
        for name, fault in _faults(program, other):
            if name in said:
                continue
            said.add(name)
            changed = {key: value for key, value in other.given.items() if value != base.given.get(key)}
            told = [f"`{key}` is {_shown(value)}" for key, value in changed.items()]
            help = missing_constraint(program, base, partial(_starts, name))
            message = f"where {listed(told)}, {fault.message}"
            place = Place((*program.path(program.declared.get(name, name)), "init"), fault.node.span)
            yield InitMismatch.at(place, message, help=help or "rule it out by a constraint")


def _shown(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _others(program: Program, base: Setting) -> Iterator[Setting]:
    """The settings near another one with other arguments."""
    return (other for other in near(program, base) if other.given != base.given)


def _starts(name: str, program: Program, setting: Setting) -> bool:
    return all(failing != name for failing, _ in _faults(program, setting))


def _faults(program: Program, setting: Setting) -> Iterator[tuple[str, EvaluationFault]]:
    """The tensors whose initial values do not fit at a setting."""
    try:
        instance = Instance(program, setting)
    except TrialFault:  # what else does not work there is told where it is run
        return
    for name, target in instance.state.items():
        part = instance.program.tensors.get(name)
        if part is None or target is None or is_initializer(part.init.value):
            continue
        try:
            fitting(instance, name, target, TensorCalls(META, target.dtype))
        except EvaluationFault as fault:
            yield name, fault
