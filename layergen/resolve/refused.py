"""What the language can say and a layer cannot do: loops, lists that grow, and attributes of what is no member."""

from collections.abc import Iterator

from layergen.diagnostics import Finding, Path, Place, Span
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.tokens import quoted
from layergen.lang.visitor import assignments, parts, statements
from layergen.resolve.scope import scoped
from layergen.rules.spec import ForbiddenConstruct

FORWARD: Path = ("forward",)


def check_refused(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the constructs of a spec that no layer can have, each once."""
    members = frozenset(spec.modules).union(target.id for target in assignments(spec.forward))
    for part in scoped(spec):
        yield from _expression(part.expression, part.path, members)
    within: list[Span] = []  # what stands in a loop goes with it
    for statement in statements(spec.forward):
        start, end = statement.span
        if any(first <= start and end <= last for first, last in within):
            continue
        match statement:
            case ex.For():
                within.append(statement.span)
                help = "write an op on a whole tensor instead of a loop"
                yield _refused("`for` is not in the language", FORWARD, (start, start + len("for")), help)
            case ex.Append(list=name):
                help = f"write the list out: `{name.id} = […]`"
                yield _refused("`append` is not in the language", FORWARD, (start, start + len("append")), help)
            case _:
                for expression in parts(statement).expressions:
                    yield from _expression(expression, FORWARD, members)


def _expression(node: ex.Node, path: Path, members: frozenset[str]) -> Iterator[Finding]:
    match node:
        case ex.Apply() | ex.Member() if not members.isdisjoint(ex.names(node)):
            for child in ex.children(node):
                yield from _expression(child, path, members)
        case ex.Apply(function=function):
            message = f"{quoted(ex.show(function))} is called, but only a function's plain name can be"
            yield _refused(message, path, function.span)
        case ex.Member():
            message = f"{quoted(ex.show(node))} is an attribute, which the language does not have"
            yield _refused(message, path, node.span)
        case _:
            for child in ex.children(node):
                yield from _expression(child, path, members)


def _refused(message: str, path: Path, span: Span, help: str | None = None) -> Finding:
    return ForbiddenConstruct.at(Place(path, span), message, help=help)
