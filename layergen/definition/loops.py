"""A definition as plain Python: a function for each name, that computes an entry by loops over numbers."""

import re
from collections.abc import Iterator, Sequence

from layergen.definition.functions import SOURCES
from layergen.definition.grammar import RUN, Equation, index_items, reduction
from layergen.definition.ranges import Ranges
from layergen.definition.scene import Definition, entry_of, written_index
from layergen.lang import expression as ex
from layergen.lang.scalars import NUMBERS

LEADING = "leading"  # what `...` is called
TAKEN = (
    "math", "cache", "fmean", "given", "leading", "index", "sum", "max", "min", "range", "abs", "int", "float", "len",
    "round", "definition", "Mapping", "Callable", "Any", "torch", "Tensor", "nn",
)  # fmt: skip
_REDUCERS = {"sum": "sum", "prod": "math.prod", "mean": "fmean", "max": "max", "min": "min"}


def renamed(name: str) -> str:
    """A name that hides nothing which the code needs itself."""
    return f"{name}_" if name in TAKEN else name


class LoopPrinter(ex.Printer):
    """Prints the expressions of a definition as Python over entries that are numbers."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.ranges = Ranges(definition)
        self.given: set[str] = set()  # the tensors and numbers that were printed

    def name(self, node: ex.Name) -> str:
        name = node.id
        if name in self.definition.scene.tensors:
            self.given.add(name)
        elif name in self.definition.named:
            return f"{renamed(name)}()"
        elif name in self.definition.scene.numbers:
            self.given.add(name)
        elif name in NUMBERS:
            return f"math.{name}"
        return renamed(name)

    def literal(self, node: ex.Literal) -> str:
        return f"*{LEADING}" if node == RUN else super().literal(node)

    def call(self, node: ex.Call) -> str:
        if node.function == "sigmoid":
            inner = self.show(node.arguments[0], ex.PRECEDENCE["unary"])
            return f"(1 / (1 + math.exp(-{inner})))"
        return f"{SOURCES[node.function]}({self.arguments(node)})"

    def apply(self, node: ex.Apply) -> str:
        found = reduction(node)
        assert found is not None
        word, indices, body = found
        loops = []
        for index in indices:
            written = written_index(index)
            assert written is not None
            name, size = written
            stop = self.show(size if size is not None else self.ranges.read(name, (body,))[0].size)
            loops.append(f"for {renamed(name)} in range({stop})")
        return f"{_REDUCERS[word]}({self.show(body)} {' '.join(loops)})"

    def bare(self, node: ex.Expression) -> str:
        if not isinstance(node, ex.Subscript):
            return super().bare(node)
        found = entry_of(node)
        assert found is not None
        name, padded = found
        text = ", ".join(self.show(index) for index in index_items(node.index))
        if name.id in self.definition.scene.tensors:
            self.given.add(name.id)
            return f"{renamed(name.id)}.padded({text})" if padded else f"{renamed(name.id)}[{text}]"
        if name.id in self.definition.named:
            return f"{renamed(name.id)}({text})"
        return f"{self.name(name)}[{text}]"


def definition_lines(definition: Definition, outputs: Sequence[str]) -> tuple[str, ...]:
    """The body of a function that is given tensors and numbers by their names, and gives a function for each output."""
    printer = LoopPrinter(definition)
    functions = [["", "@cache", *_function(printer, name)] for name in definition.named]
    given = [f"{renamed(name)} = {_given(definition, name)}" for name in sorted(printer.given)]
    returned = ", ".join(f'"{name}": {renamed(name)}' for name in outputs)
    return (*given, *(line for lines in functions for line in lines), "", f"return {{{returned}}}")


def _given(definition: Definition, name: str) -> str:
    return f'given.get("{name}")' if name in definition.scene.optional else f'given["{name}"]'


def given_numbers(definition: Definition) -> tuple[str, ...]:
    """The names of the numbers that this function is given."""
    printer = LoopPrinter(definition)
    for name in definition.named:
        list(_function(printer, name))
    return tuple(sorted(printer.given - set(definition.scene.tensors)))


def _function(printer: LoopPrinter, name: str) -> Iterator[str]:
    """The function that computes the entries of a name."""
    equations = printer.definition.named[name]
    plain = len({len(equation.indices) for equation in equations}) == 1
    plain = plain and not any(RUN in equation.indices for equation in equations)
    names = _parameters(printer.definition, equations) if plain else None
    body: list[str] = []
    for place, equation in enumerate(equations):
        lines = list(_returning(printer, equation, names))
        if place < len(equations) - 1:
            tests = [*_fixed(printer, equation, names), *_conditions(printer, equation, equations[:place])]
            body += [f"if {' and '.join(tests)}:", *(f"    {line}" for line in lines)]
        else:
            body += lines
    if names is None:
        signature = "*index: int"
    else:
        used = [own if re.search(rf"\b{own}\b", "\n".join(body)) else f"_{own}" for own in names]
        signature = ", ".join(f"{own}: int" for own in used)
    yield f"def {renamed(name)}({signature}) -> Any:"
    yield from (f"    {line}" for line in body)


def _parameters(definition: Definition, equations: Sequence[Equation]) -> list[str]:
    """A name for each index: that of the equation that holds in general, as far as it has one."""
    names: list[str] = []
    for position in range(len(equations[0].indices)):
        free = [definition.free(equation)[position] for equation in reversed(equations)]
        name = next((own for own in free if own is not None and renamed(own) not in names), f"index_{position}")
        names.append(renamed(name))
    return names


def _fixed(printer: LoopPrinter, equation: Equation, names: Sequence[str] | None) -> Iterator[str]:
    """The conditions that an equation's fixed indices are."""
    count, run = len(equation.indices), RUN in equation.indices
    for position, free in enumerate(printer.definition.free(equation)):
        if free is None:
            behind = run and position > list(equation.indices).index(RUN)
            own = names[position] if names else f"index[{position - count if behind else position}]"
            yield f"{own} == {printer.show(equation.indices[position], ex.PRECEDENCE['|'])}"


