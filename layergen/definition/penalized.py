"""What a definition says of the layer's own regularization term: ``penalty = …``."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from layergen.definition.checking import Checker
from layergen.definition.faults import ill
from layergen.definition.grammar import Equation
from layergen.definition.ranges import Ranges
from layergen.definition.scene import Definition, Scene
from layergen.diagnostics import Finding
from layergen.lang.model import LayerSpec

PENALTY = "penalty"


def of_penalty(spec: LayerSpec, scene: Scene, equations: Iterable[Equation]) -> Definition | None:
    """The equations that tell the term, with those of names on the way; None where a layer has none, or tells none."""
    equations = [part for part in equations if not part.initial]
    if spec.penalty is None or all(part.name.id != PENALTY for part in equations):
        return None
    kept = tuple(part for part in equations if part.name.id not in {*spec.outputs, *spec.tensors})
    own = Definition(kept, _scene(spec, scene), spec)
    reached = own.reached_from((PENALTY,))
    return Definition(tuple(part for part in kept if part.name.id in reached), own.scene, spec)


def _scene(spec: LayerSpec, scene: Scene) -> Scene:
    """What the term is made of: arguments, and what the layer and its members own."""
    return replace(
        scene,
        tensors={name: scene.tensors[name] for name in spec.tensors},
        outputs={PENALTY: ()},
        buffers={},
        numbers=frozenset({*spec.arguments, *spec.derived}),
        run=None,
        met=frozenset(),
    )


def check_penalty(definition: Definition) -> Iterator[Finding]:
    """Yield what is wrong with the equations of the term, and with those that they need."""
    checker = Checker(definition, Ranges(definition))
    for equation in definition.equations:
        yield from checker.equation(equation)
        if definition.draws and equation.name.id == PENALTY:
            yield ill(equation.name, "the penalty draws no random numbers", "tell it by the layer's own tensors")
