"""Refusals that ask the same of each tensor of a tuple, one after the other: a loop asks it in turn."""

from collections.abc import Callable, Iterator, Sequence

from layergen.lang.tuples import Tuples

INDENT = "    "
MARK = "\0"  # in the place of the tensor that is asked about; no code has it
SHORT = 2  # lines of a refusal


def in_turn(lines: Sequence[str], tuples: Tuples, free: Callable[[str], str]) -> Iterator[str]:
    """Lines in which what is asked of each tensor of a tuple stands once.

    Args:
        lines: Of a forward.
        tuples: Those that it is given.
        free: Gives a name that nothing has yet, for one that is wished for.
    """
    index, part = free("index"), free("part")
    several = {whole: found.items for whole, found in tuples.items() if len(found.items) > 1}
    place = 0
    while place < len(lines):
        whole = next((whole for whole, items in several.items() if _alike(lines, place, items)), None)
        if whole is None:
            yield lines[place]
            place += 1
            continue
        first = several[whole][0]
        indent = lines[place][: len(lines[place]) - len(lines[place].lstrip())]
        told = lines[place + 1].replace(f"expected {first} ", f"expected {whole}[{{{index}}}] ").replace(first, part)
        yield f"{indent}for {index}, {part} in enumerate({whole}):"
        yield f"{INDENT}{lines[place].replace(first, part)}"
        yield f"{INDENT}{told}"
        place += SHORT * len(several[whole])


def _alike(lines: Sequence[str], place: int, items: Sequence[str]) -> bool:
    """Whether refusals begin at a line that are the same but for the tensor, one for each in its order."""
    blocks = [lines[place + SHORT * k : place + SHORT * (k + 1)] for k in range(len(items))]
    masked = [[line.replace(item, MARK) for line in block] for block, item in zip(blocks, items, strict=True)]
    return _refuses(masked[0]) and all(block == masked[0] for block in masked[1:])


def _refuses(block: Sequence[str]) -> bool:
    """Whether two lines refuse a tensor whatever else is given, and say which it is, and what of it is wrong."""
    if len(block) != SHORT:
        return False
    head, body = (line.lstrip() for line in block)
    asks = head.startswith(f"if {MARK}.") and body.startswith("raise ValueError(f")
    return asks and f"expected {MARK} " in body and f"{{tuple({MARK}.shape)}}" in body
