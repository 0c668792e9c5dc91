"""How fast generated loops are, forward and backward: beside the loop as the spec has it, and beside nn.LSTM.

    python benchmarks/recurrent.py [--rounds N]

All run in turn, so that what else the machine does meets each of them; the least of the rounds counts.
"""

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generated.recurrent import MGU, IndRNN

STEPS, BATCH, SIZE = 128, 16, 128
GOAL = 1.2  # times as fast as the plain loop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x = torch.randn(BATCH, STEPS, SIZE, requires_grad=True)
    ind_rnn, mgu, lstm = IndRNN(SIZE, SIZE, "tanh"), MGU(SIZE, SIZE), nn.LSTM(SIZE, SIZE, batch_first=True)
    torch.testing.assert_close(ind_rnn(x), plain_ind_rnn(ind_rnn, x), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(mgu(x), plain_mgu(mgu, x), rtol=1e-4, atol=1e-4)
    times = measured(
        {
            "IndRNN": lambda: ind_rnn(x),
            "IndRNN, plain": lambda: plain_ind_rnn(ind_rnn, x),
            "MGU": lambda: mgu(x),
            "MGU, plain": lambda: plain_mgu(mgu, x),
            "nn.LSTM": lambda: lstm(x)[0],
        },
        rounds,
    )
    for name, seconds in times.items():
        print(f"{name:<14} {1000 * seconds:7.2f} ms")
    print()
    for name in ("IndRNN", "MGU"):
        ratio = times[f"{name}, plain"] / times[name]
        beside = times[name] / times["nn.LSTM"]
        print(f"{name:<7} {ratio:.2f} times as fast as the plain loop (goal: {GOAL}); takes {beside:.2f} times nn.LSTM")


def measured(runs: dict[str, Callable[[], Tensor]], rounds: int) -> dict[str, float]:
    """The least seconds of a forward and a backward of each."""
    least = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for name, run in runs.items():
            begin = time.perf_counter()
            run().square().mean().backward()  # type: ignore[no-untyped-call]
            least[name] = min(least[name], time.perf_counter() - begin)
    return least


def plain_ind_rnn(layer: IndRNN, x: Tensor) -> Tensor:
    """The loop of the spec, line by line."""
    h = torch.zeros(len(x), layer.hidden_size)
    states = []
    for x_t in x.unbind(1):
        h = torch.tanh(F.linear(x_t, layer.weight, layer.bias) + layer.recurrent * h)
        states.append(h)
    return torch.stack(states, dim=1)


def plain_mgu(layer: MGU, x: Tensor) -> Tensor:
    """The loop of the spec, line by line."""
    h = torch.zeros(len(x), layer.hidden_size)
    states = []
    for x_t in x.unbind(1):
        x_f, x_h = F.linear(x_t, layer.weight_ih, layer.bias).chunk(2, dim=1)
        forget = torch.sigmoid(x_f + F.linear(h, layer.weight_fh))
        candidate = torch.tanh(x_h + F.linear(forget * h, layer.weight_hh))
        h = torch.lerp(h, candidate.type_as(h), forget.type_as(h))
        states.append(h)
    return torch.stack(states, dim=1)


if __name__ == "__main__":
    main()
