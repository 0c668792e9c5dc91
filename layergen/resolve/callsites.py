"""Each call of a spec fits: those of the forward, of initial values, and of the module to match."""

from collections.abc import Iterator, Mapping

from layergen import ops
from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.inits import INITIALIZERS, initializer
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.model import LayerSpec
from layergen.lang.scalars import SCALARS
from layergen.lang.visitor import Visitor
from layergen.ops.modules import find_initializer, find_module, module_names
from layergen.resolve.calls import check_against, check_call, unknown_function
from layergen.resolve.inference import infer
from layergen.resolve.name_kinds import INT, TENSOR, forward_kinds, scalar_kinds
from layergen.resolve.scope import FANS, scoped
from layergen.rules.calls import DataDependent, NotATensor, NotScalar

FORWARD: Path = ("forward",)


def check_calls(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what is wrong with the calls of a spec."""
    forward = _Forward(forward_kinds(spec))
    forward.block(spec.forward)
    yield from forward.findings
    yield from _inits(spec)
    yield from _scalars(spec)
    yield from _match(spec)


class _Forward(Visitor):
    """Checks the calls of some statements, and notes the kinds of what they assign."""

    def __init__(self, kinds: dict[str, Kinds]) -> None:
        self.kinds = kinds
        self.findings: list[Finding] = []

    def assign(self, statement: ex.Assign) -> None:
        self.findings += _calls(statement.value, self.kinds, FORWARD)
        for node in ex.walk(statement.value):
            if isinstance(node, ex.Conditional):
                self.findings += _condition(node.test, self.kinds)
        found = infer(statement.value, self.kinds)
        for target in statement.targets:
            self.kinds[target.id] = found if len(statement.targets) == 1 else _item(found)

    def branch(self, statement: ex.If) -> None:
        self.findings += _calls(statement.test, self.kinds, FORWARD)
        self.findings += _condition(statement.test, self.kinds)
        before = dict(self.kinds)
        self.block(statement.body)
        after, self.kinds = self.kinds, before
        self.block(statement.orelse)
        for name, found in after.items():
            self.kinds[name] = self.kinds.get(name, found) | found


def _condition(test: ex.Expression, kinds: Mapping[str, Kinds]) -> Iterator[Finding]:
    """A condition asks about the setting, never about the values of a tensor."""
    if infer(test, kinds) == TENSOR:
        message = f"the condition `{ex.show(test)}` asks for the values of a tensor"
        help = "choose element by element: `where(condition, a, b)`"
        yield DataDependent.at(Place(FORWARD, test.span), message, help=help)


def _item(kinds: Kinds) -> Kinds:
    """The kinds of the items of a value."""
    items = {Kind.INTS: Kind.INT, Kind.FLOATS: Kind.FLOAT, Kind.TENSORS: Kind.TENSOR, Kind.TENSOR: Kind.TENSOR}
    return frozenset(items.get(kind, Kind.UNKNOWN) for kind in kinds)


def _calls(expression: ex.Expression, kinds: Mapping[str, Kinds], path: Path) -> Iterator[Finding]:
    for node in ex.walk(expression):
        if isinstance(node, ex.Call):
            yield from check_call(node, lambda part: infer(part, kinds), path)


def _inits(spec: LayerSpec) -> Iterator[Finding]:
    kinds = {**scalar_kinds(spec), ".fan": INT}
    for name, tensor in spec.tensors.items():
        path: Path = ("parameters" if name in spec.parameters else "buffers", name, "init")
        call = initializer(tensor.init)
        init = ex.transform(
            call or tensor.init, lambda node: ex.Name(".fan", span=node.span) if _is_fan(node) else None
        )
        if isinstance(init, ex.Call) and call is not None:
            op = find_initializer(init.function)
            assert op is not None
            yield from check_against(init, op, lambda part: infer(part, kinds), path)
            for argument in (*init.arguments, *(keyword.value for keyword in init.keywords)):
                yield from _calls(argument, kinds, path)
            continue
        if isinstance(init, ex.Call) and not ops.find(init.function) and init.function not in SCALARS:
            known = [*INITIALIZERS, *ops.names()]
            yield unknown_function(init, path, known, "an initializer of torch.nn.init or an op")
            continue
        yield from _calls(init, kinds, path)
        if not infer(init, kinds) & (TENSOR | {Kind.UNKNOWN}):
            help = f"write `constant({ex.show(tensor.init)})`" if not isinstance(tensor.init, ex.Name) else None
            yield NotATensor.at(Place(path, tensor.init.span), "the initial value is a number, not a tensor", help=help)


def _is_fan(node: ex.Expression) -> bool:
    return isinstance(node, ex.Call) and node.function in FANS


def _scalars(spec: LayerSpec) -> Iterator[Finding]:
    """Outside the forward and the initial values there are numbers alone."""
    kinds = dict.fromkeys(forward_kinds(spec), INT) | scalar_kinds(spec)
    for part in scoped(spec):
        if part.path[-1] == "init" or part.path[0] == "matches":
            continue
        for node in ex.walk(part.expression):
            if isinstance(node, ex.Call) and node.function not in SCALARS:
                message = f"`{node.function}` is no function of numbers"
                help = f"the functions here are {', '.join(SCALARS)}"
                if ops.find(node.function):
                    help = "declare a tensor that the layer keeps under `buffers`; compute others in `forward`"
                yield NotScalar.at(Place(part.path, node.function_span), message, help=help)
            elif isinstance(node, ex.Call):
                yield from check_call(node, lambda part: infer(part, kinds), part.path)


def _match(spec: LayerSpec) -> Iterator[Finding]:
    if spec.matches is None:
        return
    call, path = spec.matches.module, ("matches", "module")
    op = find_module(call.function)
    if op is None:
        yield unknown_function(call, path, module_names(), "a module of torch.nn")
        return
    kinds = scalar_kinds(spec)
    yield from check_against(call, op, lambda part: infer(part, kinds), path)
