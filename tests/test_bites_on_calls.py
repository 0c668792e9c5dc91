"""The same of calls: by single samples, without gradients, with hooks, in other modules, or to write."""

import shutil
from pathlib import Path

import pytest
from projects import Project
from test_bites import failing

pytestmark = pytest.mark.slow

SPECS = {
    "tally": """\
layer: Tally
summary: Count labels.
arguments: {classes: {type: int, min: 1, doc: How many there are.}}
inputs:
  labels: {shape: [N], dtype: int64, range: [0, classes]}
  counts: {shape: [classes], dtype: int64, range: [0, 1000], written: inplace}
outputs: {share: {shape: [classes], dtype: float32}}
forward: |
  counts = index_add_(counts, 0, labels, ones_like(labels))
  share = counts / sum(counts)
""",
    "steps": """\
layer: Steps
summary: Sum up along the dimension before the last.
dimensions: {N: {optional: true, doc: Left out for a single sample.}}
buffers: {seen: {shape: [], init: zeros}}
inputs: {x: [N, L, C]}
outputs: {y: [N, L, C]}
mixes: {N: training}
forward: |
  h = upcast(x)
  if training:
      seen = lerp(seen, type_as(mean(detach(h)), seen), 0.1)
  y = type_as(dropout(cumsum(h, dim=1), 0.2, training), x)
""",
    "gated": """\
layer: Gated
summary: Map the input, and bend it.
arguments: {dim: {type: int, min: 1, doc: Size of the last dimension.}}
modules: {maps: "[nn.Linear(dim, dim) for _ in range(2)]"}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: |
  y = x
  for map in maps:
      y = tanh(map(y))
""",
    "scaled": """\
layer: Scaled
summary: Scale by numbers, and shift by others.
parameters:
  weight: {shape: [4, 4], init: ones}
  fixed: {shape: [4], init: zeros, requires_grad: false}
buffers: {places: {shape: [4], init: arange(4) / 3, persistent: false}}
inputs: {x: [N, 4]}
outputs: {y: [N, 4]}
penalty: sum(square(upcast(weight)))
forward: y = linear(x, weight, fixed) + places
""",
    "rectified": """\
layer: Rectified
summary: Keep what is positive.
inputs: {x: [N, C]}
outputs: {y: [N, C]}
forward: y = where(x > 0, x, 0)
matches: relu(x)
""",
    "cut": """\
layer: Cut
summary: Take the largest number of each window.
arguments: {size: {type: size2, min: 1, doc: Height and width of a window.}}
inputs: {x: [N, C, H, W]}
outputs:
  y: "[N, C, H // size[0], W // size[1]]"
constraints: ["H >= size[0]", "W >= size[1]"]
forward: y = max_pool2d(x, size)
""",
    "decay": """\
layer: Decay
summary: Sum a sequence up, and forget what was long ago.
inputs: {x: [N, L, C]}
outputs: {y: [N, L, C]}
causal: L
forward: |
  state = zeros(N, C)
  states = []
  for x_t in unbind(x, 1):
      state = 0.9 * state + x_t
      append(states, state)
  y = stack(states, dim=1)
""",
    "summed": """\
layer: Summed
summary: Sum up all that has come.
inputs: {x: [N, L]}
outputs: {y: [N, L]}
causal: L
forward: |
  t = arange(L)
  y = matmul(x, type_as(t[:, None] <= t, x))
""",
    "apart": """\
layer: Apart
summary: Measure how far apart two are.
inputs: {x: [N, C], z: [N, C]}
outputs: {loss: []}
forward: |
  apart = upcast(x) - upcast(z)
  loss = loss_as(mean(square(apart)), x)
""",
}


NON_CONTIGUOUS = "test_accepts_non_contiguous_inputs[default-training]"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    project = Project(root, {f"{name}.yaml": text for name, text in SPECS.items()})
    built = project.build()
    assert (built.code, built.faults) == (0, ()), built.errors
    return root


