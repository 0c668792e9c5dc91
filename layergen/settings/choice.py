"""The settings under which a layer is tried: constructor arguments, and sizes for the dimensions.

A spec's own cases come first. Without them, a base setting is searched from types, bounds and constraints. Variations
of the first setting follow, so that every branch is taken: all numeric arguments away from their defaults, each flag
turned, each choice, each optional value present and absent.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from layergen.diagnostics import Finding, Label, Path, Place
from layergen.faults import SpecError, refuse
from layergen.lang import expression as ex
from layergen.lang.argument_types import Base
from layergen.lang.bounds import normalize, refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.tuples import spread, wholes
from layergen.lang.values import describe
from layergen.resolve.program import Program
from layergen.rules.cases import InvalidCase, Unsatisfiable
from layergen.settings.alternative import Alternative
from layergen.settings.incomputable import incomputable
from layergen.settings.listed import other_lengths
from layergen.settings.presence import Absent, absences, deciding
from layergen.settings.runs import MOST, Further, Leading, Standing, standing, varied
from layergen.settings.search import candidates, consistent, search, values_of
from layergen.settings.sizes import LARGEST, default_pools, find_sizes, keeps, of_call, presence

CaseSizes = Mapping[str, int | Sequence[int]]  # of dimensions, and of runs under their names


@dataclass(frozen=True)
class Setting:
    """One way to construct and call a layer."""

    name: str  # identifies it in test names: ``default``, ``without_bias``
    given: Mapping[str, Any]  # what the constructor is called with, and the forward beside tensors
    values: Mapping[str, Any]  # every argument and value of the inputs, normalized, and every derived value
    sizes: Mapping[str, int] = field(default_factory=dict)  # a size for each dimension
    leading: Leading = ()  # what stands for `...`
    further: Further = field(default_factory=dict)  # and for the runs beside it
    absent: Absent = frozenset()  # optional inputs that are left out
    dtypes: Mapping[str, str] = field(default_factory=dict)  # of inputs that have another than their first
    shrunk: Mapping[str, str] = field(default_factory=dict)  # inputs that are less than their shape, and what is left
    path: tuple[str | int, ...] = ()  # the case of the spec that it comes from
    run: str | None = None  # the name of what stands for `...`
    asked: frozenset[str] = frozenset()  # inputs of which shapes and constraints ask whether they are there
    by: Alternative | None = None  # by which alone a constraint is kept, where the setting is there for that

    @property
    def names(self) -> dict[str, Any]:
        """What names stand for: arguments, derived values, dimensions and runs; and whether inputs are there."""
        named = {**({self.run: self.leading} if self.run else {}), **self.further}
        runs = {name: list(sizes) for name, sizes in named.items()}
        return {**self.values, **self.sizes, **runs, **presence(self.asked, self.absent)}


def settings(program: Program) -> tuple[Setting, ...]:
    """The settings to try a layer at.

    Raises:
        SpecError: If those that the spec gives are wrong, or there are none.
    """
    chosen: list[Setting] = []
    findings: list[Finding] = []
    for index, case in enumerate(program.cases):
        try:
            chosen.append(_given_case(program, index, case))
        except SpecError as fault:
            findings += fault.findings
    refuse(findings)
    if not program.cases:
        chosen.append(_found_case(program))
    chosen.extend(_variations(program, chosen[0]))
    chosen.extend(_of_other_lengths(program, chosen))
    if program.runs or program.asked:  # a run may have to be longer, and an input there
        chosen = [setting for setting in chosen if allowed(program, setting)]
    return tuple(_distinct(chosen))


def _found_case(program: Program) -> Setting:
    """A setting for a layer whose spec gives none, with all inputs, if arguments can be such that all may be there."""
    base = search(program, {}, {}, sizable(program, {}, [frozenset()]))
    if base is None and program.asked:
        base = search(program, {}, deciding(program), sizable(program, {}, [frozenset()]))
        base = base or search(program, {}, {}, sizable(program, {}))
    if base is None:
        if finding := incomputable(program):
            raise SpecError([finding])
        message = "no setting of the arguments was found that satisfies their bounds and the constraints"
        help = "correct them, or give a setting that satisfies them under `cases`"
        raise SpecError([Unsatisfiable.at(_first_constraint(program), message, help=help)])
    return _setting(program, "default", base, {})


def _first_constraint(program: Program) -> tuple[str | int, ...]:
    return ("constraints", 0) if program.constraints else ("arguments",)


def _given_case(program: Program, index: int, case: Mapping[str, Any]) -> Setting:
    path: Path = ("cases", index)
    for name, value in case.items():
        if problem := _problem(program, name, value):
            raise SpecError([InvalidCase.at((*path, name), problem)])
    decided = {name: value for name, value in case.items() if name in program.decided}
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in decided.items()}
    sizes = {name: value for name, value in case.items() if name not in program.decided}
    found = search(program, given, {}, sizable(program, sizes))
    if found is None:
        raise SpecError([_unmet(program, path, given, sizes)])
    setting = _setting(program, f"case_{index}" if index else "default", found, sizes)
    return replace(setting, path=path)


def _problem(program: Program, name: str, value: object) -> str:
    """What is wrong with a value that a case gives, if anything."""
    if name in program.decided:
        return refusal(name, program.decided[name], value)
    if name in program.runs:
        fits = isinstance(value, list) and len(value) <= MOST and all(map(_is_size, value))
        wanted = f"the sizes of `{name}` are a list of at most {MOST} ints from 1 to {LARGEST}"
        return "" if fits else f"{wanted}, got {describe(value)}"
    wanted = f"the size of dimension `{name}` is an int from 1 to {LARGEST}"
    return "" if _is_size(value) else f"{wanted}, got {describe(value)}"


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST


def _unmet(program: Program, path: Path, given: Mapping[str, Any], sizes: CaseSizes) -> Finding:
    """What is wrong with a case that no values of the other arguments complete, as far as it can be told."""
    unmet = "the bounds and constraints"
    open_ones = {name: part for name, part in program.decided.items() if part.required and name not in given}
    try:
        tried = {name: pool[0] for name, part in open_ones.items() if (pool := candidates(part, defaulted=False))}
        values = {**values_of(program, {**given, **tried}), **sizes}
        unknown = {*program.dimensions, *program.runs, *program.asked} - sizes.keys()
        unknown |= {*open_ones, *program.derived} if open_ones else set()  # which the case does not say
        demanded = (*program.argument_constraints, *(condition.node for condition in program.size_conditions))
        told = [node for node in demanded if not ex.names(node) & unknown]
        broken = [constraint for constraint in told if not Interpreter(values).truth(constraint)]
        unmet = f"`{ex.show(broken[0])}`" if broken else unmet
    except EvaluationFault as fault:
        for part in program.scoped:
            if any(node is fault.node for node in ex.walk(part.expression)):
                label = Label(Place(part.path, fault.node.span), "this")
                return InvalidCase.at(path, f"the case cannot be computed: {fault.message}", labels=(label,))
    return InvalidCase.at(path, f"the case does not satisfy {unmet}")


def _setting(
    program: Program,
    name: str,
    given: Mapping[str, Any],
    sizes: CaseSizes,
    without: Iterable[Absent] | None = None,
) -> Setting:
    values = values_of(program, given)
    given = {key: given[key] for key in program.decided if key in given}
    found = _sized(program, values, sizes, without)
    assert found is not None, "who looked for the arguments has seen to it that there are sizes"
    own, runs, absent = found
    return Setting(name, given, values, own, *runs, absent, run=program.run, asked=program.asked)


def _sized(
    program: Program, values: Mapping[str, Any], given: CaseSizes, without: Iterable[Absent] | None = None
) -> tuple[dict[str, int], Standing, Absent] | None:
    """Sizes for all dimensions, what stands for runs and what is left out: the first that keeps the constraints."""
    sizes = {name: size for name, size in given.items() if isinstance(size, int)}
    for absent in absences(program) if without is None else without:
        for runs in standing(program, given, _has_leading(program), holds_runs(program)):
            known = of_call(program, values, runs, absent)
            found = find_sizes(program, known, sizes, default_pools(program), leading=runs.leading)
            if found is not None:
                return found, runs, absent
    return None


def holds_runs(program: Program) -> bool:
    """Whether constraints speak of runs of dimensions."""
    return any(condition.names & {*program.runs} for condition in program.size_conditions)


def sizable(
    program: Program, sizes: CaseSizes, without: Sequence[Absent] | None = None
) -> Callable[[Mapping[str, Any]], bool]:
    """Whether there are sizes beside some that are given, at which arguments keep all constraints.

    Args:
        program: The layer.
        sizes: Those that are given.
        without: The inputs of which one may be left out; None: whichever constraints speak of.
    """

    def accept(given: Mapping[str, Any]) -> bool:
        return not program.size_conditions or _sized(program, values_of(program, given), sizes, without) is not None

    return accept


def setting_with(
    program: Program,
    name: str,
    given: Mapping[str, Any],
    sizes: CaseSizes,
    absent: Absent | None = None,
) -> Setting | None:
    """The setting of some arguments and sizes, unless bounds or constraints refuse it.

    Args:
        program: The layer.
        name: That of the setting.
        given: The arguments.
        sizes: The sizes that are given.
        absent: The inputs that are left out; None: as few as the constraints allow.
    """
    without = None if absent is None else [absent]
    if not consistent(program, given, set()) or not sizable(program, sizes, without)(given):
        return None
    return _setting(program, name, given, sizes, without)


def _has_leading(program: Program) -> bool:
    """Whether some input may have any number of leading dimensions."""
    return any(sizes.leading is not None for shapes in program.shapes.values() for sizes in shapes)


def _variations(program: Program, base: Setting) -> Iterator[Setting]:
    """Settings that differ from the base in one respect each."""
    yield from _away_from_defaults(program, base)
    for name, argument in program.decided.items():
        current = base.values[name]
        if argument.type.base is Base.BOOL:
            yield from _changed(program, base, name, not current, f"{name}_{str(not current).lower()}")
        elif argument.choices is not None:
            for index, choice in enumerate(argument.choices):
                label = choice if re.fullmatch(r"\w+", str(choice), re.ASCII) else f"choice_{index}"
                if choice != current:
                    yield from _changed(program, base, name, choice, f"{name}_{label}")
        if argument.optional and current is not None:
            yield from _changed(program, base, name, None, f"{name}_none")
    for name in wholes(name for name, tensor in program.inputs.items() if tensor.optional):
        yield _turned(program, base, name)
    for name, tensor in program.inputs.items():
        for dtype in tensor.dtypes[1:]:
            yield replace(base, name=f"{name}_{dtype}", dtypes={name: dtype})
    for name, tensor in program.inputs.items():
        for left in ("one",) if tensor.broadcast == "sizes" else ("last", "ones") if tensor.broadcast else ():
            yield replace(base, name=f"{name}_{left}", shrunk={name: left})
    for what, others in varied(program, Standing(base.leading, base.further)):
        yield _with_runs(program, base, what, others)


def _with_runs(program: Program, base: Setting, what: str, others: Sequence[Standing]) -> Setting:
    """The base with other dimensions in the place of a run, the first that the constraints allow."""
    found = [replace(base, name=what, leading=runs.leading, further=runs.further) for runs in others]
    chosen = next((setting for setting in found if allowed(program, setting)), found[0])
    if "dimensions" not in what:
        return chosen
    count = sum(map(len, (chosen.leading, *chosen.further.values())))
    empty = count == min(sum(map(len, (runs.leading, *runs.further.values()))) for runs in others)
    return replace(chosen, name=f"{'no' if empty else 'fewer'}_{what}")


def _turned(program: Program, base: Setting, name: str) -> Setting:
    """The base with an input that it has not, or without one that it has, and with what constraints let come and go."""
    items = frozenset(spread([name], program.tuples))
    there = items <= base.absent
    found = [replace(base, name=f"{'with' if there else 'without'}_{name}", absent=base.absent ^ items)]
    if program.asked:
        found += [replace(found[0], absent=absent) for absent in absences(program) if there != (items <= absent)]
    return next((setting for setting in found if allowed(program, setting)), found[0])


def _away_from_defaults(program: Program, base: Setting) -> Iterator[Setting]:
    """All numeric arguments that have a default at other values; if they exclude each other, one by one."""
    pools: dict[str, list[Any]] = {}
    for name, argument in program.decided.items():
        if argument.required or not argument.type.numeric or argument.finite:
            continue
        default = base.values[name]
        tried = candidates(argument, defaulted=True)
        pools[name] = [value for value in tried if normalize(argument, value) != default]
    pools = {name: pool for name, pool in pools.items() if pool}
    if not pools:
        return
    sizes = case_sizes(program, base)
    accept = sizable(program, sizes)
    found = _moved(program, base, pools, accept)
    if found is not None:
        yield _setting(program, "other_values", found, sizes)
        return
    for name, pool in pools.items():
        fixed = {key: value for key, value in base.given.items() if key != name}
        found = search(program, fixed, {name: pool}, accept)
        if found is not None:
            yield _setting(program, f"other_{name}", found, sizes)


def _of_other_lengths(program: Program, chosen: Sequence[Setting]) -> Iterator[Setting]:
    """The base with lists of one entry where all have several, or of several where all have one; or else one by one."""
    base, pools = chosen[0], other_lengths(program, [setting.values for setting in chosen])
    sizes = case_sizes(program, base)
    accept = sizable(program, sizes)
    found = _moved(program, base, pools, accept) if pools else None
    if found is not None:
        yield _setting(program, "other_lengths", found, sizes)
        return
    for name in pools if len(pools) > 1 else ():
        found = _moved(program, base, {name: pools[name]}, accept)
        if found is not None:
            yield _setting(program, f"other_length_of_{name}", found, sizes)


def _moved(
    program: Program, base: Setting, pools: Mapping[str, list[Any]], accept: Callable[[Mapping[str, Any]], bool]
) -> dict[str, Any] | None:
    """The base with some arguments moved, and where that is not allowed, with whatever required numbers."""
    fixed = {name: value for name, value in base.given.items() if name not in pools}
    found = search(program, fixed, pools, accept)
    if found is None:
        required = {name for name, argument in program.decided.items() if argument.required and argument.type.numeric}
        fixed = {name: value for name, value in fixed.items() if name not in required}
        found = search(program, fixed, pools, accept)
    return found


def _changed(program: Program, base: Setting, name: str, value: object, label: str) -> Iterator[Setting]:
    """The base with one argument changed, if the constraints allow it."""
    setting = setting_with(program, label, {**base.given, name: value}, case_sizes(program, base))
    if setting is not None:
        yield setting


def case_sizes(program: Program, base: Setting) -> dict[str, int | Sequence[int]]:
    """The sizes that the spec itself gives the base case."""
    case = program.cases[int(base.path[1])] if base.path else {}
    return {name: size for name, size in case.items() if name not in program.decided}


def allowed(program: Program, setting: Setting) -> bool:
    """Whether a setting keeps the constraints on sizes, and one of them by the alternative that it is there for."""
    kept = keeps(program, setting.names, setting.sizes)
    return kept and (setting.by is None or setting.by.alone(setting.names))


def _distinct(chosen: list[Setting]) -> Iterator[Setting]:
    """The settings without those that only repeat another one, each with a name of its own."""
    seen: dict[str, Setting] = {}
    for setting in chosen:
        same = [other for other in seen.values() if replace(other, name=setting.name, path=setting.path) == setting]
        if not same:
            name = setting.name if setting.name not in seen else f"{setting.name}_{len(seen)}"
            seen[name] = replace(setting, name=name)
            yield seen[name]
