"""What a layer promises beside its shapes: one contract a file, each of them a rule."""

from collections.abc import Callable, Iterator

from layergen.contracts.broadcasting import check_broadcasting
from layergen.contracts.device import check_device
from layergen.contracts.dtype import check_autocast, check_dtype
from layergen.contracts.execution import check_execution
from layergen.contracts.fans import check_fans
from layergen.contracts.gradient import check_gradient
from layergen.contracts.purity import check_purity
from layergen.contracts.training import check_training
from layergen.contracts.units import check_units
from layergen.contracts.vanishing import check_vanishing
from layergen.diagnostics import Finding
from layergen.resolve.program import Program
from layergen.settings.choice import Setting

Contract = Callable[[Program, list[Setting]], Iterator[Finding]]

# Those further down are held against a layer only if it keeps those above: a layer that writes to its inputs has no
# gradients to speak of.
CONTRACTS: dict[str, tuple[Contract, ...]] = {
    "execution": (check_execution,),
    "coupling": (check_broadcasting, check_units),
    "purity": (check_purity,),
    "dtype": (check_dtype, check_vanishing),
    "autocast": (check_autocast,),
    "device": (check_device,),
    "gradient": (check_gradient,),
    "training": (check_training,),
    "init": (check_fans,),
}


def check_contracts(program: Program, paths: list[Setting]) -> Iterator[Finding]:
    """Yield the breaches of the first contract that a layer does not keep.

    Args:
        program: The layer, which works at all of the settings.
        paths: Settings that take every way through the forward.
    """
    for contracts in CONTRACTS.values():
        found = list(dict.fromkeys(finding for contract in contracts for finding in contract(program, paths)))
        if found:
            yield from found
            return
