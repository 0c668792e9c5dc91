"""How generated code reads and makes the tensors of families: as items of a list, or as attributes by their names."""

from collections.abc import Callable

from layergen.lang import expression as ex
from layergen.lang.model import Buffer, Parameter
from layergen.lang.visitor import nodes
from layergen.resolve.program import Program

Owned = Parameter | Buffer
Show = Callable[[ex.Expression], str]


def named_families(program: Program) -> dict[str, Owned]:
    """The families whose tensors are attributes by names of their own."""
    return {name: tensor for name, tensor in program.families.items() if tensor.named is not None}


def attribute(tensor: Owned, show: Show) -> str:
    """The name of an attribute of a family where its index has a value, as the source of an f-string."""
    assert tensor.each is not None
    return f'f"{tensor.name(f"{{{show(ex.Name(tensor.each.index))}}}")}"'


def read(tensor: Owned, index: ex.Expression, show: Show) -> str:
    """The source of one tensor of a family that is named."""
    number = constant(index)
    if number is not None and number >= 0:
        return f"self.{tensor.name(number)}"
    if number is not None:
        assert tensor.each is not None
        index = ex.Binary("-", tensor.each.count, ex.Literal(-number))
    return f'getattr(self, f"{tensor.name(f"{{{show(index)}}}")}")'


def members_read(program: Program) -> dict[str, bool]:
    """The attributes of families that forward and penalty read by numbers, and whether they ask if these are there."""
    named, found = named_families(program), dict[str, bool]()
    penalty = () if program.penalty is None else ex.walk(program.penalty)
    for node in (*nodes(program.forward.statements), *penalty):
        asked = isinstance(node, ex.Compare) and set(node.operators) <= {"is", "is not"}
        part = node.left if isinstance(node, ex.Compare) and asked else node
        match part:
            case ex.Subscript(value=ex.Name(id=name), index=index) if name in named:
                number = constant(index)
                if number is not None and number >= 0:
                    attribute = named[name].name(number)
                    found[attribute] = found.get(attribute, False) or asked
    return found


def reader(program: Program, hidden: str | None = None) -> Callable[[ex.Subscript, Show], str | None]:
    """How a printer writes the tensors of the families that are named, or whose name stands for one of them."""
    named = named_families(program)

    def written(node: ex.Subscript, show: Show) -> str | None:
        if not isinstance(node.value, ex.Name) or node.value.id not in {*named, hidden}:
            return None
        if node.value.id not in named:
            return f"self.{hidden}[{show(node.index)}]"
        return read(named[node.value.id], node.index, show)

    return written


def constant(index: ex.Expression) -> int | None:
    """The number that an index is, if it is one."""
    match index:
        case ex.Literal(value=int(number)):
            return number
        case ex.Unary("-", ex.Literal(value=int(number))):
            return -number
    return None
