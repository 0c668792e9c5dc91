"""Updates of buffers: how they are written, and what stands under ``torch.no_grad()`` with them."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

from layergen.lang import expression as ex
from layergen.lang.visitor import reads
from layergen.lower.gradients import depends_on

Block = Sequence[ex.Statement]
IN_PLACE = {"+": "add_", "-": "sub_", "*": "mul_"}


def is_update(statement: ex.Statement, buffers: Collection[str]) -> bool:
    """Whether a statement writes to a buffer and does no more."""
    return isinstance(statement, ex.Assign) and len(statement.targets) == 1 and statement.targets[0].id in buffers


def counts(statement: ex.Statement) -> bool:
    """Whether a statement changes a buffer by a number, of which autograd takes no note."""
    match statement:
        case ex.Assign(targets=(target,), value=ex.Binary("+" | "-", ex.Name(id=name), ex.Literal())):
            return name == target.id
    return False


def parted(
    block: Block, whole: Block, buffers: Collection[str], results: Collection[str]
) -> Iterator[tuple[bool, Block]]:
    """The statements of a block in parts: whether one stands under ``torch.no_grad()``, and what is in it.

    Args:
        block: The statements.
        whole: The forward that the block belongs to.
        buffers: The names of the buffers.
        results: The names of what the forward returns.
    """
    free = _free(block, whole, buffers, results)
    silent = [index in free for index in range(len(block))]
    for index, statement in enumerate(block):
        if isinstance(statement, ex.Comment):  # of what follows
            silent[index] = 0 < index < len(block) - 1 and silent[index - 1] and index + 1 in free
    for quiet, group in groupby(zip(silent, block, strict=True), key=lambda pair: pair[0]):
        part = [statement for _, statement in group]
        yield quiet and any(is_update(statement, buffers) and not counts(statement) for statement in part), part


def _free(block: Block, whole: Block, buffers: Collection[str], results: Collection[str]) -> set[int]:
    """The places of the updates, and of the assignments that nothing but these reads."""
    found = {
        index
        for index, statement in enumerate(block)
        if isinstance(statement, ex.Assign)
        and not statement.parts_group
        and (is_update(statement, buffers) or not any(target.id in buffers for target in statement.targets))
    }
    everywhere = Counter(name.id for name in reads(whole))
    while True:
        inside = Counter(name.id for index in found for name in reads([block[index]]))
        read = {name for name, count in everywhere.items() if count > inside[name]} | set(results)
        wrong = {index for index in found if not is_update(block[index], buffers) and _names(block[index]) & read}
        if not wrong:
            return found
        found -= wrong


def _names(statement: ex.Statement) -> set[str]:
    return {target.id for target in statement.targets} if isinstance(statement, ex.Assign) else set()


def update(printer: ex.Printer, buffer: str, value: ex.Expression) -> str:
    """Write a buffer in place, with the op's own in-place form where it has one."""
    target = printer.show(ex.Name(buffer))
    match value:
        case ex.Binary(operator=operator, left=ex.Name(id=name), right=right) if (
            name == buffer and operator in IN_PLACE and buffer not in depends_on(right)
        ):
            return f"{target}.{IN_PLACE[operator]}({printer.show(right)})"
        case ex.Call(function="lerp", arguments=(ex.Name(id=name), *rest)) if (
            name == buffer and buffer not in depends_on(call := ex.Call("lerp_", tuple(rest), value.keywords))
        ):
            return f"{target}.lerp_({printer.arguments(call)})"
        case _:
            return f"{target}.copy_({printer.show(value)})"
