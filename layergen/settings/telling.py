"""What tells settings apart that take different ways through a forward."""

from collections.abc import Sequence

from layergen.lang.tuples import wholes
from layergen.resolve.program import Program
from layergen.settings.choice import Setting


def flags(program: Program, setting: Setting) -> list[str]:
    """What makes a setting take its way through the forward: flags, choices, and what is left out."""
    values = ((name, setting.values[name]) for name in program.decided)
    axes = {name for name, part in program.arguments.items() if part.of is not None}
    named = ((name, value) for name, value in values if name in axes or isinstance(value, bool | str) or value is None)
    turned = [f"{name}={value!r}" for name, value in named]
    return [*turned, *(f"without {name}" for name in wholes(sorted(setting.absent)))]


def alone(program: Program, ways: Sequence[Setting], others: Sequence[Setting]) -> tuple[str, ...] | None:
    """What tells some ways from others, and the one flag of these that does it alone, if there is just one."""
    telling = distinguishing(program, ways, others)
    taken = {flag for other in others for flag in flags(program, other)}
    able = [flag for flag in telling or () if flag not in taken]
    return tuple(able) if len(able) == 1 else telling


def distinguishing(program: Program, ways: Sequence[Setting], others: Sequence[Setting]) -> tuple[str, ...] | None:
    """What tells some ways through the forward from others: flags that the former share, and one of which each lacks.

    Nothing where there are no others; None where no flags tell them apart.
    """
    own = [set(flags(program, way)) for way in ways if way not in others]
    if not own or not others:
        return ()
    shared = set.intersection(*own)
    telling = [flag for flag in sorted(shared) if not all(flag in flags(program, other) for other in others)]
    apart = telling and all(set(telling) - {*flags(program, other)} for other in others)
    return tuple(telling) if apart else None
