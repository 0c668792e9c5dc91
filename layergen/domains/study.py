"""Studies a layer: what each step can give on every way through its forward, and what follows for its outputs."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from layergen.domains.interval import ANY, INF, UNIT, Interval, exactly
from layergen.domains.reading import Notes, Reader
from layergen.domains.site import Suspect, as_value
from layergen.domains.size import Knowledge, Size, named, number
from layergen.domains.value import BOOLEAN, UNKNOWN, Value, constant, sized
from layergen.lang import expression as ex
from layergen.lang.inits import is_initializer
from layergen.lang.model import Argument, Buffer, Input, Parameter
from layergen.lang.tuples import gathered, item_index, whole_name
from layergen.resolve.families import at_values
from layergen.resolve.program import Program
from layergen.run.environment import CONSTANTS
from layergen.settings.choice import Setting
from layergen.settings.search import given_values

ROUNDS = 4  # updates of a buffer that are followed before it may have any value


@dataclass(frozen=True)
class Study:
    """What is known of the values of a layer.

    Attributes:
        suspects: The ops that may be given something at an edge of their domain, in the order of the forward.
        unknown: The ops of which nothing is known.
        unsafe: The outputs that are not shown to be finite.
    """

    suspects: tuple[Suspect, ...]
    unknown: tuple[str, ...]
    unsafe: tuple[str, ...]

    @property
    def proven(self) -> bool:
        """Whether outputs and gradients are finite for all real inputs and all settings, as far as real numbers go."""
        return not (self.suspects or self.unknown or self.unsafe)


def study(program: Program, ways: Iterable[Setting]) -> Study:
    """Study a layer for all its settings, on its ways through the forward: in flags, choices and what is left out."""
    notes, unsafe = Notes(), dict[str, None]()
    for setting in ways:
        for training in program.modes:
            outputs = _read(program, setting, training, notes)
            unsafe |= dict.fromkeys(name for name, value in outputs.items() if not value.safe)
    return Study(_sorted(notes), tuple(notes.unknown), tuple(unsafe))


def suspects_at(program: Program, setting: Setting, training: bool) -> tuple[Suspect, ...]:
    """The ops that may be given something at an edge where floating arguments have the values of a setting."""
    notes = Notes()
    _read(program, setting, training, notes, exact=True)
    return _sorted(notes)


def _sorted(notes: Notes) -> tuple[Suspect, ...]:
    return tuple(sorted(notes.suspects.values(), key=lambda suspect: suspect.node.span))


def _read(program: Program, setting: Setting, training: bool, notes: Notes, exact: bool = False) -> dict[str, Value]:
    """Read the forward on one way, again and again until its buffers keep within what they are known to be."""
    program = at_values(program, setting.values)
    knowledge = Knowledge()
    values: dict[str, Any] = dict(_scalars(program, setting, knowledge, exact))
    _learn(program, knowledge)
    values |= {name: _constant(value) for name, value in CONSTANTS.items()}
    inputs = gathered(dict(_inputs(program, setting, values, knowledge)), program.tuples)
    values |= {"training": training, **inputs}
    for name, part in program.parameters.items():
        values[name] = None if _absent(program, setting, name) else _parameter(part, values, knowledge)
    start = dict(_buffers(program, setting, values, knowledge))
    values |= {name: buffer for name, buffer in start.items() if buffer is None}
    buffers = {name: buffer for name, buffer in start.items() if buffer is not None}
    known = {**values, **start}
    lists = {name: [known[member] for member in several] for name, several in program.kin.items()}
    values |= {name: None if several and not any(several) else several for name, several in lists.items()}
    updated = [name for name in buffers if name in program.forward.assigned]
    for turn in range(ROUNDS):
        tried = Notes()
        reader = Reader({**values, **buffers}, knowledge, tried)
        reader.block(program.forward.statements)
        grown = {name: _grown(buffers[name], reader.values[name], turn) for name in updated}
        if all(grown[name] == buffers[name] for name in updated):
            break
        buffers |= grown
    else:
        notes.unknown["the update of buffers"] = None
    for suspect in tried.suspects.values():
        notes.add(suspect)
    notes.unknown |= tried.unknown
    return {name: as_value(_result(reader.values, name)) for name in program.outputs}


def _result(values: Mapping[str, Any], name: str) -> Any:
    """What an output was assigned, or a tensor of a tuple."""
    found, index = values.get(whole_name(name)), item_index(name)
    if index is None:
        return found
    return found[index] if isinstance(found, list | tuple) and index < len(found) else None


def _grown(before: Value, after: Any, turn: int) -> Value:
    """What a buffer may hold after one more update; what still grows after some turns grows without end."""
    joined = before.union(as_value(after))
    low, high = joined.range.low, joined.range.high
    if turn and low < before.range.low:
        low = 0.0 if low >= 0 and turn == 1 else -INF
    if turn and high > before.range.high:
        high = INF
    range = Interval(low, high, joined.range.low_open, joined.range.high_open)
    return replace(joined, range=range, least=None, most=None, sizes=before.sizes)


def _constant(value: Any) -> Any:
    return constant(value) if isinstance(value, int | float) else UNKNOWN


def _scalars(program: Program, setting: Setting, knowledge: Knowledge, exact: bool) -> Iterator[tuple[str, Any]]:
    """Arguments within their bounds, dimensions from 1 up, and what is derived from them."""
    known: dict[str, Any] = {}
    for name in program.dimensions:
        known[name] = _whole(name, 1, INF, knowledge) if name in setting.sizes else UNKNOWN
    for name, argument in program.decided.items():
        settled = exact and argument.type.fractional
        replaced = name in program.replaced  # whose place another number takes below
        value = given_values(program, setting.given)[name] if replaced else setting.values[name]
        own = f"{name}'" if replaced else name
        known[name] = _exact(value) if settled else _argument(own, argument, value, knowledge)
    for name, expression in program.derived.items():
        value = Reader(known, knowledge, Notes()).evaluate(expression)
        if isinstance(value, Value) and _divides(program, expression, known):
            value = value.within(Interval(1))
        known[name] = _named(name, value, knowledge)
    yield from known.items()


def _whole(name: str, low: float, high: float, knowledge: Knowledge) -> Value:
    if low > -INF:
        knowledge.least[name] = int(low)
    return replace(sized(named(name), low), range=Interval(low, high))


def _argument(name: str, argument: Argument, value: Any, knowledge: Knowledge) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    low = -INF if argument.min is None else argument.min
    high = INF if argument.max is None else argument.max
    if argument.choices is not None and not argument.type.worded:
        numbers = [choice for choice in argument.choices if isinstance(choice, int)]
        low, high = min(numbers), max(numbers)
    if argument.type.fractional:
        number = Value(Interval(low, high, argument.excludes("min"), argument.excludes("max")))
        return [number] * len(value) if isinstance(value, tuple) else number
    if not argument.type.integral:
        return UNKNOWN
    low, high = low + argument.excludes("min"), high - argument.excludes("max")
    if isinstance(value, tuple):
        return [
            None if part is None else _whole(f"{name}[{index}]", low, high, knowledge)
            for index, part in enumerate(value)
        ]
    return _whole(name, low, high, knowledge)


def _named(name: str, value: Any, knowledge: Knowledge) -> Any:
    """A derived value; a whole number of which no polynomial is known becomes a name itself."""
    if isinstance(value, Value) and value.whole and value.least is None and value.range.low > -INF:
        return _whole(name, value.range.low, value.range.high, knowledge)
    return value


def _divides(program: Program, expression: ex.Expression, known: Mapping[str, Any]) -> bool:
    """Whether an expression is the quotient of two positive numbers of which one divides the other."""
    match expression:
        case ex.Binary("//", left, right) if all(
            as_value(known.get(ex.show(part))).range.above(0) for part in (left, right)
        ):
            rest = ex.Compare(ex.Binary("%", left, right), ("==",), (ex.Literal(0),))
            return rest in program.constraints
    return False


def _learn(program: Program, knowledge: Knowledge) -> None:
    """Note the constraints that say that one name is no larger than another."""
    for constraint in program.constraints:
        match constraint:
            case ex.Compare(ex.Name(id=one), ("<=" | "<",), (ex.Name(id=other),)):
                _order(knowledge, one, other)
            case ex.Compare(ex.Name(id=one), (">=" | ">",), (ex.Name(id=other),)):
                _order(knowledge, other, one)


def _order(knowledge: Knowledge, smaller: str, larger: str) -> None:
    if smaller not in knowledge.order and larger not in knowledge.order.values():
        knowledge.order.setdefault(larger, smaller)


def _shape(shape: Any, values: Mapping[str, Any], knowledge: Knowledge) -> tuple[Size | None, ...] | None:
    """The sizes of a shape that is a list without `...`."""
    if not isinstance(shape, tuple) or ex.Literal(...) in shape:
        return None
    found = [as_value(Reader(values, knowledge, Notes()).evaluate(entry)) for entry in shape]
    return tuple(value.least if value.least == value.most else None for value in found)


def _parameter(part: Parameter, values: Mapping[str, Any], knowledge: Knowledge) -> Value:
    """Any real number."""
    complex = part.dtype is not None and part.dtype.startswith("complex")
    return replace(UNKNOWN if complex else Value(ANY), sizes=_shape(part.shape, values, knowledge))


def _absent(program: Program, setting: Setting, name: str) -> bool:
    """Whether a parameter or buffer does not exist at a setting."""
    when = program.tensors[name].when
    return when is not None and Reader(setting_values(setting), Knowledge(), Notes()).truth(when) is False


def setting_values(setting: Setting) -> dict[str, Any]:
    """The arguments of a setting as they are."""
    return {name: _exact(value) for name, value in setting.values.items()}


def _exact(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_exact(item) for item in value]
    return value if value is None or isinstance(value, bool | str) else constant(value)


def _inputs(
    program: Program, setting: Setting, values: Mapping[str, Any], knowledge: Knowledge
) -> Iterator[tuple[str, Value | None]]:
    for name, part in program.inputs.items():
        if name in setting.absent:
            yield name, None
        else:
            reader = Reader(values, knowledge, Notes())
            also = (reader.evaluate(one) for one in part.also)
            value = _input(part, values, knowledge).beside(tuple(as_value(one) for one in also if one is not None))
            yield name, replace(value, sizes=_shape(part.shape, values, knowledge))


def _input(part: Input, values: Mapping[str, Any], knowledge: Knowledge) -> Value:
    if part.dtype == "bool":
        return BOOLEAN
    if part.dtype is not None and part.dtype.startswith("complex"):
        return UNKNOWN
    if part.range is None:
        return Value(ANY, whole=not part.floating)
    low, high = (as_value(Reader(values, knowledge, Notes()).evaluate(end)) for end in part.range)
    if part.floating:
        return Value(Interval(low.range.low, high.range.high, high_open=True))
    most = None if high.most is None else high.most - number(1)
    return Value(Interval(low.range.low, high.range.high - 1), whole=True, least=low.least, most=most)


def _buffers(
    program: Program, setting: Setting, values: Mapping[str, Any], knowledge: Knowledge
) -> Iterator[tuple[str, Value | None]]:
    """The buffers as they are at first."""
    known = dict(values)
    for name, part in program.buffers.items():
        if _absent(program, setting, name):
            yield name, None
            continue
        first = replace(_initial(part, known, knowledge), sizes=_shape(part.shape, known, knowledge))
        known[name] = first
        yield name, first


def _initial(part: Buffer, values: Mapping[str, Any], knowledge: Knowledge) -> Value:
    """What an initial value may be; of random ones any number."""
    call = part.init.value
    if part.init.is_block or not part.init.mentions <= {*values, *CONSTANTS}:
        return Value(ANY)
    reader = Reader(values, knowledge, Notes())
    if not is_initializer(call):
        found = as_value(reader.evaluate(call))
        return found if found.safe else Value(ANY)
    arguments = [as_value(reader.evaluate(argument)) for argument in call.arguments]
    match call.function:
        case "zeros":
            return Value(exactly(0), whole=True)
        case "ones":
            return Value(exactly(1), whole=True)
        case "eye" | "dirac":
            return Value(UNIT, whole=True)
        case "constant" if arguments:
            return arguments[0].entries()
        case "uniform" if len(arguments) == 2:
            return arguments[0].union(arguments[1]).entries()
    return Value(ANY)
