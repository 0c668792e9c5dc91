"""Domains: no input and no setting that the spec allows takes an op to where it, or its derivative, is not finite."""

import re
from collections.abc import Iterator, Sequence

from layergen.contracts.closed_forms import closed_form
from layergen.contracts.divisors import ONE, bound_of
from layergen.contracts.overflowing import check_overflowing
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.domains.site import Edge
from layergen.domains.study import study
from layergen.domains.witness import Witness, fails_at, witnesses
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.visitor import nodes, sources
from layergen.probe.open_inputs import open_input
from layergen.probe.ways import Ways
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Program
from layergen.rules.behaviour import IndexOutOfRange, NonFiniteGradient, NonFiniteValue
from layergen.rules.shapes import OpFailed
from layergen.run.emptied import empty_members
from layergen.run.instance import Instance
from layergen.run.room import SizeWatch
from layergen.run.watching import TRAINING, WITHOUT_DATA, Runs, Watch
from layergen.settings.choice import Setting
from layergen.settings.emptiness import empty_tensors

TENSORS = frozenset({Kind.TENSOR})
ABOVE = frozenset({"acosh", "arccosh"})  # whose domain is what is above 1, and not what lies between -1 and 1
MAXIMA = frozenset({"amax", "cummax", "max", "maximum"})
TOGETHER = {"softmax": "log_softmax", "sigmoid": "logsigmoid"}  # the logarithm of an op as one op

SMALL = Watch(WITHOUT_DATA, TRAINING, SizeWatch)


def check_domains(ways: Ways) -> Iterator[Finding]:
    """Yield the ops that were taken to the edge of their domain, and failed there."""
    settings = [runs.setting for runs in ways.runs]
    yield from check_overflowing(ways.program, settings)
    suspects = study(ways.program, settings).suspects
    if suspects and _small(ways):
        for witness in witnesses(ways.program, settings, suspects):
            emptied = (*empty_tensors(ways.program, witness.setting), *empty_members(ways.program, witness.setting))
            if emptied:  # of which the op is no more than what shows it
                yield emptied[0]
                return
            yield finding_of(ways.program, witness)


DOMAINS = Promise(check_domains, (SMALL,))


def small(program: Program, settings: Sequence[Setting]) -> bool:
    """Whether the layer is small enough to be taken to the edges with data."""
    return _small(Ways(program, tuple(Runs(program, setting, DOMAINS.watches) for setting in settings)))


def _small(ways: Ways) -> bool:
    return all(seen.evidence for seen in ways.seen(SMALL))


def finding_of(program: Program, witness: Witness) -> Finding:
    """What is said of a run that failed at the edge of a domain."""
    node = witness.suspect.node
    place = Place(FORWARD, node.span)
    notes = Instance(program, witness.setting).explainer.notes()
    help = _help(program, witness)
    found = witness.breakdown
    if found is None and witness.suspect.edge is not Edge.INDEX:
        message = f"{_name(node)} fails where {witness.where}: {witness.refusal}"
        return OpFailed.at(place, message, notes=notes, help=help)
    if found is None:
        message = f"{_name(node)} is given an index that its table does not have where {witness.where}"
        return IndexOutOfRange.at(place, message, notes=notes, help=help)
    became = "NaN" if found.nan else "infinite"
    if found.gradient:
        message = f"{_name(node)} makes the gradient of `{found.name}` {became} where {witness.where}"
        return NonFiniteGradient.at(place, message, notes=notes, help=help)
    message = f"{_name(node)} makes `{found.name}` {became} where {witness.where}"
    return NonFiniteValue.at(place, message, notes=notes, help=help)


def _name(node: ex.Expression) -> str:
    """An op as a message calls it."""
    match node:
        case ex.Call(function=name):
            return f"`{name}`"
        case ex.Binary(operator=sign):
            return f"`{sign}`"
        case ex.Subscript(value=value):
            return f"`{ex.show(value)}[…]`"
    return f"`{ex.show(node)}`"


def _help(program: Program, witness: Witness) -> str | None:
    """What to write instead."""
    node, edge = witness.suspect.node, witness.suspect.edge
    left_out = _left_out(program, witness)
    if edge is Edge.SPREAD and left_out is not None:
        return f"a single value has no unbiased spread: write `correction=0`, or {left_out}"
    if left_out is not None:
        return left_out
    match edge:
        case Edge.ROOT | Edge.POWER:
            return _root(program, node)
        case Edge.LOGARITHM:
            return closed_form(program, node) or _logarithm(program, node)
        case Edge.DIVISION:
            return _division(program, witness)
        case Edge.ARC:
            inside = _inside(node)
            bounds = "min=1 + 1e-6" if isinstance(node, ex.Call) and node.function in ABOVE else "-1 + 1e-6, 1 - 1e-6"
            ends = f"keep away from the ends of the domain: `clamp({inside}, {bounds})`"
            return f"{ends}{_or_range(program, _operand(node))}"
        case Edge.SPREAD:
            return f"a single value has no unbiased spread: write `correction=0`{_larger(witness)}"
        case Edge.EMPTY:
            return (
                "where nothing is left, fill with a number that is finite, or drop the row: "
                f"`nan_to_num({ex.show(node)})`"
            )
        case _ if edge is Edge.IGNORED or (edge is Edge.INDEX and witness.breakdown is not None):
            return f"sum, and divide by a count that is 1 at least: `sum(…) / clamp(count, min=1)`{_larger(witness)}"
        case Edge.OVERFLOW if isinstance(node, ex.Binary) and node.operator == "/" and _takes_a_maximum(program):
            by = _inside(node)
            ends = f"keep `{by}` away from 0 and from infinity before dividing, as by `clamp({by}, min=…, max=…)`"
            return f"{ends}, or bound what makes it so large or small, as the exponent of an `exp`"
        case Edge.OVERFLOW:
            less = "subtract the maximum first, or use `softmax` or `logsumexp`, which do"
            return closed_form(program, node) or f"{less}{_or_range(program, _operand(node))}"
        case Edge.INDEX:
            return _index(witness, node)


