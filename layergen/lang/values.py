"""The values that stand in a spec: how each is read from YAML, and what is said where it is another one."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, StringConstraints
from pydantic_core import PydanticCustomError

from layergen.lang import expression as ex
from layergen.lang.inits import Initial
from layergen.lang.parser import SyntaxFault, parse_block, parse_entry, parse_expression, parse_module

T = TypeVar("T")


def fault(message: str, **context: Any) -> PydanticCustomError:
    """A fault of a value, in words of our own; ``span`` and ``help`` go along in the context."""
    return PydanticCustomError("invalid_value", "{message}", {"message": message, **context})


def parsed(parse: Callable[[str], T], value: object) -> T:
    """A text as its parser reads it; what it refuses is a fault of the value."""
    if not isinstance(value, str):
        raise fault(f"expected an expression, got {describe(value)}")
    try:
        return parse(value)
    except SyntaxFault as error:
        raise PydanticCustomError("syntax", "{message}", {"message": error.message, "faults": error.every}) from None


def describe(value: object) -> str:
    """A value of the spec in a few words, for a message."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if value is None:
        return "nothing"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text}`" if len(text) <= 40 else f"`{text[:37]}...`"


def read_expression(value: object) -> ex.Expression:
    node = read_size(value)
    if isinstance(node, ex.Splice):
        raise fault("`...` behind a list stands only in a list or a shape", help=f"write `{ex.show(node.value)}`")
    return node


def read_size(value: object) -> ex.Expression:
    """An entry of a shape: an expression, or a list whose entries go there."""
    node = read_entry(value)
    if node == ex.Literal(...):
        raise fault("`...` stands only in the shape of an input or an output")
    return node


def read_entry(value: object) -> ex.Expression:
    """An expression, or ``...``: an entry of a shape that may have leading dimensions."""
    if isinstance(value, ex.Expression):
        return value
    if value is None or isinstance(value, bool | int | float):
        return ex.Literal(value)
    return parsed(parse_entry, value)


def _constructor(value: object) -> ex.Expression:
    """What makes a member, or a list of them."""
    return value if isinstance(value, ex.Expression) else parsed(parse_module, value)


def read_path(value: object) -> ex.Expression:
    """The path of a member's tensor, ``embedding.weight``."""
    node = read_expression(value)
    if not isinstance(node, ex.Member):
        raise fault(f"expected the path of a tensor, got {describe(value)}", help="write it as `embedding.weight`")
    return node


def _block(value: object) -> tuple[ex.Statement, ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, dict | list):  # an `if …:` that follows no `|` is a mapping to YAML
        raise fault(
            f"expected statements, got {describe(value)}", help="begin a forward of several lines with `forward: |`"
        )
    return parsed(parse_block, value)


def _initial(value: object) -> Initial:
    """An expression, or a block of statements, the last of which assigns the value."""
    if isinstance(value, Initial):
        return value
    if not isinstance(value, str):
        return Initial(read_expression(value))
    try:
        return Initial(parse_expression(value))
    except SyntaxFault:
        if "\n" not in value.strip() and not ASSIGNMENT.match(value):
            return Initial(read_expression(value))
    block = parsed(parse_block, value)
    end = max(index for index, statement in enumerate(block) if not isinstance(statement, ex.Comment))
    last = block[end]
    if not isinstance(last, ex.Assign):
        raise fault("the block ends without a value", span=last.span, help="end it with `name = …`, the tensor's name")
    return Initial(last.value, block[:end], last.targets)


@dataclass(frozen=True)
class Family:
    """Tensors that are declared together, one for every index: ``each: {k: num_layers}``."""

    index: str
    count: ex.Expression

    @property
    def path(self) -> tuple[str, str]:
        """Where the count stands below the tensor."""
        return "each", self.index


def read_family(value: object) -> Family:
    if isinstance(value, Family):
        return value
    if not isinstance(value, dict) or len(value) != 1:
        help = "write one index and how many there are: `each: {k: num_layers}`"
        raise fault(f"expected a mapping of one entry, got {describe(value)}", help=help)
    ((index, count),) = value.items()
    try:
        return Family(index, read_expression(count))
    except PydanticCustomError as error:
        raise PydanticCustomError(error.type, "{message}", {**(error.context or {}), "key": index}) from None


def _shape(value: object) -> ex.Expression | tuple[object, ...]:
    return tuple(value) if isinstance(value, list) else read_expression(value)


def _one_of(value: object, allowed: tuple[object, ...], words: str) -> object:
    """A value that is one of some values, or of some types other than bool."""
    types = tuple(item for item in allowed if isinstance(item, type))
    if types:
        fits = isinstance(value, types) and not isinstance(value, bool)
    else:
        fits = any(value == item and type(value) is type(item) for item in allowed)  # 1 is not True
    if not fits:
        raise fault(f"expected {words}, got {describe(value)}")
    return value


def _sequence(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _names(value: object, words: str) -> object:
    """Some names: a list of them, or one alone."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise fault(f"expected {words}, got {describe(value)}")
    return tuple(value)


def _mixing(value: object) -> object:
    """When samples see each other, by dimension; those of a list always do."""
    if not isinstance(value, dict):
        names = _names(value, "a list of dimensions")
        assert isinstance(names, tuple)
        return dict.fromkeys(names, "always")
    return value


def _freeze(value: dict[str, T]) -> Mapping[str, T]:
    return MappingProxyType(value)


ASSIGNMENT = re.compile(r"\s*\w+(\s*,\s*\w+)*\s*=[^=]")
Each = Annotated[Family, BeforeValidator(read_family)]
Initialized = Annotated[Initial, BeforeValidator(_initial)]
Expression = Annotated[ex.Expression, BeforeValidator(read_expression)]
Entry = Annotated[ex.Expression, BeforeValidator(read_entry)]
Constructor = Annotated[ex.Expression, BeforeValidator(_constructor)]
Block = Annotated[tuple[ex.Statement, ...], BeforeValidator(_block)]
Shape = tuple[ex.Expression, ...] | ex.Expression  # one expression may give the whole list
Number = Annotated[int | float, BeforeValidator(lambda value: _one_of(value, (int, float), "a number"))]
Exclusive = Annotated[
    bool | Literal["min", "max"],
    BeforeValidator(lambda value: _one_of(value, (True, False, "min", "max"), "`true`, `false`, `min` or `max`")),
]
Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Entries = Annotated[tuple[T, ...], BeforeValidator(_sequence)]
Section = Annotated[dict[str, T], AfterValidator(_freeze)]
Marks = Annotated[tuple[str, ...], BeforeValidator(lambda value: _names(value, "an input, or a list of inputs"))]
Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: _names(value, "a dimension, or a list of dimensions"))]
Mixing = Literal["training", "always"]  # when the samples of a batch see each other
Mixes = Annotated[dict[str, Mixing], BeforeValidator(_mixing), AfterValidator(_freeze)]
