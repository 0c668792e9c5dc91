"""Settings at which as many limits of a layer meet as can stand together: few of them, for values to be compared at.

Arguments lie at their bounds, or far from usual where there are none, constraints only just hold, or sizes are 1,
others than usual by 1, so that what divides them leaves another rest, or 0 where loops run over them. Values of options
meet that do so nowhere else.
"""

import math
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import replace
from itertools import product
from typing import Any, Literal

from layergen.domains.limits import allowed_sizes, at_equality, ends, typed, with_arguments
from layergen.lang import expression as ex
from layergen.lang.argument import Argument
from layergen.lang.argument_types import ANY, ArgumentType, Base
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.visitor import nodes
from layergen.resolve.meanings import LEADING
from layergen.resolve.program import Program
from layergen.settings.beside import NUMBERS, TOGETHER
from layergen.settings.beside import counts as counting
from layergen.settings.choice import Setting, allowed, case_sizes, setting_with
from layergen.settings.meeting import meeting
from layergen.settings.operands import operands

LARGEST = 8  # whole numbers that are bounds of sizes
ROUNDED = frozenset({"//", "%"})
ROUNDING = frozenset({"int", "floor", "ceil", "round", "trunc", "remainder", "fmod"})
HALVED = "fft."  # ops that give half of what they take, and one more
NEAR = 2.0**-8  # how far from a bound that it may not have a number is near to it
FAR = 2.5  # beyond 1, on either side, where nothing bounds a number
# Settings at which formulas may overflow that are right, and laws be broken that hold of all but a large epsilon.
LARGE = "of_large_numbers"
FAR_OFF = frozenset({"of_small_numbers", "of_unit_numbers", "of_zeros", LARGE})
EVEN, ODD = "of_ones_at_even_places", "of_ones_at_odd_places"
UNTOLD = FAR_OFF | {EVEN, ODD}  # settings at which a definition may give no number: a mask of one may mark nothing
IDLE = "without_a_turn"  # the setting at which loops over dimensions take no turn
MORE_LEADING = ((2, 1, 3, 2), (2, 4, 6, 2))  # dimensions in the place of `...`, more than elsewhere
INNER = 0.1  # of the way between two bounds, how near to the upper one a number is that lies inside
WHOLE = ((9, 5), (5,), (4,))  # whole numbers beyond those of other settings, and lower ones where these take much room
ROOM = (9, 36)  # by what sizes grow there
MOST = 3500  # of the product of all sizes there
WIDE = "of_large_whole_numbers"


def joined_limits(
    program: Program, usual: Sequence[Setting], counts: Set[str] = frozenset(), batch: str | None = None
) -> Iterator[Setting]:
    """Settings at the limits of a layer, none of which is among the usual ones or has what another one has.

    Args:
        program: The layer.
        usual: The settings that values are compared at anyway, the first of which is brought to its limits.
        counts: The dimensions that loops run over.
        batch: The dimension along which there are samples.
    """
    base = usual[0]
    moved = [setting for name in (TOGETHER, NUMBERS) for setting in usual if setting.name == name][:1]
    moved += usual[-1:] if any(True for _ in operands(program)) else []  # there for one of them, if anything is
    rested = _with_sizes(program, base, lambda size: size + 1) if _divides(program) else base
    made = {
        "at_lower_bounds": _moved(program, base, "min", lambda argument, bound: not _counts(argument, bound)),
        "at_upper_bounds": _moved(program, base, "max", lambda argument, bound: True),
        "of_least_numbers": _moved(program, base, "min", _counts),
        "at_equality": _at_equality(program, base),
        "of_ones": _with_sizes(program, base, lambda size: 1),
        **{f"of_ones_at_{setting.name}": _with_sizes(program, setting, lambda size: 1) for setting in moved},
        IDLE: replace(base, sizes={**base.sizes, **{name: 0 for name in base.sizes if name in counts}}),
        "of_small_numbers": _with_numbers(program, base, _small),
        "of_unit_numbers": _with_numbers(program, base, lambda argument, place, current: 1.0),
        LARGE: _with_more_leading(program, _with_numbers(program, base, _large)),
        WIDE: _with_whole_numbers(program, base),
        "of_zeros": _with_zeros(program, base),
        "of_more_dimensions": _with_more_leading(program, moved[0]) if moved and _turns_axes(program) else base,
        "of_one_dimension": _with_one_leading(usual),
        "of_one_sample": _of_one_sample(program, base, batch),
        "of_reversed_sizes": _reversed(program, base) if _compares_sizes(program) else base,
        "of_other_numbers": other_numbers(program, base) if rested is not base else base,
        "of_other_rests": rested,
        "of_other_rests_at_equality": _at_equality(program, rested) if rested is not base else base,
        EVEN: _with_sizes(program, base, lambda size: 1, list(base.sizes)[::2]),
        ODD: _with_sizes(program, base, lambda size: 1, list(base.sizes)[1::2]),
    }
    made |= {setting.name: setting for setting in meeting(program, usual)}
    known = list(usual)
    for name, setting in made.items():
        if allowed(program, setting) and not any(_same(setting, other) for other in known):
            known.append(replace(setting, name=name, path=()))
            yield known[-1]


