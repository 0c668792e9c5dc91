"""What keeps an op that makes NaN out of numbers away from where it does."""

from layergen.domains.recorded import breakdown
from layergen.lang import expression as ex
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.on_data import drawn

SMALL = "1e-6"
LEAST = {"sqrt": SMALL, "rsqrt": SMALL, "log": SMALL, "log2": SMALL, "log10": SMALL}
LEAST |= {"log1p": f"-1 + {SMALL}", "acosh": f"1 + {SMALL}", "arccosh": f"1 + {SMALL}"}
BETWEEN = frozenset({"asin", "arcsin", "acos", "arccos", "atanh", "arctanh"})
SPREADS = frozenset({"std", "var"})


def kept_away(instance: Instance, training: bool, open_input: str | None = None) -> str | None:
    """Help with a layer that makes NaN out of the numbers of an instance.

    Args:
        instance: The layer on these numbers.
        training: The mode in which it does so.
        open_input: The input that would be kept away by a range.
    """
    try:
        with drawn():
            found = breakdown(instance, training)
    except TrialFault:
        return None
    node = found.nodes[0] if found is not None and found.nodes else None
    clamped = _clamped(node) if node is not None else None
    if isinstance(node, ex.Call) and node.function in SPREADS:  # of whatever values
        return clamped
    ranged = f"say between which values `{open_input}` lies: `range: [low, high]`" if open_input else None
    return ", or ".join(part for part in (ranged, clamped) if part) or None


def _clamped(node: ex.Expression) -> str | None:
    """What to write instead of an op that has no value everywhere."""
    match node:
        case ex.Call(function=function, arguments=(first, *_)) if function in LEAST:
            inside = f"clamp({ex.show(first)}, min={LEAST[function]})"
            return f"keep what `{function}` is given within its domain: `{function}({inside})`"
        case ex.Call(function=function, arguments=(first, *_)) if function in BETWEEN:
            inside = f"clamp({ex.show(first)}, -1 + {SMALL}, 1 - {SMALL})"
            return f"keep what `{function}` is given within its domain: `{function}({inside})`"
        case ex.Call(function=function) if function in SPREADS:
            return "a single value has no unbiased spread: write `correction=0`"
        case ex.Binary(operator="/" | "//" | "%" as sign, right=divisor):
            away = f"clamp({ex.show(divisor)}, min={SMALL})"
            return f"keep the divisor of `{sign}` away from 0: `{away}`, or add a small number to it"
        case ex.Binary(operator="**", left=base):
            return f"keep the base of `**` above 0: `clamp({ex.show(base)}, min={SMALL})`"
    return None
