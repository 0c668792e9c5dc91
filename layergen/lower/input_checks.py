"""Lowers the checks of input shapes: what is refused, and what the message says."""

from collections.abc import Iterator, Sequence

from layergen.lang import expression as ex
from layergen.lower.docs import shape_text
from layergen.lower.scopes import negated
from layergen.lower.source import SourcePrinter, formatted
from layergen.prove.input_checks import InputCheck, LeadingDemand, RankDemand, SizeDemand, leading
from layergen.resolve.program import Program
from layergen.resolve.signature import Entry, Sizes


def size_of(entry: Entry) -> str:
    """Where a size can be read: ``x.shape[-1]``."""
    return f"{entry.input}.shape[{entry.index}]"


def mentioned_dimensions(program: Program, check: InputCheck) -> set[str]:
    """The names that a check compares with, but for those that it reads off the input itself."""
    if not isinstance(check.demand, SizeDemand):
        return set()
    entry = check.demand.entry
    return ex.names(entry.expression).difference(own_names(program, check.input, entry))


def told(program: Program, name: str, checks: Sequence[InputCheck]) -> dict[str, InputCheck]:
    """What a message says an input must have, with a check that asks for it.

    Numbers say it themselves, and what the input has in another place need not be there when the message is written.
    Leading dimensions are ``*``, as in the docstring.
    """
    found = {}
    for check in checks:
        match check.demand:
            case LeadingDemand():
                found["*"] = check
            case SizeDemand(entry=entry) if ex.names(entry.expression) and not own_names(program, name, entry):
                found[ex.show(entry.expression)] = check
    return found


def own_names(program: Program, name: str, entry: Entry) -> dict[str, Entry]:
    """The dimensions that an entry mentions and that have their size from the same input or in the same cases alone."""
    needs = entry.needs
    mentioned = ex.names(entry.expression)
    found = {name: program.dimensions[name].at(needs) for name in program.dimensions if name in mentioned}
    return {key: where for key, where in found.items() if where and (where.input == name or where.needs)}


def expectation(name: str, sizes: Sizes, told: Iterator[tuple[str, str]]) -> Iterator[str | tuple[str]]:
    """The parts of a message about an input of a wrong shape: texts, and one-tuples with the source of values."""
    yield f"expected {name} of shape {shape_text(sizes.entries)}"
    for index, (known, value) in enumerate(told):
        yield f"{', ' if index else ' with '}{known}="
        yield (value,)
    yield ", got "
    yield (f"tuple({name}.shape)",)


class InputCheckWriter:
    """Writes the checks of inputs, in which dimensions of other inputs have their names already."""

    def __init__(self, program: Program, checks: Sequence[InputCheck], printer: SourcePrinter) -> None:
        self.program = program
        self.checks = checks
        self.printer = printer

    def lines(self, name: str) -> Iterator[str]:
        """Refuse an input of a shape that torch would let through."""
        for sizes in self.program.shapes[name]:
            checks = [check for check in self.checks if check.input == name and check.demand.sizes == sizes]
            if checks:
                yield f"if {self.condition(name, sizes, checks)}:"
                said = ((known, self.value(check)) for known, check in told(self.program, name, checks).items())
                yield f"    raise ValueError({formatted(*expectation(name, sizes, said))})"

    def condition(self, name: str, sizes: Sizes, checks: Sequence[InputCheck]) -> str:
        """When an input that is meant to have some shape has another one."""
        wrong = [self.broken(check) for check in checks]
        meant = [f"{name} is not None"] if self.program.inputs[name].optional else []
        for test, holds in sizes.tests:
            meant.append(self.printer.show(test if holds else negated(test), ex.PRECEDENCE["and"]))
        whole = " or ".join(wrong)
        return " and ".join([*meant, f"({whole})" if meant and len(wrong) > 1 else whole])

    def broken(self, check: InputCheck) -> str:
        """When a demand is not kept."""
        match check.demand:
            case RankDemand(input=name, least=least, exact=exact):
                return f"{name}.dim() {'!=' if exact else '<'} {least}"
            case LeadingDemand(input=name, tail=tail, source=source, source_tail=source_tail):
                return f"{leading(name, tail)} != {leading(source, source_tail)}"
            case SizeDemand(entry=entry):
                return f"{size_of(entry)} != {self.expected(entry)}"
        raise TypeError(f"no way to check {check.demand}")

    def expected(self, entry: Entry) -> str:
        """What a size must be, as source."""
        own = own_names(self.program, entry.input, entry)

        def read(part: ex.Expression) -> ex.Expression | None:
            return ex.Name(size_of(own[part.id])) if isinstance(part, ex.Name) and part.id in own else None

        return self.printer.show(ex.transform(entry.expression, read), ex.PRECEDENCE["compare"] + 1)

    def value(self, check: InputCheck) -> str:
        """What a message shows of what is demanded."""
        match check.demand:
            case LeadingDemand(source=source, source_tail=tail):
                return f"tuple({leading(source, tail)})"
            case SizeDemand(entry=entry):
                return self.printer.show(entry.expression)
        raise TypeError(f"nothing to say of {check.demand}")
