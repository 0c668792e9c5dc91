"""Fractions: whether a condition on sizes holds whatever the arguments are that are no integers.

Where an output has ``floor(H * ratio)`` entries, one that was found at a ratio of a half says nothing of others.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from layergen.prove.hints import Hints, at_point
from layergen.prove.outcomes import Outcomes
from layergen.prove.thresholds import precondition

SHARES = (0.5, 0.75)  # of what an argument is
GROWN = (1, 2, 4)  # by how much sizes grow where the layer needs larger ones then


def holds_at_other_fractions(outcomes: Outcomes, condition: Any, known: Sequence[Any]) -> bool:
    """Whether a condition foretells what is refused at other fractions too, as far as the layer works there."""
    if precondition(outcomes, condition, known) is None:  # it is another kind of condition
        return True
    return all(precondition(other, condition, known) is not None for other in _at_others(outcomes))


def _at_others(outcomes: Outcomes) -> Iterator[Outcomes]:
    """What the layer does where all fractions are smaller."""
    program, ground = outcomes.program, outcomes.ground
    own = {name: ground.setting.values[name] for name, part in program.decided.items() if part.type.fractional}
    for share in SHARES:
        moved = {name: _times(value, share) for name, value in own.items() if _is_fraction(value)}
        found = _moved(outcomes, moved) if moved else None
        if found is not None:
            yield from (one for one in (_grown(outcomes, found, more) for more in GROWN) if one.works({}))


def _is_fraction(value: Any) -> bool:
    parts = value if isinstance(value, tuple) else (value,)
    return all(isinstance(part, float) for part in parts)


def _times(value: Any, share: float) -> Any:
    return [share * part for part in value] if isinstance(value, tuple) else share * value


def _moved(outcomes: Outcomes, moved: Mapping[str, Any]) -> Hints | None:
    """The same numbers with other fractions, unless bounds or constraints refuse them."""
    setting = outcomes.ground.setting
    found = Hints(replace(setting, given={**setting.given, **moved}), outcomes.ground.names)
    other = at_point(outcomes.program, found, found.names)
    return None if other is None else Hints(other, outcomes.ground.names)


def _grown(outcomes: Outcomes, found: Hints, more: int) -> Outcomes:
    """The same at larger sizes."""
    sizes = {name: more * found.names[name] for name in found.setting.sizes}
    return Outcomes(outcomes.program, replace(found, names={**found.names, **sizes}))
