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
    """What the layer is to match cannot take its place, or computes something else.

    A module is made at each case, and must have a state dict of the same keys and shapes, so that one can be loaded
    into the other. Its values, or those of an expression, are compared with those of the forward, on each way through
    it, in float64, at numbers drawn at random. The generated tests compare the gradients too. Those that
    are no derivatives, as of a straight-through estimate, are compared where the expression has a `detach` of its own.

        parameters:
          kernel: {shape: [out_features, in_features], init: zeros}
        matches: nn.Linear(in_features, out_features, bias=False)    # calls it `weight`

        forward: y = x * sigmoid(x)
        matches: silu(x) + x                                         # gives other values

    Fix: name and shape the parameters as the module does; hold forward and match against the source, for one of the
    two is wrong.
    """

    code = "LG404"


class EmptyRange(Rule):
    """The range of an input holds no value.

    A range is half open: its high end is not in it. Test inputs are drawn from it. Where no value may stand twice, by
    `distinct`, it has to hold as many values as there are entries.

        inputs:
          labels: {shape: [N], dtype: int64, range: [0, num_classes - 1]}    # empty where num_classes == 1

    Fix: correct the ends: `[0, num_classes]` holds the labels from 0 to num_classes - 1.
    """

    code = "LG405"


class UntakenBranch(Rule):
    """No setting at which the layer is tried takes a branch or one of the values of a conditional, or enters a loop.

    What no setting takes is neither proven nor tried, whatever else is said of the layer. Conditions on arguments,
    sizes and optional inputs are solved by trying what they speak of; where that finds nothing, or nothing small, the
    spec has to say which setting it is. A loop is entered where it takes a turn.

        forward: |
          y = x * weight
          if dim > 5000:
              y = y + matmul(x, x)        # no setting takes this branch

    Fix: give a setting that takes it under `cases`, as `- {dim: 5001}`, or delete what nothing takes.
    """

    code = "LG406"


class EmptyTensor(Rule):
    """A tensor has no elements at a setting that bounds and constraints allow.

    A quotient that is rounded down comes to 0 for small arguments. A parameter without elements has no initial values,
    and a layer that passes through it gives the same for all inputs; an output without elements is mostly an input that
    is too small. The same goes for what modules of torch own: `nn.Linear(channels, channels // reduction)`.

        arguments:
          channels:  {type: int, min: 1, doc: …}
          reduction: {type: int, min: 1, default: 16, doc: …}
        parameters:
          weight: {shape: [channels // reduction, channels], init: zeros, doc: …}

    Fix: add the constraint that is missing, `reduction <= channels`, or round up: `max(channels // reduction, 1)`.
    """

    code = "LG407"


class DefinitionMismatch(Rule):
    """The forward and the definition compute different values.

    Both are run at each setting on the same random numbers, in float64 and in evaluation, and compared entry by entry:
    also with arguments at their bounds, where inputs are equal to what they are compared with, so that `<=` is told
    from `<`, and where loops take one turn; and in training, with the buffers that it updates, where the definition
    speaks of it. The first entry that differs is shown with both values, and the first intermediate value that both
    name and that differs already, if with the forward's value of it the definition gives what the forward does; of one
    that a loop computes in turns, the definition has the turns as an index. Where none explains all of it, as with two
    slips, the first is noted. Of what is drawn at random, moments are compared over many draws, and of initial values
    that are `uniform(a, b)` the least and the greatest.

        forward: y = x * rsqrt(mean(square(x), dim=-1, keepdim=True)) + eps
        definition: y[..., i] = x[..., i] / sqrt(mean[j](x[..., j] ** 2) + eps)

    Fix: one of the two is wrong; hold both against the source.
    """

    code = "LG408"


class IllDefined(Rule):
    """A definition does not say what an entry is.

    Each index on the right is one of the left side or of a sum around it, and runs as far as a tensor that it indexes
    alone, or as far as is written. Each entry that is read is there, none needs itself, and no two equations tell it.

        parameters:
          weight: {shape: [out_features, in_features], init: zeros}
        definition: y[n, o] = sum[i](weight[i, o] * x[n, i])    # `i` runs over two sizes

    Fix: put the indices in the order of the dimensions; write the range of an index, `sum[i < K](…)`, where nothing
    tells it; read zeros outside by `padded(x)[…]`; give a recurrence its base, `h[-1, n] = 0`.
    """

    code = "LG409"