def of_a_batch(program: Program, setting: Setting, base: Setting) -> Iterator[Setting]:
    """The setting of ones with the first dimension as in another one: the statistics of a single number are none."""
    first = next(iter(setting.sizes), None)
    if first is not None and len(setting.sizes) > 1 and {*setting.sizes.values()} == {1}:
        batch = replace(setting, sizes={**setting.sizes, first: base.sizes[first]})
        if allowed(program, batch):
            yield batch


def _counts(argument: Argument, bound: float) -> bool:
    """Whether a bound is one of what there is some of, as of channels, heads and steps."""
    return argument.type.integral and bound >= 1


def _same(one: Setting, other: Setting) -> bool:
    """Whether two settings are the same but for their names, and all that is given one by its default."""
    return replace(one, name=other.name, path=other.path, given=other.given) == other


def _moved(
    program: Program, base: Setting, end: Literal["min", "max"], wanted: Callable[[Argument, float], bool]
) -> Setting:
    """The setting with each argument at a bound of the wanted ones that it may have beside those before it.

    Whole numbers in lists that have no least one, as those of a padding, are 0 in its place.
    """
    setting = base
    for name, argument in program.decided.items():
        if not argument.type.numeric or argument.finite or name in program.replaced:
            continue
        neutral = end == "min" and argument.min is None and argument.type.integral and argument.type.listed
        if end not in ends(argument) and not neutral:
            continue
        bound = 0 if neutral else typed(argument, getattr(argument, end))
        large = argument.type.integral and abs(bound) > LARGEST
        value = _like(setting.values[name], bound)
        if value is not None and not large and wanted(argument, bound) and value != setting.values[name]:
            setting = _given(program, setting, base, name, value) or setting
    return setting


def _with_numbers(program: Program, base: Setting, value_of: Callable[[Argument, int, float], float | None]) -> Setting:
    """The setting with other fractions among its arguments, each of those that may be so beside those before it.

    Args:
        program: The layer.
        base: The setting.
        value_of: What an argument is, by its place among the fractions and what it was; None where it stays.
    """
    setting, place = base, 0
    for name, argument in program.decided.items():
        current = setting.values[name]
        if not argument.type.fractional or argument.finite or name in program.replaced or _like(current, 0.0) is None:
            continue
        number = value_of(argument, place, max(current) if isinstance(current, tuple) else current)
        if number is not None:
            setting = _given(program, setting, base, name, _like(current, number)) or setting
        place += 1
    return setting


def _small(argument: Argument, place: int, _: float) -> float | None:
    """A number near to the least, or a negative one where there is no least one, another at each place."""
    if argument.min is None:
        return -FAR - place
    return argument.min + (place + 1) * NEAR if argument.excludes("min") else None


def _large(argument: Argument, place: int, current: float) -> float | None:
    """A number beyond 1 where there is no largest one, another at each place, or else one near to the largest."""
    if argument.max is None:
        return max(FAR + place, 2.0 * current)
    if argument.excludes("max"):
        return argument.max - (place + 1) * NEAR
    return None if argument.min is None else argument.max - INNER * (argument.max - argument.min)


