"""The process that runs mutants: what one of them does to it, hanging among that, is its own.

It is told on its command line the test module, at which mutant to begin and which tests to leave out, and says on its
standard output, one line of JSON each, how long the tests take on the layer itself, and what became of each mutant.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

from layergen.mutate.mutants import mutants
from layergen.mutate.runs import Judge


def main(arguments: Sequence[str]) -> None:
    """Judge the mutants of a layer."""
    name, begin, *without = arguments
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)  # what tests print goes elsewhere

        def say(**said: object) -> None:
            out.write(json.dumps(said) + "\n")
            out.flush()

        warnings.simplefilter("ignore")
        torch.set_num_threads(1)
        judge = Judge(name, without)
        started = time.perf_counter()
        failing = judge.failing(judge.tests.LAYER)
        say(failing=failing, seconds=time.perf_counter() - started)
        source = Path(str(judge.module.__file__)).read_text(encoding="utf-8")
        for place, mutant in enumerate(mutants(source, judge.constructor.__name__)):
            if place >= int(begin) and failing is None:
                say(mutant=place, found=judge.found(mutant))


if __name__ == "__main__":
    main(sys.argv[1:])
