"""The numbers that the function of a definition is given, with those of the members that it calls."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from layergen.definition.calling import maker, settled
from layergen.definition.given import given_lines, measured_in
from layergen.definition.loops import printed
from layergen.definition.scene import TRAINING, Definition, Members
from layergen.lang import expression as ex
from layergen.lang.interpreter import Interpreter


def needs(definition: Definition, names: Mapping[str, Any], inside: bool = False) -> dict[str, Any]:
    """The numbers that a definition's function is given, and below the name of each member those of its own.

    Args:
        definition: The definition.
        names: What the names of numbers stand for.
        inside: Whether it is that of a member. See `definition_lines`.
    """
    printer, _ = printed(definition, inside)
    given_lines(printer, inside)  # which asks for numbers too
    spec, scene = definition.spec, definition.scene
    known: Collection[str] = scene.numbers
    if inside:
        known = {*spec.arguments, *spec.derived, *spec.values} - dict(measured_in(printer)).keys()
    asked = printer.given & set(known) - scene.tensors.keys() - {TRAINING}  # of which a row of a test is the same
    numbers = {name: names.get(name) for name in sorted(asked)}
    for name in sorted(printer.members):
        members = scene.members[name]
        if members.when is None or Interpreter(names).truth(members.when):
            numbers |= dict(_of_members(name, members, names))
    return numbers


def _of_members(name: str, members: Members, names: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for which in _positions(members, names):
        call, own = maker(members, which, names)
        child = members.known[call.function]
        yield name if which is None else f"{name}.{which}", needs(child, settled(child, call, own), inside=True)


def _positions(members: Members, names: Mapping[str, Any]) -> list[int | None]:
    if not members.listed:
        return [None]
    if isinstance(members.constructor, ex.Comprehension):
        return list(range(len(Interpreter(names).items(members.constructor.iterable))))
    return list(range(len(members.made)))


def called(definition: Definition, inside: bool = False) -> dict[str, Definition]:
    """The definitions of the members that a definition calls, by their classes, after those that they call."""
    found: dict[str, Definition] = {}
    printer, _ = printed(definition, inside)
    for name in sorted(printer.members):
        for layer, child in definition.scene.members[name].known.items():
            found |= {**called(child, inside=True), layer: child}
    return found
