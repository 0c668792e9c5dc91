"""The faults of settings and oracles: LG4xx."""

from layergen.diagnostics import Rule


class Unsatisfiable(Rule):
    """No setting of the arguments satisfies their bounds and the constraints.

    Every layer is tried at a few settings before it is written. They are chosen from the arguments' types, bounds and
    constraints; where none is found, the constraints exclude each other, or the search was too simple for them.

        constraints:
          - dim > 8 and dim < 8

    Fix: correct the constraint, or give a setting that satisfies it under `cases`.
    """

    code = "LG401"


class InvalidCase(Rule):
    """A case that the layer's own arguments and constraints refuse.

        arguments:
          groups: {type: int, min: 1, doc: …}
        cases:
          - {groups: 0}
                     ^ `groups` must be positive

    Fix: give the case a value that the layer allows.
    """

    code = "LG402"


class InvalidDefault(Rule):
    """A default that the argument's own type, bounds or choices refuse.

        eps: {type: float, min: 0, exclusive: true, default: 0, doc: …}
                                                             ^ `eps` must be positive

    Fix: correct the default or the bound.
    """

    code = "LG403"


class MatchMismatch(Rule):
    """The module that the layer is to match cannot take its place.

    The module is made at each case, and must have a state dict of the same keys and shapes, so that one can be loaded
    into the other. The generated tests compare what the two compute.

        parameters:
          kernel: {shape: [out_features, in_features], init: zeros}
        matches: nn.Linear(in_features, out_features, bias=False)    # calls it `weight`

    Fix: name and shape the parameters as the module does, or leave out `matches`.
    """

    code = "LG404"


class EmptyRange(Rule):
    """The range of an input holds no value.

    A range is half open: its high end is not in it. Test inputs are drawn from it.

        inputs:
          labels: {shape: [N], dtype: int64, range: [0, num_classes - 1]}    # empty where num_classes == 1

    Fix: correct the ends: `[0, num_classes]` holds the labels from 0 to num_classes - 1.
    """

    code = "LG405"
