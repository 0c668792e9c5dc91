"""Each call of a program fits: those of the forward, of initial values, and of the module to match."""

from collections.abc import Iterator

from layergen import ops
from layergen.diagnostics import FORWARD, Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind, Role
from layergen.lang.inits import INITIALIZERS
from layergen.lang.kinds import Kind
from layergen.lang.scalars import SCALARS
from layergen.lang.tokens import LAYER, TERM, quoted
from layergen.lang.visitor import expressions, parts, statements
from layergen.ops.modules import find_initializer, find_module, module_names
from layergen.resolve.asking import check_asking
from layergen.resolve.calls import check_against, check_call, described, unknown_function
from layergen.resolve.functions import check_uses
from layergen.resolve.handed import check_handed
from layergen.resolve.inference import MEMBERS, TENSOR, kinds_of
from layergen.resolve.loops import check_loops
from layergen.resolve.membership import made_here
from layergen.resolve.program import Child, Member, Program
from layergen.resolve.quotients import labels_of, own_quotients, quotient_in, whole, whole_meant
from layergen.resolve.signature import leading_source
from layergen.resolve.unknown_ops import DIMENSION, called_value
from layergen.resolve.updates import check_updates
from layergen.resolve.written import check_written
from layergen.rules.calls import NotASize, NotATensor, NotScalar, UnknownOp, WrongArgumentKind
from layergen.rules.members import WrongTensorPath
from layergen.rules.names import UndefinedName
from layergen.words import shorten


def check_calls(program: Program) -> Iterator[Finding]:
    """Yield what is wrong with the calls of a program."""
    yield from _forward(program)
    yield from check_updates(program)
    yield from check_written(program)
    yield from check_uses(program)
    yield from _inits(program)
    yield from _scalars(program)
    yield from _match(program)
    yield from _members(program)
    yield from _penalty(program)
    yield from _laws(program)
    if program.formula is not None:
        yield from _calls(program.formula, ("matches",), program)


def _forward(program: Program) -> Iterator[Finding]:
    told: set[str] = set()
    changed = {target.id for target in program.forward.targets}
    always = {name for name, part in program.tensors.items() if part.when is None} - changed
    for statement in statements(program.forward.statements):
        yield from check_asking(statement, FORWARD, always)
        yield from check_loops(statement, FORWARD)
        for expression in parts(statement).expressions:
            yield from _calls(expression, FORWARD, program)
            yield from _slices(expression, program, told)
            spliced = next((node for node in ex.walk(expression) if ex.is_spliced(node)), None)
            if spliced is not None and leading_source(program.inputs) is None:
                message = "`...` stands for nothing here: no input that is always there has leading dimensions"
                help = "where the shape is that of another tensor, write `reshape_as(h, x)`"
                yield NotASize.at(Place(FORWARD, spliced.span), message, help=help)


def _slices(expression: ex.Expression, program: Program, told: set[str]) -> Iterator[Finding]:
    """Indices are ints, and the ends of slices, too; a name of the forward that is none is told once."""
    own = own_quotients(program.forward.statements)
    for node in ex.walk(expression):
        if isinstance(node, ex.Subscript):
            for part in _ends(node.index):
                if kinds_of(part) <= {Kind.FLOAT}:
                    divided = quotient_in(part, own)
                    if divided in told:
                        continue
                    message = f"an index is an int, but `{shorten(ex.show(part))}` is a float"
                    help, labels = whole_meant(part, program.derived), labels_of(part, program.derived)
                    if divided is not None:
                        told.add(divided)
                        help = f"write `{divided} = {ex.show(whole(own[divided]))}`: `/` gives a float"
                        labels = (Label(Place(FORWARD, own[divided].span), "a float"),)
                    yield NotASize.at(Place(FORWARD, part.span), message, help=help, labels=labels)


def _ends(index: ex.Expression) -> Iterator[ex.Expression]:
    """The single indices between brackets."""
    match index:
        case ex.Slice(start=start, stop=stop, step=step):
            yield from (part for part in (start, stop, step) if part is not None)
        case ex.Sequence(items=items, bracket=""):
            for item in items:
                yield from _ends(item)
        case _:
            yield index


def _calls(expression: ex.Expression, path: Path, program: Program) -> Iterator[Finding]:
    for node in ex.walk(expression):
        yield from _called(node, path, program)


