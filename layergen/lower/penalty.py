"""Lowers the regularization term to the body of ``penalty``."""

from layergen.lang import expression as ex
from layergen.lower.annotations import Annotations
from layergen.lower.families import reader
from layergen.lower.members import each, listed
from layergen.lower.narrowing import Narrowing
from layergen.lower.scopes import attribute_names, functional
from layergen.lower.source import Origin, SourcePrinter
from layergen.resolve.program import Child, Program

TOTAL = "total"


def penalty_lines(program: Program) -> tuple[str, ...]:
    """The statements of the method; none where there is no term."""
    if not program.penalizes:
        return ()
    terms = [own_term(program)] if program.penalty is not None else []
    members = [member for member in program.members.values() if member.penalizes]
    plain = [member for member in members if not member.listed and member.when is None]
    terms += [f"self.{member.name}.penalty()" for member in plain]
    untyped = program.penalty is not None and Annotations(program).untyped(program.penalty)
    told = f"{TOTAL}: Tensor" if untyped else TOTAL
    if len(plain) == len(members) and not untyped:
        return (f"return {' + '.join(terms)}",)
    lines = [f"{told} = {' + '.join(terms) or 'next(self.parameters()).new_zeros(())'}"]
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
    return (*lines, f"return {TOTAL}")


def own_term(program: Program) -> str:
    """The source of the layer's own term."""
    assert program.penalty is not None
    parts = (*program.tensors, *program.members)
    names = attribute_names(program) | {name: f"self.{name}" for name in parts}
    first = next((name for name, part in program.parameters.items() if part.when is None), None)
    origin = Origin(f"self.{first}.device", f"self.{first}.dtype") if first else None
    printer = SourcePrinter(names, origin, functional=functional(program), read=reader(program), listed=listed(program))
    return printer.show(Narrowing(program)(program.penalty, ex.names(program.penalty)), ex.PRECEDENCE["+"])
