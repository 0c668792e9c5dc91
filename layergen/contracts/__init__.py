"""What a layer keeps beside its shapes, one promise a file; and what is told of a layer at each setting."""

from collections.abc import Iterable

from layergen.contracts.agreement import AGREEMENT
from layergen.contracts.apart import APART
from layergen.contracts.autocast import AUTOCAST
from layergen.contracts.axes import AXES
from layergen.contracts.broadcasting import BROADCASTING
from layergen.contracts.buffers import BUFFERS
from layergen.contracts.cancelled import CANCELLED
from layergen.contracts.causal import CAUSAL
from layergen.contracts.collisions import COLLISIONS
from layergen.contracts.complete import COMPLETE, TOLD
from layergen.contracts.constant import CONSTANT
from layergen.contracts.corners import CORNERS
from layergen.contracts.detached import DETACHED
from layergen.contracts.device import DEVICE
from layergen.contracts.domains import DOMAINS
from layergen.contracts.dropped import DROPPED
from layergen.contracts.dtype import DTYPE
from layergen.contracts.edge_draws import EDGE_DRAWS
from layergen.contracts.edge_starts import EDGE_STARTS
from layergen.contracts.entries import ENTRIES
from layergen.contracts.estimated import ESTIMATED
from layergen.contracts.execution import EXECUTION
from layergen.contracts.exemptions import needless_exemptions
from layergen.contracts.fans import FANS
from layergen.contracts.finite import FINITE
from layergen.contracts.flat import FLAT
from layergen.contracts.floored import FLOORED
from layergen.contracts.fractional_steps import FRACTIONAL_STEPS
from layergen.contracts.fresh_sizes import FRESH_SIZES
from layergen.contracts.gradient import GRADIENT
from layergen.contracts.halves import HALF
from layergen.contracts.ignored import IGNORED
from layergen.contracts.independence import INDEPENDENCE
from layergen.contracts.influence import INFLUENCE
from layergen.contracts.judgement import Judgement, needless, overruled
from layergen.contracts.kernels import KERNEL
from layergen.contracts.laws import LAWS
from layergen.contracts.learning import LEARNING
from layergen.contracts.masks import MASKS
from layergen.contracts.met import MET
from layergen.contracts.narrow_counts import NARROW_COUNTS
from layergen.contracts.narrowing import NARROWING
from layergen.contracts.one_large import ONE_LARGE
from layergen.contracts.penalty import PENALTY
from layergen.contracts.promise import Promise
from layergen.contracts.purity import PURITY
from layergen.contracts.rounded import ROUNDED
from layergen.contracts.shifted import SHIFTED
from layergen.contracts.squashed import SQUASHED
from layergen.contracts.stacks import STACKS
from layergen.contracts.strides import STRIDES
from layergen.contracts.stuck import STUCK
from layergen.contracts.surrogate import SURROGATES
from layergen.contracts.trained import TRAINED
from layergen.contracts.training import RANDOMNESS
from layergen.contracts.turned import TURNED
from layergen.contracts.units import UNITS
from layergen.contracts.unsaved import UNSAVED
from layergen.contracts.vanishing import VANISHING
from layergen.contracts.ways_back import WAYS_BACK
from layergen.contracts.widened import WIDENED
from layergen.contracts.wrapped import WRAPPED
from layergen.diagnostics import Finding
from layergen.faults import SpecError, refuse
from layergen.probe.ways import Shown, Ways
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.watching import Runs

# Those further down are held against a layer only if it keeps those above: a layer that writes to its inputs has no
# gradients to speak of.
CONTRACTS: dict[str, tuple[Promise, ...]] = {
    "execution": (EXECUTION, FRESH_SIZES, FRACTIONAL_STEPS),
    "coupling": (BROADCASTING, UNITS),
    "purity": (PURITY,),
    "buffers": (BUFFERS, UNSAVED),
    "strides": (STRIDES,),
    "collisions": (COLLISIONS,),  # after which a value may have another gradient, too
    "dtype": (DTYPE, VANISHING, ROUNDED),
    "kernels": (KERNEL,),
    "autocast": (AUTOCAST,),
    "device": (DEVICE,),
    "gradient": (GRADIENT, CANCELLED, DETACHED),
    "ways_back": (WAYS_BACK,),
    "surrogates": (SURROGATES,),
    "training": (RANDOMNESS, DROPPED, EDGE_DRAWS, EDGE_STARTS),
    "axes": (AXES,),  # samples and steps that see each other often do so by a reshape
    "meaning": (INDEPENDENCE, CAUSAL, MASKS, IGNORED, MET, TURNED, SQUASHED, CORNERS),
    "definition": (COMPLETE, TOLD),
    "domains": (DOMAINS, WRAPPED, WIDENED),
    "finite": (FINITE,),
    "large": (ONE_LARGE,),
    "flat": (FLAT,),
    "trained": (TRAINED, STUCK),
    "apart": (APART,),
    "learning": (LEARNING,),
    "penalty": (PENALTY,),
    "matches": (AGREEMENT,),
    "estimated": (ESTIMATED,),
    "laws": (LAWS,),
    "precision": (HALF, NARROWING, SHIFTED, NARROW_COUNTS),
    "init": (FANS, STACKS),
    "influence": (INFLUENCE, CONSTANT, ENTRIES, FLOORED),
}

# Dtypes are judged in half precision, and what cuts gradients off is looked for in float64: one tells nothing of the
# other, and both are told at once.
AT_ONCE: dict[str, tuple[Promise, ...]] = {"dtype": (DETACHED,), "kernels": (DETACHED,), "autocast": (DETACHED,)}

# What they watch, all in all: runs have to know beforehand.
WATCHES = tuple(watch for group in CONTRACTS.values() for contract in group for watch in contract.watches)


def check_contracts(ways: Ways) -> Judgement:
    """Hold a layer against all contracts, one group after the other.

    Args:
        ways: The runs of the layer, which works at all of their settings.

    Raises:
        SpecError: With the breaches of the first group that it does not keep, or with what its author accepts and
            nobody objects to.
    """
    accepted = _accepted(ways)
    known = {finding.rule for finding in accepted}

    def holds(other: Program) -> bool:
        """Whether another layer keeps them at the same settings, and its author has no more to accept."""
        runs = (Runs(other, made.setting, WATCHES) for made in ways.runs)
        try:
            return known.issuperset(finding.rule for finding in _accepted(Ways(other, tuple(runs))))
        except (SpecError, TrialFault):
            return False

    refuse((*needless(ways.program, accepted), *needless_exemptions(ways, holds)))
    return Judgement(tuple(accepted), tuple(ways.shown))


def _accepted(ways: Ways) -> list[Finding]:
    """What the checks judge of a layer and its author accepts.

    Raises:
        SpecError: With the breaches of the first group that the layer does not keep.
    """
    accepted: list[Finding] = []
    for name, group in CONTRACTS.items():
        standing, others = overruled(ways, _breaches(ways, group))
        accepted += others
        if standing:
            refuse((*standing, *overruled(ways, _breaches(ways, AT_ONCE.get(name, ())))[0]))
    return accepted


def _breaches(ways: Ways, group: Iterable[Promise]) -> list[Finding]:
    return [finding for contract in group for finding in contract.judge(ways)]


__all__ = ["CONTRACTS", "WATCHES", "Judgement", "Promise", "Shown", "Ways", "check_contracts"]
