"""Calls of members in a definition: what is given for which input, and with which numbers a member is made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from layergen.definition.entries import Entry
from layergen.definition.scene import Definition, Members
from layergen.definition.tuples import item_of, told_name
from layergen.lang import expression as ex
from layergen.lang.bounds import normalize
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import LayerSpec
from layergen.lang.tuples import TensorTuple, item_name
from layergen.lang.values import Shape


class CallFault(Exception):
    """A call does not fit what is called. ``node`` is the part at fault."""

    def __init__(self, node: ex.Node, message: str) -> None:
        super().__init__(message)
        self.node = node
        self.message = message


def bound(names: Sequence[str], call: ex.Call | ex.Apply, called: str) -> dict[str, ex.Expression]:
    """The arguments of a call by their names.

    Raises:
        CallFault: If it gives one that there is not, or one twice.
    """
    if len(call.arguments) > len(names):
        count = f"{len(names)} argument{'s' if len(names) != 1 else ''}"
        message = f"the definition of `{called}` knows {count}, and more are given"
        raise CallFault(call.arguments[len(names)], message)
    found = dict(zip(names, call.arguments, strict=False))
    for keyword in call.keywords:
        if keyword.name not in names or keyword.name in found:
            why = "is given twice" if keyword.name in found else f"is nothing that the definition of `{called}` knows"
            raise CallFault(keyword, f"`{keyword.name}` {why}")
        found[keyword.name] = keyword.value
    return found


def inputs_of(definition: Definition, call: ex.Call | ex.Apply, called: str) -> dict[str, ex.Expression]:
    """What a call of a member gives, by the names of its inputs.

    Raises:
        CallFault: If the call does not fit.
    """
    spec = definition.spec
    found = bound(tuple(spec.given), call, called)
    for name in spec.given:
        given = spec.taken_tuples.get(name) or spec.inputs.get(name)
        optional = given is None or given.optional
        if name not in found and not optional:
            raise CallFault(call, f"`{called}` needs `{name}`")
        if name in found and name in spec.taken_tuples:
            wanted = spec.taken_tuples[name]
            found |= dict(zip(wanted.items, _parts(found.pop(name), wanted), strict=True))
    return found


def _parts(argument: ex.Expression, wanted: TensorTuple) -> Iterator[ex.Expression]:
    """What is given for each tensor of a tuple: by the name of another one, None, or several names in parentheses.

    Raises:
        CallFault: If these are not as many, or something else is given.
    """
    match argument:
        case ex.Literal(value=None):
            yield from (argument for _ in wanted.items)
        case ex.Name(id=name):
            yield from (ex.Name(item_name(name, place), span=argument.span) for place in range(len(wanted.items)))
        case ex.Sequence(items=items, bracket="(") if len(items) == len(wanted.items):
            yield from items
        case _:
            names = ", ".join(wanted.names)
            raise CallFault(argument, f"a tuple of `{names}` is wanted here: write its name, or `({names})`")


def inputs_at(definition: Definition, entry: Entry) -> dict[str, ex.Expression]:
    """What a member is given for an entry, by the names of its inputs, which all members of a list share."""
    if entry.call is None:
        return {}
    child = next(iter(definition.scene.members[entry.name.id].known.values()))
    return inputs_of(child, entry.call, entry.name.id)


def output_of(definition: Definition, entry: Entry) -> str:
    """The output of a member's call that is read.

    Raises:
        CallFault: If it is not told, or there is none of the name.
    """
    outputs = tuple(definition.scene.outputs)
    tuples = definition.spec.given_tuples
    output = item_of(entry.output or "", tuples) or entry.output
    if output in outputs:
        return output
    shown = ", ".join(f"`{told_name(name, tuples)}`" for name in outputs)
    if entry.output is not None:
        raise CallFault(entry.node.value, f"`{entry.name.id}` gives {shown}, and no `{entry.output}`")
    if len(outputs) > 1:
        raise CallFault(entry.node.value, f"`{entry.name.id}` gives {shown}, and one of them is to be named")
    return outputs[0]


def maker(members: Members, which: int | None, names: Mapping[str, Any]) -> tuple[ex.Call, Mapping[str, Any]]:
    """The constructor's call of a member, or of one of a list, and what the names in it stand for.

    Raises:
        EvaluationFault: If it cannot be told.
        IndexError: If the list has no such member.
    """
    if which is None:
        return members.made[0], names
    if which < 0:
        raise IndexError
    if isinstance(members.constructor, ex.Comprehension):
        turn = Interpreter(names).items(members.constructor.iterable)[which]
        return members.made[0], {**names, members.constructor.target.id: turn}
    return members.made[which], names


def settled(definition: Definition, call: ex.Call, names: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments and derived values of a member.

    Args:
        definition: The member's definition.
        call: The call of its constructor.
        names: What the names in this call stand for.

    Raises:
        CallFault: If the call does not fit, or gives what the definition does not know.
        EvaluationFault: If a value cannot be computed.
    """
    spec = definition.spec
    given = bound(tuple(spec.arguments), call, call.function)
    values: dict[str, Any] = {}
    for name, argument in {**spec.arguments, **spec.values}.items():
        value: Any = None
        if name in given:
            value = Interpreter(names).evaluate(given[name])
        elif argument.default is not None:
            value = Interpreter(values).evaluate(argument.default)
        try:
            values[name] = normalize(argument, value)
        except TypeError as error:
            node = given.get(name, call)
            raise CallFault(node, f"the definition of `{call.function}` needs another `{name}`: {error}") from None
    for name, expression in spec.derived.items():
        values[name] = Interpreter(values).evaluate(expression)
    return values


