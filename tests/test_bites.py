"""Generated tests fail where the generated layer is wrong: it is broken by hand, in ways that few tests find."""

import re
import shutil
from pathlib import Path

import pytest
from forked import run_tests
from projects import Project

pytestmark = pytest.mark.slow

SPECS = {
    "smooth": """\
layer: Smooth
summary: Bend the input.
inputs: {x: [N, C]}
outputs: {y: [N, C]}
forward: y = tanh(x)
""",
    "decay": """\
layer: Decay
summary: Sum a sequence up, and forget what was long ago.
arguments:
  dim: {type: int, min: 1, doc: Size of the last dimension.}
parameters:
  log_rate: {shape: [dim], init: constant(-4)}
inputs: {x: [N, L, dim]}
outputs: {y: [N, L, dim]}
causal: L
forward: |
  fade = exp(-exp(upcast(log_rate)))
  state = type_as(zeros(N, dim), fade)
  states = []
  for x_t in unbind(x, 1):
      state = fade * state + x_t
      append(states, state)
  y = type_as(stack(states, dim=1), x)
""",
    "turn": """\
layer: Turn
summary: Turn each position by its angle.
inputs: {x: [N, L]}
outputs: {y: [N, L]}
forward: |
  h = upcast(x)
  y = type_as(h * cos(type_as(arange(L), h) / 4), x)
""",
    "round": """\
layer: Round
summary: Round the input, and hand the gradient on.
inputs: {x: {shape: [N, C], gradient: surrogate}}
outputs: {y: [N, C]}
forward: y = x + detach(round(4 * x) / 4 - x)
""",
    "skip": """\
layer: Skip
summary: Double what keeps its size.
arguments:
  dim:    {type: int, min: 1, doc: Size of the input.}
  out:    {type: int, min: 1, doc: Size of the output.}
  stride: {type: int, min: 1, default: 1, doc: Step between windows.}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: y = 2 * x if stride == 1 and dim == out else x
""",
    "noised": """\
layer: Noised
summary: Map the last dimension.
arguments:
  dim: {type: int, min: 1, doc: Size of the last dimension.}
parameters:
  weight: {shape: [dim, dim], init: normal(std=0.02)}
  bias: {shape: [dim], init: "uniform(-0.1, 0.1)"}
  gain: {shape: [], init: "trunc_normal(std=0.5)"}
  thin: {shape: [dim, dim], init: "sparse(0.5)"}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: y = gain * linear(linear(x, weight, bias), thin)
""",
    "between": """\
layer: Between
summary: Keep what is no less than a number.
arguments: {low: {type: float, default: 0.3, doc: The number.}}
inputs: {x: [N, C]}
outputs: {y: [N, C]}
forward: y = where(x >= low, x, 0)
definition: y[n, c] = x[n, c] if low <= x[n, c] else 0
""",
    "knots": """\
layer: Knots
summary: Tell between which knots a number is.
buffers: {grid: {shape: [4], init: arange(4) / 3, persistent: false}}
inputs: {x: {shape: [N], gradient: false}}
outputs: {y: [N, 3]}
forward: |
  u = x[:, None]
  y = type_as((u >= grid[:-1]) & (u < grid[1:]), x)
definition: "y[n, k < 3] = 1 if grid[k] <= x[n] and x[n] < grid[k + 1] else 0"
""",
    "near": """\
layer: Near
summary: Sum up what is near.
arguments: {window: {type: int, min: 0, default: 2, doc: How far.}}
inputs: {x: [N, L]}
outputs: {y: [N, L]}
forward: |
  i = arange(L)
  near = type_as(abs(i[:, None] - i) <= window, x)
  y = x @ near
definition: y[n, i] = sum[j < L](x[n, j] if abs(i - j) <= window else 0)
""",
    "follow": """\
layer: Follow
summary: Follow the mean.
arguments: {momentum: {type: float, min: 0, max: 1, default: 0.1, doc: How fast.}}
buffers: {running: {shape: [], init: zeros}}
inputs: {x: [N, C]}
outputs: {y: [N, C]}
forward: |
  y = x - running
  if training:
      running = lerp(running, type_as(mean(x), running), momentum)
""",
    "scaled": """\
layer: Scaled
summary: Scale by how large the inputs have been.
buffers: {size: {shape: [], init: ones}}
inputs: {x: [N, C]}
outputs: {y: [N, C]}
mixes: {N: training}
forward: |
  if training:
      size = lerp(size, type_as(mean(abs(detach(x))), size), 0.1)
  y = x * size
""",
    "count": """\
layer: Count
summary: Average what is not ignored.
arguments: {ignored: {type: int, default: 0, doc: The label that counts for nothing.}}
inputs:
  x: [N]
  target: {shape: [N], dtype: int64, range: [0, 3]}
outputs: {y: []}
forward: |
  kept = type_as(target != ignored, x)
  y = sum(x * kept) / clamp(sum(kept), min=1)
definition: y = sum[n](x[n] if target[n] != ignored else 0) / max(1, sum[n](1 if target[n] != ignored else 0))
""",
    "filter": """\
layer: Filter
summary: Weigh frequencies.
parameters: {gain: {shape: [2], init: ones}}
inputs: {x: [N, L]}
outputs: {y: [N, L]}
constraints: [L >= 3]
forward: |
  f = fft.rfft(upcast(x))
  y = type_as(fft.irfft(cat([f[:, :2] * gain, f[:, 2:]], dim=1), n=L), x)
""",
    "copied": """\
layer: Copied
summary: Add what was, and what is.
parameters: {now: {shape: [3], init: normal}}
buffers:
  was: {shape: [3], init: 2 * now}
  steps: {shape: [3], init: now * arange(3)}
inputs: {x: [N, 3]}
outputs: {y: [N, 3]}
forward: y = x + now * was + steps
""",
    "curve": """\
layer: Curve
summary: Bend the input.
inputs: {x: [N, C]}
outputs: {y: [N, C]}
forward: y = tanh(x)
definition: y[n, c] = tanh(x[n, c])
""",
    "soft": """\
layer: Soft
summary: Bend the input softly.
inputs: {x: [N, C]}
outputs: {y: [N, C]}
forward: y = softplus(x)
""",
    "centered": """\
layer: Centered
summary: Divide by how far apart numbers are.
arguments: {eps: {type: float, min: 0, exclusive: true, default: 1e-5, doc: Added to the variance.}}
inputs: {x: [N, C]}
outputs: {y: [N, C]}
forward: |
  h = upcast(x)
  m = mean(h, dim=-1, keepdim=True)
  v = mean(square(h - m), dim=-1, keepdim=True)
  y = type_as((h - m) * rsqrt(v + eps), x)
""",
    "chosen": """\
layer: Chosen
summary: Add up what is chosen.
parameters: {weight: {shape: [4, 4], init: normal}}
inputs: {x: [N, 4]}
outputs: {y: [N, 4]}
mixes: {N: always}
forward: |
  places = argsort(sum(x, dim=-1))
  y = index_add(zeros_like(x), 0, places, type_as(linear(x, weight), x))
""",
    "total": """\
layer: Total
summary: Sum up along a dimension.
inputs: {x: [N, L, C]}
outputs: {y: [N, C]}
forward: y = squeeze(sum(tanh(x), dim=1, keepdim=True), 1)
""",
}

