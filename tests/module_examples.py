"""The inputs with which torch tests its own modules, for the generated classes that are to take the places of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any

import torch
from more_module_examples import MORE, Call, Draw
from torch import Tensor, nn
from torch.testing import make_tensor

import generated

# By the names of torch's classes these themselves, and those that take their places.
CLASSES: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    name: (getattr(nn, name), getattr(generated, name)) for name in generated.__all__ if hasattr(nn, name)
}


@dataclass(frozen=True)
class Example:
    """How a module is made, and what it is then called with."""

    text: str  # what torch calls it, and how the module is made
    made: Call
    given: Call | None

    def fresh(self, change: Callable[[Tensor], Tensor] = Tensor.clone) -> Call:
        """What the module is called with, as tensors of one's own."""
        assert self.given is not None

        def copied(value: Any) -> Any:
            if isinstance(value, tuple | list):
                return type(value)(copied(part) for part in value)
            if not isinstance(value, Tensor):
                return value
            return change(value.detach()).requires_grad_(value.requires_grad)

        return Call(copied(self.given.args), {name: copied(value) for name, value in self.given.kwargs.items()})


@dataclass(frozen=True)
class Refused:
    """What torch refuses, while the module is made or while it is called."""

    example: Example
    called: bool
    error: type[Exception]


@dataclass(frozen=True)
class Info:
    """What torch knows of a module."""

    examples: Callable[[torch.dtype, bool], list[Example]]
    refused: Callable[[], list[Refused]] = field(default=lambda: [])
    modes: tuple[bool, ...] = (True,)  # those in which it does something of its own
    twice: bool = True  # whether its gradients can be differentiated


@cache
def database() -> Mapping[str, Any]:
    """What torch's own tests know of its modules, by their names; importing it takes seconds."""
    from torch.testing._internal.common_modules import module_db

    return {info.module_cls.__name__: info for info in module_db}


def info(name: str) -> Info:
    """What is known of a module: by torch's tests, or else by ours."""
    found = database().get(name)
    if found is None:
        more = MORE[name]
        return Info(partial(_drawn, more.calls), modes=(True, False) if more.modes else (True,), twice=more.twice)
    modes = (True, False) if found.train_and_eval_differ else (True,)
    return Info(partial(_examples, found, name), partial(_refused, found), modes, found.supports_gradgrad)


def _examples(found: Any, name: str, dtype: torch.dtype, training: bool) -> list[Example]:
    """What torch's tests have, and what they leave out."""
    torch.manual_seed(0)
    inputs = found.module_inputs_func(found, device="cpu", dtype=dtype, requires_grad=True, training=training)
    more = _drawn(MORE[name].calls, dtype, training) if name in MORE else []
    return [*(_example(part, training) for part in inputs), *more]


def _example(part: Any, training: bool) -> Example:
    made = _call(part.constructor_input)
    given = part.forward_input and _call(part.forward_input)
    return Example(_text(part.desc, made, training), made, given)


def _call(given: Any) -> Call:
    """A call without the private arguments, by which torch's tests say what is drawn at random."""
    named = {name: value for name, value in given.kwargs.items() if not name.startswith("_")}
    return Call(tuple(given.args), named)


def _text(label: str, made: Call, training: bool) -> str:
    shown = [repr(value) for value in made.args] + [f"{name}={value!r}" for name, value in made.kwargs.items()]
    return f"{label}({', '.join(shown)}) in {'training' if training else 'evaluation'}"


def _refused(known: Any) -> list[Refused]:
    if known.module_error_inputs_func is None:
        return []
    torch.manual_seed(0)
    parts = known.module_error_inputs_func(
        known, device="cpu", dtype=torch.float32, requires_grad=False, training=False
    )
    found: list[Refused] = []
    for number, part in enumerate(parts):
        example = _example(part.module_error_input, training=True)
        example = replace(example, text=f"{number}: {example.text}")
        found.append(Refused(example, part.error_on.name == "FORWARD_ERROR", part.error_type))
    return found


def _drawn(calls: Callable[[Draw], list[tuple[Call, Call]]], dtype: torch.dtype, training: bool) -> list[Example]:
    torch.manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return make_tensor(shape, device="cpu", dtype=dtype, requires_grad=True)

    return [Example(_text("", made, training), made, given) for made, given in calls(draw)]
