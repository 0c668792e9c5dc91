"""From the text of a definition to its equations."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from layergen.definition import slips
from layergen.definition.slips import REDUCTIONS
from layergen.lang import expression as ex
from layergen.lang.block import AUGMENTED, BlockParser, refuse
from layergen.lang.targets import Targets
from layergen.lang.tokens import SyntaxFault, Token, TokenKind

INDEX_OF = ("argmax", "argmin")  # those that give an index: the first at which the greatest or the least value stands
REDUCED = {word: f"write `{word}[i](…)`, with the index in brackets" for word in REDUCTIONS}  # for `x.sum(1)`
INITIAL = "initial"  # before the name of a tensor, on a left side
RUN = ex.Literal(...)  # the indices at the dimensions that `...` stands for


@dataclass(frozen=True)
class Equation(ex.Statement):
    """``y[n, o] = …``: what the entries of a name are.

    An index of the left side is a name, which is free, or ``h < num_heads``, free with its range, or a run of indices,
    ``...``, ``s...`` and ``s... < sizes``; any other expression is fixed: the equation holds at that index alone.
    """

    name: ex.Name
    indices: tuple[ex.Expression, ...]
    value: ex.Expression
    conditions: tuple[ex.Expression, ...] = field(default=(), kw_only=True)  # where the equation holds
    initial: bool = field(default=False, kw_only=True)  # whether it tells values that a tensor starts with


def index_items(node: ex.Expression) -> tuple[ex.Expression, ...]:
    """The indices between the brackets of a subscript."""
    return node.items if isinstance(node, ex.Sequence) and not node.bracket else (node,)


def run_name(node: ex.Node) -> str | None:
    """The name of a run of indices, ``...`` or ``s...``; None for a single index."""
    match node:
        case ex.Literal(value=value) if value is ...:
            return "..."
        case ex.Splice(value=ex.Name(id=name)):
            return f"{name}..."
    return None


def letter(name: str) -> str:
    """The name of an index as it is written without the dots of a run."""
    return name.removesuffix("...")


def is_run(name: str | None) -> bool:
    """Whether a name is that of a run of indices."""
    return name is not None and name.endswith("...")


def reduction(node: ex.Node) -> tuple[str, tuple[ex.Expression, ...], ex.Expression] | None:
    """The word, the indices and the body of ``sum[c, k < K](…)``, if a node is of this kind."""
    match node:
        case ex.Apply(function=ex.Subscript(value=ex.Name(id=word), index=index), arguments=(body,), keywords=()):
            return (word, index_items(index), body) if word in REDUCTIONS else None
    return None


def started(node: ex.Expression) -> ex.Expression | None:
    """What stands on a left side that tells initial values, ``initial(weight)[o, i]``, without the word."""
    match node:
        case ex.Call(function=word, arguments=(ex.Name() as name,), keywords=()) if word == INITIAL:
            return name
        case ex.Subscript(value=ex.Call(function=word, arguments=(ex.Name() as name,), keywords=())) if word == INITIAL:
            return replace(node, value=name)
    return None


def parse_definition(text: str) -> tuple[Equation, ...]:
    """The equations of a definition, in the order in which they are written.

    Raises:
        SyntaxFault: If the text is no definition.
    """
    parser = _Parser(text)
    equations = tuple(_flat(parser.whole()))
    if not parser.faults and not equations:
        parser.tell(SyntaxFault("there is no equation here", (0, len(text))))
    refuse(parser.found())
    return equations


def _flat(
    statements: list[ex.Statement] | tuple[ex.Statement, ...], conditions: tuple[ex.Expression, ...] = ()
) -> Iterator[Equation]:
    """The equations in some statements, each with the conditions above it."""
    for statement in statements:
        match statement:
            case Equation():
                yield replace(statement, conditions=conditions)
            case ex.If(test=test, body=body, orelse=orelse):
                yield from _flat(body, (*conditions, test))
                yield from _flat(orelse, (*conditions, ex.Unary("not", test, span=test.span)))


class _Parser(BlockParser):
    def simple(self) -> list[ex.Statement]:
        start = self.token.span[0]
        left = self.expression()
        if self.at(*AUGMENTED):
            raise slips.augmented(left, self.token)
        if not self.at("="):
            raise self.unexpected("`=`")
        self.take()
        bare = started(left)
        name, indices = self.left(bare or left)
        value = self.expression()
        if self.at(","):
            raise SyntaxFault("an equation has one value", self.token.span, "write an equation for each name")
        self.at_end_of_line()
        return [Equation(name, indices, value, initial=bare is not None, span=self.since(start))]

    def unexpected(self, wanted: str) -> SyntaxFault:
        """The fault of a token; a sum as it is written on paper, ``sum_t x[t]``, has its indices in brackets."""
        fault = super().unexpected(wanted)
        before = self.tokens[self.position - 1].text if self.position else ""
        word, _, index = before.partition("_")
        if word in REDUCTIONS and self.on(TokenKind.NAME, TokenKind.NUMBER):
            fault.help = f"write `{word}[{index or 'i'}](…)`: the indices stand in brackets, and what is reduced behind"
        return fault

    def left(self, node: ex.Expression) -> tuple[ex.Name, tuple[ex.Expression, ...]]:
        """The name and the indices on the left side of an equation."""
        match node:
            case ex.Name():
                return node, ()
            case ex.Subscript(value=ex.Name() as name, index=index):
                return name, index_items(index)
            case ex.Member(value=ex.Name(id=whole), name=part):
                return ex.Name(f"{whole}.{part}", span=node.span), ()
            case ex.Subscript(value=ex.Member() as member, index=index):
                return self.left(member)[0], index_items(index)
        help = "write it as `y[n, i] = …`, with an index for each dimension"
        raise SyntaxFault("an equation begins with a name and its indices", node.span, help)

    def loop(self) -> tuple[Targets, ex.Expression, Token]:
        help = "write the index on the left, `y[n, i] = …`, or under a sum, `sum[i](…)`"
        raise SyntaxFault("a definition has no loops: an equation holds for all of its indices", self.token.span, help)

    def member(self, node: ex.Expression, start: int) -> ex.Expression:
        """The path of a member's tensor, or the output of its call that is meant, ``coder(x).mean``."""
        if isinstance(node, ex.Call | ex.Apply):
            while self.took("."):  # twice for a tensor of a tuple
                if not self.on(TokenKind.NAME):
                    raise self.unexpected("the name of an output")
                node = ex.Member(node, self.take().text, span=self.since(start))
            return node
        return super().member(node, start)

    def attribute(self, node: ex.Expression, start: int) -> SyntaxFault:
        """The fault of an attribute or a method; what an op does is written out, by indices and sums over them."""
        fault = super().attribute(node, start)
        last = self.text[slice(*fault.span)].partition("(")[0].rpartition(".")[2]
        known = REDUCED.get(last) or slips.help_with_op(last)
        return SyntaxFault(fault.message, fault.span, known, forbidden=True) if known else fault

    def by_a_loop(self, item: ex.Expression) -> SyntaxFault:
        """The fault of a ``for`` inside of brackets, which is meant as a sum over an index."""
        span, word = self.token.span, slips.called_on(self.tokens, self.position)
        self.take()
        names, _ = self.loop_targets()
        items = self.expression()
        return slips.by_a_loop(slips.summed(item, names, items, word), span)

    def grown(self, call: ex.Call) -> SyntaxFault:
        """The fault of an ``append``."""
        return slips.grown(call, self.source(call.span))

    def slice(self) -> ex.Expression:
        """An index, or a run of them, ``s...``, on a left side with its sizes, ``s... < S[1:]``."""
        node = super().slice()
        match node:
            case ex.Compare(left=ex.Name() as name, operators=("<",), comparators=(sizes,)) if self.at("..."):
                help = f"write `{ex.show(name)}... < {ex.show(sizes)}`"
                raise SyntaxFault("the `...` of a run of indices stands behind its name", self.token.span, help)
            case ex.Name() if self.took("..."):
                run = ex.Splice(node, span=(node.span[0], self.end))
                if not self.took("<"):
                    return run
                sizes = self.expression(ex.PRECEDENCE["compare"] + 1)
                return ex.Compare(run, ("<",), (sizes,), span=(node.span[0], self.end))
        return node
