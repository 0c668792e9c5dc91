"""What torch's own transformations make of a layer, which its generated tests then hold it to.

Not every op has a second derivative, a rule for `vmap`, or takes a batch without samples: the build finds out, on data.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from layergen.contracts.buffers import updates_in_evaluation
from layergen.faults import SpecError
from layergen.measure.empty import takes_it, without_samples
from layergen.measure.forward_mode import forward_mode
from layergen.measure.jacobian import jacobian
from layergen.measure.open_sizes import has_recurrent_member, needs_sizes
from layergen.measure.twice import Twice, twice
from layergen.probe.moved import called_with, moved
from layergen.probe.sites import WITH_DATA
from layergen.probe.values import drawn
from layergen.prove.proof import paths
from layergen.prove.proven import Proof, Tried
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.trial import SHAPES, TrialAt, try_runs
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed

SEEDS = range(3)  # of the inputs that `vmap` maps over
GROWN = ((2, 1), (3, 2))  # by what sizes grow from those of a setting to two at which it is traced: times, and more


@dataclass(frozen=True)
class Transforms:
    """What of a layer holds under each transformation."""

    ways: tuple[str, ...] = ()  # the settings where the next four are so, that with the fewest numbers first
    twice: Twice = Twice.UNTOLD  # whether its gradients can be differentiated again
    forwards: bool = False  # whether derivatives can be taken forwards, too
    mapped: bool = False  # whether `vmap` gives what calls one by one give, in evaluation
    jacobian: bool = False  # whether `jacrev` gives the rows that backward passes give, in evaluation
    empty: Mapping[bool, TrialAt] = field(default_factory=dict)  # batches without a sample that it takes, by `training`
    traced: tuple[str, ...] = ()  # the settings at which it can be traced: no step needs to look at data
    abstract: bool = False  # whether it runs without data
    grown: tuple[TrialAt, TrialAt] | None = None  # two settings that differ in sizes alone, at which shapes are proven


def transforms(
    program: Program, runs: Iterable[Runs], proofs: Sequence[Proof | Tried], for_data: bool = False
) -> Transforms:
    """What is seen of a layer at the smallest of its settings at which there is something to see, and at the first."""
    small = [one.setting for one in runs if one.admits(WITH_DATA)]
    settings = sorted(small, key=lambda setting: _numbers(Instance(program, setting)))
    if not settings:
        return Transforms()
    with warnings.catch_warnings(action="ignore"):  # of what is slow, or has no variance
        return _seen(program, settings, small[0], proofs, traceable=not for_data)


def _seen(
    program: Program, settings: Sequence[Setting], first: Setting, proofs: Sequence[Proof | Tried], traceable: bool
) -> Transforms:
    """The same at settings that are small enough, the smallest first, and at one of them."""
    settled = program.random != "always"  # in evaluation
    asked = tuple(dict.fromkeys((settings[0].name, first.name)))
    held = _held(program, settings[0])
    others = [first] if len(list(paths(program, (settings[0], first)))) > 1 else []
    open_sizes = traceable and settled and not program.kept and not needs_sizes(program)
    proven = [setting for setting in settings if open_sizes and _is_proven(setting, proofs)]
    emptied = (_empty(program, setting) for setting in settings)
    grown = (_grown(program, setting) for setting in proven)
    return Transforms(
        (settings[0].name, *(other.name for other in others if _held(program, other) == held)),
        *held,
        next(filter(None, emptied), {}),
        asked if traceable and not has_recurrent_member(program) else (),
        traceable,
        next(filter(None, grown), None),
    )


def _held(program: Program, setting: Setting) -> tuple[Twice, bool, bool, bool]:
    """What is seen at a setting of second gradients, and of derivatives forwards, `vmap` and `jacrev` in evaluation."""
    settled = program.random != "always" and not updates_in_evaluation(program)  # in place, which `vmap` refuses
    mapped = settled and _maps(program, setting)
    return twice(program, setting), forward_mode(program, setting), mapped, jacobian(program, setting)


def _is_proven(setting: Setting, proofs: Iterable[Proof | Tried]) -> bool:
    """Whether the shapes at a setting are proven, and no two of its sizes were taken to be tied."""
    own = [proof for proof in proofs if proof.setting.name == setting.name]
    return bool(own) and all(isinstance(proof, Proof) and not proof.tied for proof in own)


def _numbers(instance: Instance) -> int:
    tensors = (*instance.inputs.values(), *instance.state.values())
    return sum(math.prod(tensor.shape) for tensor in tensors if tensor is not None)


def _maps(program: Program, setting: Setting) -> bool:
    """Whether `vmap` gives what calls one by one give."""
    draws: list[dict[str, Tensor]] = []
    for seed in SEEDS:
        with drawn(seed):
            instance = moved(program, setting)
            draws.append(dict(called_with(instance)))

    def compute(inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(instance.run(training=False, inputs=inputs).outputs)

    with torch.no_grad():
        try:
            mapped = torch.vmap(compute)({name: torch.stack([draw[name] for draw in draws]) for name in draws[0]})
            single = [compute(draw) for draw in draws]
        except (TrialFault, RuntimeError, IndexError, ValueError):  # the last where there is nothing to map over
            return False
    return all(
        torch.allclose(mapped[name][place], output, equal_nan=True)
        for place, outputs in enumerate(single)
        for name, output in outputs.items()
    )


def _empty(program: Program, setting: Setting) -> dict[bool, TrialAt]:
    """The batch without a sample in the modes in which it is taken."""
    emptied = without_samples(program, setting)
    at = None if emptied is None else _tried(program, emptied)
    if at is None:
        return {}
    return {training: at for training in program.modes if takes_it(program, at.setting, training)}


def _grown(program: Program, setting: Setting) -> tuple[TrialAt, TrialAt] | None:
    """Two settings with the same arguments and other sizes, if there are such."""
    found: list[TrialAt] = []
    for times, more in GROWN:
        sizes = {name: times * size + more for name, size in setting.sizes.items()}
        leading = tuple(times * size + more for size in setting.leading)
        further = {name: tuple(times * size + more for size in own) for name, own in setting.further.items()}
        larger = replace(setting, sizes=sizes, leading=leading, further=further)
        at = _tried(program, larger) if larger != setting and allowed(program, larger) else None
        if at is None or not _works_on_data(program, larger):  # which may lie behind the end of a table
            return None
        found.append(at)
    return found[0], found[1]


def _tried(program: Program, setting: Setting) -> TrialAt | None:
    """What comes of trying a setting; nothing where the layer does not work there."""
    try:
        return TrialAt(setting, try_runs(Runs(program, setting, (SHAPES,))))
    except (SpecError, TrialFault):
        return None


def _works_on_data(program: Program, setting: Setting) -> bool:
    try:
        with drawn():
            moved(program, setting).run(training=False)
    except (SpecError, TrialFault):
        return False
    return True
