"""Lowers arguments: their annotations, the functions that bring them into one form, and the checks of their bounds."""

from collections.abc import Iterator

from layergen import ops
from layergen.lang.argument import Argument
from layergen.lang.argument_types import ANY, Base, numeral
from layergen.lang.bounds import requirement
from layergen.lower.checks import Check
from layergen.lower.scopes import functional
from layergen.lower.source import SourcePrinter, formatted, python
from layergen.resolve.program import Program

NAMED = {1: "single", 2: "pair", 3: "triple", 4: "quadruple"}  # as torch calls what has so many entries
FUNCTIONS = "_FUNCTIONS"  # the table of those that go by their names
LONGEST = 4  # entries that an annotation says one by one
CLASSES = {Base.INT: "int", Base.FLOAT: "int | float"}  # for `isinstance`: what is an int is a float to a type checker


def type_of(argument: Argument) -> str:
    """The annotation of an argument."""
    nullable = argument.optional or argument.computed
    return value_type(argument) + (" | None" if nullable else "")


def value_type(argument: Argument) -> str:
    """What a caller gives, unless it is None."""
    if argument.type.callable:
        return "str | Callable[[Tensor], Tensor]"
    one = str(argument.type.base)
    if argument.type.listed:
        listed = _list(argument) if argument.type.sized and _short(argument) else f"Sequence[{_entry(argument)}]"
        one = listed if argument.type.spelled else f"{one} | {listed}"
    return f"str | {one}" if argument.type.worded else one


def _short(argument: Argument) -> bool:
    return argument.type.count is not None and 0 < argument.type.count <= LONGEST


def _as_it_is(argument: Argument) -> bool:
    """Whether nothing has to be done to a list but to keep it from being changed."""
    return argument.type.spelled and argument.type.count == ANY


def _entry(argument: Argument) -> str:
    return f"{argument.type.base} | None" if argument.optional_entries else str(argument.type.base)


def _list(argument: Argument) -> str:
    """The tuple that the constructor makes of it."""
    inner = (
        ", ".join([_entry(argument)] * (argument.type.count or 0)) if _short(argument) else f"{_entry(argument)}, ..."
    )
    return f"tuple[{inner}]"


def argument_signature(program: Program) -> Iterator[str]:
    """The spec's own arguments, as parameters of a function."""
    first = next((name for name in program.constructor if name in program.keywords), None)
    for name in program.constructor:
        if name == first:
            yield "*"
        if name in program.kept:
            yield f"{name}: Tensor" + (" | None = None" if program.kept[name].optional else "")
        else:
            yield parameter(name, program.arguments[name])


def parameter(name: str, argument: Argument) -> str:
    """An argument as a parameter of a function."""
    if argument.default is None:
        return f"{name}: {type_of(argument)}"
    default = "None" if argument.computed else SourcePrinter({}).show(argument.default)
    return f"{name}: {type_of(argument)} = {default}"


def helper(argument: Argument) -> str:
    """The name of the function that brings an argument into one form."""
    kind = "float_" if argument.type.fractional else ""
    gaps = "optional_" if argument.optional_entries else ""
    count = argument.type.count
    if argument.type.spelled:
        return f"_{numeral(count or 0)}_{gaps}{argument.type.base}s"
    plain = f"{argument.type.base}s" if count == ANY or count not in NAMED else NAMED[count]
    if count == ANY or count in NAMED:
        return f"_{gaps}{kind if count else ''}{plain}"
    return f"_{gaps}{plain}_of_{count}"


def helpers(program: Program) -> tuple[tuple[str, ...], ...]:
    """The functions of the module that bring lists of numbers into one form, short lists first."""
    listed = [argument for argument in program.decided.values() if argument.type.listed and not _as_it_is(argument)]
    ordered = sorted(listed, key=lambda argument: (argument.type.count or 99, helper(argument)))
    return tuple(dict.fromkeys(tuple(_helper(argument)) for argument in ordered))


def function_table(program: Program) -> Iterator[tuple[str, ...]]:
    """The functions that go by their names, as a table of the module."""
    choices = {
        str(choice)
        for argument in program.arguments.values()
        for choice in argument.choices or ()
        if argument.type.callable
    }
    if choices:
        printer = SourcePrinter({}, functional=functional(program))
        lines = (f'    "{choice}": {printer.function(ops.get(choice))},' for choice in sorted(choices))
        yield (f"{FUNCTIONS}: dict[str, Callable[[Tensor], Tensor]] = {{", *lines, "}")


def kept(name: str, argument: Argument) -> str:
    """What the constructor keeps of an argument."""
    return f"{FUNCTIONS}[{name}] if isinstance({name}, str) else {name}" if argument.type.callable else name


