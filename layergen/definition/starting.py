"""What a definition says of the values that tensors start with: ``initial(weight)[o, i] = …``."""

from collections.abc import Iterable, Iterator

from layergen.definition.checking import Checker
from layergen.definition.faults import PATH, ill
from layergen.definition.grammar import Equation, parse_definition
from layergen.definition.ranges import Ranges
from layergen.definition.scene import Definition, parts, scene_at_start
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.rules.names import UndefinedName
from layergen.suggest import nearest


def at_start(spec: LayerSpec, equations: Iterable[Equation]) -> Definition | None:
    """The equations that tell initial values, with those of names on the way; None where there are none."""
    equations = tuple(equations)
    told = dict.fromkeys(equation.name.id for equation in equations if equation.initial)
    known = [name for name in told if name in spec.tensors and spec.tensors[name].each is None]
    if not known:
        return None
    given = {*spec.outputs, *spec.tensors}
    kept = [part for part in equations if (part.name.id in known if part.initial else part.name.id not in given)]
    scene = scene_at_start(spec, known)
    reached = Definition(tuple(kept), scene, spec).reached_from(known)
    return Definition(tuple(part for part in kept if part.name.id in reached), scene, spec)


def check_started(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the left sides that tell initial values of what has none."""
    for equation in parse_definition(spec.definition or ""):
        name = equation.name
        if equation.initial and name.id not in spec.tensors:
            near = nearest(name.id, spec.tensors)
            help = f"write `initial({near})`" if near else "what starts with values is a parameter or a buffer"
            yield UndefinedName.at(Place(PATH, name.span), f"`{name.id}` is no tensor of the layer", help=help)
        elif equation.initial and spec.tensors[name.id].each is not None:
            help = "leave it out: a definition tells initial values of single tensors"
            yield ill(name, f"`{name.id}` is a family of tensors", help)


def check_start(definition: Definition) -> Iterator[Finding]:
    """Yield what is wrong with the equations that tell initial values, and with those that they need."""
    checker = Checker(definition, Ranges(definition))
    for equation in definition.equations:
        yield from checker.equation(equation)
        read = (node for part in parts(equation) for node in ex.walk(part) if isinstance(node, ex.Name))
        for node in (node for node in read if definition.draws and node.id in definition.scene.tensors):
            help = "say what that one starts with in an equation of its own"
            yield ill(node, f"`{node.id}` is read where initial values are drawn at random", help)