def _called(node: ex.Node, path: Path, program: Program) -> Iterator[Finding]:
    """What is wrong with one call, or with a tensor of a member."""
    if isinstance(node, ex.Call | ex.Apply) and node.callee and node.callee.kind is CalleeKind.MEMBER:
        for name in node.callee.members:
            yield from _run(node, path, program.members[name], program)
    elif isinstance(node, ex.Call) and node.callee is None and (what := _valued(node.function, program)):
        yield called_value(node, path, what)
    elif isinstance(node, ex.Call):
        yield from (
            _pattern(node, node.origin, path)
            if node.origin
            else check_call(node, path, program.derived, program.members)
        )
    elif isinstance(node, ex.Apply):
        message = f"{quoted(ex.show(node.function))} is no member, and so cannot be called"
        yield UnknownOp.at(Place(path, node.function.span), message)
    elif isinstance(node, ex.Member) and kinds_of(node.value) == MEMBERS:
        listed = ex.show(node.value)
        message = f"`{listed}` is a list of members, which has no tensors itself"
        help = f"name one of it: `{listed}[0].{node.name}`"
        yield WrongTensorPath.at(Place(path, node.span), message, help=help)


VALUED = {Role.INPUT: "an input", Role.PARAMETER: "a parameter", Role.BUFFER: "a buffer", Role.DIMENSION: DIMENSION}


def _valued(name: str, program: Program) -> str | None:
    """What a value is that has a name, which is no function."""
    meaning = program.names.get(name)
    return VALUED.get(meaning.role) if meaning is not None and ops.find(name) is None else None


def _pattern(first: ex.Call, origin: ex.Origin, path: Path) -> Iterator[Finding]:
    """The calls that a pattern stands for are right; what it is given may not be."""
    if origin.demand is None:
        return
    name, operand = origin.call.function, first.arguments[0]
    yield from _wanted(operand, Kind.TENSOR, f"`{name}` takes a tensor", path)
    for word in origin.call.keywords:
        yield from _wanted(word.value, Kind.INT, f"`{name}` takes an int as `{word.name}`", path)


def _wanted(value: ex.Expression, kind: Kind, takes: str, path: Path) -> Iterator[Finding]:
    if not kinds_of(value) & {kind, Kind.UNKNOWN}:
        message = f"{takes}, but `{shorten(ex.show(value))}` is {described(kinds_of(value))}"
        yield WrongArgumentKind.at(Place(path, value.span), message)


def _run(node: ex.Call | ex.Apply, path: Path, member: Member, program: Program) -> Iterator[Finding]:
    """A member is called as its forward, or that of each in a list, has to be."""
    if member.listed and isinstance(node, ex.Call) and node.function == member.name:
        message = f"`{member.name}` is a list of members, which cannot be called itself"
        help = f"call one of it, `{member.name}[0](…)`, or each: `for block in {member.name}:`"
        yield UnknownOp.at(Place(path, node.function_span), message, help=help)
        return
    name = node.function if isinstance(node, ex.Call) else ex.show(node.function)
    span = node.function_span if isinstance(node, ex.Call) else node.function.span
    call = ex.Call(name, node.arguments, node.keywords, span=node.span, function_span=span, callee=node.callee)
    labels = made_here(node, program)
    for of in dict.fromkeys(made.of for made in member.made):
        for finding in check_against(call, of.forward(name), path):
            yield finding._replace(labels=(*finding.labels, *labels))


def _laws(program: Program) -> Iterator[Finding]:
    """The calls in what holds for all inputs, those of the layer itself among them."""
    forward = Child(program, (), "").forward(LAYER)
    for index, law in enumerate(program.laws):
        path: Path = ("laws", index, "law")
        for node in ex.walk(law.law):
            if isinstance(node, ex.Call) and node.function == LAYER:
                yield from check_against(node, forward, path)
            elif isinstance(node, ex.Call) and node.function == TERM:
                if not program.penalizes:
                    message = "the layer has no penalty, and neither has a member"
                    yield UndefinedName.at(Place(path, node.span), message, help="give it one by the key `penalty`")
            else:
                yield from _called(node, path, program)


def _penalty(program: Program) -> Iterator[Finding]:
    """The regularization term."""
    if program.penalty is None:
        return
    path: Path = ("penalty",)
    yield from _calls(program.penalty, path, program)
    if not kinds_of(program.penalty) & (TENSOR | {Kind.UNKNOWN}):
        message = "the penalty is a number, not a tensor"
        help = "sum over a parameter: `weight_decay * sum(square(weight))`"
        yield NotATensor.at(Place(path, program.penalty.span), message, help=help)


def _members(program: Program) -> Iterator[Finding]:
    """The constructors of members, and their other initial values."""
    for name, member in program.members.items():
        path: Path = ("modules", name, "module")
        for made in member.made:
            yield from check_against(made.call, made.of.constructor, path)
            yield from check_handed(made.call, made.of, member, program)
            for argument in (*made.call.arguments, *(keyword.value for keyword in made.call.keywords)):
                yield from _calls(argument, path, program)
        for tensor, init in member.init.items():
            yield from _init(init, ("modules", name, "init", tensor), program)


