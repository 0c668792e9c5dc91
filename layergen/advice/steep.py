"""Powers of what may be 0 by an argument that may lie between 0 and 1: their gradient is infinite there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.domains.fractions import is_number
from layergen.domains.limits import behind, exponent_of, number_at
from layergen.domains.site import Edge
from layergen.domains.study import study
from layergen.domains.witness import Witness, steep
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.resolve.program import Program
from layergen.rules.advice import SteepPower
from layergen.settings.choice import Setting


def steep_powers(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the powers whose gradient was not finite in a run, each once.

    Args:
        program: A layer without a fault.
        settings: Those at which it is small enough to be run with data.
    """
    found = [node for node in nodes(program.forward.statements) if isinstance(node, ex.Binary | ex.Call)]
    if not settings or not any(_is_open(program, node) for node in found):
        return
    suspects = [suspect for suspect in study(program, settings).suspects if suspect.edge is Edge.POWER]
    told = set[ex.Expression]()
    for witness in steep(program, settings[0], suspects):
        if witness.suspect.node not in told and _is_root(program, witness):
            told.add(witness.suspect.node)
            yield _finding(witness, settings[0])


def _is_open(program: Program, node: ex.Expression) -> bool:
    """Whether a node is a power by numbers that arguments tell, which may be fractions."""
    exponent = exponent_of(node)
    return exponent is not None and any(is_number(program.decided[name]) for name in behind(program, exponent))


def _is_root(program: Program, witness: Witness) -> bool:
    """Whether it is the argument which was moved that makes the exponent a fraction between 0 and 1."""
    exponent = exponent_of(witness.suspect.node)
    value = None if exponent is None else number_at(exponent, witness.setting)
    return (
        exponent is not None
        and value is not None
        and witness.trip.settled in behind(program, exponent)
        and 0 < value < 1
    )


def _finding(witness: Witness, usual: Setting) -> Finding:
    node, name, found = witness.suspect.node, witness.trip.settled, witness.breakdown
    exponent = exponent_of(node)
    assert found is not None and name is not None and exponent is not None
    op = f"`{node.function}`" if isinstance(node, ex.Call) else "`**`"
    help = f"keep away from 0 before the op: `{_kept_away(node)}`"
    at_least = exponent == ex.Name(name) and usual.values[name] >= 1
    return SteepPower.at(
        Place(FORWARD, node.span),
        f"the gradient of {op} at 0 is infinite for exponents between 0 and 1, which `{ex.show(exponent)}` may be",
        labels=(Label(Place(("arguments", name), key=True), "may be so small"),),
        notes=(f"the gradient of `{found.name}` is {'NaN' if found.nan else 'infinite'} where {witness.where}",),
        help=f"{help}, or let it be 1 at least: `min: 1`" if at_least else help,
    )


def _kept_away(node: ex.Expression) -> str:
    """A power whose base is bounded."""
    match node:
        case ex.Binary(left=base):
            return ex.show(replace(node, left=ex.Name(f"clamp({ex.show(base)}, min=1e-6)")))
        case ex.Call(arguments=(base, *others)):
            return ex.show(replace(node, arguments=(ex.Name(f"clamp({ex.show(base)}, min=1e-6)"), *others)))
    return ex.show(node)
