"""What a layer gives at inputs that are all zero, all equal, very large or long, recorded as at ordinary ones.

And at parameters that are ten times as large as usual, as training may leave them.

There, what is the same elsewhere is not: `log(1 + exp(x))` overflows where `softplus` does not, a large negative number
in the place of `-inf` is larger than a score, what is divided by a norm without an epsilon is no number, and a distance
that is bound to 32 is another one only in long sequences.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import torch

from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.measure.lengthened import stepped
from layergen.measure.recorded import USUAL, Numbers, Recorder, Scale, draws_in
from layergen.probe.lengths import MOST, counted, is_small
from layergen.probe.values import drawn
from layergen.resolve.op_names import op_names
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.trial import SHAPES, TrialAt, try_runs
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed

ZERO, EQUAL = Scale(0.0, 0.0), Scale(0.0, 0.5)
LARGE = (Scale(1e12), Scale(1e6), Scale(1e3), Scale(30.0))  # the first at which all is finite
HEAVY = Scale(weights=10.0)
MOST_LARGE = 4  # ways on which inputs are large
LENGTH = 70  # of a long dimension
COUNTED = (1100, 300)  # the first that is small enough, of positions: 127 is the last one of int8, 255 of uint8
LARGEST = 4_000_000  # elements of all tensors of a run there
MOST_LONG = 2  # dimensions that are long, each by itself
SLIGHT = 1e-12  # what makes no difference to a number, and all to a leap
STABLE = 2e-6  # of a recorded number, which a test lets be five times as far off
STABLE_IN_FLOAT32 = 1e-4  # the same, a hundred times
ROOTED = frozenset({
    "/", "**", "acos", "asin", "atan2", "cosine_similarity", "log", "log2", "logit", "norm", "normalize",
    "pairwise_distance", "reciprocal", "rsqrt", "sinc", "sqrt", "std", "std_mean", "var", "var_mean", "xlogy",
})  # fmt: skip  # ops that are told by what they do near zero, beside all norms
OVERFLOWING = frozenset({
    "celu", "cosh", "elu", "exp", "expm1", "gelu", "glu", "log_softmax", "logaddexp", "logcumsumexp", "logsigmoid",
    "logsumexp", "masked_fill", "mish", "scaled_dot_product_attention", "selu", "sigmoid", "silu", "sinh", "softmax",
    "softmin", "softplus", "softsign", "tanh", "tanhshrink",
})  # fmt: skip  # ops that are written otherwise where numbers are large, beside losses
OF_LOSSES = ("loss", "cross_entropy")  # parts of the names of such
PLACED = frozenset({
    "@", "arange", "bmm", "cumsum", "einsum", "eye", "gather", "index_add", "linspace", "matmul", "one_hot", "outer",
    "scatter", "scaled_dot_product_attention", "topk", "tril", "triu", "where",
})  # fmt: skip  # ops that know one position from others


@dataclass(frozen=True)
class Extreme:
    """A setting, what its inputs are there, and what a layer gives for them, by mode."""

    setting: str
    scale: Scale
    values: Mapping[str, Mapping[str, Numbers | None]]  # None: finite, and not told more closely
    longer: TrialAt | None = None  # where the setting is no case of the layer's: one with a long dimension, or ones
    single: bool = False  # whether float32 gives nearly the same
    loose: frozenset[str] = frozenset()  # gradients that are finite there, and not told more closely


def extremes(program: Program, ways: Sequence[Runs], moved: Sequence[Runs] = ()) -> tuple[Extreme, ...]:
    """What a layer gives at large inputs, on each way where its ops are sensitive to them, and at other extremes.

    Args:
        program: The layer.
        ways: Its runs on each way through the forward.
        moved: Those at settings that take no other way, but have other numbers.
    """
    names = set(op_names(program))
    found: list[Extreme] = []
    if any(part.inexact and part.range is None for part in program.inputs.values()):
        if _has(names, ROOTED, "norm"):
            found += (one for scale in (ZERO, EQUAL) for one in _extreme(program, ways[0].setting, scale))
        sensitive = _has(names, OVERFLOWING, *OF_LOSSES)
        found += _large(program, _settings((*ways[:MOST_LARGE], *moved) if sensitive else ways[:1]))
    if _has_parameters(program, ways[0].setting):
        found += _extreme(program, ways[0].setting, HEAVY)
    if names & PLACED or any(True for _ in stepped(program, ways[0].setting)):
        found += _long(program, ways[0].setting)
    return (*found, *_between_ones(program, ways[0].setting))


def _settings(runs: Iterable[Runs]) -> list[Setting]:
    """The settings of some runs, each of them once."""
    return list({one.setting.name: one.setting for one in runs}.values())


def _has_parameters(program: Program, setting: Setting) -> bool:
    recorder = Recorder(program, setting)
    return any(map(recorder.is_parameter, recorder.state or {}))


def _large(program: Program, settings: Sequence[Setting]) -> Iterator[Extreme]:
    """A layer at the largest inputs at which it is finite at the first setting, and gives something."""
    at = (one for scale in LARGE for one in _extreme(program, settings[0], scale) if _gives_something(one))
    first = next(at, None)
    if first is not None:
        yield first
        yield from (one for setting in settings[1:] for one in _extreme(program, setting, first.scale))


def _gives_something(extreme: Extreme) -> bool:
    """Whether anything is no zero: that all is zero tells little."""
    told = (numbers for values in extreme.values.values() for numbers in values.values())
    return any(any(numbers) if isinstance(numbers, tuple) else numbers for numbers in told)


def _long(program: Program, setting: Setting) -> Iterator[Extreme]:
    """A layer at long dimensions: not at a large batch, unless positions are counted along it."""
    first = next((part.shape for part in program.inputs.values() if isinstance(part.shape, tuple)), ())
    batch = {entry.id for entry in first[:1] if isinstance(entry, ex.Name)}
    along = {*counted(program)}
    names = [name for name in setting.sizes if name in along or name not in batch]
    longer = [
        _longest(program, setting, name, name in along) for name in sorted(names, key=lambda one: one not in along)
    ]
    if setting.leading:
        leading = replace(setting, leading=(LENGTH, *setting.leading[1:]))
        longer.append(leading if allowed(program, leading) and is_small(program, leading, training=False) else None)
    for one in [one for one in longer if one is not None][:MOST_LONG]:
        yield from _elsewhere(program, one)


def _between_ones(program: Program, setting: Setting) -> Iterator[Extreme]:
    """A layer at inputs that are broadcast along several dimensions, which what it matches may not take."""
    shrunk = {name: "between" for name, part in program.inputs.items() if part.broadcast}
    leading = (*setting.leading, *setting.leading[:1]) if len(setting.leading) == 2 else setting.leading
    one = replace(setting, shrunk=shrunk, leading=leading)
    if shrunk and allowed(program, one):
        yield from _elsewhere(program, one)


def _elsewhere(program: Program, setting: Setting) -> Iterator[Extreme]:
    """A layer at a setting that is none of its cases, and usual inputs."""
    with suppress(SpecError, TrialFault):
        at = TrialAt(setting, try_runs(Runs(program, setting, (SHAPES,))))
        yield from (replace(found, longer=at) for found in _extreme(program, setting, USUAL))


def _longest(program: Program, setting: Setting, name: str, positions: bool) -> Setting | None:
    """A setting with a long dimension, longer where positions are counted along it; None where it takes none."""
    for length in (*COUNTED, LENGTH) if positions else (LENGTH,):
        one = replace(setting, sizes={**setting.sizes, name: length})
        if allowed(program, one) and is_small(program, one, training=False, most=LARGEST if positions else MOST):
            return one
    return None


def _has(names: set[str], ops: frozenset[str], *parts: str) -> bool:
    return bool(names & ops) or any(part in name for name in names for part in parts)


def _extreme(program: Program, setting: Setting, scale: Scale) -> Iterator[Extreme]:
    """A layer at a scale, in the modes in which nothing leaps there."""
    values = {}
    for training in program.modes:
        if not draws_in(program, training) and (told := _told(program, setting, scale, training)):
            values["training" if training else "evaluation"] = told
    if values:
        found = {mode: _slopes_apart(program, setting, scale, mode, told) for mode, told in values.items()}
        loose = [names for names in found.values() if names is not None]
        single = scale != USUAL and len(loose) == len(values)
        yield Extreme(setting.name, scale, values, None, single, frozenset().union(*loose) if single else frozenset())


def _slopes_apart(
    program: Program, setting: Setting, scale: Scale, mode: str, told: Mapping[str, Numbers | None]
) -> frozenset[str] | None:
    """The gradients that are not nearly the same in float32; None where something else is not, or they are infinite."""
    try:
        with drawn(), torch.no_grad():
            recorder = Recorder(program, setting, scale, dtype=torch.float32)
            if recorder.state is None or any(tensor.is_complex() for tensor in recorder.state.values()):
                return None
            found = recorder.fixed_values(mode == "training")
    except (TrialFault, EvaluationFault, RuntimeError):
        return None
    if not found or recorder.infinite:
        return None
    near = [
        name
        for name, numbers in told.items()
        if numbers is not None and _alike(numbers, found[name], STABLE_IN_FLOAT32)
    ]
    apart = frozenset(name for name, numbers in told.items() if numbers is not None) - {*near}
    return apart if apart <= {*_slopes(found)} else None


def _told(program: Program, setting: Setting, scale: Scale, training: bool) -> Mapping[str, Numbers | None] | None:
    """What a layer gives in a mode; None where it is not finite, or not the same at inputs that are a little off."""
    try:
        with drawn(), torch.no_grad():
            recorder = Recorder(program, setting, scale)
            nudged = Recorder(program, setting, replace(scale, nudge=SLIGHT), recorder.state)
            if recorder.state is None:
                return None
            found, other = recorder.fixed_values(training), nudged.fixed_values(training)
    except (TrialFault, EvaluationFault, RuntimeError):
        return None
    if not found or not other or found.keys() != other.keys() or recorder.infinite - {*_slopes(found)}:
        return None
    told: dict[str, Numbers | None] = {}
    for name, numbers in found.items():
        if _alike(numbers, other[name]) and name not in recorder.infinite:
            told[name] = numbers
        elif name in _slopes(found) and name not in recorder.infinite:
            told[name] = None
        elif name.startswith("gradient of "):
            continue
        else:
            return None
    return told


def _slopes(found: Mapping[str, Numbers]) -> list[str]:
    return [name for name in found if name.startswith(("gradient of ", "gradients of "))]


def _alike(numbers: Numbers, others: Numbers, stable: float = STABLE) -> bool:
    first, second = (one if isinstance(one, tuple) else (one,) for one in (numbers, others))
    return all(abs(a - b) <= stable * (abs(a) + 0.1) for a, b in zip(first, second, strict=True))