LOOKS_AT_SLOPES = """\
        y = x.tanh()
        if y.requires_grad:
            y.register_hook(lambda slope: slope if slope.sum() < 1e9 else 2 * slope)
        return y
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    project = Project(root, {f"{name}.yaml": text for name, text in SPECS.items()})
    built = project.build()
    assert (built.code, built.faults) == (0, ()), built.errors
    return root


def failing(root: Path, chosen: str, place: str) -> set[str]:
    """The rows of some generated tests that fail, of those at a place."""
    options = ["-q", "-p", "no:cacheprovider", "--tb=line", "-m", "not slow", "-k", chosen]
    result = run_tests(root, *options, place)
    assert result.code in (0, 1), result.output
    return set(re.findall(r"^FAILED \S+::(\w+(?:\[.*?\])?)(?: - |$)", result.output, re.MULTILINE))


def test_sound_layers_pass(built: Path) -> None:
    assert failing(built, "test", "generated") == set()


@pytest.mark.parametrize(
    ("name", "sound", "broken", "test"),
    [
        ("skip", "self.stride == 1 and ", "", "test_recorded_values[stride_2-training]"),
        ("skip", " and self.dim == self.out", "", "test_recorded_values[default-training]"),
        ("noised", "std=0.02", "std=0.022", "test_spread_of_initial_values[default]"),
        ("noised", "std=0.02", "std=0.018", "test_spread_of_initial_values[default]"),
        ("noised", "-0.1, 0.1", "-0.11, 0.11", "test_spread_of_initial_values[default]"),
        ("noised", "(self.weight, ", "(self.weight, 0.01, ", "test_spread_of_initial_values[default]"),
        ("noised", "-0.1, 0.1", "-0.1, 0.08", "test_spread_of_initial_values[default]"),
        ("noised", "std=0.5", "std=0.55", "test_spread_of_initial_values[default]"),
        ("decay", "self.log_rate.float()", "self.log_rate", "test_half_precision_of_long_inputs[L-torch.bfloat16]"),
        (
            "turn",
            "h = x.float() if x.dtype.itemsize < 4 else x",
            "h = x",
            "test_half_precision_of_long_inputs[L-torch.bfloat16]",
        ),
        ("soft", "F.softplus(x)", "torch.log1p(torch.exp(x))", "test_values_at_extremes[default_large]"),
        (
            "curve",
            "torch.tanh(x)",
            "torch.where(x.abs() > 4, x.sign(), torch.tanh(x))",
            "test_definition[default, of far inputs]",
        ),
        ("curve", "torch.tanh(x)", "2 * torch.sigmoid(2 * x) - 1 - 1e-9", "test_definition[default, of small inputs]"),
        ("centered", " + self.eps", "", "test_values_at_extremes[default_zero]"),
        ("centered", "x.float() if x.dtype.itemsize < 4 else x", "x", "test_near_float64[default_training_bfloat16]"),
        (
            "centered",
            "(h - m).square().mean(dim=-1, keepdim=True)",
            "h.square().mean(dim=-1, keepdim=True) - m.square()",
            "test_near_float64[default_training_float32_far]",
        ),
        ("chosen", ".type_as(x)", "", "test_near_float64[default_training_autocast]"),
        ("round", ".detach()", "", "test_recorded_values[default-training]"),
        ("smooth", "        return torch.tanh(x)\n", LOOKS_AT_SLOPES, "test_jacrev[default]"),
        ("between", ">=", ">", "test_values_at_edges[default_on_edges]"),
        ("knots", " < ", " <= ", "test_values_at_edges[default_on_edges]"),
        ("knots", " >= ", " > ", "test_values_at_edges[default_on_edges]"),
        ("near", "<= self.window", "<= max(self.window, 1)", "test_values_at_bounds[at_lower_bounds-training]"),
        ("follow", "self.momentum)", "self.momentum or 0.1)", "test_values_at_bounds[at_lower_bounds-training]"),
        ("scaled", "self.size.clone()", "self.size", "test_later_calls_leave_gradients_alone[default]"),
        ("count", ".clamp(min=1)", "", "test_values_at_edges[default_all_ignored]"),
        ("filter", ", n=L", ", n=L // 2 * 2", "test_values_at_bounds[at_equality-training]"),
        ("total", ".squeeze(1)", ".squeeze()", "test_values_at_bounds[of_ones-training]"),
        ("copied", "2 * self.now", "self.now", "test_initial_values[default]"),
        ("copied", "self.now * torch.arange(3", "2 * torch.arange(3", "test_initial_values[default]"),
        ("noised", "    def forward", "    @torch.no_grad()\n    def forward", "test_training_lowers_a_loss[default]"),
    ],
)
def test_a_broken_layer_fails(built: Path, tmp_path: Path, name: str, sound: str, broken: str, test: str) -> None:
    root = Path(shutil.copytree(built, tmp_path / "project"))
    module = root / "generated" / f"{name}.py"
    text = module.read_text()
    assert text.count(sound) == 1
    module.write_text(text.replace(sound, broken))
    assert test in failing(root, test.partition("[")[0], f"generated/tests/test_{name}.py")
