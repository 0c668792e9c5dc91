"""How the inputs of a layer bind its dimensions: what each entry of a shape is to a caller."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from layergen.diagnostics import Place
from layergen.lang import expression as ex
from layergen.lang.model import Input, LayerSpec
from layergen.lang.tuples import whole_name
from layergen.lang.values import Shape
from layergen.resolve.conditions import NOTHING, Facts, facts, present
from layergen.resolve.equation import Equation, equation

LEADING = ex.Literal(...)


class Binding(Enum):
    """What an entry of an input's shape does."""

    BINDS = auto()  # it gives a dimension its size
    SOLVED = auto()  # it determines the size of a dimension that need not stand alone elsewhere: `C * r ** 2`
    REPEATS = auto()  # it must be as large as the dimension is already
    FIXED = auto()  # arguments say how large it must be
    COMPUTED = auto()  # dimensions do, by more than a bare name
    LEADING = auto()  # it stands for any dimensions
    LIST = auto()  # it stands for as many as a list has, which are as large as it says
    RUN = auto()  # it stands for any dimensions, and gives a run beside ``...`` its sizes


Show = Callable[[ex.Expression], str]


def run_of(entry: ex.Expression) -> str | None:
    """The name of what is put into a shape, if it has one."""
    return entry.value.id if isinstance(entry, ex.Splice) and isinstance(entry.value, ex.Name) else None


def _is_open(entry: ex.Expression) -> bool:
    return entry == LEADING or isinstance(entry, ex.Splice)


@dataclass(frozen=True)
class Sizes:
    """A list of sizes that a shape is, where some conditions hold."""

    entries: tuple[ex.Expression, ...]
    tests: tuple[tuple[ex.Expression, bool], ...] = ()  # conditions, and whether they hold; none: always
    backwards: bool = field(default=False, compare=False)  # whether its first size may be missing
    tells: str | None = field(default=None, compare=False)  # the run beside ``...`` that has its sizes from it

    @property
    def leading(self) -> int | None:
        """Where ``...`` stands."""
        return self.entries.index(LEADING) if LEADING in self.entries else None

    @property
    def loose(self) -> int | None:
        """Where any dimensions may stand, of a number that nothing else tells."""
        told = (index for index, entry in enumerate(self.entries) if run_of(entry) == self.tells)
        return next(told, None) if self.tells is not None else self.leading

    @property
    def opens(self) -> tuple[int, ...]:
        """Where entries stand that are any number of dimensions."""
        return tuple(index for index, entry in enumerate(self.entries) if _is_open(entry))

    @property
    def lists(self) -> tuple[ex.Expression, ...]:
        """The lists whose sizes are among these."""
        spliced = (entry.value for entry in self.entries if isinstance(entry, ex.Splice))
        return tuple(part for part in spliced if self.tells is None or part != ex.Name(self.tells))

    @property
    def least(self) -> int:
        """How many sizes there are, without those of lists and those that may lead."""
        return len(self.entries) - len(self.opens)

    def index(self, position: int) -> int:
        """The index of a size: from the end where any number of dimensions stands before it, or one may be missing."""
        forwards = not self.backwards and (not self.opens or position < self.opens[0])
        return position if forwards else position - len(self.entries)

    def run(self, name: str, position: int, show: Show = ex.show) -> str:
        """The sizes of a tensor that an entry stands for which is any number of them, as Python: ``x.shape[1:]``."""
        before = sum(index < position for index in self.opens)
        after = len(self.opens) - 1 - before
        first, last = position - before, self.least - (position - before)
        lengths = "".join(f" - len({show(part)})" for part in self.lists)
        turn = f"{name}.dim(){f' - {last}' if last else ''}{lengths}"  # where leading dimensions end, and a list begins
        added = f"{f'{first} + ' if first else ''}len({', '.join(map(show, self.lists))})"
        start, stop = str(first or ""), f"-{last}" if last else ""
        if before:
            start = added if position == self.loose else turn
        if after:
            stop = turn if position == self.loose else added
        return f"{name}.shape[{start}:{stop}]" if start or stop else f"{name}.shape"

    @property
    def needs(self) -> Facts:
        """What is known where the shape is this one."""
        return NOTHING.union(*(facts(test, holds) for test, holds in self.tests))


