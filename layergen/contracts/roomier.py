"""The settings with larger dimensions: what an entry does may show only where it is not alone in its group."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

from layergen.probe.ways import Ways
from layergen.run.forward import TrialFault
from layergen.run.room import has_room
from layergen.settings.choice import Setting
from layergen.settings.larger import with_larger_sizes

MOST = 24  # settings for each way


def roomier(ways: Ways) -> Iterator[Setting]:
    """The setting of each way with larger dimensions, where there is room for data."""
    for runs in ways.runs:
        for setting in islice(with_larger_sizes(ways.program, runs.setting, 0, None), MOST):
            with suppress(TrialFault):
                if has_room(ways.program, setting):
                    yield setting
