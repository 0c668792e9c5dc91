"""What the language can say and a layer cannot do: attributes of what is no member."""

from collections.abc import Iterable, Iterator

from layergen.diagnostics import FORWARD, Finding, Path, Place, Span
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.tokens import LAYER, quoted
from layergen.lang.tuples import wholes
from layergen.lang.visitor import assignments, expressions
from layergen.resolve.scope import scoped
from layergen.rules.names import UndefinedName
from layergen.rules.spec import ForbiddenConstruct
from layergen.suggest import nearest


def check_refused(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the constructs of a spec that no layer can have, each once."""
    members = frozenset(spec.modules).union(target.id for target in assignments(spec.forward))
    for part in scoped(spec):
        if part.path[0] == "laws":
            yield from _outputs(part.expression, part.path, spec)
        else:
            yield from _expression(part.expression, part.path, members)
    for expression in expressions(spec.forward):
        yield from _expression(expression, FORWARD, members)


def _outputs(law: ex.Node, path: Path, spec: LayerSpec) -> Iterator[Finding]:
    """Yield what a law calls an output of the layer and is none."""
    for node in ex.walk(law):
        match node:
            case ex.Member(value=ex.Call(function=function), name=name) if function == LAYER:
                if name not in (outputs := wholes(spec.outputs)):
                    yield _unknown(path, node, "the layer has no output", name, outputs)
            case ex.Member(value=ex.Member(value=ex.Call(function=function), name=whole), name=name) if (
                function == LAYER and (parts := spec.given_tuples.get(whole)) is not None
            ):
                if name not in parts.names:
                    yield _unknown(path, node, f"the output `{whole}` has no tensor", name, parts.names)
            case ex.Member() | ex.Apply():
                yield from _expression(node, path, frozenset(spec.modules))


def _unknown(path: Path, node: ex.Node, lacks: str, name: str, known: Iterable[str]) -> Finding:
    near = nearest(name, known)
    help = f"write `{near}`" if near else None
    return UndefinedName.at(Place(path, node.span), f"{lacks} `{name}`", help=help)


def _expression(node: ex.Node, path: Path, members: frozenset[str]) -> Iterator[Finding]:
    match node:
        case ex.Apply() | ex.Member() if not members.isdisjoint(ex.names(node)):
            for child in node.children:
                yield from _expression(child, path, members)
        case ex.Apply(function=function):
            message = f"{quoted(ex.show(function))} is called, but only a function's plain name can be"
            yield _refused(message, path, function.span)
        case ex.Member():
            message = f"{quoted(ex.show(node))} is an attribute, which the language does not have"
            yield _refused(message, path, node.span)
        case _:
            for child in node.children:
                yield from _expression(child, path, members)


def _refused(message: str, path: Path, span: Span, help: str | None = None) -> Finding:
    return ForbiddenConstruct.at(Place(path, span), message, help=help)
