"""Reads a spec's definition: which equations there are, and what is wrong with their words and indices."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from layergen.definition.entries import Entry, entry_of
from layergen.definition.faults import PATH, ill
from layergen.definition.functions import FUNCTIONS, WRITTEN_OUT
from layergen.definition.grammar import INDEX_OF, REDUCTIONS, RUN, Equation, parse_definition, reduction
from layergen.definition.layout import fits, layouts
from layergen.definition.members import check_member
from layergen.definition.ranges import Ranges
from layergen.definition.scene import Definition, scene_of, without_run_name, written_index
from layergen.definition.shipped import shipped_spec
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.scalars import NUMBERS
from layergen.lang.tokens import SyntaxFault
from layergen.rules.cases import IllDefined
from layergen.rules.names import ShadowedName, UndefinedName
from layergen.rules.spec import ForbiddenConstruct, InvalidSyntax
from layergen.suggest import nearest

OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "and", "or")


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
    except SyntaxFault as fault:
        rule = ForbiddenConstruct if fault.forbidden else InvalidSyntax
        yield rule.at(Place(PATH, fault.span), fault.message, help=fault.help)
        return
    yield from _check_left(definition)
    checker = _Checker(definition, Ranges(definition))
    for equation in definition.equations:
        yield from checker.equation(equation)


def _read(spec: LayerSpec, text: str, layers: Layers) -> Definition:
    equations = parse_definition(text)
    if spec.run is not None:
        equations = tuple(without_run_name(equation, spec.run) for equation in equations)
    return Definition(equations, scene_of(spec, lambda name: _known(name, layers)), spec)


def _known(name: str, layers: Layers) -> Definition | None:
    return _shipped(name) if name.startswith("nn.") else layers.get(name)


@cache
def _shipped(name: str) -> Definition | None:
    spec = shipped_spec(name)
    return definition_of(spec) if spec is not None else None


def _check_left(definition: Definition) -> Iterator[Finding]:
    """Each output has an equation; no equation is of a name that means something else."""
    scene = definition.scene
    for name in scene.outputs:
        if name not in definition.named:
            yield IllDefined.at(PATH, f"no equation says what the output `{name}` is", help=f"add `{name}[…] = …`")
    for equation in definition.equations:
        name = equation.name.id
        if name not in scene.outputs and name in scene.names:
            message = f"`{name}` has a meaning already, and is no output"
            help = "choose another name for what is computed on the way"
            yield ShadowedName.at(Place(PATH, equation.name.span), message, help=help)
        shape = scene.outputs.get(name)
        possible = tuple(layouts(shape)) if shape is not None else ()
        if possible and not any(fits(layout, equation.indices) for layout in possible):
            yield ill(equation.name, f"`{name}` has {len(equation.indices)} indices, and another number of dimensions",
                       "give each dimension of its shape an index; `...` stands for the leading ones")  # fmt: skip
        free = [index for index in definition.free(equation) if index is not None]
        for index in free:
            if index in definition.named and index not in scene.names:
                help = "choose another letter"
                yield ill(equation.name, f"`{index}` has an equation, and cannot be an index of `{name}`", help)
        for index in dict.fromkeys(index for index in free if free.count(index) > 1):
            yield ill(equation.name, f"`{index}` stands twice on the left", "give each dimension an index of its own")


@dataclass(frozen=True)
class _Checker:
    definition: Definition
    ranges: Ranges

    def equation(self, equation: Equation) -> Iterator[Finding]:
        free = frozenset(name for name in self.definition.free(equation) if name is not None)
        for position, index in enumerate(equation.indices):
            name = self.definition.index_name(index)
            if name is None:
                yield from self.expression(index, frozenset())
            elif isinstance(index, ex.Compare):
                yield from self.expression(index.comparators[0], frozenset())
            if name is not None and not self.ranges.left(equation, position):
                help = f"write it on the left: `{equation.name.id}[{name} < …]`"
                yield ill(index, f"nothing tells how far the index `{name}` runs", help)
        for condition in equation.conditions:
            yield from self.expression(condition, frozenset())
        yield from self.expression(equation.value, free)

    def expression(self, node: ex.Expression, bound: frozenset[str]) -> Iterator[Finding]:
        match node:
            case ex.Name():
                yield from self.name(node, bound)
            case ex.Subscript():
                yield from self.subscript(node, bound)
            case ex.Apply():
                yield from self.applied(node, bound)
            case ex.Call():
                yield from self.call(node, bound)
            case ex.Literal(value=value) if value is ...:
                yield ill(node, "`...` stands only among indices")
            case ex.Binary(operator=sign) if sign not in OPERATORS:
                help = "write the sum: `sum[k](a[i, k] * b[k, j])`" if sign == "@" else None
                yield ill(node, f"a definition has no `{sign}`", help)
            case ex.Compare(left=ex.Name(id=name), operators=("is" | "is not",), comparators=(ex.Literal(value=None),)):
                if name not in self.definition.scene.tensors and name not in self.definition.scene.members:
                    yield from self.name(node.left, bound)
            case ex.Member() | ex.Comprehension() | ex.Slice() | ex.Splice():
                yield ill(node, "a definition has numbers alone, and this is none")
            case _:
                for child in node.children:
                    if isinstance(child, ex.Expression):
                        yield from self.expression(child, bound)

    def name(self, node: ex.Expression, bound: frozenset[str]) -> Iterator[Finding]:
        assert isinstance(node, ex.Name)
        scene, name = self.definition.scene, node.id
        if name in bound or name in NUMBERS:
            return
        if name in scene.tensors:
            shape = scene.tensors[name]
            if shape not in ((), ex.Sequence(())):
                yield ill(node, f"`{name}` has dimensions and no index", f"give each an index: `{name}[…]`")
        elif name in self.definition.named:
            if all(equation.indices for equation in self.definition.named[name]):
                yield ill(node, f"`{name}` has indices on the left, and none here", f"write `{name}[…]`")
        elif name == "training":
            yield ill(node, "a definition is of the layer in evaluation", "leave out what is done in training alone")
        elif name not in scene.numbers:
            near = nearest(name, (*scene.names, *self.definition.named))
            help = f"write `{near}`" if near else f"an index stands on the left, or under a sum: `sum[{name}](…)`"
            yield UndefinedName.at(Place(PATH, node.span), f"`{name}` is no index here, and no name", help=help)

    def subscript(self, node: ex.Subscript, bound: frozenset[str]) -> Iterator[Finding]:
        found = entry_of(node)
        if found is None:
            yield ill(node, "an entry is read by a name and its indices", "write `weight[o, c]`")
            return
        if found.name.id in self.definition.scene.members:
            yield from check_member(self.definition, found, lambda inner: self.expression(inner, bound))
            return
        if found.inner:
            near = nearest(found.name.id, (*self.definition.scene.members, *FUNCTIONS))
            help = f"write `{near}`" if near else "what is called and then indexed is a layer that this one is made of"
            yield UndefinedName.at(Place(PATH, found.name.span), f"`{found.name.id}` is no member", help=help)
            return
        name, padded, indices = found.name, found.padded, found.all
        for index in indices:
            if index == RUN:
                if "..." not in bound:
                    yield ill(index, "`...` is no index here", "let it stand on the left: `y[..., i] = …`")
            else:
                yield from self.expression(index, bound)
        scene = self.definition.scene
        if name.id in scene.families:
            yield from self.family(found)
        elif found.which is not None:
            yield ill(node, f"`{name.id}` is no family of tensors", f"write all indices at once: `{name.id}[n, i]`")
        elif name.id in scene.tensors:
            yield from self.rank(node, name, indices)
        elif name.id in self.definition.named:
            counts = {len(equation.indices) for equation in self.definition.named[name.id]}
            if len(indices) not in counts:
                yield ill(node, f"`{name.id}` has {min(counts)} indices on the left, and {len(indices)} here")
        elif padded or name.id not in scene.numbers:
            near = nearest(name.id, (*scene.tensors, *self.definition.named))
            help = f"write `{near}`" if near else "a tensor of the layer, or a name on a left side, has entries"
            message = f"`{name.id}` is no tensor and has no equation"
            yield UndefinedName.at(Place(PATH, name.span), message, help=help)

    def family(self, entry: Entry) -> Iterator[Finding]:
        """An entry of a family has the index of the tensor, and then those in it."""
        name = entry.name.id
        part = self.definition.scene.families[name]
        if not isinstance(part.shape, tuple):
            yield ill(entry.node, f"the shape of `{name}` is not written out", "write it as a list")
            return
        rank = len(part.shape)
        if len(entry.indices) != (rank or 1) or (entry.which is None) != (rank == 0):
            count = f"{rank} dimension{'s' if rank != 1 else ''}"
            message = f"`{name}` is a family of tensors of {count}, and `{ex.show(entry.node)}` is no entry of one"
            indices = ", ".join("ijklmn"[:rank])
            yield ill(entry.node, message, f"write `{name}[k][{indices}]`" if rank else f"write `{name}[k]`")

    def rank(self, node: ex.Subscript, name: ex.Name, indices: tuple[ex.Expression, ...]) -> Iterator[Finding]:
        possible = tuple(layouts(self.definition.scene.tensors[name.id]))
        if possible and not any(fits(layout, indices) for layout in possible):
            layout = possible[0]
            items = (*layout.before, *((layout.run,) if layout.run is not None else ()), *layout.after)
            shape = ", ".join(ex.show(item) for item in items)
            message = f"`{name.id}` has the shape [{shape}], and {len(indices)} indices here"
            help = "give each dimension an index"
            yield ill(node, message, f"{help}; `...` stands for the leading ones" if layout.run == RUN else help)

    def applied(self, node: ex.Apply, bound: frozenset[str]) -> Iterator[Finding]:
        found = reduction(node)
        if found is None:
            function = ex.show(node.function)
            help = f"over indices there are {', '.join(f'`{word}[…](…)`' for word in REDUCTIONS)}"
            yield UndefinedName.at(Place(PATH, node.function.span), f"`{function}` cannot be called", help=help)
            return
        word, indices, body = found
        if word in INDEX_OF and len(indices) > 1:
            yield ill(indices[1], f"`{word}` gives one index", f"write `{word}[{ex.show(indices[0])}](…)`")
            return
        inner = bound
        for index in indices:
            written = written_index(index)
            taken = self.definition.scene.names | self.definition.named.keys()
            if written is None or (written[0] != "..." and written[0] in taken):
                what = f"`{written[0]}` has a meaning already, and" if written else f"`{ex.show(index)}`"
                yield ill(index, f"{what} cannot be an index", "name the index by a letter that nothing else has")
                return
            name, size = written
            if name == "...":
                yield ill(index, "`...` cannot be summed over", "give the dimensions names in the shape")
                return
            if name in inner:
                yield ill(index, f"`{name}` is an index already", "choose another letter")
            if size is not None:
                yield from self.expression(size, inner)
            inner |= {name}
        yield from self.expression(body, inner)
        for index in indices:
            yield from self.told(index, body)

    def told(self, index: ex.Expression, body: ex.Expression) -> Iterator[Finding]:
        """An index of a sum has a range."""
        written = written_index(index)
        if written is None or written[1] is not None or written[0] == "...":
            return
        name = written[0]
        if name not in ex.names(body):
            yield ill(index, f"`{name}` is nowhere in what is summed", "delete it, or write its range")
        elif not self.ranges.read(name, (body,)):
            yield ill(index, f"nothing tells how far the index `{name}` runs", f"write it: `[{name} < …]`")

    def call(self, node: ex.Call, bound: frozenset[str]) -> Iterator[Finding]:
        place = Place(PATH, node.function_span)
        if node.function in ("mean", "padded"):
            help = "write the indices: `mean[i](x[i])`" if node.function == "mean" else "write `padded(x)[n, i]`"
            yield IllDefined.at(place, f"`{node.function}` needs indices", help=help)
            return
        if node.function not in FUNCTIONS:
            near = WRITTEN_OUT.get(node.function) or nearest(node.function, FUNCTIONS)
            help = f"write `{near}`" if near else f"the functions here are {', '.join(sorted(FUNCTIONS))}"
            message = f"`{node.function}` is no function of numbers"
            yield UndefinedName.at(place, message, help=help)
        if node.keywords:
            yield ill(node.keywords[0], "the functions of a definition have no keywords")
        for argument in node.arguments:
            yield from self.expression(argument, bound)
