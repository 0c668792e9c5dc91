"""Where a generated class and torch's differ, and why: what is not in here has to agree, and what is has to differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Left:
    """Examples of a module on which a class does something else."""

    check: str  # what differs: one of CHECKS
    text: str  # a pattern of the examples' texts
    reason: str


# In the order in which they are made: what differs in one of the first two is not asked for in those that follow.
CHECKS = (
    "made", "called", "looks", "twice", "strides", "channels_last", "empty", "copies", "places", "refused",
)  # fmt: skip
FIRST = ("made", "called")

FLAGS = "Flags are held by the annotations alone, as in all layers."
RECURRENT = (
    Left("refused", "*'cpu') in *", "torch refuses the dtype too, but by another error."),
    *(Left("refused", f"*{flag}={value}*", FLAGS) for flag in ("bias", "batch_first") for value in ("[01]", "'*'")),
)

LEFT: Mapping[str, tuple[Left, ...]] = {
    "CTCLoss": (
        Left("called", "*1d_target_*", "Targets are padded to one length, not joined."),
        Left("called", "*_lengths_intlists*", "Lengths are tensors."),
    ),
    "GRU": RECURRENT,
    "Identity": (Left("places", "*", "The constructor takes no arguments that have no effect."),),
    "LSTM": RECURRENT,
    "RNN": RECURRENT,
}


def left_out(name: str, check: str, text: str) -> Left | None:
    """Why an example of a module is left out of a check, if it is."""
    checks = (*FIRST[: FIRST.index(check)], check) if check in FIRST else (*FIRST, check)
    return next((left for left in LEFT.get(name, ()) if left.check in checks and fnmatchcase(text, left.text)), None)
