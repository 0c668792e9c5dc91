"""Reads a spec's definition: which equations there are, and what is wrong with their words and indices."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from layergen.definition.checking import Checker
from layergen.definition.faults import PATH, ill
from layergen.definition.grammar import RUN, Equation, letter, parse_definition, reduction
from layergen.definition.layout import Layout, fits, layouts
from layergen.definition.overlaps import check_overlaps
from layergen.definition.penalized import PENALTY, check_penalty, of_penalty
from layergen.definition.ranges import Ranges
from layergen.definition.runs import check_runs
from layergen.definition.scene import Definition, bare_index, mapped, scene_of, without_run_name
from layergen.definition.shipped import shipped_spec
from layergen.definition.starting import at_start, check_start, check_started
from layergen.definition.tuples import told_name, without_tuples
from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.meant import text_meant
from layergen.lang.meetings import with_full_sizes
from layergen.lang.model import LayerSpec
from layergen.lang.tokens import SyntaxFault
from layergen.rules.cases import IllDefined
from layergen.rules.names import ShadowedName, UndefinedName, UnusedName
from layergen.rules.spec import ForbiddenConstruct, InvalidSyntax
from layergen.suggest import nearest
from layergen.words import plural

Layers = Mapping[str, Definition]  # the definitions of other specs, by their classes
NONE: Layers = MappingProxyType({})


def definition_of(spec: LayerSpec, layers: Layers = NONE) -> Definition | None:
    """A spec's definition, if it has one that can be read.

    Args:
        spec: The spec.
        layers: The definitions of the layers that it may be made of.
    """
    if spec.definition is None:
        return None
    try:
        return _read(spec, spec.definition, layers)
    except SyntaxFault:
        return None


def check_definition(spec: LayerSpec, layers: Layers = NONE) -> Iterator[Finding]:
    """Yield what is wrong with the words and the indices of a spec's definition. See `definition_of`."""
    if spec.definition is None:
        return
    try:
        definition = _read(spec, spec.definition, layers)
    except SyntaxFault as found:
        for fault in found.every:
            rule = ForbiddenConstruct if fault.forbidden else InvalidSyntax
            help = text_meant(fault.message, spec.texts) or fault.help
            yield rule.at(Place(PATH, fault.span), fault.message, help=help)
        return
    bare = list(_check_bare(definition))
    yield from bare
    if bare:  # what has no index on the left, has none on the right
        return
    unclear = list(check_runs(definition))
    yield from unclear
    if unclear:  # all that stands behind such a run has no place
        return
    yield from _check_left(definition)
    checker = Checker(definition, Ranges(definition))
    wrong = [finding for equation in definition.equations for finding in checker.equation(equation)]
    yield from wrong
    yield from check_overlaps(definition, checker.ranges) if not wrong else ()
    unknown = list(check_started(spec))
    yield from unknown
    if definition.start is not None and not wrong and not unknown:
        yield from _check_left(definition.start)
        yield from check_start(definition.start)
    if definition.term is not None and not wrong:
        yield from _check_left(definition.term)
        yield from check_penalty(definition.term)
    if not wrong and not unknown and definition.scene.outputs.keys() <= definition.named.keys():
        yield from _check_read(definition)


def _read(spec: LayerSpec, text: str, layers: Layers) -> Definition:
    equations = parse_definition(text)
    scene = scene_of(spec, lambda name: _known(name, layers))
    if scene.run is not None:
        equations = tuple(without_run_name(equation, scene.run) for equation in equations)
    if scene.met:
        equations = tuple(mapped(part, lambda node: with_full_sizes(node, scene.met)) for part in equations)
    equations = tuple(without_tuples(equation, spec) for equation in equations)
    term = of_penalty(spec, scene, equations)
    own = tuple(part for part in equations if not part.initial and (term is None or part.name.id != PENALTY))
    return Definition(own, scene, spec, at_start(spec, equations), term)


def _known(name: str, layers: Layers) -> Definition | None:
    return _shipped(name) if name.startswith("nn.") else layers.get(name)


@cache
def _shipped(name: str) -> Definition | None:
    spec = shipped_spec(name)
    return definition_of(spec) if spec is not None else None


def _check_bare(definition: Definition) -> Iterator[Finding]:
    """The outputs that have dimensions and no indices on the left, ``y = x[n, i]``."""
    for equation in definition.equations:
        name, shape = equation.name.id, definition.scene.told.get(equation.name.id)
        possible = [layout.items for layout in layouts(shape)] if shape is not None else []
        if equation.indices or len(possible) != 1 or not possible[0]:
            continue
        indices = _indices_for(possible[0], equation.value, definition)
        if indices is not None:
            message = f"`{name}` has dimensions and no index on the left"
            help = f"give each an index: `{name}[{', '.join(indices)}] = …`"
            if _is_number(equation.value, definition):
                help = f"declare the single number that it says, `{name}: []`, or {help}"
            yield ill(equation.name, message, help)


def _is_number(value: ex.Expression, definition: Definition) -> bool:
    """Whether a value reads no letter that is free, and no tensor as a whole."""
    free = _free(value, definition) - definition.named.keys()
    return not free and definition.scene.tensors.keys().isdisjoint(_whole(value))


def _whole(node: ex.Node) -> Iterator[str]:
    """The names that are read without indices."""
    if isinstance(node, ex.Name):
        yield node.id
    elif not isinstance(node, ex.Subscript):
        for child in node.children:
            yield from _whole(child)