@dataclass(frozen=True)
class Entry:
    """One entry of the shape of an input."""

    input: str
    sizes: Sizes  # the list that it stands in
    position: int  # in the list as it is written
    expression: ex.Expression
    binding: Binding
    needs: Facts = NOTHING  # what is known where there is such an entry
    solves: Equation | None = None  # how it determines a dimension

    @property
    def index(self) -> int:
        return self.sizes.index(self.position)

    @property
    def size(self) -> ex.Expression:
        """Where its size can be read, as Python: ``x.shape[-1]``."""
        return ex.Name(f"{self.input}.shape[{self.index}]")

    @property
    def gives(self) -> ex.Expression:
        """The size of the dimension that it binds: ``x.shape[-1]``, ``x.shape[-1] // r``."""
        return self.solves.solution(self.size) if self.solves else self.size

    def run(self, show: Show = ex.show) -> str:
        """The sizes that it stands for, where they are any number, as Python."""
        return self.sizes.run(self.input, self.position, show)

    @property
    def place(self) -> Place:
        path = ("inputs", self.input, "shape")
        return Place(path if self.sizes.tests else (*path, self.position), self.expression.span)


@dataclass(frozen=True)
class Dimension:
    """A size that the inputs bring with them."""

    name: str
    entries: tuple[Entry, ...]  # where it stands alone or is determined, in the order of the inputs
    source: Entry  # the one that gives it its size: one that is always there, if there is one
    optional: str | None  # the input without which it has no size
    ways: tuple[Entry, ...] = ()  # those of an input that is always there and has it in each of its shapes

    @property
    def giver(self) -> str | None:
        """The one input that has it, if no other does."""
        inputs = {entry.input for entry in self.entries}
        return self.source.input if inputs == {self.source.input} else None

    @property
    def always(self) -> bool:
        """Whether it has a size in every call."""
        return not self.source.needs or bool(self.ways)

    def at(self, known: Facts) -> Entry | None:
        """The entry that gives it its size where something is known."""
        found = (entry for entry in self.ways or (self.source, *self.entries) if entry.needs <= known)
        return next(found, self.source if self.ways else None)

    @property
    def gives(self) -> ex.Expression:
        """Its size, where it has one in every call: ``x.shape[0]``, ``x.shape[0] if batch_first else x.shape[1]``."""
        *ways, last = self.ways or (self.source,)
        found = last.gives
        for way in reversed(ways):
            found = ex.Conditional(all_of(way.sizes.tests), way.gives, found)
        return found


def all_of(tests: Iterable[tuple[ex.Expression, bool]]) -> ex.Expression:
    """That some conditions hold, or do not."""
    first, *others = (test if holds else ex.Unary("not", test) for test, holds in tests)
    found: ex.Expression = first
    for other in others:
        found = ex.Binary("and", found, other)
    return found


def alternatives(shape: Shape) -> tuple[Sizes, ...]:
    """The lists of sizes that a shape may be; none where it is computed in another way."""
    if isinstance(shape, tuple):
        return (Sizes(shape),)
    return tuple(_alternatives(shape, ()))


def _alternatives(shape: ex.Expression, tests: tuple[tuple[ex.Expression, bool], ...]) -> Iterator[Sizes]:
    match shape:
        case ex.Sequence(items=items):
            yield Sizes(items, tests)
        case ex.Binary(operator="+") if any(isinstance(part, ex.Sequence) for part in _summands(shape)):
            yield Sizes(tuple(_joined(_summands(shape))), tests)
        case ex.Conditional(test=test, then=then, orelse=orelse):
            yield from _alternatives(then, (*tests, (test, True)))
            yield from _alternatives(orelse, (*tests, (test, False)))


