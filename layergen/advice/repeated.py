"""A call that is made twice on the same values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from layergen import ops
from layergen.advice.patterns import VIEWS
from layergen.advice.proposal import replaced, understood
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.visitor import assigned, mapped
from layergen.resolve.program import Program
from layergen.resolve.values import Site
from layergen.rules.writing import RepeatedCall


@dataclass(frozen=True, eq=False)
class Repetition:
    """The places of a value that is computed more than once."""

    sites: tuple[Site, ...]  # the first one, and those that are reached only after it

    @property
    def first(self) -> ex.Call:
        node = self.sites[0].node
        assert isinstance(node, ex.Call)
        return node

    def finding(self, name: str) -> Finding:
        """The advice to keep the value under a name."""
        call = ex.show(self.first)
        labels = [Label(Place(FORWARD, self.first.span), "here first")]
        last = self.sites[1].node
        message = f"`{call}` is computed {'twice' if len(self.sites) == 2 else f'{len(self.sites)} times'}"
        return RepeatedCall.at(
            Place(FORWARD, last.span if last else None),
            message,
            label="again",
            labels=labels,
            help=f"compute it once, `{name} = {call}`, and write `{name}` in all places",
        )


def repetitions(sites: Sequence[Site]) -> Iterator[Repetition]:
    """The values that are computed more than once, the largest ones."""
    found: dict[int, list[Site]] = {}
    for site in sites:
        if site.certain and isinstance(site.node, ex.Call) and _costs(site.node):
            found.setdefault(id(site.value), []).append(site)
    inner: set[int] = set()  # the parts of values that are told of as a whole
    for several in reversed([_after_first(several) for several in found.values()]):
        if len(several) > 1 and id(several[0].node) not in inner:
            inner |= {id(part) for site in several if site.node for part in ex.walk(site.node)}
            yield Repetition(tuple(several))


def _costs(call: ex.Call) -> bool:
    """Whether a call is one of an op that computes something of tensors."""
    op = ops.called(call)
    if op is None or call.callee is None or call.callee.kind is not CalleeKind.OP:
        return False
    return not op.factory and op.name not in VIEWS


def _after_first(sites: list[Site]) -> list[Site]:
    """The sites that the first one stands before on all ways."""
    first = sites[0]
    return [site for site in sites if site.block[: len(first.block)] == first.block]


def kept_once(program: Program, repetition: Repetition) -> tuple[Program, str] | None:
    """The program that computes a value once, and the name that has it there; None if that is no program."""
    name = _free(program, repetition.first)
    first = repetition.sites[0].statement
    kept = ex.Assign((ex.Name(name),), replace(repetition.first), span=first.span)
    nodes = {id(site.node) for site in repetition.sites}

    def change(part: ex.Expression) -> ex.Expression:
        return ex.transform(part, lambda inner: ex.Name(name) if id(inner) in nodes else None)

    block = mapped(replaced(program.forward.statements, first, kept, first), change)
    changed = understood(program, block, repetition.first.function)
    return None if changed is None else (changed, name)


def _free(program: Program, call: ex.Call) -> str:
    """A name for the value of a call that nothing else has."""
    words = [call.function.split(".")[-1].strip("_")]
    words += [part.id for part in ex.walk(call) if isinstance(part, ex.Name)][:1]
    taken = {*program.names, *assigned(program.forward.statements), *program.outputs}
    name = "_".join(words) if call.arguments else words[0]
    while name in taken or ops.find(name) is not None:
        name += "_"
    return name
