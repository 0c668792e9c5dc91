"""The examples, as small as they still say something."""

import re

import pytest

from examples import characters, digits

pytestmark = pytest.mark.slow
Capture = pytest.CaptureFixture[str]


def rows(output: str) -> list[list[str]]:
    """The cells of the rows of a table, below its head."""
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in output.splitlines()[2:]]


def test_digits_are_told_apart(capsys: Capture) -> None:
    pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
    digits.main(["--seeds", "1", "--epochs", "3"])
    found = rows(capsys.readouterr().out)
    assert [row[0] for row in found] == ["SGD", "SGD, penalty", "Adam", "Adam, penalty"]
    for row in found:
        own, others = (float(cell.split("%")[0]) for cell in row[1:3])
        assert own > 85 and own == pytest.approx(others, abs=3)


def test_characters_are_predicted(capsys: Capture) -> None:
    characters.main(["--seeds", "1", "--steps", "4", "--length", "128"])
    found = rows(capsys.readouterr().out)
    assert [row[0] for row in found] == ["recurrent", "state space", "attention"]
    for row in found:
        own, others = (float(re.split(" ", cell)[0]) for cell in row[1:3])
        assert own < 6.5 and own == pytest.approx(others, abs=0.5)