def _with_zeros(program: Program, base: Setting) -> Setting:
    """The setting with each number 0 that may be 0 or None, which what asks whether there is one may take for None."""
    setting = base
    for name, argument in program.decided.items():
        single = argument.type.numeric and not argument.type.listed and not argument.finite
        if single and argument.optional and name not in program.replaced and setting.values[name] != 0:
            setting = _given(program, setting, base, name, typed(argument, 0)) or setting
    return setting


def _with_more_leading(program: Program, base: Setting) -> Setting:
    """The setting with more dimensions in the place of `...`, where that may be any number of them."""
    if not base.leading or base.further:
        return base
    more = (replace(base, leading=leading) for leading in MORE_LEADING)
    return next((setting for setting in more if allowed(program, setting)), base)


def _with_whole_numbers(program: Program, base: Setting, numbers: Sequence[int] = WHOLE[0]) -> Setting:
    """The setting with large whole numbers among its arguments, each of those that may be so beside those before it.

    What counts turns or members stays as it is, and so do sizes of inputs and outputs, and what may be any number, as
    an axis.
    """
    setting, kept = base, {*counting(program), *program.replaced, *_sizes_of_tensors(program)}
    for name, argument in program.decided.items():
        fits = argument.type.integral and not argument.finite and (argument.min is not None or argument.type.listed)
        for number in numbers if fits and name not in kept else ():
            one = argument.type.listed and not argument.type.spelled and argument.type.count != ANY
            value = _like(setting.values[name], number)
            value = number if one and value is not None else value
            larger = None if value is None or not _grows(setting.values[name], number) else value
            found = None if larger is None else _given(program, setting, base, name, larger)
            if found is not None and _is_small(found):
                setting = found
                break
    return setting


def _sizes_of_tensors(program: Program) -> set[str]:
    """The names that are themselves sizes of inputs and outputs, or lists of them."""
    entries = [entry for part in (*program.inputs.values(), *program.outputs.values()) for entry in part.entries]
    entries = [entry.value if isinstance(entry, ex.Splice) else entry for entry in entries]
    return {entry.id for entry in entries if isinstance(entry, ex.Name)}


def _grows(current: Any, number: int) -> bool:
    """Whether a number is larger than another, or than the largest of several."""
    return bool(number > (max(current) if isinstance(current, tuple) else current))


def _is_small(setting: Setting) -> bool:
    return math.prod((*setting.sizes.values(), *setting.leading)) <= MOST


def roomier(program: Program, setting: Setting, base: Setting) -> Iterator[Setting]:
    """The setting of large whole numbers with more and more of the last sizes larger, too, or with lower numbers."""
    for numbers in WHOLE if setting.name == WIDE else ():
        found = _with_whole_numbers(program, base, numbers)
        if found is not base:
            for other in (found, *_with_room(program, found)):
                yield replace(other, name=setting.name, path=setting.path)


def _with_room(program: Program, setting: Setting) -> Iterator[Setting]:
    """The setting with more and more of the last sizes of its inputs larger, and with others 1 where they may be."""
    entries = [entry for part in program.inputs.values() for entry in part.entries]
    names = [entry.id for entry in reversed(entries) if isinstance(entry, ex.Name) and entry.id in setting.sizes]
    names = list(dict.fromkeys(names))
    for growth, count in product(ROOM, range(1, len(names))):
        larger = {name: setting.sizes[name] + growth for name in names[:count]}
        found = replace(setting, sizes={**setting.sizes, **dict.fromkeys(names[count:], 1), **larger})
        found = found if allowed(program, found) else replace(setting, sizes={**setting.sizes, **larger})
        if _is_small(found) and allowed(program, found):
            yield found


def _of_one_sample(program: Program, base: Setting, batch: str | None) -> Setting:
    """The setting with one sample, where several see each other, buffers are updated, or something is drawn."""
    if not (program.mixes or program.updates or program.draws or program.has_mixing_member(training=True)):
        return base
    if batch == LEADING:
        return replace(base, leading=(1, *base.leading[1:])) if base.leading else base
    return replace(base, sizes={**base.sizes, batch: 1}) if batch is not None and batch in base.sizes else base


