"""Strides: the layer takes inputs that do not lie in one piece, as those that were permuted or cut out."""

from collections.abc import Iterator

from layergen.contracts.execution import NUMBERS
from layergen.contracts.probing import differs
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import WITH_STRIDES
from layergen.diagnostics import Finding
from layergen.rules.shapes import OpFailed
from layergen.run.forward import Run
from layergen.run.watching import TRAINING, Bystander, Seen, Watch

CUT_OUT = Watch(WITH_STRIDES, TRAINING, Bystander)


def check_strides(ways: Ways) -> Iterator[Finding]:
    """Yield what fails where each input is a part of a larger tensor, with steps between its rows."""
    for seen in ways.seen(CUT_OUT):
        if seen.fault is not None:
            found = seen.fault
            message = f"{found.message}, where the inputs are slices of larger tensors"
            if "view size" in found.message:
                message = "`view` fails where the inputs are slices of larger tensors: "
                message += "dimensions that do not lie side by side cannot be viewed as one"
            yield OpFailed.at(found.place, message, labels=found.labels, notes=found.notes, help=found.help)
            return
    for runs in ways.runs:
        usual = {seen.training: seen for seen in runs.seen(NUMBERS)}
        for seen in runs.seen(CUT_OUT):
            if seen.training in usual and usual[seen.training].fault is None:
                name = _other_values(usual[seen.training].run, seen.run)
                if name is not None:
                    yield _finding(seen, name)
                    return


def _other_values(usual: Run, cut_out: Run) -> str | None:
    """The first output that depends on where its inputs lie."""
    for name, output in usual.outputs.items():
        if output.shape == cut_out.outputs[name].shape and differs(output, cut_out.outputs[name]):
            return name
    return None


def _finding(seen: Seen[None], name: str) -> Finding:
    message = f"`{name}` has other values where the inputs are slices of larger tensors"
    help = "read the entries by their indices, which do not depend on where they lie: `x[:, arange(k)]`"
    return OpFailed.at(seen.run.place(name), message, notes=seen.instance.explainer.notes(), help=help)


STRIDES = Promise(check_strides, (CUT_OUT, NUMBERS))
