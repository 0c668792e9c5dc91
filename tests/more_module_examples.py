"""Inputs for modules with which torch's database of modules does not deal, or not with all that they take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Draw = Callable[..., Tensor]  # a tensor of a shape


@dataclass(frozen=True)
class Call:
    """The arguments of a call."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


def made(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


@dataclass(frozen=True)
class More:
    """How a module is made and called."""

    calls: Callable[[Draw], list[tuple[Call, Call]]]
    modes: bool = False  # whether it does something else in evaluation
    twice: bool = True  # whether its gradients can be differentiated


def images(*constructors: Call, channels: int = 4) -> Callable[[Draw], list[tuple[Call, Call]]]:
    """Calls with images, and with one that is no batch."""
    return lambda draw: [
        (constructor, made(draw(*shape, channels, 6, 8))) for constructor in constructors for shape in ((2,), ())
    ]


def pairs(*constructors: Call) -> Callable[[Draw], list[tuple[Call, Call]]]:
    """Calls with two batches of vectors."""
    return lambda draw: [(constructor, made(draw(3, 5), draw(3, 5))) for constructor in constructors]


def shaped(*rows: tuple[Call, tuple[int, ...]]) -> Callable[[Draw], list[tuple[Call, Call]]]:
    """Calls with one tensor each."""
    return lambda draw: [(constructor, made(draw(*shape))) for constructor, shape in rows]


def _bags(draw: Draw) -> list[tuple[Call, Call]]:
    indices = torch.tensor([[0, 2, 1], [3, 3, 0]])
    return [(made(4, 3, mode=mode), made(indices)) for mode in ("mean", "sum", "max")]


def _triplets(draw: Draw) -> list[tuple[Call, Call]]:
    constructors = [made(), made(0.5, p=1.0), made(swap=True), *(made(reduction=word) for word in ("none", "sum"))]
    return [(constructor, made(draw(3, 5), draw(3, 5), draw(3, 5))) for constructor in constructors]


def _single_pairs(draw: Draw) -> list[tuple[Call, Call]]:
    """Two vectors that are no batch."""
    constructors = [made(0.3), made(reduction="none")]
    return [(part, made(draw(5), draw(5), torch.tensor(sign))) for part in constructors for sign in (1, -1)]


def _single_scores(draw: Draw) -> list[tuple[Call, Call]]:
    """Scores that are no batch."""
    return [(part, made(draw(5), torch.tensor(2))) for part in (made(), made(2, 0.5), made(reduction="none"))]


def _unpooled(dims: int) -> Callable[[Draw], list[tuple[Call, Call]]]:
    """Calls with what a pooling gives: a batch and a single sample, to the usual size and to others."""

    def calls(draw: Draw) -> list[tuple[Call, Call]]:
        found = []
        for shape in ((2, 3), (3,)):
            size = (*shape, *(6, 4, 8)[:dims])
            y, indices = getattr(F, f"max_pool{dims}d")(draw(*size).detach(), 2, return_indices=True)
            larger = [part + 1 for part in size[-dims:]]
            found += [(made(2), made(y.clone().requires_grad_(), indices))]
            found += [(made((2,) * dims, 2), made(y.clone().requires_grad_(), indices, output_size=larger))]
            found += [(made(2, stride=2), made(y.clone().requires_grad_(), indices, [2, 3, *larger]))]
        return found

    return calls


MORE: dict[str, More] = {
    "AlphaDropout": More(shaped((made(), (3, 5)), (made(0.25), (4,))), modes=True),
    "ChannelShuffle": More(shaped((made(2), (2, 4, 3, 5)), (made(4), (1, 8, 2, 2)))),
    "CosineSimilarity": More(pairs(made(), made(dim=0), made(dim=-1, eps=0.1))),
    "CosineEmbeddingLoss": More(_single_pairs),
    "Dropout": More(shaped((made(), (3, 5)), (made(0.25, inplace=False), (4,)), (made(p=0.0), (2, 3))), modes=True),
    "Dropout1d": More(shaped((made(), (2, 3, 5)), (made(0.25), (3, 4))), modes=True),
    "Dropout2d": More(shaped((made(), (2, 3, 4, 5)), (made(0.25), (2, 3, 2, 2))), modes=True),
    "Dropout3d": More(shaped((made(), (2, 3, 4, 5, 2)), (made(0.25), (3, 2, 2, 4))), modes=True),
    "EmbeddingBag": More(_bags, twice=False),
    "FeatureAlphaDropout": More(shaped((made(), (2, 3, 4, 5)), (made(0.25), (3, 4, 2))), modes=True),
    "Flatten": More(shaped((made(), (2, 3, 4, 5)), (made(0, 1), (2, 3, 4)), (made(start_dim=-2), (2, 3, 4)))),
    "Fold": More(shaped((made((4, 5), 2), (2, 12, 12)), (made([4, 5], (2, 3), padding=1, stride=2), (12, 9)))),
    "Hardsigmoid": More(shaped((made(), (3, 5)), (made(), ())), twice=False),
    "Identity": More(shaped((made(), (3, 5)), (made(), ()))),
    **{f"MaxUnpool{dims}d": More(_unpooled(dims)) for dims in (1, 2, 3)},
    "MultiMarginLoss": More(_single_scores),
    "PairwiseDistance": More(pairs(made(), made(p=1.0), made(3.0, 0.1, keepdim=True))),
    "PixelShuffle": More(images(made(2), made(1))),
    "PixelUnshuffle": More(images(made(2), made(1))),
    "RReLU": More(shaped((made(), (3, 5)), (made(0.25, 0.5), (2, 3))), modes=True),
    "TripletMarginLoss": More(_triplets),
    "Unflatten": More(shaped((made(1, (2, 3)), (4, 6)), (made(-1, (2, 2)), (3, 4)))),
    "Unfold": More(images(made(2), made((2, 3), dilation=(1, 2), padding=1, stride=[2, 1]))),
    "Upsample": More(
        shaped(
            (made(size=(5, 7)), (2, 3, 4, 4)),
            (made(scale_factor=2.0), (2, 3, 4, 4)),
            (made(None, (1.5, 2.0), "bilinear", True), (2, 3, 4, 4)),
        )
    ),
    "UpsamplingBilinear2d": More(shaped((made(size=(5, 7)), (2, 3, 4, 4)), (made(scale_factor=2.0), (1, 2, 3, 3)))),
    "UpsamplingNearest2d": More(shaped((made(5), (2, 3, 4, 4)), (made(scale_factor=(2.0, 1.5)), (1, 2, 3, 4)))),
}
