"""Another way to write a part of a forward: the text of an expression, and the forward in which it stands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from layergen.advice.patterns import VIEWS
from layergen.diagnostics import Rule, Span
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.parser import parse_expression
from layergen.lang.tokens import SyntaxFault
from layergen.lang.tuples import wholes
from layergen.lang.visitor import Block, calls, nodes, statements
from layergen.probe.sites import PRODUCTS
from layergen.resolve.callsites import check_calls
from layergen.resolve.program import Program
from layergen.resolve.reworked import with_forward
from layergen.resolve.unread import Statements, without_unread
from layergen.resolve.values import Names, Site

MOST = 40  # parts of a value that is written out


@dataclass(frozen=True, eq=False)
class Proposal:
    """What might be written in the place of a value."""

    rule: type[Rule]
    site: Site
    text: str  # the expression that gives the value
    core: object  # proposals of one core tell of the same computation
    message: str
    spared: str = ""  # a function of which a call less must be there afterwards


def spelled(value: ex.Expression, site: Site) -> str | None:
    """How a value is written where a site is, by the names that have it there; None if some part has no name there."""
    try:
        return ex.show(_Speller(site.names).spell(value))
    except Unspeakable:
        return None


class Unspeakable(Exception):
    """Some part of a value has no name, or it takes too many words."""


class _Speller:
    """Writes values by names that have them."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.holders = {id(held): name for name, held in sorted(names.items()) if not name.startswith("(")}
        self.left = MOST

    def spell(self, value: ex.Expression) -> ex.Expression:
        """A value in the names that have it.

        Raises:
            Unspeakable: If there is no way, or none that anybody would write.
        """
        self.left -= 1
        if self.left < 0:
            raise Unspeakable
        if id(value) in self.holders:
            return ex.Name(self.holders[id(value)])
        if isinstance(value, ex.Name):
            if value.id in self.names or "#" in value.id:
                raise Unspeakable
            return value
        return ex.with_children(value, self.spell)


def reworked(program: Program, proposal: Proposal) -> Program | None:
    """The program as a proposal has it; None if that is no program, or spares nothing."""
    try:
        written = parse_expression(proposal.text)
    except SyntaxFault:
        return None
    site = proposal.site
    if site.node is None:
        assert site.target is not None
        put: ex.Statement = ex.Assign((site.target,), written, span=site.statement.span)
    else:
        put = _with_node(site.statement, site.node, written)
    block = replaced(program.forward.statements, site.statement, put)
    results = (*program.outputs, *wholes(program.outputs), *program.buffers)
    return understood(program, without_unread(block, results), proposal.spared)


def dropped(program: Program, other: Program, site: Site) -> Iterator[Span]:
    """The places of the statements that are not there any more, those in the statement of a site aside."""
    kept = {statement.span for statement in statements(other.forward.statements)}
    inside = {id(statement) for statement in statements((site.statement,))}
    for statement in statements(program.forward.statements):
        if isinstance(statement, ex.Assign) and statement.span not in kept and id(statement) not in inside:
            yield statement.span


def understood(program: Program, block: Block, spared: str = "") -> Program | None:
    """The program with another forward; None if it has faults, does more, or calls a function as often as before."""
    changed = with_forward(program, block)
    more = any(now > before for now, before in zip(_work(changed), _work(program), strict=True))
    if more or (spared and _count(changed, spared) >= _count(program, spared)):
        return None
    try:
        return None if any(check_calls(changed)) else changed
    except SpecError:
        return None


def _work(program: Program) -> tuple[int, int]:
    """How many products a forward writes, and how much in all that computes something; views cost next to nothing."""
    written = list(nodes(program.forward.statements))
    steps = [node.function for node in written if isinstance(node, ex.Call) and node.function not in VIEWS]
    steps += [node.operator for node in written if isinstance(node, ex.Binary)]
    return sum(step in PRODUCTS or step == "@" for step in steps), len(steps)


def _count(program: Program, function: str) -> int:
    return sum(call.function == function for call in calls(program.forward.statements))


def _with_node(statement: ex.Statement, node: ex.Expression, written: ex.Expression) -> ex.Statement:
    """A statement in which an expression has taken the place of one of its own."""

    def change(part: ex.Expression) -> ex.Expression:
        return ex.transform(part, lambda inner: written if inner is node else None)

    match statement:
        case ex.Assign(value=value) | ex.Append(value=value):
            return replace(statement, value=change(value))
        case ex.If(test=test):
            return replace(statement, test=change(test))
        case ex.For(iterable=iterable):
            return replace(statement, iterable=change(iterable))
    return statement


def replaced(block: Block, old: ex.Statement, *new: ex.Statement) -> Statements:
    """A block in which some statements have taken the place of one, wherever in it that is."""
    return tuple(part for statement in block for part in (new if statement is old else (_inside(statement, old, new),)))


def _inside(statement: ex.Statement, old: ex.Statement, new: Sequence[ex.Statement]) -> ex.Statement:
    match statement:
        case ex.If(body=body, orelse=orelse):
            return replace(statement, body=replaced(body, old, *new), orelse=replaced(orelse, old, *new))
        case ex.For(body=body):
            return replace(statement, body=replaced(body, old, *new))
    return statement
