"""Small layers whose entries depend on each other in a way that ordinary inputs hide, and some that seem to."""

SOUND = {
    "center_that_is_read_before_it_is_updated": """
arguments: {dim: {type: int, min: 2, doc: Size.}}
buffers: {center: {shape: [dim], init: zeros}}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: |
  y = softmax((x - center) / 0.01, dim=-1)
  if training:
      center = 0.9 * center + 0.1 * mean(x, dim=0)
""",
    "causal_attention_at_a_low_temperature": """
inputs: {q: [N, L, D], k: [N, L, D], v: [N, L, E]}
outputs: {y: [N, L, E]}
causal: L
forward: y = scaled_dot_product_attention(q, k, v, is_causal=True, scale=500.0)
""",
    "masked_attention_at_a_low_temperature": """
inputs: {x: [N, L, D], mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}}
outputs: {y: [N, L, D]}
forward: |
  scores = masked_fill(500 * x @ transpose(x, 1, 2), ~mask[:, None], -inf)
  y = nan_to_num(softmax(scores, dim=-1)) @ x
""",
    "input_of_little_effect": """
inputs: {x: [N, D], bias: [N, D]}
outputs: {y: [N, D]}
forward: y = x + 1e-8 * tanh(bias)
""",
}

WRONG = {
    "center_that_is_updated_before_it_is_read": (
        "LG327",
        "`y` changes with the other samples along `N` in training",
        """
arguments: {dim: {type: int, min: 2, doc: Size.}}
buffers: {center: {shape: [dim], init: zeros}}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: |
  if training:
      center = 0.9 * center + 0.1 * mean(x, dim=0)
  y = softmax((x - center) / 0.01, dim=-1)
""",
    ),
    "samples_that_meet_beyond_a_threshold": (
        "LG327",
        "`y` changes with the other samples along `N`",
        """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
forward: |
  h = hardshrink(x, 10.0)
  y = h * mean(x, dim=0)
""",
    ),
    "future_that_a_low_temperature_hides": (
        "LG329",
        "`y` sees the future",
        """
inputs: {x: [N, L, D]}
outputs: {y: [N, L, D]}
causal: L
forward: |
  later = flip(cumsum(flip(x, [1]), dim=1), [1])
  y = softmax((x - 0.001 * later) / 0.002, dim=-1)
""",
    ),
    "unmarked_positions_that_a_low_temperature_hides": (
        "LG330",
        "`y` changes with positions of `x` that `mask` does not mark",
        """
inputs: {x: [N, L, D], mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}}
outputs: {y: [N, L, D]}
forward: |
  y = softmax((x - 0.001 * tanh(mean(x, dim=1, keepdim=True))) / 0.0005, dim=-1)
""",
    ),
    "input_whose_effect_cancels_out": (
        "LG331",
        "no output depends on the values of `bias`",
        """
inputs: {x: [N, D], bias: [N]}
outputs: {y: [N, D]}
forward: y = softmax(x + bias[:, None], dim=-1)
""",
    ),
}
