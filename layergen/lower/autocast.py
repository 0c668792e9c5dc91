"""Says what of a forward is kept from autocast, which would cast back what was upcast."""

from collections.abc import Iterator, Sequence

from layergen.lang import expression as ex
from layergen.lang.facts import Autocast
from layergen.resolve.autocast import kept_from_autocast
from layergen.resolve.program import Program

Block = Sequence[ex.Statement]


def left_to_autocast(block: Block, program: Program) -> Block:
    """The statements as they are written, each of which knows again what autocast is to it."""
    return kept_from_autocast(tuple(block), program.inputs, program.tensors)


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
