"""LG22x: what a layer is made of."""

from layergen.diagnostics import Rule


class UnknownLayer(Rule):
    """A member is made by the constructor of another spec's layer, or of a module of `torch.nn`.

    The name before the parentheses is none of them: it is misspelled, or its spec is not in the project.

    Example:

        modules:
          norm: RMSNrom(dim)

    Fix: write the class as its spec names it, `RMSNorm(dim)`, or a module of torch as `nn.LayerNorm(dim)`.
    """

    code = "LG221"


class FaultyMember(Rule):
    """A layer is made of another whose own spec has faults.

    Nothing can be told of a layer before all is well with what it is made of. The faults are reported at the other
    spec; this one is looked at again when they are mended.

    Fix: mend the other spec first.
    """

    code = "LG222"


class CyclicMembers(Rule):
    """A layer is made of itself, directly or through other layers.

    Making one would never end.

    Example: `Block` has a member `inner: Stage(dim)`, and `Stage` a list of members `[Block(dim) for i in range(n)]`.

    Fix: break the circle. A layer that repeats another has a list of members.
    """

    code = "LG223"


class UnsupportedModule(Rule):
    """A module of torch that cannot be a member.

    Containers take modules, which a spec names as members instead. Lazy modules do not know the sizes of their
    tensors. Some others, as `nn.TransformerEncoderLayer`, give shapes and modes that cannot be told beforehand.

    Fix: name the members; write the module that is told its sizes; or make the layer of specs.
    """

    code = "LG224"


class WrongMember(Rule):
    """A member cannot be made or called with what it is given.

    Its constructor refuses an argument, or its forward an input's shape, by its own spec. What it demands stands in
    the other spec, at the place that is named.

    Example: `norm: RMSNorm(dim, eps=-1)` where `RMSNorm` demands a positive `eps`; `norm(x)` where `x` has another
    last dimension than the norm was made for.

    Fix: hand it what it demands.
    """

    code = "LG225"


class WrongTensorPath(Rule):
    """A path names a tensor that the member does not have.

    Example: `ties: {head.weight: embedding.wieght}`.

    So is a tensor that is tied to itself, at once or by way of others.

    Fix: write the path as it stands in the member's state dict. Tensors that are tied have the same shape.
    """

    code = "LG226"