def _takes_a_maximum(program: Program) -> bool:
    """Whether a forward has a maximum already, which may be subtracted."""
    calls = (part for part in nodes(program.forward.statements) if isinstance(part, ex.Call))
    return any(call.function in MAXIMA for call in calls)


def _left_out(program: Program, witness: Witness) -> str | None:
    """What leaves the limit out at which a layer fails, where it is that limit alone."""
    trip = witness.trip
    if trip.help is not None and trip.beyond is not None and fails_at(program, witness, trip.beyond):
        return f"say by a constraint where it works: it is not {trip.words} alone at which it fails"
    return trip.help


def _larger(witness: Witness) -> str:
    """The constraint that rules the setting out, where one size is all that is special about it."""
    return f", or ask for more by a constraint, `{witness.unit} >= 2`" if witness.unit else ""


def _operand(node: ex.Expression) -> ex.Expression | None:
    """What an op works on."""
    match node:
        case ex.Call(arguments=(first, *_)):
            return first
        case ex.Binary(operator="**", left=left):
            return left
        case ex.Binary(right=right):
            return right
    return None


def _inside(node: ex.Expression) -> str:
    operand = _operand(node)
    return ex.show(operand) if operand is not None else "x"


def _root(program: Program, node: ex.Expression) -> str:
    operand = _operand(node)
    length = _length(program, operand)
    if length is not None and isinstance(node, ex.Call) and node.function == "sqrt":
        return f"`{length}`, whose gradient at 0 is 0, or add a small number inside: `sqrt({_inside(node)} + 1e-12)`"
    clamped = f"clamp({_inside(node)}, min=1e-6)"
    whole = ex.show(node).replace(_inside(node), clamped, 1) if isinstance(node, ex.Call) else clamped
    taken = "the root is taken" if isinstance(node, ex.Call) and "sqrt" in node.function else "the op"
    return f"keep away from 0 before {taken}, not after: `{whole}`{_or_range(program, operand)}"


def _length(program: Program, operand: ex.Expression | None) -> str | None:
    """The norm that a root of a sum of squares is."""
    if isinstance(operand, ex.Name):
        found = list(sources(program.forward.statements, operand.id))
        operand = found[0] if len(found) == 1 else None
    match operand:
        case ex.Call(function="sum", arguments=(squares, *dims), keywords=keywords):
            inner = _squared(squares)
            if inner is not None:
                call = ex.Call("linalg.vector_norm", (inner,), (*(ex.Keyword("dim", dim) for dim in dims), *keywords))
                return ex.show(call)
    return None


def _squared(node: ex.Expression) -> ex.Expression | None:
    match node:
        case ex.Call(function="square", arguments=(inner,)):
            return inner
        case ex.Binary(operator="**", left=inner, right=ex.Literal(value=2)):
            return inner
        case ex.Binary(operator="*", left=left, right=right) if left == right:
            return left
    return None


def _logarithm(program: Program, node: ex.Expression) -> str:
    if isinstance(node, ex.Call) and node.function == "binary_cross_entropy":
        return (
            "call `binary_cross_entropy_with_logits` on what the sigmoid is given, or say `gradient: false` of an "
            "input that is a target alone"
        )
    operand = _operand(node) or ex.Name("x")
    if isinstance(operand, ex.Call) and operand.function in TOGETHER:
        call = ex.Call(TOGETHER[operand.function], operand.arguments, operand.keywords)
        return f"`{ex.show(call)}` does not round to 0 before the logarithm"
    text = f"keep away from 0 before the logarithm, not after: `log(clamp({ex.show(operand)}, min=1e-6))`"
    return f"{text}{_or_range(program, operand)}"


def _or_range(program: Program, operand: ex.Expression | None) -> str:
    """What else keeps an op within its domain: a range of the input that it works on."""
    name = open_input(program, operand)
    return "" if name is None else f", or say which values `{name}` has: `range: [low, high]`"


def _division(program: Program, witness: Witness) -> str:
    node = witness.suspect.node
    by, divisor = _inside(node), _operand(node)
    if divisor is not None and not kinds_of(divisor) & TENSORS:
        return f"leave it out by the constraint `{by} != 0`"
    least = bound_of(program, witness)
    if least == ONE:
        return f"divide by 1 at least: `clamp({by}, min=1)`"
    if least is None:
        return (
            f"compute it without this division: a bound, as by `clamp({by}, min=1e-6)`, changes quotients that are "
            f"sound, where the divisor is small or negative{_or_range(program, divisor)}"
        )
    return (
        f"keep the divisor away from 0 before dividing, not after: `clamp({by}, min={least})`, or add a small number "
        f"to it{_or_range(program, divisor)}"
    )


def _index(witness: Witness, node: ex.Expression) -> str:
    if "low end" in witness.where:
        index = ex.show(node.arguments[0]) if isinstance(node, ex.Call) and node.arguments else "index"
        return f"bring what is no index into the table first, and mask what comes of it: `clamp({index}, min=0)`"
    if re.search(r"index -\d", witness.refusal):
        match node:
            case ex.Call(function="gather" | "index_select", arguments=(_, _, place)):
                return f"it is below 0: keep it, or what it is made of, from that: `clamp({ex.show(place)}, min=0)`"
    return "compare the largest index with the size of the table"
