"""Lengths of the lists among the arguments: one entry says nothing of which is read, and many nothing of one alone."""

from collections.abc import Iterable, Mapping
from typing import Any

from layergen.lang import argument_types
from layergen.resolve.program import Program
from layergen.settings.search import candidates


def other_lengths(program: Program, tried: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """For each list of any length that settings have only as several entries, lists of one, and the other way round.

    Args:
        program: The layer.
        tried: The arguments at the settings that there are.
    """
    seen = list(tried)
    pools: dict[str, list[Any]] = {}
    for name, argument in program.decided.items():
        lists = [values[name] for values in seen if isinstance(values[name], tuple)]
        if argument.type.count != argument_types.ANY or not lists:
            continue
        single, unequal = any(len(entries) == 1 for entries in lists), any(len({*entries}) > 1 for entries in lists)
        pool = candidates(argument, defaulted=not argument.required)
        others = [entries for entries in pool if (len({*entries}) > 1 if single else len(entries) == 1)]
        if single != unequal and others:
            pools[name] = others
    return pools
