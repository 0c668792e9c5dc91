"""What is wrong with the expressions of a definition: their names, their entries and the ranges of their sums."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from layergen.definition.choices import check_chosen, misplaced
from layergen.definition.draws import DRAWN, TAKES
from layergen.definition.entries import Entry, entry_of, indices_at_once
from layergen.definition.faults import PATH, ill
from layergen.definition.functions import FUNCTIONS
from layergen.definition.grammar import (
    INDEX_OF,
    RUN,
    Equation,
    is_run,
    letter,
    reduction,
    run_name,
)
from layergen.definition.lacking import in_zeros
from layergen.definition.layout import Layout, fits, layouts
from layergen.definition.members import check_member
from layergen.definition.overlaps import is_below_zero
from layergen.definition.ranges import Ranges
from layergen.definition.runs import AT_FULL_SHAPE
from layergen.definition.scene import Definition, bare_index, written_index
from layergen.definition.slips import PRODUCT, REDUCTIONS, help_with_op, ranged
from layergen.definition.tuples import tuples_read
from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.meetings import FULL
from layergen.lang.scalars import NUMBERS
from layergen.lang.tuples import TensorTuple
from layergen.rules.cases import IllDefined
from layergen.rules.names import UndefinedName
from layergen.suggest import nearest
from layergen.words import plural

OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "and", "or")


def _kind(name: str) -> str:
    return "run of indices" if is_run(name) else "index"


@dataclass(frozen=True)
class Checker:
    """Checks the expressions of a definition, each with the indices that are bound where it stands."""

    definition: Definition
    ranges: Ranges
    said: set[str] = field(default_factory=set)  # the names of an equation that are told to be unknown, each once

    def equation(self, equation: Equation) -> Iterator[Finding]:
        self.said.clear()
        free = frozenset(name for name in self.definition.free(equation) if name is not None)
        for position, index in enumerate(equation.indices):
            name, meant = self.definition.index_name(index), ranged(index)
            if meant is not None:
                yield ill(index, "a range ends before a size: it has a `<`", f"write `{meant}`")
                return
            if name is None:
                yield from self.expression(index, frozenset())
            elif isinstance(index, ex.Compare):
                yield from self.expression(index.comparators[0], frozenset())
            if name is not None and not self.ranges.left(equation, position):
                help = f"write it on the left: `{equation.name.id}[{self.range_of(name)}]`"
                yield ill(index, f"nothing tells how far the {_kind(name)} `{name}` runs", help)
                if is_run(name):  # what stands behind it has no place
                    return
        for condition in equation.conditions:
            yield from self.expression(condition, frozenset())
            yield from _drawn_in(condition)
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
                help = PRODUCT if sign == "@" else None
                yield ill(node, f"a definition has no `{sign}`", help)
            case ex.Compare(left=ex.Name(id=name), operators=("is" | "is not",), comparators=(ex.Literal(value=None),)):
                if name not in self.definition.scene.tensors and name not in self.definition.scene.members:
                    yield from self.name(node.left, bound)
            case ex.Slice():
                help = "write an index, and sum over it"
                yield ill(node, "a definition reads one entry at a time, and no slices", help)
            case ex.Splice():
                yield ill(node, f"`{ex.show(node)}` stands only among indices")
            case ex.Member() | ex.Comprehension():
                yield ill(node, "a definition has numbers alone, and this is none")
            case _:
                for child in node.children:
                    if isinstance(child, ex.Expression):
                        yield from self.expression(child, bound)

    def name(self, node: ex.Expression, bound: frozenset[str]) -> Iterator[Finding]:
        assert isinstance(node, ex.Name)
        scene, name = self.definition.scene, node.id
        if name in bound or name in NUMBERS or node == FULL:
            return
        if f"{name}..." in bound:
            help = f"write `{name}...` among indices, and `{name}[k]` for one"
            yield ill(node, f"`{name}` is a run of indices, and no number", help)
            return
        if name in scene.tensors:
            shape = scene.tensors[name]
            if shape not in ((), ex.Sequence(())):
                yield ill(node, f"`{name}` has dimensions and no index", f"give each an index: `{name}[…]`")
        elif name in self.definition.named:
            if all(equation.indices for equation in self.definition.named[name]):
                yield ill(node, f"`{name}` has indices on the left, and none here", f"write `{name}[…]`")
        elif name in self.tuples:
            names = self.tuples[name].names
            yield ill(node, f"`{name}` is a tuple of tensors", f"read one of them: `{name}.{names[0]}[…]`")
        elif name not in scene.numbers and name not in self.said:
            self.said.add(name)
            near = nearest(name, (*scene.names, *self.definition.named))
            near = ex.show(ex.Literal(name)) if name in self.definition.spec.texts else near
            help = f"write `{near}`" if near else f"an index stands on the left, or under a sum: `sum[{name}](…)`"
            yield UndefinedName.at(Place(PATH, node.span), f"`{name}` is no index here, and no name", help=help)

    def subscript(self, node: ex.Subscript, bound: frozenset[str]) -> Iterator[Finding]:
        found = entry_of(node)
        if found is None:
            at_once = indices_at_once(node)
            help = f"write all indices at once: `{ex.show(at_once)}`" if at_once else "write `weight[o, c]`"
            yield ill(node, "an entry is read by a name and its indices", help)
            return
        if found.path and found.name.id in self.tuples:
            near = nearest(found.path[0], self.tuples[found.name.id].names)
            help = f"write `{found.name.id}.{near or self.tuples[found.name.id].names[0]}[…]`"
            yield UndefinedName.at(
                Place(PATH, node.value.span), f"`{found.name.id}` has no `{found.path[0]}`", help=help
            )
            return
        if found.name.id in self.definition.scene.members:
            yield from check_member(self.definition, found, lambda inner: self.index(inner, bound))
            return
        if found.call is not None and found.name.id in self.definition.callables:
            yield misplaced(found)
            return
        if found.inner:
            near = nearest(found.name.id, (*self.definition.scene.members, *FUNCTIONS))
            help = f"write `{near}`" if near else "what is called and then indexed is a layer that this one is made of"
            yield UndefinedName.at(Place(PATH, found.name.span), f"`{found.name.id}` is no member", help=help)
            return
        name, padded, indices = found.name, found.padded, found.all
        if ranges := [index for index in indices if _is_range(index, bound)]:
            written = ex.show(ranges[0])
            help = f"name the index alone here, and write `{written}` on the left of the equation, or under a sum"
            yield ill(ranges[0], f"`{written}` is a range, and what is read has an index there", help)
            return
        scene = self.definition.scene
        if f"{name.id}..." in bound and isinstance(node.index, ex.Slice):
            yield ill(node, "one index of a run is read at a time", f"write `{name.id}[k]`")
            return
        if f"{name.id}..." in bound or self.is_list(found):
            ends = node.index.children if isinstance(node.index, ex.Slice) else (node.index,)
            for end in ends:
                assert isinstance(end, ex.Expression)
                yield from self.expression(end, bound)
            return
        for index in indices:
            yield from self.index(index, bound)
        if name.id in scene.families:
            yield from self.family(found)
        elif found.which is not None:
            help = f"write all indices at once: `{ex.show(indices_at_once(node) or node)}`"
            yield ill(node, f"`{name.id}` is no family of tensors", help)
        elif name.id in scene.tensors:
            yield from self.rank(node, name, indices)
        elif name.id in self.definition.named:
            lists = [equation.indices for equation in self.definition.named[name.id]]
            counts = {len(own) for own in lists}
            loose = any(isinstance(bare_index(index), ex.Splice) for own in (indices, *lists) for index in own)
            if len(indices) not in counts and not loose:
                left = plural(min(counts), "index", "indices")
                yield ill(node, f"`{name.id}` has {left} on the left, and {len(indices)} here")
            outside = next((index for own in lists for index in own if is_below_zero(index)), None) if padded else None
            if outside is not None:
                yield ill(node, *in_zeros(name.id, outside, node.index))
        elif name.id in self.tuples:
            yield from self.name(name, bound)
        elif padded or name.id not in scene.numbers:
            near = nearest(name.id, (*scene.tensors, *self.definition.named))
            help = f"write `{near}`" if near else "a tensor of the layer, or a name on a left side, has entries"
            message = f"`{name.id}` is no tensor and has no equation"
            yield UndefinedName.at(Place(PATH, name.span), message, help=help)

    def is_list(self, entry: Entry) -> bool:
        """Whether what is read is an item of a list of numbers, or several of them."""
        scene, name = self.definition.scene, entry.name.id
        numbers = name in scene.numbers and name not in scene.tensors and name not in self.definition.named
        return (numbers or entry.name == FULL) and entry.which is None and not entry.padded

    def index(self, node: ex.Expression, bound: frozenset[str]) -> Iterator[Finding]:
        """An index, which may be a run of them that is bound."""
        run = run_name(node)
        if run is None:
            yield from self.expression(node, bound)
        elif run not in bound:
            help = f"let it stand on the left, `y[{run}, i] = …`, or under a sum, `sum[{run}](…)`"
            help = AT_FULL_SHAPE if letter(run) in self.definition.scene.met else help
            yield ill(node, f"`{run}` is no index here", help)

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
        if possible and not any(fits(layout, indices, self.definition.runs) for layout in possible):
            layout = possible[0]
            shape = ", ".join(ex.show(item) for item in layout.items)
            message = f"`{name.id}` has the shape [{shape}], and {plural(len(indices), 'index', 'indices')} here"
            help = "give each dimension an index"
            help = f"{help}; `...` stands for the leading ones" if RUN in layout.items else help
            meeting = self.meant_to_meet(layout, indices)
            labels = self.with_the_run() if meeting else ()
            yield IllDefined.at(Place(PATH, node.span), message, labels=labels, help=meeting or help)

    def meant_to_meet(self, layout: Layout, indices: tuple[ex.Expression, ...]) -> str | None:
        """What to write where ``...`` stands for another run than a tensor has, as if the two were broadcast."""
        run, runs = self.definition.scene.run, [item.value for item in layout.items if isinstance(item, ex.Splice)]
        if run is None or RUN not in indices or len(runs) != 1 or not isinstance(runs[0], ex.Name):
            return None
        own = runs[0].id
        meeting = f"where `{own}` is broadcast with it, let the output say so, `broadcast({run}, {own})`"
        return f"`...` are the sizes of `{run}`; {meeting}; else give `{own}` an index of its own, `{own.lower()}...`"

    def with_the_run(self) -> tuple[Label, ...]:
        """The outputs that have the run that ``...`` stands for."""
        text = f"has the sizes of `{self.definition.scene.run}` alone"
        having = (
            name for name, shape in self.definition.scene.outputs.items() if isinstance(shape, tuple) and RUN in shape
        )
        return tuple(Label(Place(("outputs", name, "shape")), text) for name in having)

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
        if word in INDEX_OF and run_name(indices[0]):
            yield ill(indices[0], f"`{word}` gives one index, and no run of them", f"write `{word}[i](…)`")
            return
        inner = bound
        for index in indices:
            written = written_index(index)
            taken = self.definition.scene.names | self.definition.named.keys()
            if written is None or (written[0] != "..." and written[0] in taken):
                what = f"`{written[0]}` has a meaning already, and" if written else f"`{ex.show(index)}`"
                meant = ranged(index)
                help = f"write `{word}[{meant}](…)`" if meant else "name the index by a letter that nothing else has"
                yield ill(index, f"{what} cannot be an index", help)
                return
            name, size = written
            if letter(name) in map(letter, inner):
                help = "name the run that is summed: `sum[s...](x[s...])`" if name == "..." else "choose another letter"
                yield ill(index, f"`{name}` is an index already", help)
            if size is not None:
                yield from self.expression(size, inner)
            inner |= {name}
        yield from self.expression(body, inner)
        for index in indices:
            yield from self.told(index, body)

    def told(self, index: ex.Expression, body: ex.Expression) -> Iterator[Finding]:
        """An index of a sum has a range."""
        written = written_index(index)
        if written is None or written[1] is not None:
            return
        name = written[0]
        mentioned = letter(name) in ex.names(body) or RUN in ex.walk(body) if is_run(name) else name in ex.names(body)
        if not mentioned:
            help = "delete it" if name == "..." else "delete it, or write its range"
            yield ill(index, f"`{name}` is nowhere in what is summed", help)
        elif not self.ranges.read(name, (body,)):
            help = f"write it: `[{self.range_of(name)}]`"
            yield ill(index, f"nothing tells how far the {_kind(name)} `{name}` runs", help)

    @property
    def tuples(self) -> Mapping[str, TensorTuple]:
        return tuples_read(self.definition.spec)

    def range_of(self, name: str) -> str:
        """How the range of an index is written."""
        run = self.definition.scene.run
        return f"{name} < {run}[:k]" if is_run(name) and run else f"{name} < …"

    def called(self, node: ex.Call) -> Finding | None:
        """What is wrong with a call of a member with numbers, or of what is no function."""
        name, scene = node.function, self.definition.scene
        place = Place(PATH, node.function_span)
        if name in scene.members:
            parts = [argument.value if isinstance(argument, ex.Subscript) else argument for argument in node.arguments]
            first = next((part.index for part in node.arguments if isinstance(part, ex.Subscript)), ex.Literal(...))
            whole = ex.Subscript(ex.Call(name, tuple(parts)), first)
            help = f"hand it whole tensors, and read an entry of what it gives: `{ex.show(whole)}`"
            return IllDefined.at(place, f"`{name}` is a member, which takes no numbers", help=help)
        if name in scene.tensors or name in self.definition.named:
            kind = "tensor" if name in scene.tensors else "name on a left side"
            help = f"write its indices in brackets, `{name}[…]`, and `*` for a product"
            return IllDefined.at(place, f"`{name}` is a {kind}, and no function", help=help)
        return None

    def call(self, node: ex.Call, bound: frozenset[str]) -> Iterator[Finding]:
        place = Place(PATH, node.function_span)
        if node.function in ("mean", "padded"):
            help = "write the indices: `mean[i](x[i])`" if node.function == "mean" else "write `padded(x)[n, i]`"
            yield IllDefined.at(place, f"`{node.function}` needs indices", help=help)
            return
        if (finding := self.called(node)) is not None:
            yield finding
            return
        if node.function in self.definition.callables:
            yield from check_chosen(self.definition, node)
            yield from (found for argument in node.arguments for found in self.expression(argument, bound))
            return
        if node.function in DRAWN and len(node.arguments) != len(takes := TAKES[node.function]):
            yield ill(node, f"`{node.function}` takes a {' and a '.join(takes)}")
        elif node.function not in FUNCTIONS and node.function not in DRAWN:
            functions = (*FUNCTIONS, *DRAWN)
            near = nearest(node.function, functions)
            known = f"write `{near}`" if near else f"the functions here are {', '.join(sorted(functions))}"
            help = help_with_op(node.function) or known
            message = f"`{node.function}` is no function of numbers"
            yield UndefinedName.at(place, message, help=help)
        if node.keywords:
            yield ill(node.keywords[0], "the functions of a definition have no keywords")
        for argument in node.arguments:
            counted = node.function == "len" and isinstance(argument, ex.Name) and f"{argument.id}..." in bound
            yield from self.expression(argument, bound) if not counted else ()


def _drawn_in(condition: ex.Expression) -> Iterator[Finding]:
    """Yield the random numbers by which one of several equations would be chosen."""
    for node in ex.walk(condition):
        if isinstance(node, ex.Call) and node.function in DRAWN:
            help = f"draw it in an equation: `… if {ex.show(node)} else …`"
            yield ill(node, "which equation holds is no matter of chance", help)


def _is_range(index: ex.Expression, bound: frozenset[str]) -> bool:
    """Whether an index stands where it is read with the range that it has where it is bound: ``i < D``."""
    match index:
        case ex.Compare(ex.Name(id=name), ("<",), (size,)):
            return name in bound and not bound & {part.id for part in ex.walk(size) if isinstance(part, ex.Name)}
    return False
