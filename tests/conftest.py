"""What all tests share."""

import gc
import os
import sys
from collections.abc import Iterator
from operator import itemgetter
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from scheduling import BySpec
    from shipped import CheckedFiles
    from xdist.remote import Producer

    from layergen.project.config import Config
    from layergen.project.fingerprint import Digest

collect_ignore = ["cases"]  # the tests in there are what a build is expected to write

# Layers under test are small: threads cost torch more than they save. It reads this when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Examples are the same in each run, so that what failed once fails again. Continuous integration tries ten times as
# many, by the profile that it names in LAYERGEN_PROFILE; others are found with `--hypothesis-profile=search`.
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=10, database=None)
settings.register_profile("thorough", settings.get_profile("suite"), max_examples=100)
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("LAYERGEN_PROFILE", "suite"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-cases", action="store_true", help="write what layergen does now into tests/cases")


def pytest_collection() -> None:
    """Search for garbage seldom while modules are imported and tests are made, nearly all of which stays."""
    gc.set_threshold(50_000)


def pytest_collection_finish() -> None:
    """Let no search for garbage look at some ten thousand tests again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: "Producer") -> "BySpec":
    from scheduling import BySpec  # with xdist, without which tests are run one by one

    return BySpec(config, log)


@pytest.fixture(scope="session", autouse=True)
def code_is_read_once() -> Iterator[None]:
    """Builds in this process read the tool's own code but once, which takes longer than a small spec.

    Tests that put something else in the place of the code or of its libraries have that read.
    """
    from layergen.project import cache, fingerprint

    known: dict[object, str] = {}
    sources = itemgetter("PACKAGE", "templates_folder")
    usual = sources(vars(fingerprint))

    def read_once(config: "Config", digest: "Digest") -> str:
        if sources(vars(fingerprint)) != usual:
            return fingerprint.fingerprint(config, digest)
        key = (config.fingerprint(), *sys.path)
        if key not in known:
            known[key] = fingerprint.fingerprint(config, digest)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "fingerprint", read_once)
        yield


@pytest.fixture(scope="session")
def shipped() -> "CheckedFiles":
    """The specs that are shipped, by the names of their files, and what the checks find out about them."""
    from shipped import SPECS, CheckedFiles  # with torch, which has to be imported after the line above

    return CheckedFiles(SPECS)
