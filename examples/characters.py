"""Predict the next character of a long text by generated layers, beside the same networks of torch.nn's layers.

    python -m examples.characters [--seeds N] [--steps N] [--length N]

The text is that of the help pages that ship with Python. Each network reads a thousand characters and more at a time,
and mixes them by one layer: a recurrent one, a state space, or attention. torch.nn has no state space, so the usual
loop stands in its place.
"""

import argparse
import math
import time
from collections.abc import Callable, Iterator
from pydoc_data.topics import topics
from statistics import mean, median, stdev
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from generated.attention import MultiheadSelfAttention
from generated.linear import Embedding, Linear
from generated.loss import CrossEntropyLoss
from generated.norm import LayerNorm
from generated.recurrent import GRU
from generated.ssm import DiagonalSSM

DIM, HEADS, STATES = 64, 4, 4
BATCH = 4
RATE = 1e-2
HELD_OUT = 0.1  # of the text


class Text(NamedTuple):
    """Characters as numbers, those to train with and those that are held out."""

    trained: Tensor
    held_out: Tensor
    vocabulary: int


class Library(NamedTuple):
    """Layers by what they do."""

    embedding: Callable[[int, int], nn.Module]
    norm: Callable[[int], nn.Module]
    linear: Callable[[int, int], nn.Module]
    loss: Callable[[], nn.Module]
    mixers: dict[str, Callable[[], nn.Module]]


class Result(NamedTuple):
    """What came of one training."""

    seconds: float  # of the processor
    bits: float  # for each character that is held out


class Recurrence(nn.Module):
    """What a recurrent layer gives at each step."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)[0]
        return y


class Attention(nn.Module):
    """Attention to what came before."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        N, L, _ = x.shape  # noqa: N806
        before = torch.ones(L, L, dtype=torch.bool).tril()
        if isinstance(self.layer, nn.MultiheadAttention):
            y: Tensor = self.layer(x, x, x, attn_mask=~before, need_weights=False)[0]
        else:
            y = self.layer(x, before.expand(N, L, L))
        return y


class StateSpace(nn.Module):
    """The diagonal state space of the paper (https://arxiv.org/abs/2206.11893), step by step."""

    def __init__(self, channels: int, states: int) -> None:
        super().__init__()
        low, high = math.log(0.001), math.log(0.1)
        self.log_step = nn.Parameter(torch.empty(channels).uniform_(low, high))
        self.log_rate = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(channels, 1))
        self.output = nn.Parameter(torch.randn(channels, states) / math.sqrt(states))
        self.skip = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        rate = self.log_rate.exp()
        decay = torch.exp(-self.log_step.exp()[:, None] * rate)
        gain = (1 - decay) / rate
        state = x.new_zeros(len(x), *decay.shape)
        ys = []
        for step in range(x.shape[1]):
            state = decay * state + gain * x[:, step, :, None]
            ys.append((self.output * state).sum(dim=-1) + self.skip * x[:, step])
        return torch.stack(ys, dim=1)


GENERATED = Library(
    Embedding,
    LayerNorm,
    Linear,
    CrossEntropyLoss,
    {
        "recurrent": lambda: Recurrence(GRU(DIM, DIM, batch_first=True)),
        "state space": lambda: DiagonalSSM(DIM, STATES),
        "attention": lambda: Attention(MultiheadSelfAttention(DIM, HEADS)),
    },
)
TORCH = Library(
    nn.Embedding,
    nn.LayerNorm,
    nn.Linear,
    nn.CrossEntropyLoss,
    {
        "recurrent": lambda: Recurrence(nn.GRU(DIM, DIM, batch_first=True)),
        "state space": lambda: StateSpace(DIM, STATES),
        "attention": lambda: Attention(nn.MultiheadAttention(DIM, HEADS, batch_first=True)),
    },
)


class Network(nn.Module):
    """A table of characters and their places, one layer that mixes them, and what comes next."""

    def __init__(self, library: Library, mixer: str, vocabulary: int, length: int) -> None:
        super().__init__()
        self.character = library.embedding(vocabulary, DIM)
        self.place = library.embedding(length, DIM)
        self.before, self.after = library.norm(DIM), library.norm(DIM)
        self.mixer = library.mixers[mixer]()
        self.head = library.linear(DIM, vocabulary)

    def forward(self, characters: Tensor) -> Tensor:
        x = self.character(characters) + self.place(torch.arange(characters.shape[1]))
        x = x + self.mixer(self.before(x))
        y: Tensor = self.head(self.after(x))
        return y


def load() -> Text:
    """The help pages of Python, one after the other."""
    text = "\n".join(topics[name] for name in sorted(topics))
    alphabet = sorted(set(text))
    numbers = torch.tensor([alphabet.index(character) for character in text])
    first = int(len(numbers) * (1 - HELD_OUT))
    return Text(numbers[:first], numbers[first:], len(alphabet))


def windows(text: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Some pieces of a text, and the character that follows each of theirs."""
    starts = torch.randint(len(text) - length - 1, (BATCH,)).tolist()
    pieces = torch.stack([text[start : start + length + 1] for start in starts])
    return pieces[:, :-1], pieces[:, 1:]


def train(library: Library, mixer: str, seed: int, steps: int, length: int, text: Text) -> Result:
    """Train a network of one library's layers."""
    torch.manual_seed(seed)
    network, loss = Network(library, mixer, text.vocabulary, length), library.loss()
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    torch.manual_seed(seed)  # the same pieces, whatever the layers have drawn
    start = time.process_time()
    for _ in range(steps):
        characters, following = windows(text.trained, length)
        optimizer.zero_grad()
        loss(network(characters).flatten(0, 1), following.flatten()).backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    seconds = time.process_time() - start
    with torch.no_grad():
        pairs = [windows(text.held_out, length) for _ in range(4)]
        nats = mean(float(loss(network(given).flatten(0, 1), wanted.flatten())) for given, wanted in pairs)
    return Result(seconds, nats / math.log(2))


def compare(seeds: int, steps: int, length: int) -> Iterator[tuple[str, list[Result], list[Result]]]:
    """The results of generated layers and of torch.nn's, which take turns, for each way to mix."""
    text = load()
    for mixer in GENERATED.mixers:
        results: tuple[list[Result], list[Result]] = [], []
        for seed in range(seeds):
            for index in (0, 1) if seed % 2 else (1, 0):
                results[index].append(train((GENERATED, TORCH)[index], mixer, seed, steps, length, text))
        yield (mixer, *results)


def spread(values: list[float]) -> str:
    return f"{mean(values):.2f} ± {stdev(values) if len(values) > 1 else 0.0:.2f}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--length", type=int, default=1024)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print("| bits a character | generated | torch.nn | time |")
    print("|---|---|---|---|")
    for mixer, own, others in compare(options.seeds, options.steps, options.length):
        ratio = median(one.seconds / other.seconds for one, other in zip(own, others, strict=True))
        cells: list[Any] = [mixer, *(spread([result.bits for result in found]) for found in (own, others))]
        print(f"| {' | '.join((*cells, f'{ratio:.2f}'))} |", flush=True)


if __name__ == "__main__":
    main()
