"""What all parts of a spec have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from layergen.lang.values import fault


class Part(BaseModel):
    """A part of a spec: it is frozen, and unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, value: Any) -> Any:
        """A ``doc`` that is there says something, also where it may be left out."""
        for key in ("doc", "description"):
            if isinstance(value, dict) and key in value and value[key] is None:
                raise fault(f"`{key}` is empty", key=key, help="say in a few words what it is")
        return value
