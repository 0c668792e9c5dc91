"""Strides: the layer takes inputs that do not lie in one piece, as those that were permuted or cut out."""

from collections.abc import Iterator

from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding
from layergen.probe.probing import differs
from layergen.probe.sites import ON_DATA, WITH_STRIDES, WITH_TURNED_STRIDES
from layergen.probe.ways import Ways
from layergen.rules.shapes import OpFailed
from layergen.run.forward import Run
from layergen.run.watching import TRAINING, Bystander, Seen, Watch

CUT_OUT = Watch(WITH_STRIDES, TRAINING, Bystander)
TURNED = Watch(WITH_TURNED_STRIDES, TRAINING, Bystander)
LAID_OUT = {
    CUT_OUT: "where the inputs are slices of larger tensors",
    TURNED: "where the inputs have their first dimension last in memory",
}


def check_strides(ways: Ways) -> Iterator[Finding]:
    """Yield what fails, or is another value, where inputs do not lie in one piece, one row after the other."""
    for watch, where in LAID_OUT.items():
        for seen in ways.seen(watch):
            if seen.fault is not None:
                yield _refused(seen.fault, where)
                return
    for runs in ways.runs:
        usual = {seen.training: seen for seen in runs.seen(ON_DATA)}
        for watch, where in LAID_OUT.items():
            for seen in runs.seen(watch):
                if seen.training in usual and usual[seen.training].fault is None:
                    name = _other_values(usual[seen.training].run, seen.run)
                    # Random numbers are drawn into a tensor in the order of its memory.
                    if name is not None and not (watch is TURNED and ways.program.draws):
                        yield _finding(seen, name, where)
                        return


def _refused(found: Finding, where: str) -> Finding:
    message, help = f"{found.message}, {where}", found.help
    if "view size" in found.message:
        op = found.message.partition(" fails")[0]
        message = f"{op} fails {where}: dimensions that do not lie side by side cannot be viewed as one"
        if op != "`view`":
            help = f"write out what {op} computes, and give it its shape by `reshape`, which copies where it must"
    if "view_as_complex" in found.message:
        help = "make the complex number of its parts, wherever they lie: `complex(h[..., 0], h[..., 1])`"
    return OpFailed.at(found.place, message, labels=found.labels, notes=found.notes, help=help)


def _other_values(usual: Run, cut_out: Run) -> str | None:
    """The first output that depends on where its inputs lie."""
    for name, output in usual.outputs.items():
        if output.shape == cut_out.outputs[name].shape and differs(output, cut_out.outputs[name]):
            return name
    return None


def _finding(seen: Seen[None], name: str, where: str) -> Finding:
    message = f"`{name}` has other values {where}"
    help = "read the entries by their indices, which do not depend on where they lie: `x[:, arange(k)]`"
    return OpFailed.at(seen.run.place(name), message, notes=seen.instance.explainer.notes(), help=help)


STRIDES = Promise(check_strides, (*LAID_OUT, ON_DATA))
