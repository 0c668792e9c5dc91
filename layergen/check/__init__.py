"""Is the spec right? Rules yield findings; a spec without any becomes a `CheckedLayer`."""

from dataclasses import replace

from layergen.check.checked import CheckedCase, CheckedLayer
from layergen.check.forward_calls import check_calls
from layergen.check.initial import initial_bounds
from layergen.check.matching import check_match
from layergen.check.names import check_names
from layergen.check.rejections import rejections
from layergen.check.settings import Setting, check_defaults, settings
from layergen.check.stage import Stage
from layergen.check.trial import Trial, try_setting
from layergen.diagnostics import Finding
from layergen.spec.model import LayerSpec

LARGER = 3  # by what sizes grow where a layer needs larger inputs than usual


def check(spec: LayerSpec) -> CheckedLayer | tuple[Finding, ...]:
    """Check a spec: first what it says, then, if that makes sense, what it does at its settings."""
    findings = tuple(dict.fromkeys((*check_names(spec), *check_defaults(spec))))
    if not findings:
        findings = tuple(dict.fromkeys(check_calls(spec)))
    if findings:
        return findings
    chosen, findings = settings(spec)
    if findings:
        return findings
    cases: list[CheckedCase] = []
    for setting in chosen:
        outcome = check_setting(spec, setting)
        if not isinstance(outcome, CheckedCase):
            return outcome  # a fault at one setting mostly shows at all of them
        cases.append(outcome)
    return CheckedLayer(spec, tuple(cases), tuple(rejections(spec, chosen[0])))


def check_setting(spec: LayerSpec, setting: Setting) -> CheckedCase | tuple[Finding, ...]:
    """Try a layer at one setting."""
    trial, findings = try_setting(spec, setting)
    if trial is None:
        larger = replace(setting, sizes={name: size * LARGER for name, size in setting.sizes.items()})
        retrial = None if setting.path else try_setting(spec, larger)[0]
        if retrial is None:
            return findings
        trial, setting = retrial, larger
    stage = Stage(spec, setting)
    bounds, findings = initial_bounds(stage)
    findings = (*findings, *check_match(stage))
    if findings:
        return findings
    return _case(setting, trial, bounds)


def _case(setting: Setting, trial: Trial, bounds: dict[str, tuple[float, float]]) -> CheckedCase:
    return CheckedCase(setting, trial.inputs, trial.ranges, trial.outputs, trial.state, bounds)


__all__ = ["CheckedLayer", "check"]
