"""The entries that a definition reads: of tensors, of other equations, and of what members give."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from layergen.definition.grammar import index_items, reduction
from layergen.definition.scene import written_index
from layergen.definition.slips import REDUCTIONS
from layergen.lang import expression as ex


@dataclass(frozen=True)
class Entry:
    """``weight[o, c]``, ``padded(x)[n, i]``, ``weight[k][o, c]``, ``norm(x)[n, i]``, ``norm.weight[i]``.

    And ``stack.weight[k][o, c]``, of which the indices are k, o and c.
    """

    node: ex.Subscript
    name: ex.Name  # of the tensor, the family, the equations, or the member
    indices: tuple[ex.Expression, ...]  # those between the last brackets
    which: ex.Expression | None = None  # the index in a family of tensors with dimensions, or in a list of members
    padded: bool = False  # whether it is zero outside
    call: ex.Call | ex.Apply | None = None  # of a member
    output: str | None = None  # that of a call which is meant, where it is named
    path: tuple[str, ...] = ()  # of a tensor of a member
    kin: bool = False  # whether it is of a member's family, in which the first of the indices tells the tensor

    @property
    def all(self) -> tuple[ex.Expression, ...]:
        """All indices, that in the family among them."""
        return self.indices if self.which is None or self.inner else (self.which, *self.indices)

    @property
    def inner(self) -> bool:
        """Whether it is of a member."""
        return self.call is not None or bool(self.path)

    @property
    def owned(self) -> str:
        """The name of a tensor of a member, or of a family of them, as the member has it."""
        return ".".join(self.path)

    @property
    def read(self) -> ex.Expression:
        """What is read, without its indices."""
        value = self.node.value
        return value.value if self.kin and isinstance(value, ex.Subscript) else value


def entry_of(node: ex.Expression) -> Entry | None:
    """What a subscript reads, if that has a name."""
    if not isinstance(node, ex.Subscript) or reduction(node) is not None:
        return None
    value, indices = node.value, index_items(node.index)
    match value:
        case ex.Name():
            return Entry(node, value, indices)
        case ex.Subscript(value=ex.Name() as name, index=which):
            return Entry(node, name, indices, which)
        case ex.Subscript(value=ex.Member() as path, index=which) if len(index_items(which)) == 1:
            found = _of_path(node, path, (which, *indices))
            return found and replace(found, kin=True)
        case ex.Call(function="padded", arguments=(ex.Name() as name,), keywords=()):
            return Entry(node, name, indices, padded=True)
        case ex.Call(function="padded", arguments=(ex.Subscript(value=ex.Name() as name, index=which),), keywords=()):
            return Entry(node, name, indices, which, padded=True)
        case ex.Member(value=ex.Call() | ex.Apply() as call, name=output):
            return _called(node, call, indices, output)
        case ex.Member(value=ex.Member(value=ex.Call() | ex.Apply() as call, name=whole), name=part):
            return _called(node, call, indices, f"{whole}.{part}")
        case ex.Call() | ex.Apply():
            return _called(node, value, indices, None)
        case ex.Member():
            return _of_path(node, value, indices)
    return None


def indices_at_once(node: ex.Subscript) -> ex.Subscript | None:
    """``x[n, t, i]`` for ``x[n][t][i]``; None where it is no name that is read."""
    indices = index_items(node.index)
    if isinstance(node.value, ex.Subscript):
        inner = indices_at_once(node.value)
        return inner and ex.Subscript(inner.value, ex.Sequence((*index_items(inner.index), *indices), ""))
    return node if isinstance(node.value, ex.Name) else None


def _called(
    node: ex.Subscript, call: ex.Call | ex.Apply, indices: tuple[ex.Expression, ...], output: str | None
) -> Entry | None:
    match call:
        case ex.Call(function=function) if function != "padded" and "." not in function:
            name = ex.Name(function, span=call.function_span)
            return Entry(node, name, indices, call=call, output=output)
        case ex.Apply(function=ex.Subscript(value=ex.Name(id=word) as name, index=which)) if word not in REDUCTIONS:
            return Entry(node, name, indices, which, call=call, output=output)
    return None


def _of_path(node: ex.Subscript, value: ex.Expression, indices: tuple[ex.Expression, ...]) -> Entry | None:
    path: list[str] = []
    while isinstance(value, ex.Member):
        path.insert(0, value.name)
        value = value.value
    match value:
        case ex.Name():
            return Entry(node, value, indices, path=tuple(path))
        case ex.Subscript(value=ex.Name() as name, index=which):
            return Entry(node, name, indices, which, path=tuple(path))
    return None


@dataclass(frozen=True)
class Passed:
    """What a member is given: a tensor or the entries of a name, all of them or those with some first indices."""

    name: ex.Name
    first: tuple[ex.Expression, ...] = ()


def passed(node: ex.Expression) -> Passed | None:
    """What an argument of a member's call hands on, if that is no number."""
    match node:
        case ex.Name():
            return Passed(node)
        case ex.Subscript(value=ex.Name() as name, index=index):
            return Passed(name, index_items(index))
    return None


@dataclass(frozen=True)
class Reading:
    """Where an equation reads an entry."""

    entry: Entry
    guards: frozenset[str]  # the names in the conditions above it

    @property
    def name(self) -> str:
        return self.entry.name.id

    @property
    def indices(self) -> tuple[ex.Expression, ...]:
        return self.entry.all

    @property
    def text(self) -> str:
        """What is read, as it is written."""
        return self.name if not self.entry.inner else ex.show(self.entry.read)


def readings(node: ex.Expression, guards: frozenset[str] = frozenset()) -> Iterator[Reading]:
    """What an expression reads of tensors and of other equations."""
    entry = entry_of(node)
    if entry is not None:
        yield Reading(entry, guards)
        inside = (*entry.all, *((entry.which,) if entry.inner and entry.which is not None else ()))
        for index in (*inside, *_arguments(entry)):
            yield from readings(index, guards)
        return
    if isinstance(node, ex.Conditional):
        yield from readings(node.test, guards)
        inner = guards | ex.names(node.test)
        yield from readings(node.then, inner)
        yield from readings(node.orelse, inner)
        return
    bound = reduction(node)
    children = (bound[2], *_ranges(bound[1])) if bound else node.children
    for child in children:
        if isinstance(child, ex.Expression):
            yield from readings(child, guards)


def _ranges(indices: tuple[ex.Expression, ...]) -> Iterator[ex.Expression]:
    for index in indices:
        written = written_index(index)
        if written and written[1] is not None:
            yield written[1]


def _arguments(entry: Entry) -> Iterator[ex.Expression]:
    """The indices and numbers among what a member is given."""
    if entry.call is not None:
        for argument in (*entry.call.arguments, *(word.value for word in entry.call.keywords)):
            given = passed(argument)
            yield from given.first if given is not None else (argument,)
