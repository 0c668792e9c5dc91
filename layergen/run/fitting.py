"""Other sizes for a setting at which a layer does not work: larger ones, multiples of its arguments, small ones.

A layer may need what its spec does not say: inputs as large as its windows, lengths that its tables hold, or a batch of
whole groups. Where some sizes suit it, the proofs and the preconditions find out which ones do.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from layergen.resolve.program import Program
from layergen.run.budget import budget
from layergen.run.trial import fails_by_kind, works_at
from layergen.settings.choice import Setting, allowed, case_sizes

LARGER = (3, 9)  # by what sizes grow where a layer needs larger inputs than usual
LONGER = (27, 81, 243, 729)  # the same, where nothing else helps
FACTORS = (3, 5, 7, 11, 13, 17, 19, 23, 29)
LITTLE = (3, 2, 5, 4)
MULTIPLE = 720  # the largest product of arguments of which sizes are made multiples


def fitted(
    program: Program, setting: Setting, works: Callable[[Program, Setting], bool] = works_at, units: bool = False
) -> Setting:
    """The setting, or one with other sizes where the layer works with those alone.

    Args:
        program: The layer.
        setting: The setting.
        works: Tells where the layer works.
        units: Whether a size of 1 is tried at last: at 1, much that is wrong works by accident.
    """
    given = case_sizes(program, setting)  # none of a variation: what its author has chosen, he has chosen for the case
    fixed = {name: size for name, size in given.items() if isinstance(size, int)}
    if fixed.keys() >= setting.sizes.keys() or works(program, setting) or fails_by_kind(program, setting):
        return setting
    with budget():
        return _found(program, setting, works, units, fixed) or setting


def _found(
    program: Program, setting: Setting, works: Callable[[Program, Setting], bool], units: bool, fixed: Mapping[str, int]
) -> Setting | None:
    """The first other sizes at which the layer works."""
    ones = [{**setting.sizes, name: 1} for name in setting.sizes] if units else []
    for sizes in (*_others(setting), *ones):
        other = replace(setting, sizes={**sizes, **fixed})
        if other != setting and allowed(program, other) and works(program, other):
            return other
    return _lengthened(program, setting, works, fixed)


def _lengthened(
    program: Program, setting: Setting, works: Callable[[Program, Setting], bool], fixed: Mapping[str, int]
) -> Setting | None:
    """The setting with only those sizes larger that have to be, by as little as lets the layer work, and some more."""

    def suits(sizes: Mapping[str, int]) -> bool:
        other = replace(setting, sizes={**sizes, **fixed})
        return allowed(program, other) and works(program, other)

    grown = [{name: size * times for name, size in setting.sizes.items()} for times in LONGER]
    sizes = next((each for each in grown if suits(each)), None)
    if sizes is None:
        return None
    for name, own in setting.sizes.items():
        below, above = own - 1, sizes[name]
        while above - below > 1:
            middle = (above + below) // 2 if below >= own else own  # most need not be larger at all
            below, above = (below, middle) if suits({**sizes, name: middle}) else (middle, above)
        roomy = {**sizes, name: above + own if above > own else own}
        sizes = roomy if suits(roomy) else {**sizes, name: above}
    return replace(setting, sizes={**sizes, **fixed})


def _others(setting: Setting) -> Iterator[dict[str, int]]:
    """Sizes to try, those that all grow alike first, and then one dimension after the other."""
    for times in LARGER:
        yield {name: size * times for name, size in setting.sizes.items()}
    numbers = [part for value in setting.values.values() for part in (value if isinstance(value, tuple) else (value,))]
    ints = {part for part in numbers if type(part) is int and part > 1}
    multiple = next((found for found in (math.prod(ints), *sorted(ints, reverse=True)) if found <= MULTIPLE), 1)
    bound = max(ints, default=0)
    free = [size for size in LITTLE if size not in ints and size < bound]
    if setting.name != "default":  # there, no size is equal to another by accident
        free += [size for size in LITTLE if size in ints]
    for pool in ([2 * factor for factor in FACTORS], [multiple * factor for factor in FACTORS], free):
        for index, name in enumerate(setting.sizes):
            for size in pool if pool is free else pool[index : index + 1]:
                yield {**setting.sizes, name: size}
        if len(pool) >= len(setting.sizes):
            yield dict(zip(setting.sizes, pool, strict=False))
