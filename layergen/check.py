"""Is the spec right? Rules yield findings; a spec without any becomes a `CheckedLayer`."""

from collections.abc import Sequence
from dataclasses import replace

from layergen.checked import CheckedCase, CheckedLayer, PreconditionCase
from layergen.contracts import check_contracts
from layergen.contracts.initial import initial_bounds
from layergen.contracts.matching import check_match
from layergen.diagnostics import Finding
from layergen.lang.model import LayerSpec
from layergen.prove.input_checks import input_checks
from layergen.prove.preconditions import preconditions
from layergen.prove.proof import Proof, Tried, paths, prove
from layergen.resolve.callsites import check_calls
from layergen.resolve.names import check_names
from layergen.resolve.refused import check_refused
from layergen.rules.names import UnusedName
from layergen.run.instance import Instance
from layergen.run.trial import facts, try_setting
from layergen.settings.choice import Setting, check_defaults, settings
from layergen.settings.rejections import rejections

Findings = tuple[Finding, ...]

LARGER = 3  # by what sizes grow where a layer needs larger inputs than usual


def check(spec: LayerSpec) -> CheckedLayer | Findings:
    """Check a spec: what it says, then what it does at symbols, at its settings, and in all other respects."""
    findings = check_text(spec)
    if findings:
        return findings
    chosen, findings = settings(spec)
    if findings:
        return findings
    proofs: list[Proof | Tried] = []
    for outcome in prove(spec, chosen):
        if isinstance(outcome, Finding):
            return (outcome,)  # a fault on one way mostly shows on all of them
        proofs.append(outcome)
    cases: list[CheckedCase] = []
    for setting in chosen:
        case = check_setting(spec, setting)
        if not isinstance(case, CheckedCase):
            return case
        cases.append(case)
    findings = tuple(check_contracts(spec, list(paths([case.setting for case in cases]))))
    if findings:
        return findings
    conditions = check_preconditions(spec, proofs, cases)
    if isinstance(conditions, Finding):
        return (conditions,)
    return CheckedLayer(
        spec,
        tuple(cases),
        tuple(rejections(spec, chosen[0])),
        tuple(proofs),
        conditions,
        tuple(input_checks(spec, cases[0].setting)),
    )


def check_text(spec: LayerSpec) -> Findings:
    """What is wrong with a spec by its words alone: constructs first, then names, then calls."""
    refused = tuple(check_refused(spec))
    if refused:
        return refused
    findings = (*check_names(spec), *check_defaults(spec))
    if all(finding.rule is UnusedName for finding in findings):  # what a wrong call leaves out is unused, too
        findings = (*findings, *check_calls(spec))
    return tuple(dict.fromkeys(findings))


def check_setting(spec: LayerSpec, setting: Setting) -> CheckedCase | Findings:
    """Try a layer at one setting."""
    trial, findings = try_setting(spec, setting)
    if trial is None:
        larger = replace(setting, sizes={name: size * LARGER for name, size in setting.sizes.items()})
        retrial = None if setting.path else try_setting(spec, larger)[0]
        if retrial is None:
            return findings
        trial, setting = retrial, larger
    instance = Instance(spec, setting)
    bounds, findings = initial_bounds(instance)
    findings = (*findings, *check_match(instance))
    if findings:
        return findings
    return CheckedCase(setting, trial.inputs, trial.ranges, trial.outputs, trial.state, bounds)


def check_preconditions(
    spec: LayerSpec, proofs: Sequence[Proof | Tried], cases: Sequence[CheckedCase]
) -> tuple[PreconditionCase, ...] | Finding:
    """The preconditions of all paths through the forward, each with a case on either side."""
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
        for condition in preconditions(spec, replace(proof, setting=grown.get(proof.setting.name, proof.setting))):
            if isinstance(condition, Finding):
                return condition
            if condition.text in known or proof.concrete:  # what holds at numbers is not said of all
                continue
            kept = check_setting(spec, condition.kept)
            if isinstance(kept, CheckedCase):
                instance = Instance(spec, condition.broken)
                shapes = {name: tensor if tensor is None else facts(tensor) for name, tensor in instance.inputs.items()}
                known[condition.text] = PreconditionCase(condition.text, kept, (condition.broken, shapes))
    return tuple(known.values())


__all__ = ["CheckedLayer", "check"]
