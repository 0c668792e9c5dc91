"""Fractional steps: how many numbers an `arange` gives that goes by them is a matter of rounding, at some sizes of one.

At symbols nothing is rounded, so that what is proven there holds of real numbers alone.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from layergen import ops
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.domains.limits import with_arguments
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.run.environment import CONSTANTS
from layergen.run.trial import SHAPES, try_runs
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed

SIZES = range(2, 130)  # from -1 to 1 by `2 / W`, the first that gives one number more is 49
HELP = "the length of an `arange` by fractions is rounded: write `linspace`, or step by 1 and scale, `{} * arange(…)`"


def check_fractional_steps(ways: Ways) -> Iterator[Finding]:
    """Yield the first fault at a size where a fractional step rounds to another count than at the usual ones."""
    for runs in ways.runs:
        for call, step in _fractional(ways, runs.setting):
            found = next(_faults(ways.program, runs.setting, call, step), None)
            if found is not None:
                yield found
                return


def _fractional(ways: Ways, setting: Setting) -> Iterator[tuple[ex.Call, ex.Expression]]:
    """The calls of `arange` whose step is not known to be a whole number, each with the step."""
    interpreter = Interpreter({**CONSTANTS, **setting.names})
    for call in ways.program.forward.calls:
        op = ops.called(call)
        if op is None or op.name != "arange":
            continue
        given = dict(zip(("start", "end", "step"), call.arguments, strict=False))
        given |= {keyword.name: keyword.value for keyword in call.keywords}
        if (step := given.get("step")) is not None:
            with suppress(EvaluationFault):  # of what the forward computes, the words tell nothing
                if float(interpreter.evaluate(step)).is_integer():
                    continue
            yield call, step


def _faults(program: Program, setting: Setting, call: ex.Call, step: ex.Expression) -> Iterator[Finding]:
    """Yield what goes wrong where one dimension, or one argument that the step goes by, has other sizes."""
    for other in _resized(program, setting, ex.names(step)):
        try:
            try_runs(Runs(program, other, (SHAPES,)))
        except SpecError as error:
            label = Label(Place(FORWARD, call.span), "which goes by fractions")
            for finding in error.findings[:1]:
                yield finding._replace(help=HELP.format(ex.show(step)), labels=(*finding.labels, label))


def _resized(program: Program, setting: Setting, named: frozenset[str]) -> Iterator[Setting]:
    for name in setting.sizes:
        for size in SIZES:
            other = replace(setting, sizes={**setting.sizes, name: size})
            if allowed(program, other):
                yield other
    for name in sorted(named & program.decided.keys()):
        if type(setting.values[name]) is int:
            found = (with_arguments(program, setting, {name: size}) for size in SIZES)
            yield from (other for other in found if other is not None)


FRACTIONAL_STEPS = Promise(check_fractional_steps)
