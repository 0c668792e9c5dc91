"""What a layer gives at inputs that are all zero, all equal or very large, recorded as at ordinary ones.

There, what is the same elsewhere is not: `log(1 + exp(x))` overflows where `softplus` does not, a large negative number
in the place of `-inf` is larger than a score, and what is divided by a norm without an epsilon is no number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from layergen.contracts.recorded import Numbers, Recorder, Scale, draws_in
from layergen.contracts.values import drawn
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.visitor import nodes
from layergen.resolve.program import Child, Program
from layergen.run.forward import TrialFault
from layergen.run.watching import Runs

ZERO, EQUAL = Scale(0.0, 0.0), Scale(0.0, 0.5)
LARGE = (Scale(1e6), Scale(1e3), Scale(30.0))  # the first at which all is finite
MOST = 4  # ways on which inputs are large
SLIGHT = 1e-12  # what makes no difference to a number, and all to a leap
STABLE = 2e-6  # of a recorded number, which a test lets be five times as far off
ROOTED = frozenset({
    "/", "**", "acos", "asin", "atan2", "cosine_similarity", "log", "log2", "logit", "norm", "normalize",
    "pairwise_distance", "reciprocal", "rsqrt", "sinc", "sqrt", "std", "std_mean", "var", "var_mean", "xlogy",
})  # fmt: skip  # ops that are told by what they do near zero, beside all norms
OVERFLOWING = frozenset({
    "celu", "cosh", "elu", "exp", "expm1", "gelu", "glu", "log_softmax", "logaddexp", "logcumsumexp", "logsigmoid",
    "logsumexp", "masked_fill", "mish", "scaled_dot_product_attention", "selu", "sigmoid", "silu", "sinh", "softmax",
    "softmin", "softplus", "softsign", "tanh", "tanhshrink",
})  # fmt: skip  # ops that are written otherwise where numbers are large, beside losses


@dataclass(frozen=True)
class Extreme:
    """A setting, what its inputs are there, and what a layer gives for them, by mode."""

    setting: str
    scale: Scale
    values: Mapping[str, Mapping[str, Numbers | None]]  # None: finite, and not told more closely


def extremes(program: Program, ways: Sequence[Runs]) -> tuple[Extreme, ...]:
    """What a layer gives at the extremes that its ops are sensitive to; at large inputs on each way."""
    free = any(part.floating and part.range is None for part in program.inputs.values())
    names = set(ops_of(program)) if free else set()
    found: list[Extreme] = []
    if _has(names, ROOTED, "norm"):
        found += (one for scale in (ZERO, EQUAL) for one in _extreme(program, ways[0], scale))
    if _has(names, OVERFLOWING, "loss", "cross_entropy"):
        for way in ways[:MOST]:
            at = (one for scale in LARGE for one in _extreme(program, way, scale))
            found += [one for one in (next(at, None),) if one]
    return tuple(found)


def _has(names: set[str], ops: frozenset[str], *parts: str) -> bool:
    return bool(names & ops) or any(part in name for name in names for part in parts)


def ops_of(program: Program) -> Iterator[str]:
    """The ops of a layer and its members, those of arithmetic by their signs, modules of torch by their classes."""
    yield from (op.name for op in program.forward.ops)
    made = (made.of for member in program.members.values() for made in member.made)
    yield from (of.name.rpartition(".")[2].lower() for of in made if not isinstance(of, Child))
    yield from (node.operator for node in nodes(program.forward.statements) if isinstance(node, ex.Binary))
    for child in program.children.values():
        yield from ops_of(child.program)


def _extreme(program: Program, way: Runs, scale: Scale) -> Iterator[Extreme]:
    """A layer at a scale, in the modes in which nothing leaps there."""
    values = {}
    for training in program.modes:
        if not draws_in(program, training) and (told := _told(program, way, scale, training)):
            values["training" if training else "evaluation"] = told
    if values:
        yield Extreme(way.setting.name, scale, values)


def _told(program: Program, way: Runs, scale: Scale, training: bool) -> Mapping[str, Numbers | None] | None:
    """What a layer gives in a mode; None where it is not finite, or not the same at inputs that are a little off."""
    try:
        with drawn(), torch.no_grad():
            recorder = Recorder(program, way.setting, scale)
            nudged = Recorder(program, way.setting, replace(scale, nudge=SLIGHT), recorder.state)
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


def _alike(numbers: Numbers, others: Numbers) -> bool:
    first, second = (one if isinstance(one, tuple) else (one,) for one in (numbers, others))
    return all(abs(a - b) <= STABLE * (abs(a) + 0.1) for a, b in zip(first, second, strict=True))
