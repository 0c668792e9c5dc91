"""Names that are used where nothing of that name is known."""

from collections.abc import Iterable, Iterator

from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.inits import INITIALIZERS
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import assigned
from layergen.resolve.scope import CONSTANTS, dimensions, scoped
from layergen.rules.names import UndefinedName
from layergen.suggest import nearest


def check_undefined(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the undefined names of all sections but the forward."""
    roles = _roles(spec)
    for part in scoped(spec):
        reported = set(part.names)
        for node in ex.walk(part.expression):
            if isinstance(node, ex.Name) and node.id not in reported:
                reported.add(node.id)
                near = part.names.union(INITIALIZERS if node is part.expression and part.path[-1] == "init" else ())
                yield undefined(node, part.path, near, f"only {part.known} are known here", roles.get(node.id))
    known = (*spec.arguments, *dimensions(spec))
    for index, case in enumerate(spec.cases):
        for key in case:
            if key not in known:
                message = f"`{key}` is neither an argument nor a dimension"
                help = suggestion(key, known) or "a case sets arguments and dimensions by their names"
                yield UndefinedName.at(Place(("cases", index, key), key=True), message, help=help)


def undefined(node: ex.Name, path: Path, known: Iterable[str], otherwise: str, role: str | None = None) -> Finding:
    """The finding of a name that is not known; ``role`` is what it is elsewhere in the spec."""
    place = Place(path, node.span)
    if role:
        return UndefinedName.at(place, f"`{node.id}` is {role}, which is not known here", help=otherwise)
    return UndefinedName.at(place, f"`{node.id}` is not defined", help=suggestion(node.id, known) or otherwise)


def suggestion(name: str, known: Iterable[str]) -> str | None:
    """Help with the nearest of the names that are known, if one is near."""
    near = nearest(name, sorted(known))
    return f"write `{near}`" if near else None


def _roles(spec: LayerSpec) -> dict[str, str]:
    """What each name of the spec is. Of two roles, the one that a reader would take a name for."""
    return {
        "training": "the layer's mode",
        **dict.fromkeys(CONSTANTS, "a constant"),
        **dict.fromkeys(assigned(spec.forward), "a local of the forward"),
        **dict.fromkeys(spec.outputs, "an output"),
        **dict.fromkeys(dimensions(spec), "a dimension"),
        **dict.fromkeys(spec.inputs, "an input"),
        **dict.fromkeys(spec.buffers, "a buffer"),
        **dict.fromkeys(spec.parameters, "a parameter"),
        **dict.fromkeys(spec.derived, "a derived name"),
        **dict.fromkeys(spec.arguments, "an argument"),
    }
