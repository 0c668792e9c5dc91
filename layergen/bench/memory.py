"""How much memory a call holds at most."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from layergen.bench.clock import undisturbed


def peak(call: Callable[[], object]) -> int:
    """The bytes that a call holds at most beside what is there before it, as torch's profiler sees them."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler tells the terminal that it starts and stops
    call()  # so that what is made once is there
    with undisturbed(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        call()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "trace.json")
        seen.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    held = most = 0
    for event in sorted((event for event in events if event["name"] == "[memory]"), key=lambda event: event["ts"]):
        held += event["args"]["Bytes"]
        most = max(most, held)
    return most
