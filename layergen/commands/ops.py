"""``layergen ops``: the functions that a forward may call."""

import fnmatch
import json
import sys

from layergen import ops


def list_ops(pattern: str, style: str) -> bool:
    """Print the ops that fit a part of a name, or a glob; gives whether there are any."""
    glob = pattern if set("*?[") & set(pattern) else f"*{pattern}*"
    found = [op for op in map(ops.find, fnmatch.filter(ops.names(), glob)) if op]
    if style == "json":
        listing = [{"name": op.name, "python": op.python, "signatures": [*map(str, op.signatures)]} for op in found]
        print(json.dumps(listing, indent=2))
    for op in found if style != "json" else ():
        print(op.name if style == "concise" else "\n".join(map(str, op.signatures)))
    if not found:
        near = ops.nearest(pattern)
        hint = f"; did you mean `{near}`?" if near else ""
        print(f"layergen: no op fits `{pattern}`{hint}", file=sys.stderr)
    return bool(found)