def _inits(program: Program) -> Iterator[Finding]:
    for name, tensor in program.tensors.items():
        path = (program.section(name), name, "init")
        for statement in statements(tensor.init.before):
            yield from check_loops(statement, path)
        for expression in expressions(tensor.init.before):
            yield from _calls(expression, path, program)
        yield from _init(tensor.init.value, path, program)


def _init(init: ex.Expression, path: Path, program: Program) -> Iterator[Finding]:
    """One initial value."""
    if isinstance(init, ex.Call) and init.callee and init.callee.kind is CalleeKind.INITIALIZER:
        op = find_initializer(init.callee.name)
        assert op is not None
        yield from check_against(init, op, path)
        for argument in (*init.arguments, *(keyword.value for keyword in init.keywords)):
            yield from _calls(argument, path, program)
    elif isinstance(init, ex.Call) and init.callee is None:
        known = [*INITIALIZERS, *ops.names()]
        yield unknown_function(init, path, known, "an initializer of torch.nn.init or an op")
    else:
        yield from _calls(init, path, program)
        if not kinds_of(init) & (TENSOR | {Kind.UNKNOWN}):
            told = not isinstance(init, ex.Name) or kinds_of(init) <= {Kind.INT, Kind.FLOAT}
            help = f"write `constant({ex.show(init)})`" if told else None
            message = "the initial value is a number, not a tensor"
            yield NotATensor.at(Place(path, init.span), message, help=help)


def _scalars(program: Program) -> Iterator[Finding]:
    """Outside the forward and the initial values there are numbers alone."""
    sizes: set[ex.Expression] = set()  # a wrong one is mostly wrong in several places
    for part in program.scoped:
        if "init" in part.path or part.path[0] in ("matches", "penalty", "laws") or part.path[-1] == "module":
            continue
        if part.path[-2] == "shape" and part.expression not in sizes:
            sizes.add(part.expression)
            yield from _size(part.expression, part.path, program)
        if "each" in part.path[2:3] and not kinds_of(part.expression) & {Kind.INT, Kind.UNKNOWN}:
            text, found = shorten(ex.show(part.expression)), described(kinds_of(part.expression))
            message = f"the number of tensors is an int, but `{text}` is {found}"
            yield NotASize.at(Place(part.path, part.expression.span), message)
        for node in ex.walk(part.expression):
            if isinstance(node, ex.Call) and node.callee is None:
                message = f"`{node.function}` is no function of numbers"
                help = f"the functions here are {', '.join(SCALARS)}"
                if ops.find(node.function):
                    help = "declare a tensor that the layer keeps under `buffers`; compute others in `forward`"
                yield NotScalar.at(Place(part.path, node.function_span), message, help=help)
            elif isinstance(node, ex.Call):
                yield from check_call(node, part.path)


def _size(entry: ex.Expression, path: Path, program: Program) -> Iterator[Finding]:
    """An entry of a shape is an int, wherever its kinds can be told."""
    kinds = kinds_of(entry)
    if isinstance(entry, ex.Splice) and not kinds_of(entry.value) & {Kind.INTS, Kind.UNKNOWN}:
        text, found = shorten(ex.show(entry.value)), described(kinds_of(entry.value))
        meant = f"write `{ex.show(entry.value)}` for one size"
        yield NotASize.at(Place(path, entry.span), f"`{text}` is {found}, not a list of sizes", help=meant)
        return
    if kinds & {Kind.INT, Kind.UNKNOWN}:
        return
    found, help = described(kinds), None
    message = f"a size is an int, but `{shorten(ex.show(entry))}` is {found}"
    if isinstance(entry, ex.Name) and entry.id in program.arguments:
        message = f"a size is an int, but `{entry.id}` is an argument of type {program.arguments[entry.id].type}"
        help = f"if a dimension is meant, choose another name, such as `{entry.id.upper()}`"
    if isinstance(entry, ex.Name) and Kind.INTS in kinds:
        help = f"take one of its entries: `{entry.id}[0]`"
    elif Kind.INTS in kinds:
        several = [part.id for part in ex.walk(entry) if isinstance(part, ex.Name) and Kind.INTS in kinds_of(part)]
        help = f"`{several[0]}` is ints: take one of its entries, `{several[0]}[0]`" if several else None
    help, labels = whole_meant(entry, program.derived) or help, labels_of(entry, program.derived)
    yield NotASize.at(Place(path, entry.span), message, help=help, labels=labels)


def _match(program: Program) -> Iterator[Finding]:
    if program.matches is None:
        return
    call, path = program.matches.module, ("matches", "module")
    op = find_module(call.function)
    if op is None:
        yield unknown_function(call, path, module_names(), "a module of torch.nn")
    else:
        yield from check_against(call, op, path)
