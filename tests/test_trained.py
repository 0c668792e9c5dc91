"""Trained: what training does to buffers shows in evaluation, and buffers that are meant to grow may do so."""

from typing import Any

import pytest
from small import DIM, breaches, program

from layergen.contracts.trained import TRAINED
from layergen.resolve.program import Program

BUFFERS: dict[str, Any] = {
    "mean": {"shape": ["dim"], "init": "zeros"},
    "size": {"shape": ["dim"], "init": "ones"},
    "steps": {"shape": [], "dtype": "int64", "init": "zeros"},
}
DIVIDED = "y = (x - a) * rsqrt(b + 1e-3)"

SOUND = {
    "running_statistics": ("mean, size = lerp(mean, a, 0.1), lerp(size, b, 0.1)", "a, b = mean, size"),
    "averages_of_all_batches": (
        "steps = steps + 1\n    mean, size = lerp(mean, a, 1 / steps), lerp(size, b, 1 / steps)", "a, b = mean, size"
    ),
    "sums_and_their_number": (
        "steps = steps + 1\n    mean, size = mean + a, size + b",
        "a, b = mean / clamp(steps, min=1), size / (steps + 1)",
    ),
    "largest_so_far": ("size = maximum(size, amax(abs(x), dim=0))", "a, b = mean, square(size)"),
    "forgotten": ("size = 0.5 * size", "a, b = mean, size"),
}  # fmt: skip
FAULTY = {
    "stored_in_each_other": (
        "mean, size = lerp(mean, b, 0.1), lerp(size, a, 0.1)", "`y` has NaN in evaluation, after 8 steps"
    ),
    "mean_alone_stored_twice": (
        "mean = lerp(mean, a, 0.01)\n    size = lerp(size, a, 0.01)", "`y` has NaN in evaluation, after 8 steps"
    ),
    "away_from_what_is_new": ("size = size + 0.1 * (size - b)", "the buffer `size` grows without end"),
    "logarithm": ("mean = log(a)", "the buffer `mean` has NaN after 8 steps"),
}  # fmt: skip


def layer(update: str, read: str = "a, b = mean, size") -> Program:
    forward = f"if training:\n    b, a = var_mean(x, dim=0)\n    {update}\nelse:\n    {read}\n{DIVIDED}"
    return program(
        forward,
        arguments={"dim": DIM},
        buffers={name: buffer for name, buffer in BUFFERS.items() if name in forward},
        constraints=["N >= 2"],
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
        mixes={"N": "training"},
    )


@pytest.mark.parametrize(("update", "read"), SOUND.values(), ids=SOUND)
def test_what_stays_sound_passes(update: str, read: str) -> None:
    assert not breaches(TRAINED, layer(update, read))


@pytest.mark.parametrize(("update", "message"), FAULTY.values(), ids=FAULTY)
def test_what_training_breaks_is_found(update: str, message: str) -> None:
    (finding,) = breaches(TRAINED, layer(update))
    assert finding.message.startswith(message)
