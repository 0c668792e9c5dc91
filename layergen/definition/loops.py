"""A definition as plain Python: a function for each name, that computes an entry by loops over numbers."""

import re
from collections.abc import Iterator, Sequence

from layergen.definition.given import given_lines
from layergen.definition.grammar import Equation, is_run
from layergen.definition.loop_printer import LoopPrinter
from layergen.definition.scene import Definition
from layergen.lang import expression as ex


def definition_lines(definition: Definition, inside: bool = False) -> tuple[str, ...]:
    """The body of a function that is given tensors and numbers by their names, and gives a function for each output.

    Args:
        definition: The definition.
        inside: Whether it is that of a member, which finds its dimensions in the shapes of what it is given.
    """
    printer, functions = printed(definition, inside)
    returned = ", ".join(f'"{name}": {printer.own(name)}' for name in _returned(definition, inside))
    return (*given_lines(printer, inside), *functions, "", f"return {{{returned}}}")


def printed(definition: Definition, inside: bool = False) -> tuple[LoopPrinter, tuple[str, ...]]:
    """The functions of all names that are needed, and who printed them and knows what they need themselves."""
    printer = LoopPrinter(definition)
    needed = definition.reached_from(_returned(definition, inside))
    functions = [["", "@cache", *_function(printer, name)] for name in definition.named if name in needed]
    return printer, tuple(line for lines in functions for line in lines)


def _returned(definition: Definition, inside: bool) -> tuple[str, ...]:
    """The names whose entries are asked for: of a member, what it gives alone, and not what its buffers become."""
    return (*definition.scene.outputs, *(() if inside else definition.updates))


def _function(printer: LoopPrinter, name: str) -> Iterator[str]:
    """The function that computes the entries of a name."""
    equations = printer.definition.named[name]
    even = len({len(equation.indices) for equation in equations}) == 1
    places = {tuple(_runs(printer.definition, equation)) for equation in equations}
    plain = even and (places == {()} or places == {(len(equations[0].indices) - 1,)})
    names = _parameters(printer, equations) if plain else None
    cut = any(len(runs) > 1 for runs in places)
    body: list[str] = []
    for place, equation in enumerate(equations):
        lines = list(_returning(printer, equation, names, cut))
        if place < len(equations) - 1:
            fixed = list(_fixed(printer, equation, names))
            conditions = list(_conditions(printer, equation, equations[:place]))
            # Whether there is such an index at all may be up to the conditions.
            tests = [*fixed, *conditions] if even else [*conditions, *fixed]
            body += [f"if {' and '.join(tests)}:", *(f"    {line}" for line in lines)]
        else:
            body += lines
    body = [_whole(line, body) for line in body]
    if names is None:
        signature = "*index: int"
    else:
        used = [own if re.search(rf"\b{own}\b", "\n".join(body)) else f"_{own}" for own in names]
        star = ["*" if position in next(iter(places)) else "" for position in range(len(used))]
        signature = ", ".join(f"{several}{own}: int" for several, own in zip(star, used, strict=True))
    yield f"def {printer.own(name)}({signature}) -> Any:"
    yield from (f"    {line}" for line in body)


def _whole(line: str, body: Sequence[str]) -> str:
    """A line that names all indices at once: as the tuple that they are, unless others make a list of the name."""
    found = re.fullmatch(r"( *)\[\*(\w+)\] = index", line)
    if found is None or any(re.search(rf"\*{found[2]}\b(?!\]).* = index$", other) for other in body):
        return line
    return f"{found[1]}{found[2]} = index"


def _runs(definition: Definition, equation: Equation) -> Iterator[int]:
    """Where runs of indices stand on a left side."""
    return (position for position, free in enumerate(definition.free(equation)) if is_run(free))


def _parameters(printer: LoopPrinter, equations: Sequence[Equation]) -> list[str]:
    """A name for each index: that of the equation that holds in general, as far as it has one."""
    names: list[str] = []
    for position in range(len(equations[0].indices)):
        free = [printer.definition.free(equation)[position] for equation in reversed(equations)]
        own = (printer.index_name(name) for name in free if name is not None)
        names.append(next((name for name in own if name not in names), f"index_{position}"))
    return names