@pytest.mark.parametrize("seed", ["0", "1"])
def test_sound_layers_pass(built: Path, seed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERGEN_SEED", seed)
    assert failing(built, "test", "generated") == set()


@pytest.mark.parametrize(
    ("name", "sound", "broken", "test"),
    [
        (
            "tally",
            "return counts / counts.sum()",
            "share = counts / counts.sum()\n        counts.add_(1)\n        return share",
            "test_recorded_values[default-training]",
        ),
        ("steps", "x.unsqueeze(0)", "x.unsqueeze(0).detach()", "test_single_sample[default]"),
        ("steps", "0.2, self.training", "0.2, self.training and not unbatched", "test_single_sample[default]"),
        ("steps", "self.seen), 0.1)", "self.seen), 0.0 if unbatched else 0.1)", "test_single_sample[default]"),
        (
            "steps",
            "if self.training:",
            "if self.training or not torch.is_grad_enabled():",
            "test_evaluation_leaves_no_trace[default]",
        ),
        (
            "steps",
            "if self.training:",
            "if self.training and torch.is_grad_enabled():",
            "test_evaluation_leaves_no_trace[default]",
        ),
        (
            "steps",
            "if self.training:",
            "if self.training:\n            self.seen = self.seen.clone()",
            "test_leaves_its_inputs_alone[default]",
        ),
        (
            "scaled",
            "init.ones_(self.weight)",
            "self.weight = nn.Parameter(torch.ones_like(self.weight))",
            "test_materializes_from_meta_device[default]",
        ),
        ("gated", "(map(x))", "(map.forward(x))", "test_leaves_its_inputs_alone[default]"),
        ("gated", "(map(x))", "(F.linear(x, map.weight, map.bias))", "test_leaves_its_inputs_alone[default]"),
        (
            "scaled",
            "        self.weight =",
            "        dtype = dtype or torch.float32\n        self.weight =",
            "test_dtypes[default]",
        ),
        (
            "scaled",
            "        self.weight =",
            '        device = device or "cpu"\n        self.weight =',
            "test_loads_into_empty_memory[default]",
        ),
        (
            "scaled",
            "(*args, **kwargs)\n        self._reset_buffers()",
            "(*args, **kwargs)\n        if not args[1]:\n            self._reset_buffers()",
            "test_loads_into_empty_memory[default]",
        ),
        ("scaled", "self.weight, self.fixed", "self.weight.view(16).view(4, 4), self.fixed", NON_CONTIGUOUS),
        ("scaled", "+ self.places", "+ self.places * self.weight.requires_grad", NON_CONTIGUOUS),
        ("scaled", "+ self.places", "+ self.places * (not torch.is_inference_mode_enabled())", NON_CONTIGUOUS),
        ("scaled", "+ self.places", "+ self.places * torch.is_grad_enabled()", NON_CONTIGUOUS),
        ("scaled", "            .sum()\n", "            .sum() * self.training\n", "test_penalty[default]"),
        ("scaled", "init.zeros_(self.fixed)", "init.normal_(self.fixed, 0, 1e-8)", "test_initial_values[default]"),
        ("scaled", "init.ones_(self.weight)", "init.normal_(self.weight, 1, 1e-8)", "test_initial_values[default]"),
        ("rectified", "x > 0", "x >= 0", "test_values_at_edges[default_on_edges]"),
        ("cut", "len(value) != 2", "len(value) < 2", "test_rejects[size_too_long]"),
        ("decay", "* state", "* (state.detach() if len(states) == 50 else state)", "test_gradients_of_long_inputs[L]"),
        ("summed", "x.device)", "x.device, dtype=x.dtype)", "test_is_causal_in_half_precision[L]"),
        (
            "apart",
            "loss = apart.square()",
            "apart = (x - z).to(apart.dtype)\n        loss = apart.square()",
            "test_loss_under_autocast[default]",
        ),
    ],
)
def test_a_layer_that_is_wrong_there_fails(
    built: Path, tmp_path: Path, name: str, sound: str, broken: str, test: str
) -> None:
    root = Path(shutil.copytree(built, tmp_path / "project"))
    module = root / "generated" / f"{name}.py"
    text = module.read_text()
    assert text.count(sound) == 1
    module.write_text(text.replace(sound, broken))
    assert test in failing(root, test.partition("[")[0], f"generated/tests/test_{name}.py")
