"""Lowers the dimension that may be left out: the lines that put it in, and those that take it out again."""

from collections.abc import Iterator, Mapping, Sequence

from layergen.lang import expression as ex
from layergen.lang.tuples import spread, whole_name, wholes
from layergen.lower.source import SourcePrinter
from layergen.prove.demands import InputCheck, RankDemand, SizeDemand
from layergen.resolve.program import Program
from layergen.resolve.signature import Sizes
from layergen.resolve.unbatched import axis, place_in, telling

INDENT = "    "


def takes_both(program: Program, checks: Sequence[InputCheck]) -> bool:
    """Whether the code of a layer takes a single sample as it takes a batch, its checks of the inputs too."""
    told = telling(program.inputs, program.left_out) if program.left_out is not None else None
    if told is None or not program.single:
        return False
    sizes = [check.demand.entry.expression for check in checks if isinstance(check.demand, SizeDemand)]
    ranked = {check.input for check in checks if isinstance(check.demand, RankDemand)}
    return ranked <= {told.input} and not any(program.left_out in ex.names(size) for size in sizes)


def unpacked(names: Mapping[int, str], count: int, single: bool) -> str:
    """The targets to which a shape is unpacked: names by their places, behind any others where the first may lack."""
    targets = [names.get(index, "_") for index in range(min(names) if single else 0, count)]
    return ", ".join(["*_", *targets] if single else targets)


class UnbatchedWriter:
    """Writes what becomes of a single sample.

    Args:
        program: The layer, of which one dimension may be left out.
        name: That dimension.
        printer: Prints expressions.
        flag: The name under which the code knows that it is left out.
    """

    def __init__(self, program: Program, name: str, printer: SourcePrinter, flag: str) -> None:
        self.program, self.name, self.printer, self.flag = program, name, printer, flag

    def put_in(self) -> Iterator[str]:
        """The lines before the checks of the inputs."""
        told = telling(self.program.inputs, self.name)
        assert told is not None, "dimensions are checked before anything is written"
        yield f"{self.flag} = {told.input}.dim() == {told.rank - 1}"
        yield f"if {self.flag}:"
        for name in wholes(self.program.call):
            items = [item for item in spread([name], self.program.tuples) if item in self.program.inputs]
            lines = list(self.changed(name, items, "unsqueeze"))
            if lines and self.program.inputs[items[0]].optional:
                lines = [f"if {name} is not None:", *(f"{INDENT}{line}" for line in lines)]
            yield from (f"{INDENT}{line}" for line in lines)

    def take_out(self, outputs: Sequence[str]) -> Iterator[str]:
        """The lines before the return of some outputs."""
        lines: list[str] = []
        for name in wholes(outputs):
            lines += self.changed(name, [item for item in outputs if whole_name(item) == name], "squeeze")
        if not lines:
            return
        only = axis(self.program.outputs[outputs[0]], self.name) if len(outputs) == 1 else None
        match only:
            case ex.Conditional(test, then, ex.Literal(value=None)):
                yield f"if {self.printer.show(ex.Binary('and', ex.Name(self.flag), test))}:"
                lines = [f"{outputs[0]} = {self.moved(outputs[0], 'squeeze', then)}"]
            case _:
                yield f"if {self.flag}:"
        yield from (f"{INDENT}{line}" for line in lines)

    def handed_in(self, source: str, sizes: Sizes) -> str:
        """The shape that an input of some dimensions had when it was given, once the one has been put in."""
        place = place_in(sizes, self.name)
        if place is None:
            return f"{source}.shape"
        if place == 0:
            return f"{source}.shape[{self.flag}:]"
        return f"({source}.squeeze({place}) if {self.flag} else {source}).shape"

    def taken_out(self, source: str, sizes: Sizes) -> str:
        """The shape with which an input of some dimensions was given as a single sample."""
        place = place_in(sizes, self.name)
        return f"{source}.shape[1:]" if place == 0 else f"{source}.squeeze({place}).shape"

    def changed(self, name: str, items: Sequence[str], method: str) -> Iterator[str]:
        """The line that gives a tensor, or a tuple of them, one dimension more or less."""
        parts = [self.part(item, method) for item in items]
        if all(part == item for part, item in zip(parts, items, strict=True)):
            return
        yield f"{name} = {parts[0]}" if list(items) == [name] else f"{name} = ({', '.join(parts)})"

    def part(self, item: str, method: str) -> str:
        tensors = self.program.inputs if method == "unsqueeze" else self.program.outputs
        where = axis(tensors[item], self.name)
        return item if where is None else self.moved(item, method, where)

    def moved(self, item: str, method: str, where: ex.Expression) -> str:
        """A tensor with the dimension put in or taken out where it stands; as it is where it stands nowhere."""
        match where:
            case ex.Literal(value=None):
                return item
            case ex.Conditional(test, then, orelse) if ex.Literal(None) in (then, orelse):
                chosen = self.moved(item, method, then), self.moved(item, method, orelse)
                return f"{chosen[0]} if {self.printer.show(test)} else {chosen[1]}"
            case _:
                return f"{item}.{method}({self.printer.show(where)})"
