"""Defaults that their own arguments allow."""

from collections.abc import Iterator

from layergen.diagnostics import Finding
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import LayerSpec
from layergen.rules.cases import InvalidDefault


def check_defaults(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the defaults that are not computed and that their own arguments refuse."""
    parts = [("arguments", *item) for item in spec.arguments.items()]
    parts += [("inputs", *item) for item in spec.values.items()]
    for section, name, argument in parts:
        if argument.default is None or argument.computed:
            continue
        help = None
        try:
            value = Interpreter({}).evaluate(argument.default)
            problem = refusal(name, argument, value)
            if value is None:
                help = "where None is allowed, write `optional: true` and `default: null`"
        except EvaluationFault as fault:
            problem = fault.message
        if problem:
            yield InvalidDefault.at((section, name, "default"), problem, help=help)
