"""How tests are shared out among processes: those go together that look at one thing, so that it is made once."""

import re

from xdist.scheduler import LoadScopeScheduling

OF_SPEC = re.compile(r"tests/test_(?:proof|induction|meaning)\.py::\w+\[(\w+)\]")  # which use the fixture `shipped`
OF_PROJECT = re.compile(r"(tests/test_(?:bounds|hostile_files|hostile_specs|hostile_texts|imports|incremental)\.py)::")


class BySpec(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out together what is generated for a layer, what checks a spec, and what looks at one large project.

    Of the rest, one test at a time.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("generated/"):
            return str(super()._split_scope(nodeid))
        together = OF_SPEC.match(nodeid) or OF_PROJECT.match(nodeid)
        return together[1] if together else nodeid
