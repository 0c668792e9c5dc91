"""Says what of a forward is kept from autocast, which would cast back what was upcast, and what asks for it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.facts import Autocast, Callee, CalleeKind
from layergen.lang.visitor import calls, statements
from layergen.resolve.autocast import kept_from_autocast
from layergen.resolve.program import Program

Block = Sequence[ex.Statement]


def left_to_autocast(block: Block, program: Program) -> Block:
    """The statements as they are written, each of which knows again what autocast is to it."""
    return tuple(_named(kept_from_autocast(tuple(block), program.inputs, program.tensors)))


def _named(block: Block) -> Iterator[ex.Statement]:
    """The statements of a forward, in which a loss has its name before it is asked which dtype it gets."""
    for statement in block:
        match statement:
            case ex.Assign(targets=(target,), value=ex.Call(function="loss_as", arguments=(loss, x)) as call) if (
                not isinstance(loss, ex.Name) and target.id not in ex.names(x)
            ):
                yield replace(statement, value=loss)
                yield replace(statement, value=replace(call, arguments=(target, x)))
            case ex.If(body=body, orelse=orelse):
                yield replace(statement, body=tuple(_named(body)), orelse=tuple(_named(orelse)))
            case ex.For(body=body):
                yield replace(statement, body=tuple(_named(body)))
            case _:
                yield statement


def asks_for_autocast(block: Block) -> bool:
    """Whether autocast is turned off or asked for in a forward, but where a loss comes back by itself."""
    own = list(statements(block))
    off = any(statement.autocast is Autocast.OFF for statement in own)
    rest = [statement for statement in own if not isinstance(statement, ex.If | ex.For) and not comes_back(statement)]
    return off or any(call.function == "loss_as" for call in calls(rest))


def comes_back(statement: ex.Statement) -> bool:
    """Whether a statement brings a loss that has its name back to the dtype of an input."""
    match statement:
        case ex.Assign(targets=(target,), value=ex.Call(function="loss_as", arguments=(ex.Name(id=name), ex.Name()))):
            return name == target.id
    return False


def way_back(
    statement: ex.Statement, printer: ex.Printer, device: str, device_type_name: str, told: bool
) -> Iterator[str]:
    """The lines by which a loss comes back to the dtype of an input, where it has another one.

    Args:
        statement: A statement that brings it back.
        printer: Prints expressions.
        device: Where the first input is, as source text.
        device_type_name: What the type of that device is called.
        told: Whether it has its name already.
    """
    (call,) = calls([statement])
    loss, like = map(printer.show, call.arguments)
    wide, back = f"{loss}.dtype != {like}.dtype", f"{loss} = {loss}.type_as({like})"
    left = f"not torch.is_autocast_enabled({device_type_name})"
    if told:
        yield from (f"if {wide} and {left}:", f"    {back}")
    else:
        yield f"if {wide}:"
        yield from (f"    {device_type_name} = {device_type(device)}", f"    if {left}:", f"        {back}")


def unless_autocast(node: ex.Expression, device_type: str) -> ex.Expression:
    """An expression whose losses come back to the dtype of an input where autocast is off alone."""

    def change(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Call(function="loss_as", arguments=(loss, _)):
                back = replace(part, function="type_as", callee=Callee(CalleeKind.OP, "type_as"))
                return ex.Conditional(ex.Name(f"torch.is_autocast_enabled({device_type})"), loss, back)
        return None

    return ex.transform(node, change)


def device_type(device: str) -> str:
    """Of which device autocast is turned off; the meta device has none, and would refuse it."""
    return f'"cpu" if {device.removesuffix(".device")}.is_meta else {device}.type'


def shielded(block: Block) -> Iterator[tuple[bool, Block]]:
    """The statements of a block in parts: whether one is kept from autocast, and what is in it.

    What lies between two statements that are kept from it is so with them, where autocast is nothing to it. A condition
    under which alone something is done stands around what is kept from it.
    """
    start = 0
    while start < len(block):
        end = _end(block, start)
        if end > start:
            yield not _is_seldom(block[start:end]), block[start:end]
        else:
            off = (index for index in range(start, len(block)) if block[index].autocast is Autocast.OFF)
            end = next(off, len(block))
            yield False, block[start:end]
        start = end


def _is_seldom(block: Block) -> bool:
    """Whether statements are one that does nothing unless a condition holds, to which autocast is nothing."""
    match block:
        case (ex.If(orelse=()),):
            return True
    return False


def _end(block: Block, start: int) -> int:
    """Where a part that is kept from autocast ends, if one starts here."""
    end = start
    for index in range(start, len(block)):
        if block[index].autocast is Autocast.ON or block[start].autocast is not Autocast.OFF:
            break
        end = index + 1 if block[index].autocast is Autocast.OFF else end
    return end
