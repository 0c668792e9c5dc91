"""Lowers the checks of input shapes: what is refused, and what the message says."""

from collections.abc import Iterator, Mapping, Sequence, Set

from layergen.lang import expression as ex
from layergen.lang.tuples import whole_name
from layergen.lower.lists import as_tuple
from layergen.lower.scopes import negated
from layergen.lower.shape_docs import or_broadcast, shape_text
from layergen.lower.source import SourcePrinter, formatted
from layergen.lower.unbatched import UnbatchedWriter
from layergen.lower.whole import is_whole, sizes_in_order, twin
from layergen.prove.demands import (
    BroadcastDemand,
    InputCheck,
    LeadingDemand,
    ListDemand,
    RankDemand,
    SizeDemand,
    SolutionDemand,
)
from layergen.resolve.program import Program
from layergen.resolve.signature import Entry, Sizes, leading_source
from layergen.resolve.unbatched import place_in, telling, without


def mentioned_dimensions(program: Program, check: InputCheck) -> frozenset[str]:
    """The names that a check compares with, but for those that it reads off the input itself."""
    if isinstance(check.demand, BroadcastDemand):
        return frozenset[str]().union(*map(ex.names, check.demand.sizes.entries))
    if isinstance(check.demand, ListDemand):
        return ex.names(check.demand.expected) & {*program.runs}
    if not isinstance(check.demand, SizeDemand):
        return frozenset()
    entry = check.demand.entry
    return ex.names(entry.expression).difference(own_names(program, check.input, entry))


def told(program: Program, name: str, checks: Sequence[InputCheck]) -> dict[str, ex.Expression | Entry]:
    """What a message says an input must have: what it is called, and what its value is that of.

    Numbers say it themselves, and what the input has in another place need not be there when the message is written.
    Leading dimensions are called as in the docstring: ``*`` or by their own name.
    """
    found: dict[str, ex.Expression | Entry] = {}
    scalars, run = (*program.arguments, *program.derived), program.run or "*"
    for check in checks:
        match check.demand:
            case LeadingDemand(source=source):
                found[run] = source
            case BroadcastDemand(sizes=sizes):
                if sizes.opens and (leading := leading_source(program.inputs)) is not None:
                    found[run] = leading
                found |= {ex.show(part): part for entry in sizes.entries for part in _values(entry)}
            case SizeDemand(entry=entry) if ex.names(entry.expression) and not own_names(program, name, entry):
                found |= {ex.show(part): part for part in _values(entry.expression)}
            case ListDemand(expected=expected):
                found[ex.show(expected)] = expected
            case SolutionDemand(equation=equation):
                found |= {ex.show(part): part for part in _read(equation.known) if ex.names(part) <= {*scalars}}
    sizes = checks[0].demand.sizes
    beside = {key: part for key, part in _given(program, sizes) if key not in found} if found else {}
    if not beside:
        return found
    order = [run, *(ex.show(part) for entry in sizes.entries for part in _values(entry))]
    places = {key: order.index(key) if key in order else len(order) for key in (*found, *beside)}
    return dict(sorted({**found, **beside}.items(), key=lambda pair: places[pair[0]]))


def _given(program: Program, sizes: Sizes) -> Iterator[tuple[str, ex.Expression]]:
    """The sizes that the constructor was given, which stand beside others, though torch asks for them itself."""
    numbers = {name for name, argument in program.arguments.items() if argument.type.integral}
    for entry in sizes.entries:
        for part in _values(entry):
            if isinstance(part, ex.Name | ex.Subscript) and ex.names(part) <= numbers:
                yield ex.show(part), part


def _read(size: ex.Expression) -> Iterator[ex.Expression]:
    """What a size is computed of: names, and entries of lists."""
    for part in _values(size):
        match part:
            case ex.Name() | ex.Subscript():
                yield part
            case _:
                yield from (ex.Name(name) for name in sorted(ex.names(part)))


