"""The list of shipped specs is complete, and says what their summaries say."""

from itertools import groupby
from pathlib import Path

import pytest
from shipped import ROOT, SPECS, read
from torch import nn

import generated
from layergen.lang.matches import Match

PAGE = ROOT / "docs" / "catalogue.md"
HEAD = """# Catalogue

Specs to start from: take one, change it, and build. A layer that restates a module computes the same as that one,
under the same names in the state dict, and its tests compare the two.

It has the arguments of that module in their order, but for those that torch deprecates or keeps to itself; what
stands behind these is given by keyword, `CrossEntropyLoss(weight, ignore_index=0)`, so that no place means something
else than in torch. What other argument or shape of an input a layer leaves out, its description says. Floating inputs
have one dtype, where some of torch's ops promote several, and are floating: a `PoissonNLLLoss` or a
`CosineEmbeddingLoss` whose first input has whole numbers is cut to one. It has no methods beside `forward`,
`reset_parameters` and `extra_repr`: no `Embedding.from_pretrained`, no `reset_running_stats`, no
`flatten_parameters`.

It is no instance of torch's class, and what asks for that class does not know it: `spectral_norm`, which of a
transposed convolution takes dimension 1 by itself (say `dim=1`), `SyncBatchNorm.convert_sync_batchnorm`, quantization
by module, loops over modules that initialize each `nn.Linear`, and `torch.fx.symbolic_trace`, which goes into all
that is not torch's own, and stops where shapes are checked: name such layers as leaves, or use `torch.export`.

Which parameters and buffers there are, and what sizes mean, is decided when it is made: an attribute that is set
later, as `track_running_stats` of a batch norm in training, need not do what it does to torch's. A drop-in
replacement refuses arguments that torch's class takes though they make no sense, as a negative `eps`, no features
(`Linear(0, 3)`), a `momentum` above 1, a result without entries (`AdaptiveAvgPool2d(0)`), a `divisor_override` below
1, or, as torch does in training, an `eps` of 0 for a batch norm; and lists of another length (`MaxPool2d([2])`). It
refuses inputs of another shape than it says, too, which torch's takes in silence or with a warning: another number of
channels for a norm without weights, a target that would be broadcast.
"""

REST = """
## Not restated

What else `torch.nn` has, and why no layer restates it:

| module | reason |
|---|---|
"""
CONTAINER = "It is made of modules that it is given."
LAZY = "Its sizes are those of its first input; a generated layer has them in its constructor."
REASONS = {
    "AdaptiveLogSoftmaxWithLoss": "The parts of its tail are sequences in a list.",
    "CrossMapLRN2d": "Its sum keeps the first channel beyond the window; `LocalResponseNorm` does not.",
    "DataParallel": CONTAINER,
    "LinearCrossEntropyLoss": "Its options are an object.",
    "MultiheadAttention": "Its masks are bool or floating, one of them of one of two shapes.",
    **dict.fromkeys(("Module", "Container", "ModuleDict", "ModuleList", "Sequential"), CONTAINER),
    "NLLLoss2d": "It is `NLLLoss`, and deprecated.",
    **dict.fromkeys(("ParameterDict", "ParameterList"), "It is made of parameters that it is given."),
    **dict.fromkeys(("RNNBase", "RNNCellBase"), "It is a base class."),
    "SyncBatchNorm": "It computes in several processes.",
    **dict.fromkeys(
        (
            "Transformer",
            "TransformerDecoder",
            "TransformerDecoderLayer",
            "TransformerEncoder",
            "TransformerEncoderLayer",
        ),
        "It is made of `MultiheadAttention`.",
    ),
    "TripletMarginWithDistanceLoss": "Its distance is a function of two tensors.",
}


def modules() -> list[str]:
    """The modules of torch.nn."""
    found = ((name, getattr(nn, name)) for name in dir(nn))
    return [name for name, part in found if isinstance(part, type) and issubclass(part, nn.Module)]


def rest() -> dict[str, str]:
    """Those that no layer restates, and why."""
    names = [name for name in modules() if not hasattr(generated, name)]
    return {name: LAZY if name.startswith("Lazy") else REASONS[name] for name in names}


def category(path: Path) -> str:
    return path.parent.name


def text() -> str:
    """The page: a table for each category."""
    parts = [HEAD]
    for name, paths in groupby(sorted(SPECS.values(), key=lambda path: (category(path), path.stem)), category):
        parts.append(f"\n## {name.capitalize()}\n\n| layer | does | restates |\n|---|---|---|\n")
        for path in paths:
            layer = read(path)
            match = f"`{layer.matches.module.function}`" if isinstance(layer.matches, Match) else ""
            parts.append(f"| [{layer.layer}](../specs/{name}/{path.name}) | {layer.summary} | {match} |\n")
    return "".join((*parts, REST, *(f"| `nn.{name}` | {reason} |\n" for name, reason in rest().items())))


def test_catalogue_is_complete(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-cases"):
        PAGE.write_text(text(), encoding="utf-8", newline="\n")
    assert PAGE.read_text(encoding="utf-8") == text()


def test_what_is_restated_needs_no_reason() -> None:
    assert set(REASONS) <= set(rest())
    assert len(modules()) - len(rest()) >= 128
