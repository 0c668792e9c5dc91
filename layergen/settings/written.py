"""A setting as one would write it under `cases`."""

from collections.abc import Mapping
from typing import Any

from layergen.settings.choice import Setting


def as_case(changes: Mapping[str, Any]) -> str:
    """Arguments and sizes by their names."""
    return f"{{{', '.join(f'{name}: {_yaml(value)}' for name, value in changes.items())}}}"


def case_of(setting: Setting, base: Setting) -> str:
    """A setting, of whose arguments those are left out that have the same value at another one."""
    apart = {name: value for name, value in setting.given.items() if base.given.get(name) != value}
    named = {name: list(sizes) for name, sizes in setting.further.items()}
    return as_case({**apart, **setting.sizes, **named})


def _yaml(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(list(value) if isinstance(value, tuple) else value)
