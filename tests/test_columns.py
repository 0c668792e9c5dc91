"""Terms of a reduction that are computed at once: the same as one by one, and the same faults."""

from typing import Any

import pytest
from test_definition import evaluation

from layergen.definition import columns
from layergen.definition.numbers import IndexFault

BODIES = (
    "x[n, j] * x[m, j]",
    "x[m, j] * (j + 2 * m - n) - (i // 2) % 3 + x[n, i]",
    "x[m, j] ** (m - 1) / (x[n, j] - 5)",
    "padded(x)[m + n - 1, j * 2 - i] - 1",
    "-x[m, j] if j <= i and not m == n else 2 * x[m, i]",
    "x[m, j + 1] if j + 1 < C else x[m - 2, j] if m >= 2 else -inf",
    "(m or j) + (m and j) + (j == 1) * x[n, j]",
    "1 if 0 <= j - i < 2 else 0",
    "exp(300 * x[m, j]) + log(x[m, j] - 1) + max(x[m, j], x[n, i], 3)",
    "sqrt(x[m, j] - 3)",
    "x[m, j] / (sum[k](x[n, k] * (k != j)) - m) + sum[k < j](x[m, k])",
    "h[m, j] * h[n, 2 - j]",
    "round(x[m, j] / 2) // (j + 1)",
    "2 ** (64 * m) * 2 ** (900 * j)",
)


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("word", ["sum", "max", "mean", "prod"])
def test_terms_are_the_same_at_once_and_one_by_one(body: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"y[n, i] = {word}[m < 2, j < C]({body})"
    text += "\nh[a, b] = x[a, b] + (h[a - 1, b] if a > 0 else 0)" if "h[" in body else ""
    at_once = _entries(text)
    monkeypatch.setattr(columns, "FEW", 1_000)
    assert repr(_entries(text)) == repr(at_once)


def _entries(text: str) -> tuple[list[Any], bool, int]:
    """All entries, whether one was a limit, and how many terms there were."""
    found = evaluation(text)
    entries = [found.entry("y", (n, i)) for n in range(2) for i in range(3)]
    return entries, found.account.limited, found.account.turns


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("x[m, j + 1]", "`x[0, 3]` is outside of [2, 3]"),
        ("x[m, j] // (j - 1)", "this divides by zero"),
        ("x[m, j] + (1 % j if j == 0 else 0)", "this divides by zero"),
        ("x[m, j] * (x[m, 3] if j > 1 else 1)", "`x[0, 3]` is outside of [2, 3]"),
    ],
)
def test_the_same_fault_is_told_at_once_and_one_by_one(
    body: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for few in (columns.FEW, 1_000):
        monkeypatch.setattr(columns, "FEW", few)
        with pytest.raises(IndexFault) as fault:
            evaluation(f"y[n, i] = sum[m < 2, j < C]({body})").entry("y", (1, 2))
        assert str(fault.value) == message


def test_what_no_index_has_a_part_in_is_not_computed_for_no_term() -> None:
    assert evaluation("y[n, i] = sum[m < n, j < C](x[n, 0] / 0)").entry("y", (0, 0)) == 0
    assert evaluation("y[n, i] = sum[m < 2, j < C]((j > 9 and x[n, 7]) or m)").entry("y", (0, 0)) == 3
