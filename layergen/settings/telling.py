"""What tells settings apart that take different ways through a forward."""

from collections.abc import Sequence
from itertools import combinations

from layergen.lang.tuples import wholes
from layergen.resolve.program import Program
from layergen.settings.choice import Setting

IN_NUMBERS = "numbers for "  # how a flag begins that says that an argument is not given as text


def flags(program: Program, setting: Setting) -> list[str]:
    """What makes a setting take its way through the forward: flags, choices, and what is left out."""
    values = ((name, setting.values[name]) for name in program.decided)
    axes = {name for name, part in program.arguments.items() if part.of is not None}
    named = ((name, value) for name, value in values if name in axes or isinstance(value, bool | str) or value is None)
    turned = [f"{name}={value!r}" for name, value in named]
    return [*turned, *(f"without {name}" for name in wholes(sorted(setting.absent)))]


def _all_flags(program: Program, setting: Setting, optional: bool = False) -> list[str]:
    """The same, and for which arguments there are numbers where text might be, or else nothing."""
    parts = program.decided.items()
    worded = (name for name, part in parts if part.type.worded or (optional and part.optional))
    return [
        *flags(program, setting),
        *(f"{IN_NUMBERS}{name}" for name in worded if isinstance(setting.values[name], int | float | tuple)),
    ]


def alone(
    program: Program, ways: Sequence[Setting], others: Sequence[Setting], optional: bool = False
) -> tuple[str, ...] | None:
    """What tells some ways from others, and the fewest flags of these that do it alone, if no others are as few."""
    telling = distinguishing(program, ways, others, optional)
    taken = [{*_all_flags(program, other, optional)} for other in others]
    for count in range(1, len(telling or ())):
        able = [chosen for chosen in combinations(telling or (), count) if all({*chosen} - other for other in taken)]
        if able:
            return able[0] if len(able) == 1 else telling
    return telling


def distinguishing(
    program: Program, ways: Sequence[Setting], others: Sequence[Setting], optional: bool = False
) -> tuple[str, ...] | None:
    """What tells some ways through the forward from others: flags that the former share, and one of which each lacks.

    Nothing where there are no others; None where no flags tell them apart.

    Args:
        program: The layer.
        ways: The ways, among them the others.
        others: The others.
        optional: Whether it is a flag too that an optional argument is there.
    """
    own = [set(_all_flags(program, way, optional)) for way in ways if way not in others]
    if not own or not others:
        return ()
    shared = set.intersection(*own)
    taken = [{*_all_flags(program, other, optional)} for other in others]
    telling = [flag for flag in sorted(shared) if not all(flag in other for other in taken)]
    apart = telling and all(set(telling) - other for other in taken)
    return tuple(telling) if apart else None