def _helper(argument: Argument) -> Iterator[str]:
    type, gaps = argument.type, argument.optional_entries
    several = f"{type.base}s"
    given = value_type(argument.model_copy(update={"type": type.numbers}))
    nothing = ", or None for some" if gaps else ""
    if type.count == ANY:
        yield f"def {helper(argument)}(value: {given}) -> {_list(argument)}:"
        yield f'    """Return a tuple of {several}, given one {type.base} or several{nothing}."""'
        yield "    return tuple(value) if isinstance(value, Iterable) else (value,)"
        return
    count = type.count or 0
    yield f"def {helper(argument)}(name: str, value: {given}) -> {_list(argument)}:"
    if type.spelled:
        yield f'    """Return {numeral(count)} {several} in a tuple{nothing}."""'
    elif count == 1:
        yield f'    """Return one {type.base} in a tuple, given either{nothing}."""'
    else:
        every = "both" if count == 2 else "all"
        yield f'    """Return {numeral(count)} {several}, given one for {every} or each{nothing}."""'
    if not type.spelled:
        yield "    if not isinstance(value, Iterable):"
        bare = ", ".join(["value"] * count)
        yield f"        return {f'({bare},)' if count == 1 else bare if _short(argument) else f'(value,) * {count}'}"
    yield f"    if len(value) != {count}:"
    yield f'        raise ValueError(f"{{name}} must be {lengths(argument)}, got {{value}}")'
    parts = ", ".join(f"value[{index}]" for index in range(count))
    yield f"    return {f'({parts},)' if count == 1 else parts if _short(argument) else 'tuple(value)'}"


def lengths(argument: Argument) -> str:
    """How many numbers an argument is, as its message says it: "an int or two ints"."""
    type, count = argument.type, argument.type.count or 0
    amount = f"{numeral(count)} {type.base}{'s' * (count != 1)}"
    return amount if type.spelled else f"{'an int' if type.integral else 'a float'} or {amount}"


def normalized(name: str, argument: Argument) -> Iterator[str]:
    """The lines that bring an argument into one form."""
    if not argument.type.listed:
        return
    if _as_it_is(argument):
        call = f"tuple({name})"
    else:
        call = f"{helper(argument)}({name})" if argument.type.count == ANY else f'{helper(argument)}("{name}", {name})'
    conditions = [f"{name} is not None"] if argument.optional else []
    conditions += [f"not isinstance({name}, str)"] if argument.type.worded else []
    if conditions:
        yield f"if {' and '.join(conditions)}:"
    yield f"{'    ' if conditions else ''}{name} = {call}"


def bounds_check(name: str, argument: Argument) -> Iterator[Check]:
    """The check of an argument against its bounds and choices, if it has any."""
    must = requirement(argument)
    if not must:
        return
    conversion = "!r" if argument.type.textual else ""
    message = formatted(f"{name} must be {must}, got ", (f"{name}{conversion}",))
    condition = _refused(name, argument)
    asks = argument.optional and not condition.startswith("isinstance")
    yield Check(f"{name} is not None and {condition}" if asks else condition, message)


def _refused(name: str, argument: Argument) -> str:
    """When a value that is not None is refused."""
    match argument.choices:
        case None:
            chosen = ""
        case (choice,):
            chosen = f"{name} != {python(choice)}"
        case choices:
            chosen = f"{name} not in {python(tuple(choices))}"
    if argument.type.callable:
        return f"isinstance({name}, str) and {chosen}"
    if not argument.type.worded:
        return chosen or _out_of_bounds(name, argument)
    if argument.min is None and argument.max is None:
        return f"isinstance({name}, str) and {chosen}"
    return f"{chosen} and (isinstance({name}, str) or {_out_of_bounds(name, argument)})"


def _out_of_bounds(name: str, argument: Argument) -> str:
    """When a number is out of bounds, or one of several is."""
    if argument.type.count == ANY or argument.optional_entries:
        single = argument.model_copy(update={"type": argument.type.of(None), "optional_entries": False})
        given = "part is not None and " if argument.optional_entries else ""
        return f"any({given}{_out_of_bounds('part', single)} for part in {name})"
    several = argument.type.sized
    if several and argument.type.fractional:  # NaN is neither the least of several nor the greatest
        return f"not all({_within('part', argument)} for part in {name})"
    if argument.type.fractional or (argument.min is not None and argument.max is not None and not several):
        return f"not {_within(name, argument)}"
    low, high = (f"min({name})", f"max({name})") if several else (name, name)
    if argument.min is not None and argument.max is not None:
        below, above = ("<" if argument.excludes(bound) else "<=" for bound in ("min", "max"))
        return f"not ({python(argument.min)} {below} {low} and {high} {above} {python(argument.max)})"
    if argument.min is not None:
        if argument.min == 1 and not argument.exclusive:
            return f"{low} <= 0"
        return f"{low} <{'=' if argument.excludes('min') else ''} {python(argument.min)}"
    return f"{high} >{'=' if argument.excludes('max') else ''} {python(argument.max)}"


def _within(number: str, argument: Argument) -> str:
    """When a number is within bounds: NaN, which is on neither side of one, is not."""
    below, above = ("" if argument.excludes(bound) else "=" for bound in ("min", "max"))
    if argument.max is None:
        return f"{number} >{below} {python(argument.min)}"
    least = f"{python(argument.min)} <{below} " if argument.min is not None else ""
    return f"{least}{number} <{above} {python(argument.max)}"
