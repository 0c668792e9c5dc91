"""Lists that a loop fills are made at once where it does nothing else."""

import pytest
from lowered import lines

from layergen.lower.gathered import gathered

FILLED = """
    ys: list[Tensor] = []
    for block in self.blocks:
        ys.append(block(x))
    y = torch.stack(ys)
"""


def test_a_list_that_a_loop_fills_is_a_comprehension() -> None:
    assert gathered(lines(FILLED).splitlines()) == (
        "ys: list[Tensor] = [block(x) for block in self.blocks]",
        "y = torch.stack(ys)",
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("block(x)", "block(ys[-1])"),  # the list reads itself
        ("    ys.append(block(x))", "    ys.append(block(x))\n        x = x + 1"),
        ("    ys.append", "    x = x + 1\n        ys.append"),
        ("torch.stack(ys)", "torch.stack(ys) + block(x)"),  # the last one is read later
        ("list[Tensor] = []", "list[Tensor] = [x]"),
        ("in self.blocks", "in (value := x + 1).to(value.dtype).unbind(1)"),  # no comprehension may name it there
    ],
)
def test_a_loop_that_does_more_stays(before: str, after: str) -> None:
    written = lines(FILLED.replace(before, after)).splitlines()
    assert gathered(written) == tuple(written)
