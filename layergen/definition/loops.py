"""A definition as plain Python: a function for each name, that computes an entry by loops over numbers."""

import re
from collections.abc import Iterator, Sequence

from layergen.definition.given import given_lines
from layergen.definition.grammar import RUN, Equation
from layergen.definition.loop_printer import LEADING, LoopPrinter, renamed
from layergen.definition.scene import Definition
from layergen.lang import expression as ex


def definition_lines(definition: Definition, inside: bool = False) -> tuple[str, ...]:
    """The body of a function that is given tensors and numbers by their names, and gives a function for each output.

    Args:
        definition: The definition.
        inside: Whether it is that of a member, which finds its dimensions in the shapes of what it is given.
    """
    printer, functions = printed(definition)
    returned = ", ".join(f'"{name}": {printer.own(name)}' for name in definition.scene.outputs)
    return (*given_lines(printer, inside), *functions, "", f"return {{{returned}}}")


def printed(definition: Definition) -> tuple[LoopPrinter, tuple[str, ...]]:
    """The functions of all names, and who printed them and knows what they need."""
    printer = LoopPrinter(definition)
    functions = [["", "@cache", *_function(printer, name)] for name in definition.named]
    return printer, tuple(line for lines in functions for line in lines)


def _function(printer: LoopPrinter, name: str) -> Iterator[str]:
    """The function that computes the entries of a name."""
    equations = printer.definition.named[name]
    even = len({len(equation.indices) for equation in equations}) == 1
    plain = even and not any(RUN in equation.indices for equation in equations)
    names = _parameters(printer.definition, equations) if plain else None
    body: list[str] = []
    for place, equation in enumerate(equations):
        lines = list(_returning(printer, equation, names))
        if place < len(equations) - 1:
            fixed = list(_fixed(printer, equation, names))
            conditions = list(_conditions(printer, equation, equations[:place]))
            # Whether there is such an index at all may be up to the conditions.
            tests = [*fixed, *conditions] if even else [*conditions, *fixed]
            body += [f"if {' and '.join(tests)}:", *(f"    {line}" for line in lines)]
        else:
            body += lines
    if names is None:
        signature = "*index: int"
    else:
        used = [own if re.search(rf"\b{own}\b", "\n".join(body)) else f"_{own}" for own in names]
        signature = ", ".join(f"{own}: int" for own in used)
    yield f"def {printer.own(name)}({signature}) -> Any:"
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
            left = f"[*{LEADING}]" if targets == [f"*{LEADING}"] else left
            yield f"{left} = index"
    yield f"return {value}"


def _target(own: str | None, position: int, value: str) -> str:
    name = f"index_{position}" if own is None else LEADING if own == "..." else renamed(own)
    used = re.search(rf"\b{name}\b", value) is not None
    return f"{'*' if own == '...' else ''}{'' if used else '_'}{name}"
