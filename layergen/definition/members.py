"""What is wrong with a definition's calls of members."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from layergen.definition.calling import CallFault, bound, inputs_of, output_of
from layergen.definition.entries import Entry, passed
from layergen.definition.faults import ill
from layergen.definition.given import unmeasured
from layergen.definition.grammar import run_name
from layergen.definition.layout import fits, layouts
from layergen.definition.scene import Definition
from layergen.definition.shipped import shipped_names
from layergen.diagnostics import Finding
from layergen.lang import expression as ex
from layergen.lang.model import Buffer, Parameter
from layergen.suggest import nearest
from layergen.words import listed, plural

Check = Callable[[ex.Expression], Iterator[Finding]]  # of an expression in the same place


def check_member(definition: Definition, entry: Entry, check: Check) -> Iterator[Finding]:
    """Yield what is wrong with an entry of what a member gives, or of a tensor that it owns."""
    name = entry.name.id
    members = definition.scene.members[name]
    if entry.which is not None:
        yield from check(entry.which)
    if members.listed != (entry.which is not None):
        help = f"write `{name}[k](…)[…]`" if members.listed else f"write `{name}(…)[…]`"
        yield ill(entry.name, f"`{name}` is {'a list of members' if members.listed else 'one member'}", help)
        return
    if not entry.inner:
        yield ill(entry.node, f"`{name}` is a member, which has no entries", f"call it: `{name}(x)[…]`")
        return
    for made in members.made:
        if made.function not in members.known:
            yield ill(
                entry.name, f"`{made.function}` has no definition of its own, which could be read here", _help(made)
            )
            return
    for made in members.made:
        child = members.known[made.function]
        try:
            bound(tuple(child.spec.arguments), made, made.function)
            if lost := unmeasured(child):
                message = (
                    f"the dimension `{min(lost)}` of `{made.function}` stands alone in no input that is always given"
                )
                yield ill(entry.name, f"{message}, and so no size tells it", "write out what it computes")
                return
            yield from _entry(definition, child, entry, check)
        except CallFault as fault:
            inside = fault.node is not entry.node and fault.node in tuple(ex.walk(entry.node))
            yield ill(fault.node if inside else entry.name, fault.message)
            return


def _help(made: ex.Call) -> str:
    if made.function.startswith("nn."):
        names = [f"`{name}`" for name in shipped_names()]
        return f"write out what it computes; there are definitions of {listed(names)}"
    return f"give `{made.function}` a `definition`, or write out what it computes"


def _entry(definition: Definition, child: Definition, entry: Entry, check: Check) -> Iterator[Finding]:
    if entry.call is None:
        shape = child.owned(entry.owned)
        if shape is None:
            yield _unowned(child, entry)
            return
        family = child.scene.families.get(entry.owned)
        if (family is not None and family.shape != ()) != entry.kin:
            yield _misread(entry, family)
            return
    else:
        for name, argument in inputs_of(child, entry.call, entry.name.id).items():
            if name in child.spec.inputs:
                yield from _handed(definition, argument, check)
            else:
                yield from check(argument)
        shape = child.scene.outputs[output_of(child, entry)]
    possible = tuple(layouts(shape))
    if possible and not any(fits(layout, entry.indices, definition.runs) or layout.runs for layout in possible):
        count = len(possible[0].items)
        count, given = count - entry.kin, len(entry.indices) - entry.kin
        message = f"`{ex.show(entry.node.value)}` has {plural(count, 'dimension')}, "
        message += f"and {plural(given, 'index', 'indices')} here"
        yield ill(entry.node, message, "give each dimension an index")
    for index in entry.indices:
        yield from check(index)


def _unowned(child: Definition, entry: Entry) -> Finding:
    """A member has no such tensor; those of a family that is `named` have names of their own."""
    family = child.scene.families.get(entry.owned)
    there, help = "", None
    if family is not None and family.named is not None and isinstance(entry.read, ex.Member):
        there = f": there is `{family.name('{k}')}`"
        help = f"write `{ex.show(replace(entry.read, name=family.name(0)))}[…]`"
    elif near := nearest(entry.owned, child.spec.tensors):
        help = f"write `{near}`"
    return ill(entry.read, f"`{entry.name.id}` owns no tensor `{entry.owned}`{there}", help)


def _misread(entry: Entry, family: Parameter | Buffer | None) -> Finding:
    """The index in a family stands alone, and all others at once."""
    text = ex.show(entry.read)
    if family is None:
        indices = ", ".join(map(ex.show, entry.indices))
        return ill(entry.node, f"`{text}` is no family of tensors", f"write all indices at once: `{text}[{indices}]`")
    count = len(family.shape) if isinstance(family.shape, tuple) else 1
    indices = f"[{', '.join('ijklmn'[:count])}]" if count else ""
    message = f"`{text}` is a family of tensors, and `{ex.show(entry.node)}` is no entry of one"
    return ill(entry.node, message, f"write `{text}[k]{indices}`")


def _handed(definition: Definition, argument: ex.Expression, check: Check) -> Iterator[Finding]:
    """A tensor is handed on by its name, or None is."""
    if argument == ex.Literal(None):
        return
    handed = passed(argument)
    scene = definition.scene
    known = handed is not None and (handed.name.id in scene.tensors or handed.name.id in definition.named)
    if handed is None or not known or handed.name.id in scene.families:
        help = "write an equation for what it is, `h[n, i] = …`, and hand its name on"
        yield ill(argument, "a member is given a tensor or a name on a left side", help)
        return
    for index in handed.first:
        if run_name(index):
            yield ill(index, f"`{ex.show(index)}` cannot be fixed", "hand the whole on")
        else:
            yield from check(index)
