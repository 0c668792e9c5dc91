"""Tell handwritten digits apart by a network of generated layers, beside the same network of torch.nn's layers.

    python -m examples.digits [--seeds N] [--epochs N] [--plot FILE.svg]

Both are trained with SGD and with Adam, with a penalty and without one, from several seeds. What they tell of digits
that they have not seen is compared, and what of them when these are noisy, or not in their place.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, median, stdev
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generated.activation import GELU
from generated.conv import CustomConv2d
from generated.loss import CrossEntropyLoss
from generated.pooling import CustomAdaptivePool2d
from generated.regularization import ElasticNetLinear
from generated.shape import Flatten
from layergen.bench.chart import Axis, Line, Panel, Row, as_svg

TRAINED = 1_300  # of the 1,797 digits; the others are held out
BATCH = 64
L1, L2 = 1e-4, 1e-3  # the penalty of the last layer's weights
NOISES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)  # standard deviations; white is 1 and black is 0
SHIFTS = (0, 1, 2)  # pixels to the right
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-2),
}


class Digits(NamedTuple):
    """Images of 8 by 8 pixels, and which digits they show."""

    images: Tensor
    labels: Tensor


class Way(NamedTuple):
    """A way to train."""

    optimizer: str
    penalized: bool

    def __str__(self) -> str:
        return f"{self.optimizer}, penalty" if self.penalized else self.optimizer


class Result(NamedTuple):
    """What came of one training."""

    seconds: float  # of the processor
    noisy: tuple[float, ...]  # at each of NOISES
    shifted: tuple[float, ...]  # at each of SHIFTS

    @property
    def accuracy(self) -> float:
        return self.noisy[0]


class Compared(NamedTuple):
    """What came of one way to train, from each seed."""

    way: Way
    own: list[Result]
    others: list[Result]  # of torch.nn's layers


def load() -> tuple[Digits, Digits]:
    """The digits to train with, and those that are held out."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    pixels = torch.tensor(images.tolist()).reshape(-1, 1, 8, 8) / 16
    classes = torch.tensor(labels.tolist())
    order = torch.randperm(len(classes), generator=torch.Generator().manual_seed(0))
    first, rest = order[:TRAINED], order[TRAINED:]
    return Digits(pixels[first], classes[first]), Digits(pixels[rest], classes[rest])


def generated_network() -> nn.Sequential:
    """The network, of generated layers: the convolution and the pooling are those of the article."""
    return nn.Sequential(
        CustomConv2d(1, 16, 3, padding=1),
        GELU(),
        CustomConv2d(16, 32, 3, padding=1),
        GELU(),
        CustomAdaptivePool2d(4),
        Flatten(),
        ElasticNetLinear(32 * 16, 10, l1=L1, l2=L2),
    )


def torch_network() -> nn.Sequential:
    """The same network, of torch.nn's layers."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.GELU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.GELU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(32 * 16, 10),
    )


def generated_penalty(network: nn.Sequential) -> Tensor:
    last = network[-1]
    assert isinstance(last, ElasticNetLinear)
    return last.penalty()


def torch_penalty(network: nn.Sequential) -> Tensor:
    weight = network[-1].get_parameter("weight")
    return L1 * weight.abs().sum() + L2 * weight.square().sum()


def train(way: Way, own: bool, seed: int, epochs: int, digits: tuple[Digits, Digits]) -> Result:
    """Train a network of generated layers, or of torch.nn's."""
    torch.manual_seed(seed)
    network = generated_network() if own else torch_network()
    penalty, loss = (generated_penalty, CrossEntropyLoss()) if own else (torch_penalty, nn.CrossEntropyLoss())
    steps = OPTIMIZERS[way.optimizer](network.parameters())
    rate = torch.optim.lr_scheduler.CosineAnnealingLR(steps, epochs)
    trained, held_out = digits
    start = time.process_time()
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(trained.labels)), BATCH):
            steps.zero_grad()
            error = loss(network(trained.images[batch]), trained.labels[batch])
            (error + penalty(network) if way.penalized else error).backward()
            steps.step()
        rate.step()
    seconds = time.process_time() - start
    noisy = tuple(accuracy(network, with_noise(held_out, noise)) for noise in NOISES)
    shifted = tuple(accuracy(network, with_shift(held_out, shift)) for shift in SHIFTS)
    return Result(seconds, noisy, shifted)


@torch.no_grad()
def accuracy(network: nn.Module, digits: Digits) -> float:
    """The share of digits that are told right."""
    return float((network(digits.images).argmax(dim=1) == digits.labels).float().mean())


def with_noise(digits: Digits, noise: float) -> Digits:
    drawn = torch.randn(digits.images.shape, generator=torch.Generator().manual_seed(0))
    return digits._replace(images=digits.images + noise * drawn)


def with_shift(digits: Digits, pixels: int) -> Digits:
    return digits._replace(images=F.pad(digits.images, (pixels, -pixels)))


def compare(seeds: int, epochs: int) -> Iterator[Compared]:
    """Train both networks in each way, from each seed; they take turns."""
    digits = load()
    for optimizer in OPTIMIZERS:
        for penalized in (False, True):
            found = Compared(Way(optimizer, penalized), [], [])
            for seed in range(seeds):
                for own in (True, False) if seed % 2 else (False, True):
                    (found.own if own else found.others).append(train(found.way, own, seed, epochs, digits))
            yield found


HEAD = ("", "generated", "torch.nn", "time", "noise", "torch.nn", "a pixel to the right", "torch.nn")


def cells(found: Compared) -> Iterator[str]:
    """A row of the table: what is told right, with the spread over the seeds; times are those of torch.nn."""
    both = found.own, found.others
    yield str(found.way)
    yield from (spread([result.accuracy for result in results]) for results in both)
    yield f"{median(own.seconds / other.seconds for own, other in zip(*both, strict=True)):.2f}"
    yield from (f"{mean(result.noisy[NOISES.index(0.3)] for result in results):.1%}" for results in both)
    yield from (f"{mean(result.shifted[SHIFTS.index(1)] for result in results):.1%}" for results in both)


def spread(values: list[float]) -> str:
    return f"{mean(values):.1%} ± {stdev(values) if len(values) > 1 else 0.0:.1%}"


def drawing(compared: list[Compared]) -> str:
    """What is told right against noise and shifts, with a row for each way to train."""
    rows = []
    for way, *both in compared:
        noisy = tuple(line(color, NOISES, [one.noisy for one in results]) for color, results in enumerate(both))
        shifted = tuple(line(color, SHIFTS, [one.shifted for one in results]) for color, results in enumerate(both))
        percent = Axis("told right", "{:.0%}".format)
        panels = (Panel(Axis("noise"), percent, noisy), Panel(Axis("pixels to the right"), percent, shifted))
        rows.append(Row((f"{way}: generated", "torch.nn"), panels))
    return as_svg(rows)


def line(color: int, across: tuple[float, ...], seeds: list[tuple[float, ...]]) -> Line:
    """The mean over the seeds."""
    return Line(tuple(zip(across, map(mean, zip(*seeds, strict=True)), strict=True)), color, dashed=color > 0)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    compared = []
    for found in compare(options.seeds, options.epochs):
        print(f"| {' | '.join(cells(found))} |", flush=True)
        compared.append(found)
    if options.plot:
        options.plot.write_text(drawing(compared), encoding="utf-8")


if __name__ == "__main__":
    main()
