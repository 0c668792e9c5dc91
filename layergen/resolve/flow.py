"""What a forward reads and assigns, path by path."""

from collections.abc import Iterator

from layergen import ops
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.meant import DTYPE_WORDS, NAME_WORDS
from layergen.lang.model import LayerSpec
from layergen.lang.tuples import whole_name, wholes
from layergen.lang.visitor import Block, Visitor, assigned, assignments
from layergen.resolve.conditions import NOTHING, Facts, about, condition, facts, names
from layergen.resolve.misnamed import misnamed
from layergen.resolve.parted import without_name
from layergen.resolve.scope import CONSTANTS
from layergen.resolve.signature import dimensions
from layergen.resolve.undefined import unbound_names, undefined
from layergen.rules.names import Unassigned


def check_flow(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what the forward reads without its being defined or assigned."""
    flow = _Flow(spec)
    flow.block(spec.forward)
    yield from flow.findings
    for name, output in spec.returned.items():
        if output.when is not None and name in flow.first:
            continue  # where it is returned, a run tells whether it is there
        updated = name in spec.given and name not in spec.values and name in flow.first
        shadowed = name in flow.known and name not in spec.given  # which is a fault of its own
        if name in flow.assigned or updated or shadowed or (name in flow.first and name in flow.reported):
            continue
        place = Place(("outputs", name), key=True)
        if name in flow.first:
            yield flow.unassigned(name, place, f"output `{name}` is not assigned on every path")
        else:
            other = misnamed(spec)
            help = f"end the forward with `{name} = …`" if other is None else f"assign to `{name}`"
            labels = [Label(Place(FORWARD, other[1].span), "assigned here, and never read")] if other else []
            yield Unassigned.at(place, f"output `{name}` is never assigned", labels=labels, help=help)


def takes_a_turn(iterable: ex.Expression) -> bool:
    """Whether a loop takes a turn at all settings, by its words alone: that of a range of so many."""
    match iterable:
        case ex.Call(function="range", arguments=(ex.Literal(value=int(count)),)):
            return count > 0
        case ex.Call(function="enumerate" | "reversed", arguments=(inner,)):
            return takes_a_turn(inner)
    return False


def _dtype_meant(name: str) -> str | None:
    """The dtype that Python or torch calls by another name."""
    return DTYPE_WORDS.get(name) if name in ("float", "double", "half", "int", "long") else None


def _value_meant(name: str) -> str | None:
    """Help with a name that stands for a value elsewhere, or for an op, which is no value."""
    op = ops.find(name)
    return NAME_WORDS.get(name) or (f"`{name}` is an op: call it, `{name}(…)`" if op is not None else None)


class _Flow(Visitor):
    """Follows the paths of a forward; collects what is wrong on them, once for each name."""

    def __init__(self, spec: LayerSpec) -> None:
        sizes = {*spec.arguments, *spec.derived, *dimensions(spec), *unbound_names(spec)}
        self.choices = spec.texts
        self.forward = spec.forward
        self.known = frozenset(
            {*sizes, *spec.tensors, *spec.modules, *spec.given, *wholes(spec.inputs), *CONSTANTS, "training"}
        )
        self.known |= {*spec.runs}
        self.passing = {
            name: found
            for name, found in dimensions(spec).items()
            if not found.always and not spec.inputs[found.source.input].broadcast  # which is a fault of the input
        }
        self.first = {target.id: target for target in reversed(list(assignments(spec.forward)))}
        self.findings: list[Finding] = []
        self.reported: set[str] = set()
        self.assigned: frozenset[str] = frozenset()  # on every path that leads to where the visitor is
        self.changed: set[str] = set()  # on some path
        self.holding = NOTHING  # what is known where the visitor is
        self.passed: frozenset[str] = frozenset()  # assigned in a loop alone, which may take no turn
        self.sized: frozenset[str] = frozenset()  # the passing dimensions that have a size there

    def assign(self, statement: ex.Assign) -> None:
        self.read(statement.value)
        targets = {target.id for target in statement.targets}
        self.assigned |= targets
        self.changed |= targets
        self.holding = about(self.holding, targets)

    def branch(self, statement: ex.If) -> None:
        self.read(statement.test)
        before = self.assigned
        self.inner(statement.body, facts(statement.test, True))
        after, self.assigned = self.assigned, before
        self.inner(statement.orelse, facts(statement.test, False))
        self.assigned &= after

    def loop(self, statement: ex.For) -> None:
        """Follow a loop, which may take no turn, and of which a turn may come after another."""
        self.read(statement.iterable)
        before, again = self.assigned, assigned(statement.body) | {target.id for target in statement.targets}
        self.changed |= again
        self.holding = about(self.holding, again)
        self.assigned |= {target.id for target in statement.targets}
        self.inner(statement.body, NOTHING)
        if not takes_a_turn(statement.iterable):
            self.passed |= self.assigned - before
            self.assigned = before

    def append(self, statement: ex.Append) -> None:
        self.read(statement.list)
        self.read(statement.value)

    def inner(self, block: Block, known: Facts) -> None:
        """Follow a block in which something more is known."""
        holding, sized = self.holding, self.sized
        self.holding |= known
        self.sized |= {name for name in self.passing if self.has_size(name, self.holding)}
        self.block(block)
        self.holding, self.sized = about(holding, self.changed), sized

    def has_size(self, name: str, known: Facts) -> bool:
        """Whether a dimension can be read off an input, which must still be as it was given."""
        entry = self.passing[name].at(known)
        return entry is not None and whole_name(entry.input) not in self.changed

    def read(self, expression: ex.Expression) -> None:
        for node, known in names(expression, self.holding):
            if node.id not in self.assigned | self.reported | self.sized:
                self.look_up(node, known)

    def look_up(self, node: ex.Name, known: Facts) -> None:
        name, place = node.id, Place(FORWARD, node.span)
        if name in self.passing and not self.has_size(name, known):
            finding = self.without_size(name, place, known)
        elif name in self.known:
            return
        elif name in self.first and name != "_":
            finding = self.unassigned(name, place, f"`{name}` is not assigned on every path that leads here")
        else:
            defined = {*self.known, *self.assigned}.difference(CONSTANTS)
            text = ex.show(ex.Literal(name)) if name in self.choices else _dtype_meant(name)
            otherwise = _value_meant(name) or "declare it, or assign it before"
            finding = undefined(node, FORWARD, defined, otherwise, meant=text)
            if text is None and (unnamed := without_name(self.forward, name)):
                finding = finding._replace(help=unnamed)
        self.findings.append(finding)
        self.reported.add(name)

    def without_size(self, name: str, place: Place, known: Facts) -> Finding:
        """The finding of a dimension that has no value where it is read, or can be read off nothing any more."""
        dimension = self.passing[name]
        entry = dimension.at(known)
        if entry is not None:
            source = whole_name(entry.input)
            message = f"`{name}` is a size of `{source}` as it was given, and `{source}` may have another value by now"
            labels = [Label(Place(FORWARD, self.first[source].span), "assigned here")] if source in self.first else []
            help = f"give the new value of `{source}` another name"
            return Unassigned.at(place, message, labels=labels, help=help)
        where = f"where the optional input `{dimension.optional}` is left out"
        if not dimension.optional:
            where = f"where `{dimension.source.input}` has another shape"
        question = condition(dimension.source.needs)
        help = f"use it under `if {question}:`, or give the dimension to an input that is always there"
        return Unassigned.at(place, f"`{name}` has no value {where}", help=help)

    def unassigned(self, name: str, place: Place, message: str) -> Finding:
        label = Label(Place(FORWARD, self.first[name].span), "first assigned here")
        if name in self.passed:
            help = f"assign `{name}` before the loop too: it may take no turn"
        else:
            help = f"assign `{name}` before the `if` too, or in its `else`; conditions are not compared"
        return Unassigned.at(place, message, labels=(label,), help=help)
