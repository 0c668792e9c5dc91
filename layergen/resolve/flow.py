"""What a forward reads and assigns, path by path."""

from collections.abc import Iterator

from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import Visitor, assignments
from layergen.resolve.scope import CONSTANTS
from layergen.resolve.signature import dimensions
from layergen.resolve.undefined import unbound_names, undefined
from layergen.rules.names import Unassigned

PATH = ("forward",)


def check_flow(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what the forward reads without its being defined or assigned."""
    flow = _Flow(spec)
    flow.block(spec.forward)
    yield from flow.findings
    for name in spec.outputs:
        updated = name in spec.inputs and name in flow.first
        shadowed = name in flow.known and name not in spec.inputs  # which is a fault of its own
        if name in flow.assigned or updated or shadowed:
            continue
        place = Place(("outputs", name), key=True)
        if name in flow.first:
            yield flow.unassigned(name, place, f"output `{name}` is not assigned on every path")
        else:
            help = f"end the forward with `{name} = …`"
            yield Unassigned.at(place, f"output `{name}` is never assigned", help=help)


class _Flow(Visitor):
    """Follows the paths of a forward; collects what is wrong on them, once for each name."""

    def __init__(self, spec: LayerSpec) -> None:
        sizes = {*spec.arguments, *spec.derived, *dimensions(spec), *unbound_names(spec)}
        self.known = frozenset({*sizes, *spec.tensors, *spec.inputs, *CONSTANTS, "training"})
        self.optional = {name: found.optional for name, found in dimensions(spec).items() if found.optional}
        self.first = {target.id: target for target in reversed(list(assignments(spec.forward)))}
        self.findings: list[Finding] = []
        self.reported: set[str] = set()
        self.assigned: frozenset[str] = frozenset()  # on every path that leads to where the visitor is

    def assign(self, statement: ex.Assign) -> None:
        self.read(statement.value)
        self.assigned |= {target.id for target in statement.targets}

    def branch(self, statement: ex.If) -> None:
        self.read(statement.test)
        before = self.assigned
        self.block(statement.body)
        after, self.assigned = self.assigned, before
        self.block(statement.orelse)
        self.assigned &= after

    def read(self, expression: ex.Expression) -> None:
        for node in ex.walk(expression):
            if isinstance(node, ex.Name) and node.id not in self.assigned | self.reported:
                self.look_up(node)

    def look_up(self, node: ex.Name) -> None:
        name, place = node.id, Place(PATH, node.span)
        if name in self.optional:
            message = f"`{name}` has no value where the optional input `{self.optional[name]}` is left out"
            help = "give the dimension to an input that is always there"
            finding = Unassigned.at(place, message, help=help)
        elif name in self.known:
            return
        elif name in self.first and name != "_":
            finding = self.unassigned(name, place, f"`{name}` is not assigned on every path that leads here")
        else:
            known = {*self.known, *self.assigned}.difference(CONSTANTS)
            finding = undefined(node, PATH, known, "declare it, or assign it before")
        self.findings.append(finding)
        self.reported.add(name)

    def unassigned(self, name: str, place: Place, message: str) -> Finding:
        label = Label(Place(PATH, self.first[name].span), "first assigned here")
        help = f"assign `{name}` before the `if` too, or in its `else`; conditions are not compared"
        return Unassigned.at(place, message, labels=(label,), help=help)
