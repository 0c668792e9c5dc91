"""Training: random numbers are drawn in training alone, unless the spec says otherwise."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from layergen import ops
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.ways import Ways
from layergen.rules.behaviour import RandomInEvaluation
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import EVALUATION, WITHOUT_DATA, Watch, Watcher


class RandomWatch(Watcher[tuple[Finding, ...]]):
    """Looks for calls that draw random numbers."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.findings: list[Finding] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        op = ops.called(node)
        if op is None or not op.random:
            return
        given = bound(op, arguments, keywords)
        if given.get("training", given.get("train")) is False or self.stays_off(node, op, given):
            return
        named = [keyword for keyword in node.keywords if keyword.name != "training"]
        if "training" in given:
            repaired = ex.Call(node.function, node.arguments, (*named, ex.Keyword("training", ex.Name("training"))))
            help = f"write `{ex.show(repaired)}`"
        elif "train" in given:
            help = "hand it `training` as `train`"
        elif "dropout_p" in given:
            help = "write `dropout_p=p if training else 0.0`"
        else:
            help = "put it under `if training:`, or declare `random: always`"
        message = f"`{node.function}` draws random numbers in evaluation too"
        self.findings.append(RandomInEvaluation.at(Place(FORWARD, node.span), message, help=help))

    def stays_off(self, node: ex.Call, op: ops.Op, given: Mapping[str, Any]) -> bool:
        """Whether nothing is dropped, and that not only because an argument is 0 at this setting."""
        written = bound(op, node.arguments, {keyword.name: keyword.value for keyword in node.keywords})
        sources = [written.get(name) for name in ("p", "dropout_p", "dropout") if given.get(name) == 0]
        own = self.instance.program.decided
        return any(not (isinstance(source, ex.Name) and source.id in own) for source in sources)

    def evidence(self, run: Run | None) -> tuple[Finding, ...]:
        return tuple(self.findings)


def bound(op: ops.Op, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a call by the names of the op's parameters, defaults among them."""
    signature = op.signatures[0]
    given = {parameter.name: parameter.default for parameter in signature.parameters if not parameter.required}
    given |= {parameter.name: value for parameter, value in zip(signature.positional, arguments, strict=False)}
    return given | dict(keywords)


DRAWS = Watch(WITHOUT_DATA, EVALUATION, RandomWatch)


def check_training(ways: Ways) -> Iterator[Finding]:
    """Yield the calls that draw random numbers in evaluation."""
    if ways.program.random == "always":
        return
    for seen in ways.seen(DRAWS):
        yield from seen.evidence


RANDOMNESS = Promise(check_training, (DRAWS,))
