"""What losses are given: probabilities where they take scores or logarithms, and what they do take."""

from textwrap import dedent
from typing import Any

import pytest
from small import FLAG, breaches, program

from layergen.contracts.squashed import SQUASHED

LABELLED: dict[str, Any] = {
    "arguments": {"squashes": FLAG},
    "inputs": {
        "x": ["N", 5],
        "q": {"shape": ["N", 5], "range": [0, 1], "gradient": False},
        "labels": {"shape": ["N"], "dtype": "int64", "range": [0, 5]},
    },
    "outputs": {"y": []},
}
LOSSES = {
    "ce": "nn.CrossEntropyLoss()",
    "bce": "nn.BCEWithLogitsLoss()",
    "kl": "nn.KLDivLoss(reduction='batchmean')",
    "kl_of_logs": "nn.KLDivLoss(reduction='batchmean', log_target=True)",
    "soft": "nn.Softmax(dim=1)",
    "logs": "nn.LogSoftmax(dim=1)",
}


def told(forward: str, **parts: Any) -> list[str]:
    forward = dedent(forward)
    used = {name: made for name, made in LOSSES.items() if f"{name}(" in forward}
    layer = program(forward, **{**LABELLED, **({"modules": used} if used else {}), **parts})
    return [finding.message for finding in breaches(SQUASHED, layer)]


FAULTY = [
    "y = cross_entropy(softmax(x, dim=1), labels)",
    "p = softmax(upcast(x), dim=1)\nh = clamp(p, min=1e-6)\ny = cross_entropy(type_as(h, x)[:, :], labels)",
    "y = cross_entropy(softmax(x, 1) if squashes else softmax(2 * x, 1), labels)",
    "if squashes:\n    h = softmax(x, 1)\nelse:\n    h = softmin(x, 1)\ny = cross_entropy(h, labels)",
    "y = ce(softmax(x, 1), labels)",
    "y = cross_entropy(soft(x), labels)",
    "y = cross_entropy(exp(log_softmax(x, 1)), labels)",
    "y = binary_cross_entropy_with_logits(sigmoid(x), q)",
    "y = binary_cross_entropy_with_logits(logsigmoid(x), q)",
    "y = binary_cross_entropy_with_logits(softmax(x, 1), q)",
    "y = bce(unsqueeze(sigmoid(x), 0), unsqueeze(q, 0))",
    "y = nll_loss(softmax(x, 1), labels)",
    "y = kl_div(softmax(x, 1), q, reduction='batchmean')",
    "y = kl_div(sigmoid(x), q, reduction='batchmean')",
    "y = kl_div(log_softmax(x, 1), log_softmax(detach(q), 1), reduction='batchmean')",
    "y = kl_div(log_softmax(x, 1), softmax(detach(q), 1), reduction='batchmean', log_target=True)",
    "y = kl(log_softmax(x, 1), log(softmax(detach(q), 1)))",
    "y = kl_of_logs(log_softmax(x, 1), softmax(detach(q), 1))",
]
SOUND = [
    "y = cross_entropy(x, labels)",
    "y = cross_entropy(log_softmax(x, 1), labels)",
    "y = cross_entropy(x, softmax(detach(q), 1))",
    "y = cross_entropy(4 * softmax(x, 1), labels)",
    "y = cross_entropy(softmax(x, 1) if squashes else x, labels)",
    "if squashes:\n    h = softmax(x, 1)\nelse:\n    h = x\ny = cross_entropy(h, labels)",
    "y = binary_cross_entropy(sigmoid(x), q)",
    "y = binary_cross_entropy_with_logits(x, sigmoid(detach(q)))",
    "y = nll_loss(log_softmax(x, 1), labels)",
    "y = nll_loss(log(softmax(x, 1)), labels)",
    "y = nll_loss(logs(x), labels)",
    "y = kl_div(log_softmax(x, 1), softmax(detach(q), 1), reduction='batchmean')",
    "y = kl_div(log_softmax(x, 1), log_softmax(detach(q), 1), reduction='batchmean', log_target=True)",
    "y = kl_div(log_softmax(x, 1), softmax(detach(q), 1), reduction='batchmean', log_target=squashes)",
    "y = kl_of_logs(log_softmax(x, 1), log_softmax(detach(q), 1))",
]


@pytest.mark.parametrize("forward", FAULTY)
def test_what_a_loss_does_not_take_is_told(forward: str) -> None:
    assert len(told(forward)) == 1


@pytest.mark.parametrize("forward", SOUND)
def test_what_a_loss_takes_passes(forward: str) -> None:
    assert told(forward) == []


def test_a_formula_tells_what_is_meant() -> None:
    forward = "y = cross_entropy(softmax(x, dim=1), labels)"
    assert told(forward, matches="cross_entropy(softmax(x, dim=1), labels)") == []
