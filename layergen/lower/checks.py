"""A check of generated code."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """A check of the constructor or the forward: when it fails, and with what message."""

    condition: str
    message: str  # source of a string or an f-string

    def lines(self) -> tuple[str, str]:
        return f"if {self.condition}:", f"    raise ValueError({self.message})"
