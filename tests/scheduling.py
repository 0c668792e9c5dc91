"""How tests are shared out among processes: those of one shipped spec go together, so that it is checked once."""

import re

from xdist.scheduler import LoadScopeScheduling

OF_SPEC = re.compile(r"tests/test_(?:proof|induction|meaning)\.py::\w+\[(\w+)\]")  # which use the fixture `shipped`


class BySpec(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out together what is generated for a layer, and what checks a spec; of the rest, one test at a time."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("generated/"):
            return str(super()._split_scope(nodeid))
        of_spec = OF_SPEC.match(nodeid)
        return of_spec[1] if of_spec else nodeid