def _free(value: ex.Expression, definition: Definition) -> frozenset[str]:
    """The names that a value reads, and that are none of the layer, nor bound by a sum."""
    return ex.names(value) - _taken(value, definition)


def _taken(value: ex.Expression, definition: Definition) -> frozenset[str]:
    """The names of the layer, and of each sum its word and its indices."""
    sums = [found for node in ex.walk(value) if (found := reduction(node)) is not None]
    bound = (index.id for _, indices, _ in sums for index in indices if isinstance(index, ex.Name))
    return definition.scene.names.union((word for word, _, _ in sums), bound)


def _indices_for(shape: tuple[ex.Expression, ...], value: ex.Expression, definition: Definition) -> list[str] | None:
    """An index for each dimension of a shape: the letter of its name that the value reads, or another one."""
    taken, read = _taken(value, definition), _free(value, definition)
    names = [item.id.lower() if isinstance(item, ex.Name) else "" for item in shape]
    others = sorted(name for name in read if name not in {*names, *(name[:1] for name in names)})
    indices: list[str] = []
    for item, name in zip(shape, names, strict=True):
        if isinstance(item, ex.Splice):
            return None
        letters = [*({name} & read), name[:1], *others, *(each for each in "ijklmpqrs" if each not in read)]
        free = [each for each in letters if each and each not in {*taken, *indices}]
        if item != RUN and not free:
            return None
        indices.append("..." if item == RUN else free[0])
    return indices


def _check_left(definition: Definition) -> Iterator[Finding]:
    """Each output has an equation; no equation is of a name that means something else."""
    scene = definition.scene
    for name in scene.outputs:
        if name not in definition.named:
            told = told_name(name, definition.spec.given_tuples)
            yield IllDefined.at(PATH, f"no equation says what the output `{told}` is", help=f"add `{told}[…] = …`")
    for equation in definition.equations:
        name = equation.name.id
        if "." in name:
            outputs = [told_name(output, definition.spec.given_tuples) for output in scene.outputs]
            near = nearest(name, outputs)
            help = f"write `{near}`" if near else "a name with a dot is a tensor of a tuple among the outputs"
            yield UndefinedName.at(Place(PATH, equation.name.span), f"`{name}` is no output", help=help)
            continue
        if name not in scene.told and name in scene.names | definition.spec.given_tuples.keys():
            message = f"`{name}` has a meaning already, and is no output or buffer"
            help = "choose another name for what is computed on the way"
            yield ShadowedName.at(Place(PATH, equation.name.span), message, help=help)
        shape = scene.told.get(name)
        possible = tuple(layouts(shape)) if shape is not None else ()
        indices = tuple(bare_index(index) for index in equation.indices)
        if possible and not any(fits(layout, indices, definition.runs) for layout in possible):
            yield _misshapen(definition, equation, possible)
        free = [index for index in definition.free(equation) if index is not None]
        for index in free:
            if index in definition.named and index not in scene.names:
                help = "choose another letter"
                yield ill(equation.name, f"`{index}` has an equation, and cannot be an index of `{name}`", help)
        letters = [letter(index) for index in free]
        for index in dict.fromkeys(index for index in letters if letters.count(index) > 1):
            index = index or "..."
            yield ill(equation.name, f"`{index}` stands twice on the left", "give each dimension an index of its own")


def _misshapen(definition: Definition, equation: Equation, possible: Sequence[Layout]) -> Finding:
    """The finding for an equation whose indices fit no shape that is declared of its name.

    Where those of another branch do, the declaration has forgotten one of the two shapes.
    """
    name = equation.name.id
    others = (other for other in definition.named[name] if other is not equation and other.conditions)
    found = [[bare_index(index) for index in other.indices] for other in others]
    fitting = any(fits(layout, indices, definition.runs) for indices in found for layout in possible)
    given = ", ".join(map(ex.show, equation.indices))
    if not (fitting and equation.conditions and name in definition.scene.outputs):
        count = plural(len(equation.indices), "index", "indices")
        help = "give each dimension of its shape an index; `...` stands for the leading ones"
        return ill(equation.name, f"`{name}` has {count}, and another number of dimensions", help)
    message = f"output `{name}` has another shape where the definition gives it the indices `[{given}]`"
    test = ex.show(equation.conditions[0]) if len(equation.conditions) == 1 else "…"
    help = f'declare both: `{name}: "[…] if {test} else […]"`'
    label = Label(Place(PATH, equation.name.span), "told here")
    return IllDefined.at(Place(("outputs", name), key=True), message, labels=[label], help=help)


def _check_read(definition: Definition) -> Iterator[Finding]:
    """Each name on the way is read by what tells an output, a buffer, a value at the start or the penalty."""
    read = definition.reached_from((*definition.scene.outputs, *definition.updates))
    read = read.union(*(part.named for part in (definition.start, definition.term) if part is not None))
    for name, equations in definition.named.items():
        if name in read or name in definition.scene.names:
            continue
        near = nearest(name, [*definition.scene.told, *(other for other in definition.named if other != name)])
        help = f"write `{near}` if that is meant, or delete the equation" if near else "delete the equation, or read it"
        if name == PENALTY and definition.spec.penalty is None:
            help = "the layer has no `penalty` that this could tell"
        yield UnusedName.at(
            Place(PATH, equations[0].name.span), f"`{name}` has an equation and is never read", help=help
        )