def _values(size: ex.Expression) -> Iterator[ex.Expression]:
    """What a message gives the values of, for a reader to work out a size: what its arithmetic begins with."""
    match size:
        case ex.Literal():
            return
        case ex.Splice(value=part):
            yield part
        case ex.Unary(operand=part):
            yield from _values(part)
        case ex.Binary(left=left, right=right):
            yield from _values(left)
            yield from _values(right)
        case _ if ex.names(size):
            yield size


def own_names(program: Program, name: str, entry: Entry) -> dict[str, Entry]:
    """The dimensions that an entry mentions and that have their size from the same input or in the same cases alone."""
    needs = entry.needs
    mentioned = ex.names(entry.expression)
    found = {name: program.dimensions[name].at(needs) for name in program.dimensions if name in mentioned}
    return {key: where for key, where in found.items() if where and (where.input == name or _own(program, key, where))}


def _own(program: Program, dimension: str, where: Entry) -> bool:
    """Whether a dimension has a size in the cases alone in which an entry is there."""
    return bool(where.needs) and not program.dimensions[dimension].always


def expectation(
    program: Program,
    name: str,
    checks: Sequence[InputCheck],
    told: Mapping[str, str],
    shape: str = "",
    single: bool = False,
) -> Iterator[str | tuple[str]]:
    """The parts of a message about an input of a wrong shape: texts, and one-tuples with the source of values.

    Args:
        program: The layer.
        name: The input.
        checks: Those of one shape that it may have.
        told: The sources of the values that the message has, by what they are called.
        shape: The source of the shape that the input has, if that is not what it is by itself.
        single: Whether a single sample was given, without the dimension that may be left out.
    """
    sizes, leading = checks[0].demand.sizes, leading_source(program.inputs)
    if told and leading is not None and sizes.entries == (ex.Literal(...),):  # all of the shape that another one has
        yield f"expected {name} of the shape of {leading.input}, "
        yield from ((value,) for value in told.values())
    else:
        alone = shape_text(without(sizes, program.left_out), program.run) if program.left_out is not None else ""
        yield f"expected {name} of shape {alone if single else shape_text(sizes.entries, program.run)}"
        if program.left_out is not None and _tells(program, name, program.left_out):
            yield f" or {alone}"
        given = {known: value for known, value in told.items() if not (single and known == program.left_out)}
        for index, (known, value) in enumerate(given.items()):
            yield f"{', ' if index else ' with '}{known}="
            yield (value,)
    if any(isinstance(check.demand, BroadcastDemand) for check in checks):
        yield f", {or_broadcast(program.inputs[name])}"
    yield ", got "
    yield (f"tuple({shape or f'{name}.shape'})",)


def has_single(program: Program, name: str, sizes: Sizes) -> bool:
    """Whether an input of some dimensions must lack one where the input that tells so is a single sample."""
    left_out = program.left_out
    return left_out is not None and place_in(sizes, left_out) is not None and not _tells(program, name, left_out)


def _tells(program: Program, name: str, left_out: str) -> bool:
    """Whether the rank of an input tells if a dimension is left out; the others then have to do likewise."""
    found = telling(program.inputs, left_out)
    return found is not None and found.input == name


def rounds(program: Program, checks: Sequence[InputCheck]) -> Iterator[tuple[str, list[InputCheck]]]:
    """The inputs in the order in which they are checked, each with what can be checked there.

    What is always there comes first. Whatever is compared with a size of an input further down comes behind them all.
    """
    seen, late = set[str](), list[InputCheck]()
    for name in sorted(program.inputs, key=lambda name: _comes_and_goes(program, name)):
        seen.add(name)
        own = [check for check in checks if check.input == name]
        yield name, [check for check in own if _sources(program, check) <= seen]
        late += [check for check in own if not _sources(program, check) <= seen]
    for name in dict.fromkeys(check.input for check in late):
        yield name, [check for check in late if check.input == name]


def _sources(program: Program, check: InputCheck) -> set[str]:
    """The inputs that give the sizes which a check mentions."""
    mentioned = mentioned_dimensions(program, check) & set(program.dimensions)
    return {program.dimensions[name].source.input for name in mentioned}


def _comes_and_goes(program: Program, name: str) -> bool:
    """Whether the sizes of an input are not those of each call."""
    return program.inputs[name].optional or len(program.shapes[name]) > 1


