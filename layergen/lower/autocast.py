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
    """Whether autocast is turned off or asked for in a forward."""
    off = any(statement.autocast is Autocast.OFF for statement in statements(block))
    return off or any(call.function == "loss_as" for call in calls(block))


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

    What lies between two statements that are kept from it is so with them, where autocast is nothing to it.
    """
    start = 0
    while start < len(block):
        end = _end(block, start)
        if end > start:
            yield True, block[start:end]
        else:
            off = (index for index in range(start, len(block)) if block[index].autocast is Autocast.OFF)
            end = next(off, len(block))
            yield False, block[start:end]
        start = end


def _end(block: Block, start: int) -> int:
    """Where a part that is kept from autocast ends, if one starts here."""
    end = start
    for index in range(start, len(block)):
        if block[index].autocast is Autocast.ON or block[start].autocast is not Autocast.OFF:
            break
        end = index + 1 if block[index].autocast is Autocast.OFF else end
    return end