def sizes_of(spec: LayerSpec, shapes: Mapping[str, tuple[int, ...]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The dimensions of a member, as far as they stand alone in the shapes of inputs; ``...`` is one by itself.

    Args:
        spec: The member.
        shapes: Those of the inputs that it is given.
        values: Its arguments and derived values.
    """
    found: dict[str, Any] = {}
    for name, shape in shapes.items():
        for dimension, size in _dimensions(spec.inputs[name].shape, shape, {**values, **found}):
            found.setdefault(dimension, size)
    return found


def misfit(spec: LayerSpec, shapes: Mapping[str, tuple[int, ...]], values: Mapping[str, Any]) -> str | None:
    """What is wrong with the size of something that a member is given, if it is made for another one.

    Args:
        spec: The member.
        shapes: Those of the inputs that it is given.
        values: Its arguments, derived values and dimensions.
    """
    for name, shape in shapes.items():
        part = spec.inputs[name]
        for item, size in _aligned(part.shape, shape, values) if part.broadcast is False else ():
            wanted = _size(item, values)
            if wanted is not None and wanted != size:
                known = "there are" if isinstance(item, ex.Literal) else f"`{ex.show(item)}` is"
                return f"`{spec.layer}` is given {size} entries of `{name}` where {known} {wanted}"
    return None


def _size(item: ex.Expression, values: Mapping[str, Any]) -> int | None:
    try:
        size = Interpreter(values).evaluate(item)
    except EvaluationFault:  # it names a dimension that nothing tells
        return None
    return size if type(size) is int else None


def _dimensions(shape: Shape, sizes: tuple[int, ...], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    own = _aligned(shape, sizes, values)
    yield from ((item.id, size) for item, size in own if isinstance(item, ex.Name) and item.id not in values)
    yield from (("...", size) for item, size in own if item == ex.Literal(...))
    yield from ((run, list(size)) for item, size in own if (run := _run(item)) is not None)


def _aligned(shape: Shape, sizes: tuple[int, ...], values: Mapping[str, Any]) -> list[tuple[ex.Expression, Any]]:
    """The entries of a shape, each with its size, ``...`` with several; nothing where they are too few."""
    if isinstance(shape, ex.Conditional):
        return _aligned(shape.then if Interpreter(values).truth(shape.test) else shape.orelse, sizes, values)
    written = shape if isinstance(shape, tuple) else shape.items if isinstance(shape, ex.Sequence) else ()
    items = tuple(_apart(written, values))
    runs = [place for place, item in enumerate(items) if item == ex.Literal(...) or _run(item)]
    before = items[: runs[0]] if runs else items
    after = items[runs[0] + 1 :] if runs else ()
    if len(before) + len(after) > len(sizes):
        return []
    leading = [(items[runs[0]], sizes[len(before) : len(sizes) - len(after)])] if runs else []
    return [*zip(before, sizes, strict=False), *leading, *zip(after, sizes[len(sizes) - len(after) :], strict=True)]


def _run(item: ex.Expression) -> str | None:
    """The name of a run beside ``...`` whose sizes are not known yet."""
    return item.value.id if isinstance(item, ex.Splice) and isinstance(item.value, ex.Name) else None


def _apart(entries: Iterable[ex.Expression], values: Mapping[str, Any]) -> Iterator[ex.Expression]:
    """The entries of a shape, with the sizes of each list one by one."""
    for entry in entries:
        if isinstance(entry, ex.Splice) and ex.names(entry) <= values.keys():
            yield from map(ex.Literal, Interpreter(values).evaluate(entry.value))
        else:
            yield entry
