"""Names that are used where nothing of that name is known."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from layergen.diagnostics import Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.lang.inits import INITIALIZERS
from layergen.lang.meant import constant_meant, initializer_meant
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import assignments
from layergen.resolve.conditions import without_questions
from layergen.resolve.scope import CONSTANTS, Scoped, scoped
from layergen.resolve.signature import dimensions
from layergen.rules.names import UndefinedName
from layergen.suggest import nearest
from layergen.words import listed

TENSOR = "an argument of type `tensor`"


def check_undefined(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the undefined names of all sections but the forward; what nothing declares once, where it helps most."""
    roles, unbound = _roles(spec), unbound_names(spec)
    declared_nowhere: set[str] = set()
    for part in sorted(scoped(spec), key=lambda part: part.path[0] != "inputs") if unbound else scoped(spec):
        reported = {*part.names, *declared_nowhere}
        entry = list(_unbound_in(part, unbound - declared_nowhere)) if part.path[0] == "inputs" else []
        if len(entry) > 1:  # which have one cause
            names = {node.id for node in entry}
            declared_nowhere |= names
            reported |= names
            yield _undefined_entry(part, entry)
        for node in ex.walk(without_questions(part.expression, part.asked)):
            if isinstance(node, ex.Name) and node.id not in reported:
                reported.add(node.id)
                if node.id not in roles:
                    declared_nowhere.add(node.id)
                yield _undefined_in(part, node, roles.get(node.id), node.id in unbound, spec)
    known = (*spec.arguments, *spec.values, *dimensions(spec), *spec.runs)
    for index, case in enumerate(spec.cases):
        for key in case:
            if key not in known:
                message = f"`{key}` is neither an argument nor a dimension"
                help = suggestion(key, known) or "a case sets arguments and dimensions by their names"
                yield UndefinedName.at(Place(("cases", index, key), key=True), message, help=help)


def unbound_names(spec: LayerSpec) -> frozenset[str]:
    """The names in the shapes of inputs that would be dimensions if they stood alone in one."""
    known = {*spec.arguments, *spec.derived, *dimensions(spec), *_roles(spec)}
    entries = (entry for tensor in spec.inputs.values() for entry in tensor.entries if not isinstance(entry, ex.Name))
    return frozenset(name for entry in entries for name in ex.names(entry) if name not in known)


def _unbound_in(part: Scoped, unbound: Collection[str]) -> Iterator[ex.Name]:
    """Where names that nothing binds stand first in an entry of a shape."""
    found: dict[str, ex.Name] = {}
    for node in ex.walk(part.expression):
        if isinstance(node, ex.Name) and node.id in unbound and node.id not in part.names:
            found.setdefault(node.id, node)
    yield from found.values()


def _undefined_entry(part: Scoped, entry: Sequence[ex.Name]) -> Finding:
    """The finding of an entry with several names that are not known: the one that is misspelled, or all of them."""
    for node in entry:
        if help := suggestion(node.id, part.names):
            return UndefinedName.at(Place(part.path, node.span), f"`{node.id}` is not defined", help=help)
    first, *_ = entry
    names = listed([f"`{node.id}`" for node in entry])
    labels = [Label(Place(part.path, node.span), "nor is this") for node in entry[1:]]
    help = f"a dimension gets its size where it stands alone: give {names} an entry each"
    return UndefinedName.at(Place(part.path, first.span), f"{names} are not defined", labels=labels, help=help)


def _undefined_in(part: Scoped, node: ex.Name, role: str | None, unbound: bool, spec: LayerSpec) -> Finding:
    """The finding of a name that is not known to one expression of the spec."""
    near, otherwise = part.names, f"only {part.known} are known here"
    meant = ex.show(ex.Literal(node.id)) if node.id in spec.texts else constant_meant(part.path, node.id)
    if node is part.expression and part.path[-1] == "init":
        near, meant = near.union(INITIALIZERS), initializer_meant(node.id)
    if part.path[0] in ("inputs", "outputs") and node is part.expression and part.path[-1] == "shape":
        meant = "[]" if node.id.lower() in ("scalar", "none", "empty") else f"[{node.id}]"
    if role == TENSOR:
        decided = "; a `bool` argument can decide here" if part.path[-1] == "when" else ""
        otherwise = f"the layer keeps `{node.id}` as a buffer, which the forward reads{decided}"
    if node.id in part.asked:
        otherwise = f"what can be asked of it here is whether it is there: `{node.id} is not None`"
    if unbound and part.path[0] == "inputs":
        otherwise = f"a dimension gets its size where it stands alone: give `{node.id}` an entry of its own"
    return undefined(node, part.path, near, otherwise, role, meant)


def undefined(
    node: ex.Name, path: Path, known: Iterable[str], otherwise: str, role: str | None = None, meant: str | None = None
) -> Finding:
    """The finding of a name that is not known.

    Args:
        node: The name.
        path: The text that it stands in.
        known: The names that are known there.
        otherwise: What helps where none of them is near.
        role: What the name is elsewhere in the spec.
        meant: What it surely stands for.
    """
    place = Place(path, node.span)
    if role:
        return UndefinedName.at(place, f"`{node.id}` is {role}, which is not known here", help=otherwise)
    help = f"write `{meant}`" if meant else suggestion(node.id, known) or otherwise
    return UndefinedName.at(place, f"`{node.id}` is not defined", help=help)


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Help with the nearest of the names that are known, if one is near."""
    near = nearest(name, sorted(known))
    return f"write `{near}`" if near else None


def _roles(spec: LayerSpec) -> dict[str, str]:
    """What each name of the spec is. Of two roles, the one that a reader would take a name for."""
    return {
        "training": "the layer's mode",
        **dict.fromkeys(CONSTANTS, "a constant"),
        **{target.id: "a local of the forward" for target in assignments(spec.forward)},
        **dict.fromkeys(spec.returned, "an output"),
        **dict.fromkeys(dimensions(spec), "a dimension"),
        **dict.fromkeys(spec.runs, "a run of dimensions"),
        **dict.fromkeys(spec.modules, "a member"),
        **dict.fromkeys(spec.given, "an input"),
        **dict.fromkeys(spec.buffers, "a buffer"),
        **dict.fromkeys(spec.parameters, "a parameter"),
        **dict.fromkeys(spec.derived, "a derived name"),
        **dict.fromkeys(spec.declared, TENSOR),
        **dict.fromkeys(spec.arguments, "an argument"),
    }
