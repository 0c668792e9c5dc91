"""How large the outputs of a member are, in the names of the layer that calls it."""

from collections.abc import Callable, Iterator, Mapping

from layergen.definition.calling import CallFault, inputs_of, output_of
from layergen.definition.entries import Entry, Passed, passed
from layergen.definition.grammar import RUN, Equation, is_run
from layergen.definition.layout import UNTOLD, Layout, Size, layouts
from layergen.definition.made_with import Names, in_terms, made_with
from layergen.definition.scene import Definition
from layergen.lang import expression as ex
from layergen.lang.values import Shape

Left = Callable[[Equation, int], tuple[Size, ...]]  # what says how far an index of a left side runs


def layouts_of(definition: Definition, entry: Entry, left: Left) -> Iterator[Layout]:
    """What the shape may be of what an entry of a member is read from, as far as the words tell.

    Args:
        definition: The definition that reads it.
        entry: The entry.
        left: Tells the ranges of the indices of equations.
    """
    members = definition.scene.members.get(entry.name.id)
    classes = {call.function for call in members.made} if members else set()
    if members is None or len(classes) != 1 or not members.known:
        return
    (child,) = members.known.values()
    try:
        names = made_with(definition, child, members, entry.which)
        if entry.path:
            shape = child.owned(entry.owned)
            run: tuple[ex.Expression, ...] | None = None
        else:
            assert entry.call is not None
            run = _sizes(definition, child, inputs_of(child, entry.call, entry.name.id), names, left)
            shape = child.scene.outputs[output_of(child, entry)]
    except CallFault:
        return
    for layout in layouts(_decided(shape, names)) if shape is not None else ():
        yield _layout_in_terms(layout, names, run)


def _decided(shape: Shape, names: Names) -> Shape:
    """A shape whose condition the arguments decide."""
    while isinstance(shape, ex.Conditional):
        test = in_terms(shape.test, names)
        if not isinstance(test, ex.Literal):
            return ()
        shape = shape.then if test.value else shape.orelse
    return shape


def _sizes(
    definition: Definition, child: Definition, given: Mapping[str, ex.Expression], names: Names, left: Left
) -> tuple[ex.Expression, ...] | None:
    """Add what the dimensions of a member are to the names; gives what its ``...`` stands for."""
    run: tuple[ex.Expression, ...] | None = None
    for name, argument in given.items():
        handed = passed(argument)
        ours = _layout(definition, handed, left) if handed is not None and name in child.spec.inputs else None
        theirs = next(layouts(_decided(child.spec.inputs[name].shape, names)), None) if ours is not None else None
        if ours is None or theirs is None:
            continue
        items = ours.items
        count = len(items) - len(theirs.after)
        if count < len(theirs.before) or (theirs.run is None and count != len(theirs.before)):
            continue
        pairs = (
            *zip(theirs.before, items, strict=False),
            *zip(theirs.after, items[count:], strict=True),
        )
        for item, size in pairs:
            several = size == RUN or isinstance(size, ex.Splice)
            if isinstance(item, ex.Name) and item.id not in child.spec.arguments and not several:
                names.setdefault(item.id, size)
        if theirs.run == RUN:
            run = items[len(theirs.before) : count]
    return run


def _layout(definition: Definition, handed: Passed, left: Left) -> Layout | None:
    """The sizes of what is handed on."""
    name = handed.name.id
    shape = definition.scene.tensors.get(name)
    if shape is not None:
        layout = next(layouts(shape), None)
    else:
        layout = next((found for found in _written(definition, name, left)), None)
    if layout is None or len(handed.first) > len(layout.before):
        return None
    return Layout(layout.items[len(handed.first) :])


def _written(definition: Definition, name: str, left: Left) -> Iterator[Layout]:
    """The sizes that the equations of a name tell."""
    for equation in reversed(definition.named.get(name, ())):
        sizes = [left(equation, position) for position in range(len(equation.indices))]
        if all(sizes) and all(definition.free(equation)):
            pairs = zip(equation.indices, sizes, strict=True)
            yield Layout(tuple(_standing(definition, index, told[0].size) for index, told in pairs))


def _standing(definition: Definition, index: ex.Expression, size: ex.Expression) -> ex.Expression:
    """What stands in a shape for an index of a left side."""
    if not is_run(definition.index_name(index)):
        return size
    return RUN if size == definition.runs.sizes else ex.Splice(size)


def _layout_in_terms(layout: Layout, names: Names, run: tuple[ex.Expression, ...] | None) -> Layout:
    """A layout in the names of the owner; what cannot be told is left open."""
    items: list[ex.Expression] = []
    for item in layout.items:
        items += run if item == RUN and run is not None else (_told(item, names),)
    return Layout(tuple(items))


def _told(item: ex.Expression, names: Names) -> ex.Expression:
    if ex.names(item) <= names.keys():
        return in_terms(item, names)
    return ex.Splice(UNTOLD) if isinstance(item, ex.Splice) else UNTOLD
