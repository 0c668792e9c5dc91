"""The names of the sizes that a forward asks a tensor for, ``x.shape`` or ``x.size(-1)``."""

import re
from typing import Any

from layergen.words import listed

ASKED = re.compile(r"(\w+)\.(?:shape|size)\b(?:\[ *(-?\d+) *\]|\( *(?:dim *= *)?(-?\d+) *\)|\( *\))?")


def sizes_meant(asked: str, data: Any) -> str | None:
    """What to write for a size of an input.

    Args:
        asked: The text of a forward, from where it asks.
        data: The whole spec as it is written.
    """
    found = ASKED.match(asked)
    inputs = data.get("inputs") if isinstance(data, dict) else None
    part = inputs.get(found[1]) if found and isinstance(inputs, dict) else None
    shape = part.get("shape") if isinstance(part, dict) else part
    if not found or not isinstance(shape, list) or not all(isinstance(item, str | int) for item in shape):
        return None
    sizes = [str(item) for item in shape]
    whole = f"`{found[1]}: [{', '.join(sizes)}]`"
    text = found[2] or found[3]
    if text is None:
        named = [f"`{size}`" for size in sizes if size.isidentifier()]
        return f"the sizes have names already, {listed(named)} of {whole}: write these" if named else None
    at = int(text)
    across = sizes[at:] if at < 0 else sizes[: at + 1]
    if not -len(sizes) <= at < len(sizes) or any("..." in size for size in across):
        return None
    return f"write `{sizes[at]}`: sizes go by their names in {whole}"
