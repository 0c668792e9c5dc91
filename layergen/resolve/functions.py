"""Arguments that are functions: what they may be, and how a forward calls them."""

from collections.abc import Iterator

from layergen import ops
from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.kinds import Kind
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import Block, calls, statements
from layergen.lang.visitor import parts as parts_of
from layergen.resolve.calls import GUESSED
from layergen.resolve.inference import TENSOR, UNKNOWN, kinds_of
from layergen.resolve.program import Program
from layergen.rules.calls import UnknownOp, WrongArgumentKind
from layergen.rules.spec import InvalidValue

FORWARD: Path = ("forward",)


def functions(spec: LayerSpec | Program) -> set[str]:
    """The arguments that are functions."""
    return {name for name, argument in spec.arguments.items() if argument.type.callable}


def called_functions(spec: LayerSpec, block: Block) -> set[str]:
    """Those that a block calls."""
    return {call.function for call in calls(block)} & functions(spec)


def check_choices(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the choices of functions that are no ops of one tensor."""
    for name in functions(spec):
        for index, choice in enumerate(spec.arguments[name].choices or ()):
            path = ("arguments", name, "choices", index)
            op = ops.find(str(choice))
            if op is None:
                near = ops.nearest(str(choice))
                help = f"write `{near}`" if near else "`layergen ops` lists the functions that there are"
                yield UnknownOp.at(path, f"`{choice}` is no op", help=help)
            elif problem := _unfit(op):
                yield InvalidValue.at(path, f"`{choice}` {problem}", help="a choice takes a tensor and gives one")


def _unfit(op: ops.Op) -> str:
    """Why an op cannot be handed on as a function of one tensor; empty if it can."""
    outcome = ops.bind(op, [ops.Argument(None, TENSOR)])
    if not isinstance(outcome, ops.Binding) or outcome.signature.returns != TENSOR:
        return "is no function of one tensor alone"
    if op.name in GUESSED:
        return f"asks for `{GUESSED[op.name][0]}` too"
    if op.random:
        return "draws random numbers"
    return "" if op.namespace != "Tensor" and op.name != "upcast" else "has no function of its own in torch"


def check_uses(program: Program) -> Iterator[Finding]:
    """Yield where a forward uses a function other than by calling it with one tensor."""
    known = functions(program)
    for statement in statements(program.forward.statements):
        for expression in parts_of(statement).expressions:
            yield from _uses(expression, known)


def _uses(node: ex.Node, known: set[str]) -> Iterator[Finding]:
    match node:
        case ex.Name(id=name) if name in known and node.kinds is not None and Kind.FUNCTION in node.kinds:
            help = f"call it: `{name}(…)`; what depends on it belongs under `derived`"
            yield WrongArgumentKind.at(Place(FORWARD, node.span), f"`{name}` is a function", help=help)
            return
        case ex.Compare(left=ex.Name(), operators=("is" | "is not",), comparators=(ex.Literal(value=None),)):
            return
        case ex.Call(callee=callee) if callee is not None and callee.kind is CalleeKind.FUNCTION:
            given = [kinds_of(value) for value in node.arguments]
            if node.keywords or len(given) != 1 or not given[0] & (TENSOR | UNKNOWN):
                message = f"`{node.function}` takes one tensor, as what a caller gives for it does"
                help = f"write `{node.function}(h)`"
                yield WrongArgumentKind.at(Place(FORWARD, node.span), message, help=help)
    for child in node.children:
        yield from _uses(child, known)
