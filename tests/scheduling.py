"""How tests are shared out among processes: those go together that look at one thing, so that it is made once."""

import re
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest
    from xdist.remote import Producer
    from xdist.workermanage import WorkerController

OF_SPEC = re.compile(r"tests/test_(?:proof|induction|meaning)\.py::\w+\[(\w+)\]")  # which use the fixture `shipped`
OF_PROJECT = re.compile(
    r"(tests/test_(?:behaviours|bench|bites|bites_on_calls|bounds|hostile_files|hostile_specs|hostile_texts|imports"
    r"|incremental)\.py)::"
)


class BySpec(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out together what is generated for a layer, what checks a spec, and what looks at one large project.

    Of the rest, one test at a time. What is done is forgotten, and where a test stands in a collection is looked up:
    xdist itself goes through all tests for each of them, some ten seconds for thirty thousand.
    """

    def __init__(self, config: "pytest.Config", log: "Producer") -> None:
        super().__init__(config, log)
        self.places: dict[WorkerController, dict[str, int]] = {}

    def add_node_collection(self, node: "WorkerController", collection: "Sequence[str]") -> None:
        super().add_node_collection(node, collection)
        self.places[node] = {nodeid: place for place, nodeid in enumerate(collection)}

    def _assign_work_unit(self, node: "WorkerController") -> None:
        scope, unit = self.workqueue.popitem(last=False)
        self.assigned_work[node][scope] = unit
        node.send_runtest_some([self.places[node][nodeid] for nodeid in unit])

    def mark_test_complete(self, node: "WorkerController", item_index: int, duration: float = 0) -> None:
        nodeid = self.registered_collections[node][item_index]
        scope = self._split_scope(nodeid)
        unit = self.assigned_work[node][scope]
        del unit[nodeid]
        if not unit:
            del self.assigned_work[node][scope]
        self._reschedule(node)

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("generated/"):
            return str(super()._split_scope(nodeid))
        together = OF_SPEC.match(nodeid) or OF_PROJECT.match(nodeid)
        return together[1] if together else nodeid
