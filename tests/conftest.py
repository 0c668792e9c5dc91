"""What all tests share."""

import os

import pytest

collect_ignore = ["cases"]  # the tests in there are what a build is expected to write

# Layers under test are small: threads cost torch more than they save. It reads this when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-cases", action="store_true", help="write what layergen does now into tests/cases")
