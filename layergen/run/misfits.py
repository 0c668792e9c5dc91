"""Outputs of another shape than declared, at sizes so small that many a number is that of a dimension by chance."""

from dataclasses import replace

from layergen.diagnostics import Finding
from layergen.resolve.program import Program
from layergen.run.explain import Explainer
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.trial import check_shapes
from layergen.settings.choice import Setting, allowed

MOVES = (1, 3)  # by how much a dimension is larger where it shows whether a size follows it


def misfit(instance: Instance, run: Run) -> Finding | None:
    """The first output of another shape than declared; its size is called by a name only if it follows that."""
    finding = next(check_shapes(instance, run), None)
    if finding is None:
        return None
    program, setting = instance.program, instance.setting
    for name, result in run.outputs.items():
        for index, (size, expected) in enumerate(zip(result.shape, instance.declared_shape(name), strict=False)):
            named = [other for other, own in setting.sizes.items() if own == size != expected]
            if len(named) == 1 and not _follows(program, setting, named[0], name, index):
                instance.explainer = Explainer(program, setting, str)
                return next(check_shapes(instance, run))
    return finding


def _follows(program: Program, setting: Setting, dimension: str, output: str, index: int) -> bool:
    """Whether an output has the size of a dimension at another size of it too, if it is not as declared there."""
    for move in MOVES:
        moved = replace(setting, sizes={**setting.sizes, dimension: setting.sizes[dimension] + move})
        if not allowed(program, moved):
            continue
        try:
            instance = Instance(program, moved)
            found = instance.run(training=True).outputs[output].shape
            declared = instance.declared_shape(output)
        except TrialFault:
            continue
        if len(found) > index and found[index] != declared[index]:
            return found[index] == moved.sizes[dimension]
    return True
