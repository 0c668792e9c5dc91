"""The kinds of the arguments of a constructor."""

from collections.abc import Mapping
from types import MappingProxyType

from layergen.lang.kinds import Kind, Kinds
from layergen.lang.model import Argument
from layergen.resolve.inference import NONE

KINDS_OF_TYPES: Mapping[str, Kinds] = MappingProxyType(
    {
        "int": frozenset({Kind.INT}),
        "float": frozenset({Kind.FLOAT}),
        "bool": frozenset({Kind.BOOL}),
        "str": frozenset({Kind.STR}),
        "size1": frozenset({Kind.INTS}),
        "size2": frozenset({Kind.INTS}),
        "size3": frozenset({Kind.INTS}),
        "ints": frozenset({Kind.INTS}),
    }
)


def kinds_of_argument(argument: Argument) -> Kinds:
    """The kinds that an argument has once the constructor has normalized it."""
    return KINDS_OF_TYPES[argument.type] | (NONE if argument.optional else frozenset())
