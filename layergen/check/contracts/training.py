"""Training: random numbers are drawn in training alone, unless the spec says otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layergen import ops
from layergen.check.settings import Setting
from layergen.check.stage import Stage
from layergen.diagnostics import Finding, Place, Rule
from layergen.spec import expression as ex
from layergen.spec.model import LayerSpec


class RandomInEvaluation(Rule):
    """The layer draws random numbers in evaluation.

    Dropout and noise belong to training; in evaluation the same input must give the same output. `dropout` is active
    unless it is told otherwise.

        forward: y = dropout(x, p)

    Fix: tie it to the mode, or say `random: always` of a layer that is meant to be random at all times.

        forward: y = dropout(x, p, training=training)
    """

    code = "LG310"


def check_training(spec: LayerSpec, ways: list[Setting]) -> Iterator[Finding]:
    """Yield the calls that draw random numbers in evaluation."""
    if spec.random == "always":
        return
    for setting in ways:
        watch = RandomWatch()
        Stage(spec, setting).run(False, watch)
        yield from watch.findings


class RandomWatch:
    """Looks for calls that draw random numbers."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        op = ops.find(node.function)
        if op is None or not op.random:
            return
        given = bound(op, arguments, keywords)
        if given.get("training") is False or given.get("p") == 0 or given.get("dropout_p") == 0:
            return
        named = [keyword for keyword in node.keywords if keyword.name != "training"]
        if "training" in given:
            repaired = ex.Call(node.function, node.arguments, (*named, ex.Keyword("training", ex.Name("training"))))
            help = f"write `{ex.show(repaired)}`"
        elif "dropout_p" in given:
            help = "write `dropout_p=p if training else 0.0`"
        else:
            help = "put it under `if training:`, or declare `random: always`"
        message = f"`{node.function}` draws random numbers in evaluation too"
        self.findings.append(RandomInEvaluation.at(Place(("forward",), node.span), message, help=help))

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        """Operators draw nothing."""


def bound(op: ops.Op, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a call by the names of the op's parameters, defaults among them."""
    signature = op.signatures[0]
    given = {parameter.name: parameter.default for parameter in signature.parameters if not parameter.required}
    given |= {parameter.name: value for parameter, value in zip(signature.positional, arguments, strict=False)}
    return given | dict(keywords)