def _fixed(printer: LoopPrinter, equation: Equation, names: Sequence[str] | None) -> Iterator[str]:
    """The conditions that an equation's fixed indices are."""
    for position, free in enumerate(printer.definition.free(equation)):
        if free is None:
            own = names[position] if names else f"index[{_place(printer, equation, position)}]"
            yield f"{own} == {printer.show(equation.indices[position], ex.PRECEDENCE['|'])}"


def _conditions(printer: LoopPrinter, equation: Equation, before: Sequence[Equation]) -> Iterator[str]:
    """The conditions of an equation, but for those that follow since none before it has held."""
    passed = [other.conditions for other in before if not printer.definition.fixed(other)]
    for place, condition in enumerate(equation.conditions):
        above = equation.conditions[:place]
        if isinstance(condition, ex.Unary) and (*above, condition.operand) in passed:
            continue
        yield printer.show(condition, ex.PRECEDENCE["not"])


def _place(printer: LoopPrinter, equation: Equation, position: int) -> str:
    """Where the index at a position on a left side stands among all of them, or where a run begins."""
    runs = list(_runs(printer.definition, equation))
    before = [run for run in runs if run < position]
    if not any(run >= position for run in runs) and before:
        return str(position - len(equation.indices) or "")
    told = [_length(printer, printer.ranges.left(equation, run)[0].size) for run in before]
    single = position - len(before)
    return " + ".join([*told, *([str(single)] if single or not told else [])])


def _length(printer: LoopPrinter, sizes: ex.Expression) -> str:
    """How long a list of sizes is."""
    match sizes:
        case ex.Subscript(value=ex.Name(), index=ex.Slice(start=None, stop=ex.Binary(operator="%") as stop)):
            return printer.show(stop)
    return f"len({printer.show(sizes)})"


def _returning(
    printer: LoopPrinter, equation: Equation, names: Sequence[str] | None, cut: bool = False
) -> Iterator[str]:
    """The lines that give an equation's indices their names, and return its value.

    Args:
        printer: Prints the value.
        equation: The equation.
        names: What the parameters are called; None where they are one list.
        cut: Whether this list is cut into parts by their places, for there are two runs of indices in it.
    """
    value = printer.show(equation.value)
    free = printer.definition.free(equation)
    if names is not None:
        owned = [(printer.index_name(own), name) for own, name in zip(free, names, strict=True) if own]
        pairs = [(own, name) for own, name in owned if own != name and re.search(rf"\b{own}\b", value)]
        if pairs:
            yield f"{', '.join(own for own, _ in pairs)} = {', '.join(name for _, name in pairs)}"
    elif cut:
        yield from _cut(printer, equation, value)
    elif free:
        targets = [_target(printer, own, position, value) for position, own in enumerate(free)]
        if not all(target.lstrip("*").startswith("_") for target in targets):
            left = f"({targets[0]},)" if len(targets) == 1 else ", ".join(targets)
            left = f"[{targets[0]}]" if len(targets) == 1 and is_run(free[0]) else left
            yield from [f"{left} = index"] if left != "[*index]" else []
    yield f"return {value}"


def _target(printer: LoopPrinter, own: str | None, position: int, value: str) -> str:
    name = f"index_{position}" if own is None else printer.index_name(own)
    used = re.search(rf"\b{name}\b", value) is not None
    return f"{'*' if is_run(own) else ''}{'' if used else '_'}{name}"


def _cut(printer: LoopPrinter, equation: Equation, value: str) -> Iterator[str]:
    """The lines that take indices out of the list of them by their places."""
    found: list[tuple[str, str]] = []
    first = _place(printer, equation, next(_runs(printer.definition, equation)) + 1)
    for position, own in enumerate(printer.definition.free(equation)):
        name = printer.index_name(own) if own is not None else ""
        if own is None or re.search(rf"\b{name}\b", value) is None:
            continue
        start = _place(printer, equation, position)
        stop = _place(printer, equation, position + 1) if position + 1 < len(equation.indices) else ""
        part = f"{start if start != '0' else ''}:{stop}" if is_run(own) else start
        found.append((name, f"index[{part.replace(first, 'at')}]"))
    if found:
        yield f"at = {first}"
        yield f"{', '.join(name for name, _ in found)} = {', '.join(part for _, part in found)}"
