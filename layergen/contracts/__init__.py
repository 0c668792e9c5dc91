"""What a layer promises beside its shapes: one contract a file, each of them a rule."""

from layergen.contracts.autocast import AUTOCAST
from layergen.contracts.broadcasting import BROADCASTING
from layergen.contracts.contract import Contract, Ways
from layergen.contracts.detached import DETACHED
from layergen.contracts.device import DEVICE
from layergen.contracts.dtype import DTYPE
from layergen.contracts.execution import EXECUTION
from layergen.contracts.fans import FANS
from layergen.contracts.gradient import GRADIENT
from layergen.contracts.purity import PURITY
from layergen.contracts.training import RANDOMNESS
from layergen.contracts.units import UNITS
from layergen.contracts.vanishing import VANISHING
from layergen.faults import refuse

# Those further down are held against a layer only if it keeps those above: a layer that writes to its inputs has no
# gradients to speak of.
CONTRACTS: dict[str, tuple[Contract, ...]] = {
    "execution": (EXECUTION,),
    "coupling": (BROADCASTING, UNITS),
    "purity": (PURITY,),
    "dtype": (DTYPE, VANISHING),
    "autocast": (AUTOCAST,),
    "device": (DEVICE,),
    "gradient": (GRADIENT, DETACHED),
    "training": (RANDOMNESS,),
    "init": (FANS,),
}

# What they watch, all in all: runs have to know beforehand.
WATCHES = tuple(watch for group in CONTRACTS.values() for contract in group for watch in contract.watches)


def check_contracts(ways: Ways) -> None:
    """Hold a layer against all contracts, one group after the other.

    Args:
        ways: The runs of the layer, which works at all of their settings.

    Raises:
        SpecError: With the breaches of the first group that it does not keep.
    """
    for group in CONTRACTS.values():
        refuse(finding for contract in group for finding in contract.judge(ways))


__all__ = ["CONTRACTS", "WATCHES", "Contract", "Ways", "check_contracts"]
