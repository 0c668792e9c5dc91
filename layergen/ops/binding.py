"""Binds the arguments of a call to an op's signatures, as Python and torch would, but by their kinds alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from layergen.lang.kinds import Kind, Kinds
from layergen.ops.model import Formal, Op, Signature

# A value of the first kind goes where one of the second is taken. A bool goes nowhere but where a bool is taken:
# Python would let it pass for a number, but `leaky_relu(x, True)` is a mistake.
PASSES = {Kind.INT: Kind.FLOAT, Kind.INTS: Kind.FLOATS}


@dataclass(frozen=True)
class Argument:
    """One argument of a call, as far as binding needs to know it."""

    keyword: str | None
    kinds: Kinds


class FaultKind(StrEnum):
    """What can be wrong with a call."""

    UNKNOWN_KEYWORD = "unknown keyword"
    MISSING = "missing"
    TWICE = "given twice"
    TOO_MANY = "too many"
    WRONG_KIND = "wrong kind"


# How far each fault is from a call that fits; the signature that is closest gets to say what is wrong.
DISTANCE = {
    FaultKind.WRONG_KIND: 2,
    FaultKind.MISSING: 3,
    FaultKind.TWICE: 3,
    FaultKind.UNKNOWN_KEYWORD: 5,
    FaultKind.TOO_MANY: 5,
}


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a call."""

    kind: FaultKind
    arguments: tuple[int, ...] = ()  # the indices of those at fault
    parameters: tuple[Formal, ...] = ()  # those that are missing, given twice or do not accept the argument


@dataclass(frozen=True)
class Binding:
    """A call that fits: for each parameter that is given, the indices of its arguments."""

    signature: Signature
    given: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class BindingFault:
    """A call that fits no signature, and what is wrong by the one that comes closest."""

    signature: Signature
    faults: tuple[Fault, ...]

    @property
    def distance(self) -> int:
        return sum(DISTANCE[fault.kind] * max(1, len(fault.arguments)) for fault in self.faults)


def bind(op: Op, arguments: Sequence[Argument]) -> Binding | BindingFault:
    """Bind a call to the first signature of an op that it fits."""
    faults: list[BindingFault] = []
    for signature in op.signatures:
        outcome = _Binder(signature, arguments).bind()
        if isinstance(outcome, Binding):
            return outcome
        faults.append(outcome)
    return min(faults, key=lambda fault: fault.distance)


def accepts(parameter: Formal, kinds: Kinds) -> bool:
    """Whether a value of these kinds may go to a parameter: in some setting it fits."""
    taken = parameter.accepts | {Kind.UNKNOWN}
    return any(kind in taken or PASSES.get(kind) in taken for kind in kinds)


@dataclass
class _Binder:
    signature: Signature
    arguments: Sequence[Argument]
    given: dict[str, list[int]] = field(default_factory=dict)
    unknown: list[int] = field(default_factory=list)
    surplus: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def bind(self) -> Binding | BindingFault:
        position = 0
        for index, argument in enumerate(self.arguments):
            if argument.keyword is not None:
                self.by_keyword(index, argument.keyword)
            else:
                self.by_position(index, position)
                position += 1
        if self.unknown:
            self.faults.append(Fault(FaultKind.UNKNOWN_KEYWORD, tuple(self.unknown)))
        if self.surplus:
            self.faults.append(Fault(FaultKind.TOO_MANY, tuple(self.surplus)))
        self.check_missing()
        if self.faults:
            return BindingFault(self.signature, tuple(self.faults))
        return Binding(self.signature, {name: tuple(indices) for name, indices in self.given.items()})

    def by_keyword(self, index: int, keyword: str) -> None:
        parameter = self.signature.parameter(keyword)
        if parameter is None:
            self.unknown.append(index)
        elif parameter.name in self.given:
            self.faults.append(Fault(FaultKind.TWICE, (index,), (parameter,)))
        else:
            self.give(index, parameter)

    def by_position(self, index: int, position: int) -> None:
        positional = self.signature.positional
        if position < len(positional):
            parameter = positional[position]
            spread = parameter.variadic and self.is_item(parameter, index)
            self.give(index, _item(parameter) if spread else parameter)
        elif positional and positional[-1].variadic and self.is_spread(positional[-1]):
            self.give(index, _item(positional[-1]))
        else:
            self.surplus.append(index)

    def is_spread(self, parameter: Formal) -> bool:
        """Whether a variadic parameter has been given the items of its list rather than the list."""
        return all(self.is_item(parameter, index) for index in self.given[parameter.name])

    def is_item(self, parameter: Formal, index: int) -> bool:
        return accepts(_item(parameter), self.arguments[index].kinds)

    def give(self, index: int, parameter: Formal) -> None:
        self.given.setdefault(parameter.name, []).append(index)
        if not accepts(parameter, self.arguments[index].kinds):
            self.faults.append(Fault(FaultKind.WRONG_KIND, (index,), (parameter,)))

    def check_missing(self) -> None:
        missing = tuple(
            parameter
            for parameter in self.signature.parameters
            if parameter.required and parameter.name not in self.given
        )
        if missing:
            self.faults.append(Fault(FaultKind.MISSING, parameters=missing))


def _item(parameter: Formal) -> Formal:
    """A variadic parameter as it takes one item of its list."""
    kind = Kind.TENSOR if Kind.TENSORS in parameter.accepts else Kind.INT
    return Formal(parameter.name, frozenset({kind}))
