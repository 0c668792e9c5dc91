"""Does another forward do what a program's own does? It is run beside it, without data, at symbols and on data."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from layergen.checked import CheckedLayer
from layergen.faults import SpecError
from layergen.lang.interpreter import EvaluationFault
from layergen.measure.rounding import jumps, off
from layergen.measure.transforms import transforms
from layergen.measure.twice import Twice, twice
from layergen.probe.sites import IN_PRECISIONS, SHAKE, WITH_DATA, started
from layergen.probe.values import LARGE, ORDINARY, ZERO, Point, drawn
from layergen.prove.preconditions import preconditions
from layergen.prove.proof import prove
from layergen.prove.proven import Proof, Tried
from layergen.resolve.program import Program
from layergen.run.forward import Run
from layergen.run.instance import Instance, Placement
from layergen.run.trial import TensorFacts, facts
from layergen.run.watching import Runs
from layergen.settings.choice import Setting

CLOSE = 1e-9  # how far numbers in float64 may be apart, of what they are and at all
HALF_A_UNIT = 0.5  # what one rounding does
MORE = 1.5  # times as far from what is exact in half precision another forward may be
FAULTS = (SpecError, EvaluationFault, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
POINTS = ((ORDINARY, 0), (ORDINARY, 1), (LARGE, 2), (ZERO, 3))  # what inputs are, and the seed of all that is drawn
IN_FLOAT64 = Placement(torch.device("cpu"), torch.float64, gradients=True)


class Trials:
    """Runs other forwards beside that of a layer.

    Args:
        layer: The layer as it is.
        settings: Those at which its shapes are proven or tried.
        runs: Its runs at all of its settings.
    """

    def __init__(self, layer: CheckedLayer, settings: Sequence[Setting], runs: Sequence[Runs]) -> None:
        self.layer = layer
        self.settings = settings
        self.runs = runs

    def agree(self, other: Program) -> bool:
        """Whether the layer does the same with another forward, and can do as much, as far as can be seen."""
        program = self.layer.program
        small = [one.setting for one in self.runs if one.admits(WITH_DATA)]
        if not small:
            return False
        try:
            return (
                all(_of_one_shape(program, other, one.setting) for one in self.runs)
                and all(_of_one_value(program, other, setting) for setting in small)
                and _proven_as_far(program, other, self.settings, self.layer.proofs)
                and self._rounds_as_well(other, small)
                and self._transforms_as_well(other)
            )
        except FAULTS:
            return False

    def _rounds_as_well(self, other: Program, settings: Sequence[Setting]) -> bool:
        """Whether the other forward is as near to what is exact in half precision, where that can be told."""
        program = self.layer.program
        if program.draws or jumps(program):
            return True
        return off(other, settings) <= MORE * max(off(program, settings), HALF_A_UNIT)

    def _transforms_as_well(self, other: Program) -> bool:
        """Whether torch's transformations hold of the other forward that hold of the layer, second gradients aside."""
        ours = self.layer.measured.transforms
        theirs = transforms(other, self.runs, self.layer.proofs, self.layer.for_data)
        kept = {*ours.traced} <= {*theirs.traced} and {*ours.empty} <= {*theirs.empty}
        return kept and ours.mapped <= theirs.mapped

    def lost(self, other: Program) -> str | None:
        """What the layer can do no longer with a forward that gives the same."""
        seen = self.layer.measured.transforms
        if seen.twice is not Twice.AGREE:
            return None
        setting = next(one.setting for one in self.runs if one.setting.name == seen.ways[0])
        return None if twice(other, setting) is Twice.AGREE else "its gradients have no gradients then"


def _of_one_shape(program: Program, other: Program, setting: Setting) -> bool:
    """Whether shapes and dtypes are the same in each precision; what runs on data alone is looked at there."""
    for site in IN_PRECISIONS.values():
        for training in program.modes:
            ours, theirs = (_told(each, setting, site.placement, training) for each in (program, other))
            if ours is not None and ours != theirs:
                return False
    return True


def _told(program: Program, setting: Setting, placement: Placement, training: bool) -> Mapping[str, TensorFacts] | None:
    """The shapes and dtypes of the outputs; None where torch refuses the layer."""
    try:
        run = Instance(program, setting, placement).run(training)
    except SpecError:
        return None
    return {name: facts(tensor) for name, tensor in run.outputs.items()}


def _of_one_value(program: Program, other: Program, setting: Setting) -> bool:
    """Whether outputs, gradients and buffers are the same but for rounding, in each mode and at each point."""
    for point, seed in POINTS:
        for training in program.modes:
            ours, theirs = (list(_numbers(each, setting, training, point, seed)) for each in (program, other))
            if len(ours) != len(theirs) or not all(map(_close, ours, theirs)):
                return False
    return True


def _numbers(program: Program, setting: Setting, training: bool, point: Point, seed: int) -> Iterator[Tensor | None]:
    """All that a run gives: outputs, what it leaves in buffers, and the gradients of a sum of all outputs."""
    with drawn(seed, gradients=True):
        instance = Instance(program, setting, IN_FLOAT64)
        started(instance, point, shake=SHAKE)
        run = instance.run(training)
        yield from run.outputs.values()
        yield from (step.value for step in run.steps if step.name in program.buffers)
        yield from _slopes(instance, run)


def _slopes(instance: Instance, run: Run) -> Iterator[Tensor | None]:
    """The gradients of all that wants one."""
    outputs = [output for output in run.outputs.values() if output.requires_grad]
    tensors = (*instance.inputs.values(), *instance.state.values())
    leaves = list(dict.fromkeys(tensor for tensor in tensors if tensor is not None and tensor.requires_grad))
    if outputs and leaves:
        weights = [torch.randn_like(output) for output in outputs]
        yield from torch.autograd.grad(outputs, leaves, weights, allow_unused=True)


def _close(ours: Tensor | None, theirs: Tensor | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    within = CLOSE if ours.dtype in (torch.float64, torch.complex128) else torch.finfo(torch.float32).eps
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    return torch.allclose(ours, theirs, rtol=within, atol=within, equal_nan=True)


def _proven_as_far(
    program: Program, other: Program, settings: Sequence[Setting], proofs: Sequence[Proof | Tried]
) -> bool:
    """Whether shapes are proven where they were, and torch demands nothing of sizes that it did not."""
    found = list(prove(other, settings))
    told = {(proof.setting.name, proof.training): proof for proof in found if isinstance(proof, Proof)}
    ways = {proof.setting.name for proof in found}  # which may be fewer, where a condition has gone
    for ours in proofs:
        if isinstance(ours, Proof) and ours.setting.name in ways:
            theirs = told.get((ours.setting.name, ours.training))
            if theirs is None or not _of_one_proof(ours, theirs):
                return False
            if not _demands(other, theirs) <= _demands(program, ours):
                return False
    return True


def _of_one_proof(ours: Proof, theirs: Proof) -> bool:
    """Whether one proof shows of the declared shapes what another does; torch may need the numbers of arguments."""
    return bool(ours.concrete or ours.sampled or ours.tied) or not (theirs.sampled or theirs.tied)


def _demands(program: Program, proof: Proof) -> set[str]:
    """What torch demands of sizes."""
    if proof.concrete:
        return set()
    return {condition.text for condition in preconditions(program, proof)}
