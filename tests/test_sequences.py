"""Shipped layers that run over a sequence, held against plain implementations, one step and one number at a time."""

import math

import pytest
import torch
from torch import Tensor

from generated.recurrent import MGU, QRNN, IndRNN
from generated.ssm import DiagonalSSM, SelectiveSSM

N, L, INPUT, HIDDEN = 2, 5, 3, 4


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def sequence(features: int = INPUT) -> Tensor:
    return torch.randn(N, L, features, dtype=torch.float64)


def moved(layer: torch.nn.Module) -> torch.nn.Module:
    """A layer in float64 whose parameters have been moved at random."""
    for parameter in layer.double().parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return layer


def sigmoid(number: float) -> float:
    return 1 / (1 + math.exp(-number))


def dot(row: Tensor, column: Tensor) -> float:
    return math.fsum(a * b for a, b in zip(row.tolist(), column.tolist(), strict=True))


def close(found: Tensor, expected: list[list[list[float]]]) -> None:
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
@pytest.mark.parametrize("given", [True, False])
def test_ind_rnn(nonlinearity: str, given: bool) -> None:
    layer = moved(IndRNN(INPUT, HIDDEN, nonlinearity))
    assert isinstance(layer, IndRNN)
    x, start = sequence(), torch.randn(N, HIDDEN, dtype=torch.float64) if given else None
    expected = []
    for n in range(N):
        h, steps = start[n].tolist() if start is not None else [0.0] * HIDDEN, []
        for t in range(L):
            total = [
                dot(layer.weight[i], x[n, t]) + layer.recurrent[i].item() * h[i] + layer.bias[i].item()
                for i in range(HIDDEN)
            ]
            h = [max(number, 0.0) if nonlinearity == "relu" else math.tanh(number) for number in total]
            steps.append(h)
        expected.append(steps)
    close(layer(x, start), expected)


def test_mgu() -> None:
    layer = moved(MGU(INPUT, HIDDEN))
    assert isinstance(layer, MGU)
    x = sequence()
    expected = []
    for n in range(N):
        h, steps = torch.zeros(HIDDEN, dtype=torch.float64), []
        for t in range(L):
            ahead = [dot(row, x[n, t]) + layer.bias[i].item() for i, row in enumerate(layer.weight_ih)]
            forget = [sigmoid(ahead[i] + dot(layer.weight_fh[i], h)) for i in range(HIDDEN)]
            kept = torch.tensor(forget, dtype=torch.float64) * h
            candidate = [math.tanh(ahead[HIDDEN + i] + dot(layer.weight_hh[i], kept)) for i in range(HIDDEN)]
            new = [(1 - f) * old + f * c for f, old, c in zip(forget, h.tolist(), candidate, strict=True)]
            steps.append(new)
            h = torch.tensor(new, dtype=torch.float64)
        expected.append(steps)
    close(layer(x), expected)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_qrnn(width: int) -> None:
    layer = moved(QRNN(INPUT, HIDDEN, width))
    assert isinstance(layer, QRNN)
    x = sequence()

    def gate(n: int, t: int, row: int) -> float:
        total = layer.bias[row].item()
        for back in range(width):
            if t - back >= 0:
                total += dot(layer.weight[row, :, width - 1 - back], x[n, t - back])
        return total

    expected = []
    for n in range(N):
        c, steps = [0.0] * HIDDEN, []
        for t in range(L):
            z = [math.tanh(gate(n, t, i)) for i in range(HIDDEN)]
            f = [sigmoid(gate(n, t, HIDDEN + i)) for i in range(HIDDEN)]
            o = [sigmoid(gate(n, t, 2 * HIDDEN + i)) for i in range(HIDDEN)]
            c = [f[i] * c[i] + (1 - f[i]) * z[i] for i in range(HIDDEN)]
            steps.append([o[i] * c[i] for i in range(HIDDEN)])
        expected.append(steps)
    close(layer(x), expected)


def test_diagonal_ssm() -> None:
    layer = moved(DiagonalSSM(INPUT, 2))
    assert isinstance(layer, DiagonalSSM)
    x = sequence()
    expected = []
    for n in range(N):
        steps = [[layer.skip[d].item() * x[n, t, d].item() for d in range(INPUT)] for t in range(L)]
        for t in range(L):
            for d in range(INPUT):
                step = math.exp(layer.log_step[d].item())
                for k in range(2):
                    rate = math.exp(layer.log_rate[d, k].item())
                    # The impulse response of a state: what entered at each step before, and has decayed since.
                    for s in range(t + 1):
                        held = (1 - math.exp(-step * rate)) / rate * math.exp(-step * rate * (t - s))
                        steps[t][d] += layer.output[d, k].item() * held * x[n, s, d].item()
        expected.append(steps)
    close(layer(x), expected)


def test_selective_ssm() -> None:
    rank, size = 2, 3
    layer = moved(SelectiveSSM(INPUT, size, rank))
    assert isinstance(layer, SelectiveSSM)
    x = sequence()
    expected = []
    for n in range(N):
        states, steps = [[0.0] * size for _ in range(INPUT)], []
        for t in range(L):
            projected = torch.tensor([dot(row, x[n, t]) for row in layer.weight_in], dtype=torch.float64)
            low, b, c = torch.split(projected, [rank, size, size])
            y = []
            for d in range(INPUT):
                dt = math.log1p(math.exp(dot(layer.weight_dt[d], low) + layer.bias_dt[d].item()))
                for k in range(size):
                    decay = math.exp(-dt * math.exp(layer.log_rate[d, k].item()))
                    states[d][k] = decay * states[d][k] + dt * b[k].item() * x[n, t, d].item()
                read = sum(state * weight for state, weight in zip(states[d], c.tolist(), strict=True))
                y.append(read + layer.skip[d].item() * x[n, t, d].item())
            steps.append(y)
        expected.append(steps)
    close(layer(x), expected)
