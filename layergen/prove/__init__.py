"""A layer at symbols: formulas, proofs, preconditions, input checks, costs."""

import os

# Formulas that sympy has made it finds again, with what it knows of them, as long as they are among so many; by itself
# it keeps 1,000, which a run at symbols goes through many times. It asks once, when it is imported.
os.environ.setdefault("SYMPY_CACHE_SIZE", "20000")
