"""Says of each word of an expression what it is: a name's role, what a call calls, and the kinds of all of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from types import MappingProxyType
from typing import Protocol

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.dtypes import DTYPES
from layergen.lang.facts import JOINT, Callee, CalleeKind, Role
from layergen.lang.inits import FANS, filling, initializer
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.patterns import is_pattern
from layergen.lang.scalars import NUMBERS, SCALARS
from layergen.resolve.inference import NONE, SCALAR, TENSOR, UNKNOWN, arguments_of, infer, kinds_of
from layergen.resolve.patterns import rearranged


class Runnable(Protocol):
    """A member, as far as the words that call it need to know it."""

    @property
    def name(self) -> str: ...
    @property
    def returns(self) -> Kinds: ...


@dataclass(frozen=True)
class OneOf:
    """One of some members that are written out in a list."""

    members: tuple[Runnable, ...]

    @property
    def name(self) -> str:
        return JOINT.join(dict.fromkeys(member.name for member in self.members))

    @property
    def returns(self) -> Kinds:
        return frozenset[Kind]().union(*(member.returns for member in self.members))


@dataclass(frozen=True)
class Meaning:
    """What a name stands for at some place."""

    role: Role
    kinds: Kinds
    member: Runnable | None = None  # which it is, or one of which
    texts: frozenset[str] = frozenset()  # those that it may be, where they are told one by one
    parts: tuple["Meaning", ...] = ()  # of a tuple that a loop runs over


class Functions(Enum):
    """Which functions are known at some place."""

    NUMBERS = auto()  # functions of numbers alone
    TENSORS = auto()  # ops too
    INITIAL = auto()  # and initializers and fans


CONSTANTS: Mapping[str, Meaning] = MappingProxyType(
    {
        **{name: Meaning(Role.CONSTANT, frozenset({Kind.DTYPE})) for name in DTYPES},
        **{name: Meaning(Role.CONSTANT, frozenset({Kind.FLOAT})) for name in NUMBERS},
    }
)


@dataclass(frozen=True)
class Environment:
    """What is known at some place of a spec."""

    names: Mapping[str, Meaning]
    functions: Functions = Functions.NUMBERS
    conditions: Mapping[str, ex.Expression] = field(default_factory=dict)  # of the tensors that may be None
    grown: Mapping[str, Kinds] = field(default_factory=dict)  # of the lists that begin empty, by what is appended

    def with_names(self, names: Mapping[str, Meaning]) -> "Environment":
        """The same place with some names more, or with other meanings."""
        return replace(self, names={**self.names, **names})

    def where(self, test: ex.Expression, holds: bool) -> "Environment":
        """The place at which a condition holds, or does not: what was asked for None is known to be or not to be it."""
        match test:
            case ex.Unary(operator="not", operand=operand):
                return self.where(operand, not holds)
            case ex.Binary(operator="and" | "or" as word, left=left, right=right):
                return self.where(left, holds).where(right, holds) if holds == (word == "and") else self
            case ex.Compare(
                left=ex.Name(id=name), operators=("is" | "is not" as sign,), comparators=(ex.Literal(None),)
            ):
                return self.narrowed({name}, there=holds == (sign == "is not"))
            case ex.Compare(
                left=ex.Name(id=name), operators=("==" | "!=" as sign,), comparators=(ex.Literal(value=str(text)),)
            ):
                return self.worded(name, text, holds == (sign == "=="))
        return self.narrowed({name for name, when in self.conditions.items() if when == test}, there=holds)

    def worded(self, name: str, text: str, holds: bool) -> "Environment":
        """The place at which a value is known to be some text, or known not to be: if it is none, it is a number."""
        old = self.names.get(name)
        if old is None or text not in old.texts or Kind.FUNCTION in old.kinds:
            return self
        texts = frozenset({text}) if holds else old.texts - {text}
        kinds = frozenset({Kind.STR}) if holds else old.kinds - (frozenset() if texts else {Kind.STR})
        return self.with_names({name: replace(old, kinds=kinds, texts=texts)})

    def narrowed(self, names: set[str], there: bool) -> "Environment":
        """The place at which some values are known to be there, or known to be None."""
        found = {name: meaning for name, meaning in self.names.items() if name in names and meaning.kinds >= NONE}
        changed = {
            name: replace(old, kinds=(old.kinds - NONE or NONE) if there else NONE) for name, old in found.items()
        }
        return self.with_names(changed) if changed else self


def annotated(node: ex.Expression, at: Environment) -> ex.Expression:
    """An expression with its facts, as it is understood at some place. What is not known there stays without."""
    match node:
        case ex.Name(id=name):
            meaning = at.names.get(name) or CONSTANTS.get(name)
            return replace(node, role=meaning.role, kinds=meaning.kinds) if meaning else replace(node, kinds=UNKNOWN)
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            first = annotated(left, at)
            found: ex.Expression = replace(node, left=first, right=annotated(right, at.where(first, word == "and")))
        case ex.Conditional(test=test, then=then, orelse=orelse):
            asked = annotated(test, at)
            found = replace(
                node,
                test=asked,
                then=annotated(then, at.where(asked, True)),
                orelse=annotated(orelse, at.where(asked, False)),
            )
        case ex.Call() | ex.Apply():
            inner = ex.with_children(node, lambda part: annotated(part, at))
            assert isinstance(inner, ex.Call | ex.Apply)
            made_of = inner.origin if isinstance(inner, ex.Call) else None  # a pattern, of which it is an op
            member = member_of(inner.function, at) if made_of is None else None
            if member is not None:
                return replace(inner, callee=Callee(CalleeKind.MEMBER, member.name), kinds=member.returns)
            if isinstance(inner, ex.Call) and at.functions is not Functions.NUMBERS and is_pattern(inner):
                made = rearranged(inner)
                return replace(inner, kinds=UNKNOWN) if made is inner else annotated(made, at)
            found = (
                replace(inner, callee=callee(inner, at.functions, at.names)) if isinstance(inner, ex.Call) else inner
            )
        case _:
            found = ex.with_children(node, lambda part: annotated(part, at))
    return replace(found, kinds=infer(found))


def member_of(value: str | ex.Expression, at: Environment) -> Runnable | None:
    """The member that a name is, or to whose list a value belongs; None if it is none."""
    match value:
        case str():
            meaning = at.names.get(value)
            return meaning.member if meaning else None
        case ex.Name(id=name):
            return member_of(name, at)
        case ex.Subscript(value=inner):
            return member_of(inner, at)
        case ex.Call(function="reversed", arguments=(inner,)):
            return member_of(inner, at)
        case ex.Sequence(items=items, bracket="[" | "("):
            known = tuple(member for item in items if (member := member_of(item, at)) is not None)
            return OneOf(known) if known else None
        case _:
            return None


def callee(call: ex.Call, functions: Functions, names: Mapping[str, Meaning]) -> Callee | None:
    """What a call with resolved arguments calls; None if nothing of that name is known."""
    name = call.function
    if functions is Functions.TENSORS and Kind.FUNCTION in (names[name].kinds if name in names else ()):
        return Callee(CalleeKind.FUNCTION, name)
    if functions is Functions.INITIAL and name in FANS:
        return Callee(CalleeKind.FAN, name)
    op = None if functions is Functions.NUMBERS else ops.find(name)
    if name in SCALARS and (op is None or _has_only_numbers(call)):
        return Callee(CalleeKind.SCALAR, name)
    return Callee(CalleeKind.OP, name, makes_floats(call, op)) if op else None


def as_initializer(init: ex.Expression, shape: ex.Expression | tuple[ex.Expression, ...] = ()) -> ex.Expression:
    """The initial value of a tensor, in which a bare name of an initializer has become its call, and knows it."""
    call = initializer(filling(init, shape))
    return replace(call, callee=Callee(CalleeKind.INITIALIZER, call.function), kinds=TENSOR) if call else init


def _has_only_numbers(call: ex.Call) -> bool:
    """Whether a function of numbers is meant rather than the op of its name: no argument can be a tensor."""
    allowed = SCALAR | NONE
    return all(kinds_of(value) <= allowed for _, value in arguments_of(call))


def makes_floats(call: ex.Call, op: ops.Op) -> bool:
    """Whether a factory's result is floating where no dtype is given."""
    if op.floating != "by arguments":
        return op.floating == "always"
    return any(_has_floats(value) for _, value in arguments_of(call))


def _has_floats(value: ex.Expression) -> bool:
    """Whether floats are among some numbers, or in the lists of a list."""
    if isinstance(value, ex.Sequence) and kinds_of(value) == UNKNOWN:
        return any(_has_floats(item) for item in value.items)
    return bool({Kind.FLOAT, Kind.FLOATS} & kinds_of(value))
