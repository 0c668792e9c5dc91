"""The faults of shapes, and of ops that refuse their arguments."""

from layergen.diagnostics import Rule


class HiddenCoupling(Rule):
    """Two tensors are combined whose shapes fit only by accident.

    Shapes are aligned from the right. A bias of shape `[out_channels]` added to an image `[N, out_channels, H, W]`
    meets the width, not the channels: it fails for most sizes, and where the width equals `out_channels` it silently
    computes something else.

        forward: y = conv2d(x, weight) + bias

    Fix: give the tensor the dimensions that it lacks on the right, or hand it to the op.

        forward: y = conv2d(x, weight) + bias[:, None, None]
        forward: y = conv2d(x, weight, bias)
    """

    code = "LG301"


class ShapeMismatch(Rule):
    """An output has another shape than the spec declares.

    The forward is tried without data at the layer's cases, and what comes out is held against `outputs`.

        outputs:
          y: [N, out_channels, H, W]
        forward: y = conv2d(x, weight, stride=stride)   # gives [N, out_channels, H - 2, W - 2]

    Fix: correct the declared shape or the forward.
    """

    code = "LG302"


class OpFailed(Rule):
    """An op refuses its arguments, though their kinds are right.

    The forward is tried without data at the layer's cases. Mostly a shape does not fit.

        parameters:
          weight: {shape: [in_features, out_features], init: zeros}
        forward: y = linear(x, weight)                  # linear wants [out_features, in_features]

    Fix: bring the tensors into the shapes that the op takes. Where only some settings fail, add a constraint.
    """

    code = "LG303"
