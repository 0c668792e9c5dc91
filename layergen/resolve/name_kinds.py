"""What kinds of values the names of a spec stand for."""

from collections.abc import Mapping
from types import MappingProxyType

from layergen.lang.kinds import Kind, Kinds
from layergen.lang.model import Argument, LayerSpec
from layergen.resolve.inference import infer
from layergen.resolve.scope import dimensions

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
NONE: Kinds = frozenset({Kind.NONE})
TENSOR: Kinds = frozenset({Kind.TENSOR})
INT: Kinds = frozenset({Kind.INT})
BOOL: Kinds = frozenset({Kind.BOOL})


def kinds_of(argument: Argument) -> Kinds:
    """The kinds that an argument has once the constructor has normalized it."""
    return KINDS_OF_TYPES[argument.type] | (NONE if argument.optional else frozenset())


def scalar_kinds(spec: LayerSpec) -> dict[str, Kinds]:
    """The kinds of arguments and derived values."""
    kinds = {name: kinds_of(argument) for name, argument in spec.arguments.items()}
    for name, expression in spec.derived.items():
        kinds[name] = infer(expression, kinds)
    return kinds


def forward_kinds(spec: LayerSpec) -> dict[str, Kinds]:
    """The kinds of all names that a forward sees at its start."""
    kinds = scalar_kinds(spec)
    kinds |= dict.fromkeys(dimensions(spec), INT)
    kinds |= {name: TENSOR | (NONE if tensor.when else frozenset()) for name, tensor in spec.tensors.items()}
    kinds |= {name: TENSOR | (NONE if tensor.optional else frozenset()) for name, tensor in spec.inputs.items()}
    return kinds | {"training": BOOL}
