"""Small specs for tests, made from the parts that matter to each, and what the stages make of them."""

from dataclasses import dataclass
from typing import Any

import pytest

from layergen.at_setting import check_setting, working
from layergen.check import check
from layergen.checked import CheckedCase, CheckedLayer, PreconditionCase
from layergen.conditions import Conditions
from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding
from layergen.domains.numbers import with_numbers
from layergen.domains.tables import works_with_tables
from layergen.faults import SpecError
from layergen.lang.model import LayerSpec
from layergen.lower.forward import ForwardWriter
from layergen.probe.ways import Ways
from layergen.prove.abstract_run import settled
from layergen.prove.input_checks import input_checks
from layergen.prove.proof import paths, prove
from layergen.prove.proven import Proof, Tried
from layergen.resolve import understood
from layergen.resolve.program import Program
from layergen.run.fitting import fitted
from layergen.run.instance import Instance, Placement
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, settings

DIM = {"type": "int", "min": 1, "doc": "Size."}
LEFT_OUT = {"x": {"shape": ["N", "C"], "partial": True}}  # an input of which not all is used
FLAG = {"type": "bool", "default": True, "doc": "Whether."}
MATRIX: dict[str, Any] = {
    "arguments": {"dim": DIM, "out": DIM},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "out"]},
}


def weight(init: str, *shape: object) -> dict[str, Any]:
    """A layer's one parameter."""
    return {"weight": {"shape": list(shape), "init": init}}


def spec(forward: str = "y = x", **parts: Any) -> LayerSpec:
    """A layer of one input and one output, with the given parts added or replaced."""
    layer = {"layer": "Small", "summary": "Do little.", "inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N", "C"]}}
    return LayerSpec.model_validate({**layer, "forward": forward, **parts})


def program(forward: str = "y = x", **parts: Any) -> Program:
    """The same layer, each of whose words is known, though some may be wrong."""
    return understood(spec(forward, **parts))


def settings_of(layer: Program) -> list[Setting]:
    """The settings to try a layer at, of which there must be some."""
    found = settings(layer)
    assert found
    return list(found)


def setting_of(layer: Program) -> Setting:
    """The first setting to try a layer at."""
    return settings_of(layer)[0]


def instance_of(layer: Program, placement: Placement | None = None) -> Instance:
    """A layer at its first setting."""
    return Instance(layer, setting_of(layer), placement)


def breaches(contract: Promise, layer: Program) -> list[Finding]:
    """How a layer breaks one contract, whether or not it keeps the others."""
    runs = (Runs(layer, setting, contract.watches) for setting in settings_of(layer))
    return list(contract.judge(Ways(layer, tuple(runs))))


def checked(layer: Program) -> CheckedLayer:
    """What is found out about a layer that has no faults."""
    return check(layer)


@dataclass(frozen=True)
class Sized:
    """What is shown of the sizes of a layer."""

    program: Program
    cases: tuple[CheckedCase, ...]
    proofs: tuple[Proof | Tried, ...]
    preconditions: tuple[PreconditionCase, ...]

    @property
    def proven(self) -> bool:
        return all(isinstance(proof, Proof) and proof.whole for proof in self.proofs)


def sized(layer: Program) -> Sized:
    """What is shown of the sizes of a layer, whatever its values are: what comes of the first of the checks."""
    with settled():
        chosen = with_numbers(layer, [fitted(layer, setting, works_with_tables) for setting in settings_of(layer)])
        proven = tuple(prove(layer, chosen))
        cases = tuple(check_setting(working(layer, setting)) for setting in chosen)
        conditions = Conditions(layer, cases)
        conditions.asked(proven)
        conditions.counted(proven)
        proofs = conditions.shown(proven)
        told = conditions.told(tuple(paths(layer, [case.setting for case in cases])))
        return Sized(layer, cases, proofs, tuple(told))


def faults_of(layer: Program) -> tuple[Finding, ...]:
    """What is wrong with a layer that has faults."""
    with pytest.raises(SpecError) as refusal:
        check(layer)
    return refusal.value.findings


def fault_of(layer: Program) -> Finding:
    """What is wrong with a layer that has one fault."""
    (finding,) = faults_of(layer)
    return finding


def forward_lines(layer: Program, with_checks: bool = False) -> list[str]:
    """The lines of the generated forward, with the checks of the inputs if asked for."""
    checks = tuple(input_checks(layer, settings_of(layer))) if with_checks else ()
    return list(ForwardWriter(layer, checks, layer.size_constraints).write())
