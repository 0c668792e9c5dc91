"""What is wrong with a definition's runs of indices, ``...`` and ``s...``, wherever they stand."""

from collections.abc import Iterator

from layergen.definition.faults import ill
from layergen.definition.grammar import is_run, letter
from layergen.definition.scene import Definition, written_index
from layergen.diagnostics import Finding
from layergen.lang import expression as ex

AT_FULL_SHAPE = "write `...`: runs that are broadcast are read at the sizes that they have together"


def check_runs(definition: Definition) -> Iterator[Finding]:
    """Yield the runs whose names mean something else, and those for which two ranges are written."""
    taken = definition.scene.names | definition.named.keys()
    told: dict[str, ex.Expression] = {}
    for index in definition.bound:
        written = written_index(index)
        if written is None or not is_run(written[0]):
            continue
        name, sizes = written
        if letter(name) in definition.scene.met:
            yield ill(index, f"`{name}` is broadcast, and no run of indices", AT_FULL_SHAPE)
        elif letter(name) in taken:
            message = f"`{letter(name)}` has a meaning already, and cannot be a run of indices"
            yield ill(index, message, "name the run by a letter that nothing else has: `y[s...] = …`")
        elif sizes is not None and name == "...":
            help = "leave them out, or name a run of your own: `s... < …`"
            yield ill(sizes, "the sizes of `...` are those of the inputs", help)
        elif sizes is not None and told.setdefault(name, sizes) != sizes:
            message = f"`{name}` has the sizes {ex.show(told[name])} elsewhere, and {ex.show(sizes)} here"
            yield ill(sizes, message, "a run has its sizes in all of a definition: choose another letter")
        elif sizes is not None and _is_number(sizes, definition):
            message = f"a run of indices goes over a list of sizes, and `{ex.show(sizes)}` is a number"
            first = f"`{name} < {definition.scene.run}[:{ex.show(sizes)}]` is the first ones"
            help = first if definition.scene.run else f"write the sizes, `{name} < [H, W]`"
            yield ill(sizes, message, help)


def _is_number(node: ex.Expression, definition: Definition) -> bool:
    """Whether the words show that an expression is one number and no list."""
    spec = definition.spec
    match node:
        case ex.Literal() | ex.Unary() | ex.Compare():
            return True
        case ex.Name(id=name):
            listed = name in spec.runs or name in spec.derived or name in definition.named
            argument = {**spec.arguments, **spec.values}.get(name)
            single = argument is None or not argument.type.listed
            return name in definition.scene.numbers and not listed and single
        case ex.Subscript(index=index):
            return not isinstance(index, ex.Slice)
        case ex.Binary(operator="+" | "*", left=left, right=right):
            return _is_number(left, definition) and _is_number(right, definition)
        case ex.Conditional(then=then, orelse=orelse):
            return _is_number(then, definition) and _is_number(orelse, definition)
        case ex.Call(function=function):
            return function in ("len", "int", "prod")
    return False
