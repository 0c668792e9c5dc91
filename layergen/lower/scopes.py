"""What the names of a spec are called in generated code."""

from collections.abc import Iterable

from layergen.lang import expression as ex
from layergen.lang.visitor import assigned
from layergen.resolve.program import Program


def is_flag(program: Program, name: str) -> bool:
    """Whether an argument is known by a parameter of the same name being there or not, and so is not kept itself."""
    return name in program.arguments and name in program.tensors and program.tensors[name].named is None


def as_given(program: Program, name: str) -> bool:
    """Whether the attribute of a list is what the caller gave, so that the one form of it needs a name of its own."""
    return name in program.arguments and program.arguments[name].as_given


def given_names(program: Program) -> dict[str, str]:
    """How methods write those lists as they were given."""
    return {name: f"self.{name}" for name in program.arguments if as_given(program, name)}


def is_private(program: Program, name: str) -> bool:
    """Whether a derived value is the layer's own affair: no argument has its name, and `repr` does not show it."""
    shown = {part.name.id for part in program.repr or ()}
    return name in program.derived and name not in program.arguments and name not in shown


def is_kept(program: Program, name: str) -> bool:
    """Whether an argument is an attribute as it is given and used."""
    return name in program.arguments and not (
        is_flag(program, name) or as_given(program, name) or name in program.replaced
    )


def attribute(program: Program, name: str) -> str:
    """What the layer goes by of an argument, or a derived value: by one name, where one is the other."""
    value = program.derived.get(name)
    if is_private(program, name) and isinstance(value, ex.Name) and is_kept(program, value.id):
        return attribute(program, value.id)
    return f"self._{name}" if as_given(program, name) or is_private(program, name) else f"self.{name}"


def attribute_names(program: Program) -> dict[str, str]:
    """How methods other than the constructor write arguments and derived values."""
    names = {name: attribute(program, name) for name in (*program.arguments, *program.derived)}
    return names | {name: f"self.{name} is not None" for name in program.arguments if is_flag(program, name)}


def constructor_names(program: Program) -> dict[str, str]:
    """How the constructor writes them: arguments are at hand, derived values are attributes already."""
    return {name: attribute(program, name) for name in program.derived}


def functional(program: Program) -> str:
    """What ``torch.nn.functional`` is called: ``F``, unless something in the layer is."""
    return "nn.functional" if "F" in _variables(program) else "F"


def initializers(program: Program) -> str:
    """What ``torch.nn.init`` is called."""
    return "nn.init" if "init" in _variables(program) else "init"


def _variables(program: Program) -> frozenset[str]:
    """The names that become variables of methods; all others are attributes."""
    initial = (assigned(tensor.init.before) for tensor in program.tensors.values())
    return program.forward.assigned.union(program.arguments, program.call, program.dimensions, *initial)


def given(program: Program, nodes: Iterable[ex.Node]) -> list[str]:
    """The optional arguments that some expressions read as if they were always there, which a type checker asks for."""
    read = list(nodes)
    asked = {node.left for node in read if isinstance(node, ex.Compare)}
    names = {node.id for node in read if isinstance(node, ex.Name) and node not in asked}
    arguments = program.arguments.items()
    kept = [name for name, part in arguments if part.optional and name in names]
    return [name for name in kept if name not in program.replaced and not is_flag(program, name)]


def negated(node: ex.Expression) -> ex.Expression:
    """The opposite of a condition, written as one would say it."""
    opposites = {"==": "!=", "!=": "==", "is": "is not", "is not": "is", "in": "not in", "not in": "in"}
    orders = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
    match node:
        case ex.Compare(operators=(operator,)) if operator in opposites | orders:
            return ex.Compare(node.left, ((opposites | orders)[operator],), node.comparators)
        case ex.Unary(operator="not", operand=operand):
            return operand
        case ex.Binary(operator="or", left=left, right=right):
            return ex.Binary("and", negated(left), negated(right))
        case _:
            return ex.Unary("not", node)


def gathered_choices(node: ex.Expression) -> ex.Expression:
    """A condition in which a value that is none of several numbers or texts is compared with all of them at once."""
    return ex.transform(node, _none_of)


def _none_of(node: ex.Expression) -> ex.Expression | None:
    """``mode not in ('a', 'b')`` for ``mode != 'a' and mode != 'b'``, behind what else is asked; None of all else."""
    before: ex.Expression | None = None
    match node:
        case ex.Binary("and", left, ex.Compare(value, ("!=",), (ex.Literal() as last,))):
            pass
        case _:
            return None
    match gathered_choices(left):
        case ex.Binary("and", first, ex.Compare(asked, operators, (known,))) if asked == value:
            before = first
        case ex.Compare(asked, operators, (known,)) if asked == value:
            pass
        case _:
            return None
    match operators, known:
        case ("!=",), ex.Literal():
            choices: tuple[ex.Expression, ...] = (known, last)
        case ("not in",), ex.Sequence(items=items, bracket="("):
            choices = (*items, last)
        case _:
            return None
    outside = ex.Compare(value, ("not in",), (ex.Sequence(choices, "("),))
    return outside if before is None else ex.Binary("and", before, outside)