def _summands(node: ex.Expression) -> list[ex.Expression]:
    """The lists that are joined by ``+``."""
    if isinstance(node, ex.Binary) and node.operator == "+":
        return [*_summands(node.left), *_summands(node.right)]
    return [node]


def _joined(lists: Iterable[ex.Expression]) -> Iterator[ex.Expression]:
    for part in lists:
        yield from part.items if isinstance(part, ex.Sequence) else (ex.Splice(part, span=part.span),)


def entries(inputs: Mapping[str, Input], scalars: Iterable[str], backwards: Collection[str] = ()) -> Iterator[Entry]:
    """The entries of the lists that the shapes of inputs may be, in order.

    Args:
        inputs: The inputs of a layer.
        scalars: The names of its arguments and derived values; any other bare name is a dimension.
        backwards: The inputs whose first size may be missing, so that the others are counted from the end.
    """
    known = set(scalars)
    written = ((name, sizes) for name, tensor in inputs.items() for sizes in alternatives(tensor.shape))
    lists = [(name, replace(sizes, backwards=name in backwards)) for name, sizes in written]
    lists = list(_telling(inputs, lists, known))
    dimensions = {name for _, sizes in lists for name in _bare(sizes) if name not in known}
    always = {name: not _comes_and_goes(tensor) for name, tensor in inputs.items()}
    lasting = [(input, sizes) for input, sizes in lists if always[input] and not sizes.tests]
    bound = {name for _, sizes in lasting for name in _bare(sizes)}
    solved = dict(_solved(lasting, known, bound))
    dimensions |= {found.dimension for found in solved.values()}
    bound |= {found.dimension for found in solved.values()}
    covered = _covered(inputs)
    bound |= covered.keys()
    seen = set[str]()
    for input, sizes in lists:
        needs = sizes.needs if always[input] else sizes.needs | present(whole_name(input))
        given = {name for name in bound if covered.get(name) != input} if needs else seen
        for position, expression in enumerate(sizes.entries):
            solves = solved.get((input, position))
            binding = Binding.SOLVED if solves else _binding(expression, dimensions, given)
            binding = Binding.RUN if sizes.tells is not None and run_of(expression) == sizes.tells else binding
            yield Entry(input, sizes, position, expression, binding, needs, solves)
            if binding is Binding.BINDS:
                given |= ex.names(expression)


def _telling(
    inputs: Mapping[str, Input], lists: Iterable[tuple[str, Sizes]], known: Collection[str]
) -> Iterator[tuple[str, Sizes]]:
    """The shapes of inputs, with the run that each of them tells: one that is always there, and has no other."""
    told = set[str]()
    for name, sizes in lists:
        own = {run for entry in sizes.entries if (run := run_of(entry)) is not None and run not in known}
        own -= told
        if len(own) == 1 and sizes.leading is None and not sizes.tests and not _comes_and_goes(inputs[name]):
            told |= own
            yield name, replace(sizes, tells=own.pop())
        else:
            yield name, sizes


def _covered(inputs: Mapping[str, Input]) -> dict[str, str]:
    """The names that stand alone in each of the shapes that an input may have which is always there, with that input.

    Those that stand alone in the one shape of another are not among them.
    """
    lasting = {name: alternatives(part.shape) for name, part in inputs.items() if not _comes_and_goes(part)}
    settled = {name for shapes in lasting.values() if len(shapes) == 1 for name in _bare(shapes[0])}
    found: dict[str, str] = {}
    for input, shapes in lasting.items():
        if len(shapes) > 1:
            for name in set[str].intersection(*(set(_bare(sizes)) for sizes in shapes)) - settled:
                found.setdefault(name, input)
    return found


