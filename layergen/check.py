"""Is the spec right? What is found wrong with it is raised; a spec without a fault becomes a `CheckedLayer`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from layergen.checked import CheckedCase, CheckedLayer, PreconditionCase, SizeLimitCase
from layergen.contracts import WATCHES, Ways, check_contracts
from layergen.contracts.branches import DECISIONS, check_branches
from layergen.contracts.data import on_data
from layergen.contracts.initial import initial_bounds
from layergen.contracts.matching import check_match
from layergen.contracts.together import check_together
from layergen.faults import SpecError, refuse
from layergen.prove.abstract_run import settled
from layergen.prove.cost import costs
from layergen.prove.input_checks import input_checks
from layergen.prove.preconditions import preconditions
from layergen.prove.proof import Proof, Tried, paths, prove
from layergen.resolve.program import Program
from layergen.run.fitting import fitted
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.trial import SHAPES, TensorFacts, facts, try_runs
from layergen.run.watching import Runs, Watch
from layergen.settings.choice import Setting, allowed, settings
from layergen.settings.emptiness import empty_tensors
from layergen.settings.limits import size_limits
from layergen.settings.reaching import reaching
from layergen.settings.rejections import rejections

FURTHER = ((1, 1), (2, 1), (3, 2))  # by what sizes grow where they cannot be symbols: times, and more


def check(program: Program) -> CheckedLayer:
    """Check what a program does: at symbols, at its settings, and in all other respects.

    Raises:
        SpecError: With what the first step has found that found something.
    """
    with settled():
        usual = settings(program)
        chosen = tuple(fitted(program, setting) for setting in (*usual, *reaching(program, usual)))
        refuse(finding for setting in chosen for finding in empty_tensors(program, setting))
        proofs = tuple(_at_further_sizes(program, proof) for proof in prove(program, chosen))
        for_data = any(isinstance(proof, Tried) and proof.for_data for proof in proofs)
        cases, runs = [], {}
        for setting in chosen:
            made = working(program, setting, (DECISIONS, *WATCHES))
            cases.append(check_setting(made))
            runs[made.setting.name] = made
        refuse(check_branches(program, runs.values()))
        ways = tuple(paths(program, [case.setting for case in cases]))
        seen = Ways(program, tuple(runs[setting.name] for setting in ways))
        judgement = check_contracts(seen)
        refuse(check_together(program, list(runs.values())))
        return CheckedLayer(
            program,
            tuple(cases),
            tuple(rejections(program, chosen[0])),
            proofs,
            check_preconditions(program, proofs, cases),
            tuple(input_checks(program, ways, for_data)),
            tuple(check_limits(program, cases[0].setting)),
            costs(program, _amounts(proofs[0]), cases[0].setting, for_data),
            judgement,
            on_data(seen),
        )


def _at_further_sizes(program: Program, proof: Proof | Tried) -> Proof | Tried:
    """A way that cannot be run at symbols is tried at more sizes than others.

    Raises:
        SpecError: If it works at some of them, but gives other shapes than declared.
    """
    if isinstance(proof, Proof) or not proof.setting.sizes:
        return proof
    tried = 0
    for times, more in FURTHER:
        sizes = {name: times * size + more for name, size in proof.setting.sizes.items()}
        further = replace(proof.setting, sizes=sizes)
        if not allowed(program, further):
            continue
        runs = Runs(program, further, (SHAPES,))
        try:
            try_runs(runs)
        except TrialFault:  # these sizes may not go together
            continue
        tried += 1
    return replace(proof, further=tried)


def _amounts(proof: Proof | Tried) -> Mapping[str, Any]:
    """What was counted at symbols."""
    return proof.amounts if isinstance(proof, Proof) else {}


def working(program: Program, setting: Setting, watches: Iterable[Watch[Any]] = ()) -> Runs:
    """The runs of a layer at a setting, or with other sizes where it needs them.

    Raises:
        SpecError: If it works at neither.
    """
    runs = Runs(program, setting, (SHAPES, *watches))
    try:
        try_runs(runs)
    except SpecError:
        other = fitted(program, setting)
        if other is setting:
            raise
        return Runs(program, other, (SHAPES, *watches))
    return runs


def check_setting(runs: Runs) -> CheckedCase:
    """What there is to know of a layer at a setting at which it works.

    Raises:
        SpecError: If its initial values do not fit there, or the module that it is to match.
    """
    trial = try_runs(runs)
    instance = Instance(runs.program, runs.setting)
    try:
        bounds = initial_bounds(instance)
    except SpecError as fault:
        raise SpecError((*fault.findings, *check_match(instance))) from None
    refuse(check_match(instance))
    parameters = {name: part for name, part in instance.program.parameters.items() if name in trial.state}
    learned = {name: instance.learns(name) for name, part in parameters.items() if part.requires_grad is not None}
    return CheckedCase(runs.setting, trial.inputs, trial.ranges, trial.outputs, trial.state, bounds, learned)


def check_preconditions(
    program: Program, proofs: Sequence[Proof | Tried], cases: Sequence[CheckedCase]
) -> tuple[PreconditionCase, ...]:
    """The preconditions of all paths through the forward, each with a case on either side.

    Raises:
        SpecError: If a condition is no precondition, but a fault.
    """
    known: dict[str, PreconditionCase] = {}
    grown = {case.setting.name: case.setting for case in cases}
    judged: set[object] = set()
    for proof in proofs:
        if isinstance(proof, Tried):
            continue
        question = (proof.setting.name, frozenset(guard.condition for guard in proof.guards))
        if question in judged:  # in evaluation as in training
            continue
        judged.add(question)
        for condition in preconditions(program, replace(proof, setting=grown.get(proof.setting.name, proof.setting))):
            if condition.text in known or proof.concrete:  # what holds at numbers is not said of all
                continue
            try:
                kept = check_setting(working(program, condition.kept))
            except SpecError:
                continue
            broken = (condition.broken, _input_facts(program, condition.broken))
            known[condition.text] = PreconditionCase(condition.text, kept, broken)
    return tuple(known.values())


def check_limits(program: Program, base: Setting) -> Iterator[SizeLimitCase]:
    """The constraints on sizes, each with a case on either side.

    Raises:
        SpecError: If the layer does not work where it only just keeps one.
    """
    for limit in size_limits(program, base):
        kept = check_setting(working(program, limit.kept))
        yield SizeLimitCase(limit.constraint, kept, (limit.broken, _input_facts(program, limit.broken)))


def _input_facts(program: Program, setting: Setting) -> dict[str, TensorFacts | None]:
    inputs = Instance(program, setting).inputs
    return {name: tensor if tensor is None else facts(tensor) for name, tensor in inputs.items()}


__all__ = ["CheckedLayer", "check"]
