"""What a layer promises beside its shapes: one contract a file, each of them a rule."""

from layergen.contracts.autocast import AUTOCAST
from layergen.contracts.broadcasting import BROADCASTING
from layergen.contracts.buffers import BUFFERS
from layergen.contracts.contract import Contract, Ways
from layergen.contracts.data import OnData, on_data
from layergen.contracts.device import DEVICE
from layergen.contracts.dtype import DTYPE
from layergen.contracts.execution import EXECUTION
from layergen.contracts.fans import FANS
from layergen.contracts.finite import FINITE
from layergen.contracts.gradient import GRADIENT
from layergen.contracts.halves import HALF
from layergen.contracts.kernels import KERNEL
from layergen.contracts.learning import LEARNING
from layergen.contracts.purity import PURITY
from layergen.contracts.stacks import STACKS
from layergen.contracts.strides import STRIDES
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
    "buffers": (BUFFERS,),
    "strides": (STRIDES,),
    "dtype": (DTYPE, VANISHING),
    "kernels": (KERNEL,),
    "autocast": (AUTOCAST,),
    "device": (DEVICE,),
    "gradient": (GRADIENT,),
    "finite": (FINITE,),
    "learning": (LEARNING,),
    "precision": (HALF,),
    "training": (RANDOMNESS,),
    "init": (FANS, STACKS),
}

# What they watch, all in all: runs have to know beforehand.
WATCHES = tuple(watch for group in CONTRACTS.values() for contract in group for watch in contract.watches)


def check_contracts(ways: Ways) -> OnData:
    """Hold a layer against all contracts, one group after the other.

    Args:
        ways: The runs of the layer, which works at all of their settings.

    Returns:
        How far the runs on data went.

    Raises:
        SpecError: With the breaches of the first group that it does not keep.
    """
    for group in CONTRACTS.values():
        refuse(finding for contract in group for finding in contract.judge(ways))
    return on_data(ways)


__all__ = ["CONTRACTS", "WATCHES", "Contract", "OnData", "Ways", "check_contracts"]
