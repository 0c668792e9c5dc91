"""What is wrong with a definition's calls of arguments that are functions."""

from collections.abc import Iterator
from dataclasses import replace

from layergen.definition.entries import Entry
from layergen.definition.faults import ill
from layergen.definition.functions import formula
from layergen.definition.scene import Definition, parts
from layergen.diagnostics import Finding
from layergen.lang import expression as ex


def check_chosen(definition: Definition, node: ex.Call) -> Iterator[Finding]:
    """Yield why a function cannot be called so, and what it may be that a definition cannot say."""
    name = node.function
    if len(node.arguments) != 1 or node.keywords:
        yield ill(node, f"`{name}` is a function of one number", f"write `{name}(x[n, i])`")
        return
    choices = [str(choice) for choice in definition.spec.arguments[name].choices or ()]
    asked = set(_asked(definition, name))
    for choice in choices:
        if formula(choice) is None and choice not in asked:
            help = f"say what it does where it is chosen: `… if {name} == '{choice}' else {ex.show(node)}`"
            yield ill(node, f"`{name}` may be `{choice}`, of which a definition knows no formula", help)


def misplaced(entry: Entry) -> Finding:
    """A function that is called with a whole tensor, as if it were a member."""
    name, given = entry.name.id, entry.call.arguments[0] if entry.call is not None and entry.call.arguments else None
    inner = ex.show(replace(entry.node, value=given if given is not None else ex.Name("x")))
    return ill(entry.node, f"`{name}` is a function of one number", f"write `{name}({inner})`")


def _asked(definition: Definition, name: str) -> Iterator[str]:
    """The choices that the equations ask for by their names."""
    for equation in definition.equations:
        for node in (found for part in parts(equation) for found in ex.walk(part)):
            if isinstance(node, ex.Compare) and ex.Name(name) in (node.left, *node.comparators):
                for other in (node.left, *node.comparators):
                    if isinstance(other, ex.Literal) and isinstance(other.value, str):
                        yield other.value
