"""Settings at which an exponent lies between 0 and 1: such a power has no finite slope at 0.

An exponent is an expression of arguments, ``p - 1`` or ``1 / p``. Which value of an argument takes it there is looked
for beside its bounds, and by following a line through two of its values.
"""

import itertools
from collections.abc import Iterator, Sequence

from layergen.domains.limits import behind, exponent_of, number_at, with_arguments
from layergen.lang import expression as ex
from layergen.lang.argument import Argument
from layergen.lang.visitor import sources
from layergen.resolve.program import Program
from layergen.settings.choice import Setting

ROOT = 0.5
BESIDE = (0.5, 0.25)  # how far from a bound, or from the usual value


def at_fractions(program: Program, setting: Setting, nodes: Sequence[ex.Expression]) -> Iterator[tuple[str, Setting]]:
    """The setting with one argument after the other so that an exponent is between 0 and 1, and with it at that itself.

    Args:
        program: The layer.
        setting: Where arguments have ordinary values.
        nodes: The powers.
    """
    exponents = [_written_out(program, power) for node in nodes if (power := exponent_of(node)) is not None]
    for name, argument in program.arguments.items():
        named = [exponent for exponent in exponents if name in behind(program, exponent)]
        if not named or not is_number(argument) or setting.values[name] is None:
            continue
        itself = moved(program, setting, name, ROOT)
        found = [itself] if itself is not None else []
        for exponent in named:
            if not any(_is_inside(exponent, at) for at in (setting, *found)):
                found += itertools.islice(_taken_inside(program, setting, name, exponent), 1)
        yield from ((name, changed) for changed in found if changed.values[name] != setting.values[name])


def is_number(argument: Argument) -> bool:
    """Whether the values of an argument are single numbers that may be fractions."""
    return argument.type.fractional and not argument.type.listed and not argument.type.worded


def moved(program: Program, setting: Setting, name: str, value: float) -> Setting | None:
    """The setting with another value for an argument, if it may have that."""
    return with_arguments(program, setting, {name: value})


def _written_out(program: Program, exponent: ex.Expression) -> ex.Expression:
    """An exponent in arguments, where the forward gives it a name once."""
    if isinstance(exponent, ex.Name) and exponent.id in program.forward.assigned:
        found = list(sources(program.forward.statements, exponent.id))
        return found[0] if len(found) == 1 else exponent
    return exponent


def _taken_inside(program: Program, setting: Setting, name: str, exponent: ex.Expression) -> Iterator[Setting]:
    """The setting with values of an argument at which an exponent is between 0 and 1."""
    argument, usual = program.arguments[name], setting.values[name]
    ends = [float(bound) for bound in (argument.min, argument.max, usual) if bound is not None]
    near = [end + sign * step for end in ends for step in BESIDE for sign in (1, -1)]
    allowed = [changed for value in near if (changed := moved(program, setting, name, value)) is not None]
    yield from (changed for changed in allowed if _is_inside(exponent, changed))
    for other in allowed:
        solved = _solved(exponent, name, setting, other)
        changed = None if solved is None else moved(program, setting, name, solved)
        if changed is not None and _is_inside(exponent, changed):
            yield changed


def _solved(exponent: ex.Expression, name: str, one: Setting, other: Setting) -> float | None:
    """The value of an argument at which a line through two settings reaches the middle between 0 and 1."""
    first, second = number_at(exponent, one), number_at(exponent, other)
    if first is None or second is None or first == second:
        return None
    start = float(one.values[name])
    return round(start + (ROOT - first) * (float(other.values[name]) - start) / (second - first), 6)


def _is_inside(exponent: ex.Expression, setting: Setting) -> bool:
    value = number_at(exponent, setting)
    return value is not None and 0 < value < 1
