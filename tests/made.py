"""What is made of the cases: whoever builds one leaves it to those tests of the same run that look at all of them."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import pytest


def place_of(case: Path, factory: pytest.TempPathFactory) -> Path:
    """Where the output folder of a case is kept: processes of a run share the place, runs that of the environment."""
    own = factory.getbasetemp()
    base = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    return Path(os.environ.get("LAYERGEN_MADE", base / "made")) / (
        f"{case.parent.name}_mended" if case.name == "mended" else case.name
    )


def keep(generated: Path, case: Path, factory: pytest.TempPathFactory) -> Path:
    """Keep the output folder of a case, whole or not at all."""
    place = place_of(case, factory)
    place.parent.mkdir(parents=True, exist_ok=True)
    copied = factory.mktemp("copied") / "generated"
    shutil.copytree(generated, copied)
    with suppress(OSError):  # another process was first
        copied.rename(place)
    return place
