"""Lowers the regularization term to the body of ``penalty``."""

from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lower.annotations import Annotations
from layergen.lower.autocast import device_type
from layergen.lower.families import reader
from layergen.lower.members import each, listed, untyped
from layergen.lower.narrowing import Narrowing
from layergen.lower.scopes import attribute_names, functional
from layergen.lower.source import Origin, SourcePrinter
from layergen.resolve.autocast import multiplies
from layergen.resolve.inference import TENSOR
from layergen.resolve.lacking import AFFINE
from layergen.resolve.program import Child, Constructible, Member, Program

TOTAL = "total"
ANY = "next(self.parameters())"
ANY_OR_NONE = "next(self.parameters(), torch.zeros(()))"  # of a layer without any, the device and dtype of new tensors


def penalty_lines(program: Program) -> tuple[str, ...]:
    """The statements of the method; none where there is no term."""
    if not program.penalizes:
        return ()
    before, own = own_term(program) if program.penalty is not None else ([], "")
    terms = [own] if own else []
    members = [member for member in program.members.values() if member.penalizes]
    plain = [member for member in members if not member.listed and member.when is None]
    terms += [f"self.{member.name}.penalty()" for member in plain]
    untyped = program.penalty is not None and Annotations(program).untyped(program.penalty)
    told = f"{TOTAL}: Tensor" if untyped else TOTAL
    if len(plain) == len(members) and not untyped:
        return kept_from_autocast(program, (*before, f"return {' + '.join(terms)}"))
    start = " + ".join(terms) or f"{some_tensor(program)}.new_zeros(())"
    lines = [*before, f"{told} = {start}"]
    for member in members:
        if member in plain:
            continue
        added = [f"{TOTAL} = {TOTAL} + self.{member.name}.penalty()"]
        if member.listed:
            having = [made.of for made in member.made if isinstance(made.of, Child) and made.of.program.penalizes]
            added = each(member, [*having], f"{TOTAL} = {TOTAL} + {{}}.penalty()")
        if member.when is not None:
            added = [f"if self.{member.name} is not None:", *(f"    {line}" for line in added)]
        lines += added
    return kept_from_autocast(program, (*lines, f"return {TOTAL}"))


def kept_from_autocast(program: Program, lines: tuple[str, ...]) -> tuple[str, ...]:
    """The statements, which autocast shall not run in half precision: a term is often what a large sum leaves."""
    if program.penalty is None or not multiplies(program.penalty):
        return lines
    return (
        f"device_type = {device_type(f'{some_tensor(program)}.device')}",
        "with torch.autocast(device_type, enabled=False):",
        *(f"    {line}" for line in lines),
    )


def some_tensor(program: Program) -> str:
    """The source of a tensor on whose device, and in whose dtype, a term is computed."""
    own = next((name for name in program.parameters if _is_always_there(program, name)), None)
    if own is not None:
        return f"self.{own}"
    return ANY if any(map(_always_learns, program.members.values())) else ANY_OR_NONE


def _is_always_there(program: Program, name: str) -> bool:
    part = program.parameters[name]
    return part.when is None and part.each is None


def _always_learns(member: Member) -> bool:
    """Whether a member, or one of those written out, has parameters whatever the arguments are."""
    if member.when is not None or isinstance(member.constructor, ex.Comprehension):
        return False
    return any(_has_parameters(made.of) for made in member.made)


def _has_parameters(of: Constructible) -> bool:
    if not isinstance(of, Child):
        return of.takes("device") and AFFINE.isdisjoint(of.parameters)
    own = of.program
    return any(_is_always_there(own, name) for name in own.parameters) or any(map(_always_learns, own.members.values()))


def own_term(program: Program) -> tuple[list[str], str]:
    """The source of the layer's own term, and the lines before it that give names to what it reads more than once."""
    assert program.penalty is not None
    term, widened = _with_names(Narrowing(program)(program.penalty, ex.names(program.penalty)), program)
    parts = (*program.tensors, *program.members)
    names = attribute_names(program) | {name: f"self.{name}" for name in parts}
    source = some_tensor(program)
    origin = Origin(f"{source}.device", f"{source}.dtype")
    printer = SourcePrinter(
        names,
        origin,
        functional=functional(program),
        read=reader(program),
        listed=listed(program),
        untyped=untyped(program),
    )
    lines = [f"{name} = {printer.show(call)}" for name, call in widened.items()]
    return lines, printer.show(term, ex.PRECEDENCE["+"])


def _with_names(term: ex.Expression, program: Program) -> tuple[ex.Expression, dict[str, ex.Call]]:
    """A term in which names stand for the tensors that it widens more than once."""
    found = [node for node in ex.walk(term) if isinstance(node, ex.Call) and _widens(node, program)]
    names = {ex.show(call): f"wide_{ex.show(call.arguments[0])}" for call in found if found.count(call) > 1}

    def change(node: ex.Expression) -> ex.Expression | None:
        if isinstance(node, ex.Call) and (name := names.get(ex.show(node))):
            return ex.Name(name, role=Role.LOCAL, kinds=TENSOR)
        return None

    return ex.transform(term, change), {names[text]: call for call in found if (text := ex.show(call)) in names}


def _widens(call: ex.Call, program: Program) -> bool:
    """Whether a call makes one of the layer's tensors wider that is always there."""
    match call:
        case ex.Call(function="upcast", arguments=(ex.Name(id=name),)) if name in program.parameters:
            return _is_always_there(program, name)
    return False