class InputCheckWriter:
    """Writes the checks of inputs, in which dimensions of other inputs have their names already.

    Args:
        program: The layer.
        printer: Prints expressions.
        unnamed: The dimensions that have no name, and are read where they are.
        single: Whether the first dimension may be missing here.
        unbatched: Has put a dimension in, where a call may leave one out.
    """

    def __init__(
        self,
        program: Program,
        printer: SourcePrinter,
        unnamed: Set[str] = frozenset(),
        single: bool = False,
        unbatched: UnbatchedWriter | None = None,
    ) -> None:
        self.program = program
        self.single = single
        self.unbatched = unbatched
        self.printer = printer
        self.unnamed = unnamed

    def lines(self, name: str, found: Sequence[InputCheck]) -> Iterator[str]:
        """Refuse an input of a shape that torch would let through."""
        for sizes in self.program.shapes[name]:
            checks = [check for check in found if check.demand.sizes == sizes]
            if checks:
                whole = self.is_of_others(name, checks)
                yield f"{'elif' if whole else 'if'} {self.condition(name, sizes, checks)}:"
                said = {known: self.value(meant) for known, meant in told(self.program, name, checks).items()}
                if self.unbatched is not None and has_single(self.program, name, sizes):
                    handed = self.unbatched.taken_out(self.source(name), sizes)
                    parts = expectation(self.program, name, checks, said, handed, single=True)
                    yield f"    if {self.unbatched.flag}:"
                    yield f"        raise ValueError({formatted(*parts, depth=1)})"
                    whole = True
                handed = "" if whole or self.has_all(name, checks) else self.shape(name, sizes)
                parts = expectation(self.program, name, checks, said, handed)
                yield f"    raise ValueError({formatted(*parts)})"

    def is_of_others(self, name: str, checks: Sequence[InputCheck]) -> bool:
        """Whether a check goes on where a dimension has been put in, as the first one, of no single sample."""
        first = self.unbatched is not None and name == next(rounds(self.program, checks))[0]
        open = all(isinstance(check.demand, RankDemand) and not check.demand.exact for check in checks)
        return first and open and len(self.program.shapes[name]) == 1 and self.has_all(name, checks)

    def has_all(self, name: str, checks: Sequence[InputCheck]) -> bool:
        """Whether what a check refuses is no single sample: this has, by then, as many dimensions as are asked for.

        So it is where nothing is asked for but the number of dimensions of the input that tells single samples.
        """
        told = telling(self.program.inputs, self.unbatched.name) if self.unbatched is not None else None
        return (
            told is not None
            and told.input == name
            and all(isinstance(check.demand, RankDemand) and check.demand.least() == str(told.rank) for check in checks)
        )

    def condition(self, name: str, sizes: Sizes, checks: Sequence[InputCheck]) -> str:
        """When an input that is meant to have some shape has another one."""
        wrong = self.wrong(name, sizes, checks)
        meant = [f"{self.source(whole_name(name))} is not None"] if self.program.inputs[name].optional else []
        for test, holds in sizes.tests:
            meant.append(self.printer.show(test if holds else negated(test), ex.PRECEDENCE["and"]))
        meant += self.unlike(name, sizes, checks)
        whole = " or ".join(wrong)
        return " and ".join([*meant, f"({whole})" if meant and len(wrong) > 1 else whole])

    def unlike(self, name: str, sizes: Sizes, checks: Sequence[InputCheck]) -> list[str]:
        """What is asked first of a shape that is mostly that of another input, to which it may also be broadcast."""
        source = leading_source(self.program.inputs) if sizes.opens else None
        if source is None or source.sizes.entries != sizes.entries:
            return []
        if not all(isinstance(check.demand, BroadcastDemand) for check in checks):
            return []
        return [f"{self.source(name)}.shape != {self.source(source.input)}.shape"]

    def wrong(self, name: str, sizes: Sizes, checks: Sequence[InputCheck]) -> list[str]:
        """What may be wrong with a shape, as a whole where that can be said."""
        other = twin(self.program, name, sizes, checks)
        if other is not None:
            return [f"{self.source(name)}.shape != {self.source(other)}.shape"]
        entries = sizes_in_order(checks)
        own = any(own_names(self.program, name, entry) for entry in entries)
        listed = [check for check in checks if isinstance(check.demand, ListDemand)]
        if listed and len(sizes.entries) == 1:  # which tells the number of dimensions, too
            checks = listed
        if own or sizes.opens or not is_whole(sizes, checks):
            return [self.broken(check) for check in checks]
        expected = ", ".join(map(self.expected, entries))
        return [f"{self.source(name)}.shape != ({expected}{',' if len(entries) == 1 else ''})"]

    def shape(self, name: str, sizes: Sizes) -> str:
        """The shape that an input which is meant to have some dimensions is given with."""
        own = self.source(name)
        return f"{own}.shape" if self.unbatched is None else self.unbatched.handed_in(own, sizes)

    def source(self, name: str) -> str:
        """How the code writes an input."""
        return self.printer.names.get(name, name)

    def broken(self, check: InputCheck) -> str:
        """When a demand is not kept."""
        match check.demand:
            case RankDemand(input=name, sizes=sizes) if self.single:
                return f"{self.source(name)}.dim() not in ({len(sizes.entries) - 1}, {len(sizes.entries)})"
            case RankDemand(input=name, exact=exact) as demand:
                return f"{self.source(name)}.dim() {'!=' if exact else '<'} {demand.least(self.printer.show)}"
            case LeadingDemand(entry=entry, source=source):
                return f"{entry.run(self.printer.show)} != {source.run(self.printer.show)}"
            case ListDemand(entry=entry, expected=expected):
                return f"{entry.run(self.printer.show)} != {self.printer.show(as_tuple(expected))}"
            case SizeDemand(entry=entry):
                return f"{self.printer.show(entry.size)} != {self.expected(entry)}"
            case BroadcastDemand(input=name, sizes=sizes):
                given, (most, whole) = self.source(name), self.whole(sizes)
                pairs = f"zip({given}.shape[::-1], {whole}, strict=False)"
                sign = "!=" if self.program.inputs[name].broadcast == "sizes" else ">"
                many = f"{given}.dim() {sign} {most}"
                return f"({many} or any(size not in (1, whole) for size, whole in {pairs}))"
            case SolutionDemand(condition=condition):
                return self.printer.show(negated(condition))
        raise TypeError(f"no way to check {check.demand}")

    def whole(self, sizes: Sizes) -> tuple[str, str]:
        """How many dimensions a shape has that something is broadcast to, and its sizes from the last one on."""
        source = leading_source(self.program.inputs) if sizes.opens else None
        if source is None:
            return f"{len(sizes.entries)}", self.printer.show(ex.Sequence(sizes.entries[::-1], "("))
        if source.sizes.entries == sizes.entries:  # it is the shape of an input
            return f"{source.input}.dim()", f"{source.input}.shape[::-1]"
        whole = self.printer.show(ex.Sequence(sizes.entries, "("))
        return f"len({whole})", f"{whole}[::-1]"

    def expected(self, entry: Entry) -> str:
        """What a size must be, as source."""
        own = own_names(self.program, entry.input, entry)

        def read(part: ex.Expression) -> ex.Expression | None:
            return own[part.id].gives if isinstance(part, ex.Name) and part.id in own else self.read(part)

        return self.printer.show(ex.transform(entry.expression, read), ex.PRECEDENCE["compare"] + 1)

    def read(self, part: ex.Expression) -> ex.Expression | None:
        """Where to read a dimension that has no name."""
        unnamed = isinstance(part, ex.Name) and part.id in self.unnamed
        return self.program.dimensions[part.id].gives if isinstance(part, ex.Name) and unnamed else None

    def value(self, meant: ex.Expression | Entry) -> str:
        """What a message shows of what is demanded."""
        if isinstance(meant, Entry):
            return f"tuple({meant.run(self.printer.show)})"
        if isinstance(meant, ex.Name) and meant.id in self.program.runs:
            return f"tuple({meant.id})"
        return self.printer.show(ex.transform(meant, self.read))