class IncompleteDefinition(Rule):
    """The forward uses an argument that the definition does not know.

    What changes the values has its place in the formula, or in the shape of a tensor of the formula. What is used in
    training alone counts where the definition speaks of training; what belongs to random draws, such as the probability
    of dropout, never does.

        arguments:
          eps: {type: float, min: 0, default: 1e-6, doc: …}
        definition: y[..., i] = x[..., i] / sqrt(mean[j](x[..., j] ** 2))

    Fix: let the formula say what the argument does. One that changes how something is computed, and not what, is
    accepted with the reason: `accept: {incomplete-definition: …}`.
    """

    code = "LG410"
    judges = True


class UntoldTraining(Rule):
    """The layer does something in training of which its definition says nothing.

    Without random numbers, training has values like evaluation: statistics of the batch in the place of running ones,
    and buffers that are updated. A momentum the wrong way round, or a variance by the other count, changes no value in
    evaluation of the same call, so that nothing else would hold the layer to its source there.

        forward: |
          if training:
              center = mean(x, dim=0)
              running_mean = lerp(running_mean, center, momentum)
          else:
              center = running_mean
          y = x - center
        definition: y[n, c] = x[n, c] - running_mean[c]

    Fix: ask for the mode, and say what a buffer becomes; what is read by its name is what it was before the call.

        definition: |
          batch[c] = mean[n](x[n, c])
          y[n, c] = x[n, c] - (batch[c] if training else running_mean[c])
          running_mean[c] = (1 - momentum) * running_mean[c] + momentum * batch[c]

    What no formula can say is accepted with the reason: `accept: {untold-training: …}`.
    """

    code = "LG423"
    judges = True


class IncomputableValue(Rule):
    """A value that the layer computes from its arguments fails at some that are allowed.

    Defaults, derived values, attributes and constraints are computed at the bounds of arguments, at small numbers, and
    where two arguments are equal; numbers of the forward at the bounds, where powers may be too large; tensors that
    start with what is computed, at usual arguments, and where one is at its bounds or another small number. Where one
    has no value, a caller would get NaN, or the error of a division by zero or of an overflow, and not a ValueError
    that says which argument is wrong.

        arguments:
          n: {type: int, min: 1, doc: …}
        derived:
          scale: 1 / (n - 1)

    Fix: leave such arguments out, by a bound or by a constraint that mentions no value that fails.

        arguments:
          n: {type: int, min: 2, doc: …}
    """

    code = "LG421"


class BrokenLaw(Rule):
    """What the spec says of all inputs does not hold for some.

    A law is run on inputs that are drawn at random, in float64 and in evaluation. The message has the first place at
    which its sides are not as it says, and both values there.

        laws:
          - layer(-x) == -layer(x)        # of a layer with an offset

    Fix: correct the forward, or the law. Where it holds by approximation alone, say how far: `{law: …, within: 1e-3}`;
    where it holds for some arguments or sizes alone, `{law: …, when: not bias}`. So does one that calls the layer as it
    cannot be called at some sizes: `layer(x[:, L // 2:])` may want `when: L >= 2`.
    """

    code = "LG420"


class VacuousLaw(Rule):
    """A law that nothing could break, and that so tells nothing of the layer.

    Each law is held against other functions in the place of the layer: ones that give random numbers of the same
    shapes and dtypes, and for the same inputs the same ones. A law that all of them keep, as every function does what
    it does, holds of wrong layers, too; and one whose `when` is true at no setting is tried of none.

        laws:
          - layer(x) == layer(x + 0)
          - layer(x) >= -inf
          - abs(layer(x)) >= 0

    Fix: say what sets this layer apart, as what it does to inputs that are moved, turned round or put in another order,
    or between which values its outputs lie; or delete the law.

        laws:
          - layer(x + 1) == layer(x)
          - layer(x) <= 1
    """

    code = "LG422"
