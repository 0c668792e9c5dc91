"""At values: what is drawn at random is held to its law at some values of the layer's tensors and inputs, not at one.

At one of them a learned strength may be so small that what is drawn with it is lost beside what is fixed.
"""

from itertools import product

from layergen.compare.compared import ON_DATA
from layergen.compare.definition import evaluated
from layergen.compare.in_law import FEWEST, hold_to_law
from layergen.definition.draws import RandomFault
from layergen.definition.evaluate import Evaluation
from layergen.definition.numbers import MOST_TURNS, IndexFault
from layergen.probe.values import ORDINARY, drawn, give
from layergen.run.instance import Instance
from layergen.run.moving import move
from layergen.run.started import start

SEEDS = (1, 2, 3, 4)  # of further values, at each of which fewer draws tell; fewer, where a definition takes long


def hold_at_values(instance: Instance, evaluation: Evaluation, training: bool = False) -> int:
    """Hold a layer to its definition at the values that it has and at others; gives by how many draws.

    Raises:
        SpecError: If a moment differs.
        TooLongError: If all draws of the definition together take too long.
        TrialFault: If the layer does not run.
    """
    draws = hold_to_law(instance, evaluation, training)
    turns = evaluation.account.whole + draws * evaluation.account.turns
    for seed in SEEDS[: max(1, MOST_TURNS // max(turns, 1))]:
        other = _at_other_values(instance, seed)
        hold_to_law(other, evaluated(other, evaluation.definition, training), training, most=FEWEST)
    return draws


def draws_at_other_values(instance: Instance, evaluation: Evaluation, training: bool) -> bool:
    """Whether a definition asks for random numbers at other values, as where a mask hid all of what is dropped.

    Raises:
        TooLongError: If the definition takes too long.
    """
    for seed in SEEDS if evaluation.definition.draws else ():
        other = _at_other_values(instance, seed)
        found = evaluated(other, evaluation.definition, training)
        try:
            for name in other.returned():
                for index in product(*map(range, other.declared_shape(name))):
                    found.entry(name, index)
        except RandomFault:
            return True
        except IndexFault:  # which is told where values are compared
            continue
    return False


def _at_other_values(instance: Instance, seed: int) -> Instance:
    """The same layer with other random values, as each run of the generated tests has."""
    with drawn(seed):
        other = Instance(instance.program, instance.setting, ON_DATA)
        start(other)
        move(other)
        give(other, ORDINARY)
    return other
