"""What comes of a layer at a setting: its runs there, and a case for its tests."""

from collections.abc import Iterable, Iterator
from typing import Any

import torch

from layergen.checked import CheckedCase
from layergen.compare.matching import check_match
from layergen.diagnostics import Finding
from layergen.domains.labels import sought
from layergen.domains.tables import works_with_tables
from layergen.faults import SpecError, refuse
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.ops.dtypes import dtype_name
from layergen.probe.initial import initial_bounds
from layergen.resolve.program import Program
from layergen.rules.shapes import ShapeMismatch
from layergen.run.fitting import fitted
from layergen.run.instance import Instance, Placement
from layergen.run.missing import missing_constraint
from layergen.run.trial import SHAPES, TensorFacts, facts, try_runs, works_at
from layergen.run.watching import Runs, Watch
from layergen.settings.choice import Setting


def working(program: Program, setting: Setting, watches: Iterable[Watch[Any]] = ()) -> Runs:
    """The runs of a layer at a setting, or with other sizes where it needs them.

    Raises:
        SpecError: If it works at neither.
    """
    runs = Runs(program, setting, (SHAPES, *watches))
    try:
        try_runs(runs)
    except SpecError as fault:
        other = fitted(program, setting, works_with_tables)
        if other is setting:
            raise SpecError(_with_constraint(program, setting, finding) for finding in fault.findings) from None
        return Runs(program, other, (SHAPES, *watches))
    return runs


def _with_constraint(program: Program, setting: Setting, finding: Finding) -> Finding:
    """The finding with what allows the setting, and for a shape the constraint that tells where it fits."""
    if setting.by is not None:
        note = f"here `{ex.show(setting.by.constraint)}` holds by `{ex.show(setting.by.holds)}` alone"
        finding = finding._replace(notes=(*finding.notes, note))
    if finding.help is not None or finding.rule is not ShapeMismatch:
        return finding
    return finding._replace(help=missing_constraint(program, setting, works_at))


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
    refuse(_attributes(instance))
    parameters = {name: part for name, part in instance.program.parameters.items() if name in trial.state}
    learned = {name: instance.learns(name) for name, part in parameters.items() if part.requires_grad is not None}
    learned |= {name: False for name, owned in instance.inner.items() if owned.parameter and not owned.learned}
    unmeasured = [name for name, part in parameters.items() if not part.gradient]
    unmeasured += [name for name, owned in instance.inner.items() if owned.parameter and not owned.gradient]
    trained = [name for name, part in parameters.items() if part.gradient and instance.learns(name)]
    trained += [name for name, owned in instance.inner.items() if owned.parameter and owned.learned and owned.gradient]
    wide = Instance(runs.program, runs.setting, Placement(dtype=torch.float64))
    kept = {name: tensor.dtype for name, tensor in wide.state.items() if tensor is not None}
    dtypes = {name: dtype_name(dtype) for name, dtype in kept.items() if dtype is not torch.float64}
    return CheckedCase(
        *(runs.setting, trial.inputs, trial.ranges, trial.outputs, trial.state),
        *(bounds, learned, dtypes, tuple(unmeasured)),
        trained=tuple(trained),
        labels=sought(instance),
        written=trial.written,
        called=trial.called,
    )


def _attributes(instance: Instance) -> Iterator[Finding]:
    """Yield the attributes that cannot be computed at a setting."""
    for name, expression in instance.program.attributes.items():
        try:
            Interpreter(instance.setting.values).evaluate(expression)
        except EvaluationFault as fault:
            yield instance.explainer.fault(("attributes", name), fault, instance.setting.values)


def input_facts(program: Program, setting: Setting) -> dict[str, TensorFacts | None]:
    inputs = Instance(program, setting).inputs
    return {name: tensor if tensor is None else facts(tensor) for name, tensor in inputs.items()}