def _turns_axes(program: Program) -> bool:
    """Whether an argument with a default may be any whole number, as an axis, which may be another one elsewhere."""
    parts = program.decided.values()
    return any(part.type == ArgumentType(Base.INT) and part.min is None and not part.required for part in parts)


def _with_one_leading(usual: Sequence[Setting]) -> Setting:
    """The setting with one dimension in the place of `...`, where no other one has just that."""
    base = usual[0]
    if base.further or len(base.leading) < 2 or any(len(setting.leading) == 1 for setting in usual):
        return base
    return replace(base, leading=base.leading[:1])


def _like(current: Any, bound: float) -> Any:
    """A bound, or as many of it as there are numbers; None where there is no number."""
    if isinstance(current, tuple):
        return [bound] * len(current) if current and all(type(part) in (int, float) for part in current) else None
    return bound if type(current) in (int, float) else None


def _given(program: Program, setting: Setting, base: Setting, name: str, value: Any) -> Setting | None:
    """The setting with another value for an argument, and with other sizes where it wants them."""
    found = with_arguments(program, setting, {name: value})
    if found is not None:
        return found
    try:
        other = setting_with(program, setting.name, {**setting.given, name: value}, case_sizes(program, base))
    except EvaluationFault:
        return None
    return None if other is None else replace(other, dtypes=base.dtypes, shrunk=base.shrunk)


def _at_equality(program: Program, base: Setting) -> Setting:
    """The setting at which as many constraints are equations as can be."""
    setting = base
    for limit in at_equality(program, base):
        changed = limit.setting
        sizes = {name: size for name, size in changed.sizes.items() if size != base.sizes[name]}
        given = {name: value for name, value in changed.given.items() if value != base.given.get(name)}
        both = allowed_sizes(program, replace(setting, sizes={**setting.sizes, **sizes}))
        setting = (with_arguments(program, both, given) if given else both) or setting if both else setting
    return setting


def _with_sizes(
    program: Program, base: Setting, change: Callable[[int], int], names: Sequence[str] | None = None
) -> Setting:
    """The setting with some sizes changed, or all, or one after the other where constraints want some as they are."""
    chosen = list(base.sizes) if names is None else names
    every = replace(base, sizes={**base.sizes, **{name: change(base.sizes[name]) for name in chosen}})
    if allowed(program, every):
        return every
    setting = base
    for name in chosen:
        changed = replace(setting, sizes={**setting.sizes, name: change(base.sizes[name])})
        setting = changed if allowed(program, changed) else setting
    return setting


def _reversed(program: Program, base: Setting) -> Setting:
    """The setting at which what was the larger of two sizes is the smaller one."""
    sizes = dict(zip(base.sizes, reversed([*base.sizes.values()]), strict=True))
    return allowed_sizes(program, replace(base, sizes=sizes)) or base


def _compares_sizes(program: Program) -> bool:
    """Whether several dimensions are numbers in the forward, which may be right where one is the larger one alone."""
    names = {node.id for node in nodes(program.forward.statements) if isinstance(node, ex.Name)}
    return len(names & program.dimensions.keys()) > 1


def other_numbers(program: Program, base: Setting) -> Setting:
    """The setting with each whole number among the arguments larger by 1 that may be so beside those before it."""
    setting = base
    for name, argument in program.decided.items():
        if argument.type.numeric and argument.type.integral and not argument.finite and name not in program.replaced:
            value = _next(setting.values[name])
            setting = (_given(program, setting, base, name, value) or setting) if value is not None else setting
    return setting


def _next(current: Any) -> Any:
    if isinstance(current, tuple):
        return [part + 1 for part in current] if current and all(type(part) is int for part in current) else None
    return current + 1 if type(current) is int else None


def _divides(program: Program) -> bool:
    """Whether a part of the layer rounds a quotient, or has an op that does."""
    parts = [part.expression for part in program.scoped]
    found = (*nodes(program.forward.statements), *(node for part in parts for node in ex.walk(part)))
    return any(
        (isinstance(node, ex.Binary) and node.operator in ROUNDED)
        or (isinstance(node, ex.Call) and (node.function in ROUNDING or node.function.startswith(HALVED)))
        for node in found
    )
