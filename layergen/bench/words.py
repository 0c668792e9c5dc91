"""Times, bytes and numbers as people say them."""

SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))
COUNTS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def span(seconds: float) -> str:
    """Seconds: ``12.3 µs``."""
    return _in_units(seconds, SECONDS, " ")


def size(number: float) -> str:
    """Bytes: ``1.5 MB``."""
    return _in_units(number, BYTES, " ")


def count(number: float) -> str:
    """A number: ``10k``."""
    return _in_units(number, COUNTS, "")


def _in_units(number: float, units: tuple[tuple[float, str], ...], space: str) -> str:
    unit, name = next(((unit, name) for unit, name in units if number >= 0.9995 * unit), units[-1])
    return f"{float(f'{number / unit:.3g}'):g}{space}{name}"