def _solved(
    lists: Iterable[tuple[str, Sizes]], known: set[str], bound: set[str]
) -> Iterator[tuple[tuple[str, int], Equation]]:
    """The entries that determine a dimension which stands alone in none of these lists, by inputs and positions."""
    settled = set(bound)
    for input, sizes in lists:
        for position, expression in enumerate(sizes.entries):
            found = equation(expression, known)
            if found is not None and found.dimension not in settled:
                settled.add(found.dimension)
                yield (input, position), found


def _bare(sizes: Sizes) -> Iterator[str]:
    """The names that stand alone in a list of sizes."""
    return (entry.id for entry in sizes.entries if isinstance(entry, ex.Name))


def _binding(expression: ex.Expression, dimensions: set[str], bound: set[str]) -> Binding:
    if expression == LEADING:
        return Binding.LEADING
    if isinstance(expression, ex.Splice):
        return Binding.LIST
    if isinstance(expression, ex.Name) and expression.id in dimensions:
        return Binding.REPEATS if expression.id in bound else Binding.BINDS
    return Binding.COMPUTED if ex.names(expression) & dimensions else Binding.FIXED


def leading_source(inputs: Mapping[str, Input]) -> Entry | None:
    """The ``...`` of the first input that is always there and has one: where the leading dimensions can be read."""
    found = (entry for entry in entries(inputs, ()) if entry.binding is Binding.LEADING)
    return next((entry for entry in found if not _comes_and_goes(inputs[entry.input])), None)


def sources_of(inputs: Mapping[str, Input], found: Iterable[Entry], run: str | None) -> dict[str, Entry]:
    """Where the sizes of each run can be read, by their names; ``run`` is that of ``...``."""
    first = leading_source(inputs)
    own = {run: first} if run is not None and first is not None else {}
    return own | {str(entry.sizes.tells): entry for entry in found if entry.binding is Binding.RUN}


def shapes_of(inputs: Mapping[str, Input], found: Iterable[Entry]) -> dict[str, tuple[Sizes, ...]]:
    """The lists of sizes that the shape of each input may be, with the run that it tells."""
    tells = {entry.input: entry.sizes.tells for entry in found if entry.binding is Binding.RUN}
    return {
        name: tuple(replace(sizes, tells=tells.get(name)) for sizes in alternatives(tensor.shape))
        for name, tensor in inputs.items()
    }


def _comes_and_goes(part: Input) -> bool:
    """Whether an input does not always have the sizes that its shape says."""
    return part.optional or bool(part.broadcast)


def dimensions_of(inputs: Mapping[str, Input], found: Iterable[Entry]) -> dict[str, Dimension]:
    """The dimensions that some entries bind, in their order."""
    where: dict[str, list[Entry]] = {}
    for entry in found:
        if entry.binding in (Binding.BINDS, Binding.REPEATS) and isinstance(entry.expression, ex.Name):
            where.setdefault(entry.expression.id, []).append(entry)
        elif entry.solves is not None:
            where.setdefault(entry.solves.dimension, []).append(entry)
    dimensions, covered = {}, _covered(inputs)
    for name, several in where.items():
        ways = tuple(entry for entry in several if entry.input == covered.get(name) and entry.binding is Binding.BINDS)
        source = next((entry for entry in several if not entry.needs), next(iter(ways), several[0]))
        optional = whole_name(several[0].input) if inputs[source.input].optional else None
        dimensions[name] = Dimension(name, tuple(several), source, optional, ways)
    return dimensions


def read_dimensions(inputs: Mapping[str, Input], scalars: Iterable[str]) -> dict[str, Dimension]:
    """The dimensions of a layer with these inputs, and these names of arguments and derived values."""
    return dimensions_of(inputs, entries(inputs, scalars))


def dimensions(spec: LayerSpec) -> dict[str, Dimension]:
    """The dimensions of a spec that is not resolved yet."""
    return read_dimensions(spec.inputs, (*spec.arguments, *spec.derived))