def _conditions(printer: LoopPrinter, equation: Equation, before: Sequence[Equation]) -> Iterator[str]:
    """The conditions of an equation, but for those that follow since none before it has held."""
    passed = [other.conditions for other in before if not printer.definition.fixed(other)]
    for place, condition in enumerate(equation.conditions):
        above = equation.conditions[:place]
        if isinstance(condition, ex.Unary) and (*above, condition.operand) in passed:
            continue
        yield printer.show(condition, ex.PRECEDENCE["not"])


def _returning(printer: LoopPrinter, equation: Equation, names: Sequence[str] | None) -> Iterator[str]:
    """The lines that give an equation's indices their names, and return its value."""
    value = printer.show(equation.value)
    free = printer.definition.free(equation)
    if names is not None:
        pairs = [(renamed(own), name) for own, name in zip(free, names, strict=True) if own and renamed(own) != name]
        pairs = [(own, name) for own, name in pairs if re.search(rf"\b{own}\b", value)]
        if pairs:
            yield f"{', '.join(own for own, _ in pairs)} = {', '.join(name for _, name in pairs)}"
    elif free:
        targets = [_target(own, position, value) for position, own in enumerate(free)]
        if not all(target.lstrip("*").startswith("_") for target in targets):
            left = f"({targets[0]},)" if len(targets) == 1 else ", ".join(targets)
            left = LEADING if targets == [f"*{LEADING}"] else left
            yield f"{left} = index"
    yield f"return {value}"


def _target(own: str | None, position: int, value: str) -> str:
    name = f"index_{position}" if own is None else LEADING if own == "..." else renamed(own)
    used = re.search(rf"\b{name}\b", value) is not None
    return f"{'*' if own == '...' else ''}{'' if used else '_'}{name}"
