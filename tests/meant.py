"""Small layers whose entries depend on each other as they should, and some that do not, each by what it says."""

DIM = "dim: {type: int, min: 1, doc: Size.}"

SOUND = {
    "places_in_a_queue_that_all_see": """
arguments: {experts: {type: int, min: 1, doc: Queues.}}
inputs: {logits: [T, experts]}
outputs: {places: {shape: [T, experts], dtype: int64}}
mixes: [T]
cases: [{experts: 3, T: 9}]
forward: |
  chosen = one_hot(argmax(logits, dim=-1), experts)
  places = cumsum(chosen, dim=0) * chosen
""",
    "put_back_in_order": """
inputs: {x: [N, D], lengths: {shape: [N], dtype: int64, range: [1, 9]}}
outputs: {y: [N, D]}
forward: |
  order = argsort(lengths, stable=True)
  y = x[order][argsort(order)] * type_as(lengths, x)[:, None]
""",
    "pixels": """
inputs: {frame: {shape: [N, C, H, W], dtype: uint8, range: [0, 256]}}
outputs: {y: {shape: [N, C, H, W], dtype: float32}}
forward: y = to(frame, float32) / 255
""",
    "contrastive": """
arguments: {temperature: {type: float, min: 0, exclusive: true, default: 0.1, doc: Scale.}}
inputs: {a: [N, D], b: [N, D]}
outputs: {loss: [N]}
mixes: [N]
forward: |
  scores = normalize(upcast(a), dim=-1) @ transpose(normalize(upcast(b), dim=-1), 0, 1) / temperature
  loss = type_as(logsumexp(scores, dim=1) - diagonal(scores), a)
""",
    "similarity_of_all_pairs": """
inputs: {x: [N, D]}
outputs: {y: [N, N]}
forward: y = x @ transpose(x, 0, 1)
""",
    "standardized_batch": """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
mixes: [N]
forward: |
  variance, mean = var_mean(upcast(x), dim=0, correction=0, keepdim=True)
  y = type_as((x - mean) * rsqrt(variance + 0.1), x)
""",
    "batch_statistics_in_training": """
arguments: {dim: {type: int, min: 1, doc: Size.}}
buffers: {running_mean: {shape: [dim], init: zeros}}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
mixes: {N: training}
forward: |
  center = running_mean
  if training:
      center = type_as(mean(upcast(x), dim=0), x)
      running_mean = 0.9 * running_mean + 0.1 * center
  y = x - center
""",
    "graph_convolution": """
arguments: {dim: {type: int, min: 1, doc: Size.}, out: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [out, dim], init: xavier_uniform}}
inputs: {x: [V, dim], adjacency: [V, V]}
outputs: {y: [V, out]}
mixes: [V]
forward: y = adjacency @ linear(x, weight)
""",
    "graph_edges": """
inputs:
  x: [V, D]
  source: {shape: [E], dtype: int64, range: [0, V]}
  target: {shape: [E], dtype: int64, range: [0, V]}
outputs: {y: [V, D]}
mixes: [V]
forward: y = index_add(zeros_like(x), 0, target, x[source])
""",
    "masked_mean": """
inputs: {x: [N, L, D], mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}}
outputs: {y: [N, D]}
forward: |
  m = type_as(mask, x)
  y = sum(x * m[:, :, None], dim=1) / clamp(sum(m, dim=1, keepdim=True), min=1.0)
""",
    "masked_maximum": """
inputs: {x: [N, L, D], mask: {shape: [N, L], dtype: bool, marks: x, dim: L}}
outputs: {y: [N, D]}
forward: |
  h = amax(masked_fill(x, ~mask[:, :, None], -inf), dim=1)
  y = where(any(mask, dim=1)[:, None], h, zeros_like(h))
""",
    "masked_loss": """
inputs:
  x: [N, L]
  target: [N, L]
  mask: {shape: [N, L], dtype: bool, marks: [x, target], dim: 1}
outputs: {loss: []}
forward: |
  m = type_as(mask, x)
  loss = sum(square(x - target) * m) / clamp(sum(m), min=1.0)
""",
    "key_masked_attention": """
inputs:
  q: [N, Q, D]
  k: [N, K, D]
  v: [N, K, E]
  mask: {shape: [N, K], dtype: bool, marks: [k, v], dim: 1}
outputs: {y: [N, Q, E]}
forward: |
  scores = q @ transpose(k, 1, 2) / sqrt(D)
  scores = masked_fill(scores, ~mask[:, None], -inf)
  y = nan_to_num(softmax(scores, dim=-1)) @ v
""",
    "self_attention_with_a_mask": """
inputs: {x: [N, L, D], mask: {shape: [N, L], dtype: bool, optional: true, marks: x, dim: 1}}
outputs: {y: [N, L, D]}
forward: |
  scores = x @ transpose(x, 1, 2) / sqrt(D)
  if mask is not None:
      scores = masked_fill(scores, ~mask[:, None], -1e4)
  y = softmax(scores, dim=-1) @ x
""",
    "one_mask_for_all_samples": """
inputs: {x: [N, L, D], mask: {shape: [L], dtype: bool, marks: x, dim: 1}}
outputs: {y: [N, D]}
forward: y = sum(where(mask[:, None], x, zeros_like(x)), dim=1)
""",
    "causal_convolution": """
arguments: {channels: {type: int, min: 1, doc: Size.}, width: {type: int, min: 1, doc: Window.}}
parameters: {weight: {shape: [channels, channels, width], init: kaiming_uniform}}
inputs: {x: [N, channels, L]}
outputs: {y: [N, channels, L]}
causal: L
forward: y = conv1d(pad(x, [width - 1, 0]), weight)
""",
    "causal_attention": """
inputs: {q: [N, L, D], k: [N, L, D], v: [N, L, E]}
outputs: {y: [N, L, E]}
causal: L
forward: y = scaled_dot_product_attention(q, k, v, is_causal=True)
""",
    "cumulative_sum": """
inputs: {x: [N, L, D]}
outputs: {y: [N, L, D]}
causal: L
forward: y = cumsum(x, dim=1)
""",
    "token_shift": """
arguments: {dim: {type: int, min: 1, doc: Size.}}
parameters: {mix: {shape: [dim], init: uniform}}
inputs: {x: [N, L, dim]}
outputs: {y: [N, L, dim]}
causal: L
forward: |
  before = pad(x, [0, 0, 1, 0])[:, :L]
  y = x + (before - x) * mix
""",
    "strided_pooling": """
arguments: {width: {type: int, min: 1, doc: Window.}, step: {type: int, min: 1, doc: Step.}}
constraints: [step <= width]
inputs: {x: [N, C, L]}
outputs: {y: [N, C, "(L - width) // step + 1"]}
forward: y = max_pool1d(x, width, step)
""",
    "global_maximum": """
inputs: {x: [N, C, H, W]}
outputs: {y: [N, C]}
forward: y = amax(x, dim=[2, 3])
""",
    "embedding": """
arguments: {count: {type: int, min: 1, doc: Rows.}, dim: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [count, dim], init: normal}}
inputs: {index: {shape: [N, L], dtype: int64, range: [0, count]}}
outputs: {y: [N, L, dim]}
forward: y = embedding(index, weight)
""",
    "recurrent_cell": """
arguments: {size: {type: int, min: 1, doc: Size.}, hidden: {type: int, min: 1, doc: Size.}}
parameters:
  weight_ih: {shape: [hidden, size], init: xavier_uniform}
  weight_hh: {shape: [hidden, hidden], init: orthogonal}
inputs: {x: [N, size], h: [N, hidden]}
outputs: {y: [N, hidden]}
forward: y = tanh(linear(x, weight_ih) + linear(h, weight_hh))
""",
    "huber_loss": """
inputs: {x: [N], target: [N]}
outputs: {loss: []}
forward: |
  d = abs(upcast(x) - target)
  loss = type_as(mean(where(d < 1, square(d) / 2, d - 0.5)), x)
""",
    "hard_labels": """
arguments: {classes: {type: int, min: 2, doc: Classes.}}
inputs: {logits: [N, classes], target: {shape: [N], dtype: int64, range: [0, classes]}}
outputs: {loss: [N]}
forward: loss = cross_entropy(logits, target, reduction="none")
""",
    "straight_through": """
inputs: {x: {shape: [N, D], gradient: false}}
outputs: {y: [N, D]}
forward: y = x + detach(round(x) - x)
""",
    "vector_quantizer": """
arguments: {count: {type: int, min: 2, doc: Codes.}, dim: {type: int, min: 1, doc: Size.}}
parameters: {codes: {shape: [count, dim], init: normal}}
inputs: {x: {shape: [N, dim], gradient: false}}
outputs: {y: [N, dim], index: {shape: [N], dtype: int64}}
forward: |
  index = argmin(sum(square(x[:, None] - codes), dim=-1), dim=1)
  y = codes[index]
""",
    "first_token": """
inputs: {x: {shape: [N, L, D], partial: true}}
outputs: {y: [N, D]}
forward: y = x[:, 0]
""",
    "permuted_features": """
arguments: {dim: {type: int, min: 2, doc: Size.}}
buffers: {order: {shape: [dim], init: "flip(arange(dim), [0])", dtype: int64}}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: y = x[:, order]
""",
    "sample_noise": """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
forward: |
  if training:
      x = x + randn_like(x)
  y = x
""",
    "channel_dropout": """
arguments: {p: {type: float, min: 0, max: 1, default: 0.5, doc: Share.}}
inputs: {x: [N, C, L]}
outputs: {y: [N, C, L]}
forward: y = dropout1d(x, p, training=training)
""",
    "samples_in_the_second_place": """
inputs: {x: [L, N, D]}
outputs: {y: [L, N, D]}
mixes: [L]
forward: y = softmax(x, dim=0)
""",
    "flow_with_a_log_determinant": """
arguments: {dim: {type: int, min: 1, doc: Size.}}
parameters: {scale: {shape: [dim], init: zeros}}
inputs: {x: [N, dim]}
outputs: {y: [N, dim], logdet: []}
forward: |
  y = x * exp(scale)
  logdet = sum(scale)
""",
    "product_of_what_is_positive": """
inputs: {x: [N, D]}
outputs: {y: [N]}
forward: y = prod(relu(x), dim=1)
""",
    "mixture_of_samples": """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
mixes: {N: training}
forward: |
  if training:
      x = 0.5 * x + 0.5 * x[randperm(N)]
  y = x
""",
    "one_by_one_convolution_with_a_stride": """
arguments: {channels: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [channels, channels, 1, 1], init: kaiming_uniform}}
inputs: {x: [N, channels, H, W]}
outputs: {y: [N, channels, (H - 1) // 2 + 1, (W - 1) // 2 + 1]}
forward: y = conv2d(x, weight, stride=2)
""",
    "patches": """
arguments:
  size: {type: int, min: 1, doc: Size of a patch.}
  channels: {type: int, min: 1, doc: Size.}
  dim: {type: int, min: 1, doc: Size.}
parameters: {weight: {shape: [dim, channels, size, size], init: kaiming_uniform}}
inputs: {x: [N, channels, H, W]}
outputs: {y: [N, dim, (H - size) // size + 1, (W - size) // size + 1]}
forward: y = conv2d(x, weight, stride=size)
""",
    "average_over_the_edges": """
inputs: {x: [V, D], edges: {shape: [2, E], dtype: int64, range: [0, V]}}
outputs: {y: [V, D]}
mixes: [V]
forward: |
  source, target = unbind(edges)
  count = clamp(index_add(zeros(V), 0, target, ones(E)), min=1)
  y = index_add(zeros_like(x), 0, target, x[source]) / count[:, None]
""",
    "lengths": """
inputs: {x: [N, L, D], length: {shape: [N], dtype: int64, range: [1, L + 1]}}
outputs: {y: [N, D]}
forward: |
  kept = arange(L) < length[:, None]
  y = sum(x * kept[:, :, None], dim=1) / length[:, None]
""",
    "counts_drawn_at_random": """
inputs: {rate: {shape: [N, D], range: [0, 5], gradient: false}}
outputs: {y: [N, D]}
random: always
forward: y = poisson(rate) + poisson(rate)
""",
    "loss_with_a_reduction": """
arguments: {reduction: {type: str, choices: [none, mean], default: mean, doc: How.}}
inputs: {x: [N, D], weight: {shape: [N], range: [0.1, 1]}}
outputs: {loss: "[N] if reduction == 'none' else []"}
forward: |
  loss = mean(square(x), dim=1) * weight
  if reduction == "mean":
      loss = sum(loss) / sum(weight)
""",
    "loss_of_the_next_token": """
arguments: {classes: {type: int, min: 2, doc: Classes.}}
inputs: {logits: [N, L, classes], tokens: {shape: [N, L], dtype: int64, range: [0, classes]}}
outputs: {loss: []}
forward: loss = cross_entropy(reshape(logits[:, :-1], [-1, classes]), reshape(tokens[:, 1:], [-1]))
""",
    "hinge": """
inputs: {x: [N], target: {shape: [N], dtype: int64, range: [0, 2]}}
outputs: {loss: [N]}
forward: loss = relu(1 - x * (2 * target - 1))
""",
}

# What is wrong with a layer: the rule, and a part of the message or of the help.
WRONG = {
    "attention_over_the_batch": (
        "LG327",
        "`y` changes with the other samples along `N`",
        """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
forward: y = softmax(x @ transpose(x, 0, 1) / sqrt(D), dim=-1) @ x
""",
    ),
    "softmax_over_the_samples": (
        "LG327",
        "declare that samples see each other: `mixes: [N]`",
        """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
forward: y = softmax(x, dim=0)
""",
    ),
    "scaled_by_the_number_of_samples": (
        "LG327",
        "is another one for a sample alone, where N == 1",
        """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
forward: y = x / N
""",
    ),
    "places_in_a_queue": (
        "LG327",
        "`places` changes with the other samples along `T`",
        """
arguments: {experts: {type: int, min: 1, doc: Queues.}}
inputs: {logits: [T, experts]}
outputs: {places: {shape: [T, experts], dtype: int64}}
cases: [{experts: 3, T: 9}]
forward: |
  chosen = one_hot(argmax(logits, dim=-1), experts)
  places = cumsum(chosen, dim=0) * chosen
""",
    ),
    "put_in_order_twice": (
        "LG327",
        "`y` changes with the other samples along `N`",
        """
inputs: {x: [N, D], lengths: {shape: [N], dtype: int64, range: [1, 9]}}
outputs: {y: [N, D]}
forward: |
  order = argsort(lengths, stable=True)
  y = x[order][order]
""",
    ),
    "counted_along_the_batch": (
        "LG327",
        "changes with the place of a sample along `N`",
        """
inputs: {x: [N, L, D]}
outputs: {y: [N, L, D]}
forward: y = x * arange(N)[:, None, None]
""",
    ),
    "statistics_of_the_batch_in_training": (
        "LG327",
        "`mixes: {N: training}`",
        """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
forward: |
  if training:
      x = x - mean(x, dim=0)
  y = x
""",
    ),
    "statistics_of_the_batch_in_evaluation": (
        "LG327",
        "in evaluation too",
        """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
mixes: {N: training}
forward: |
  h = 2 * x if training else x
  y = h - mean(x, dim=0)
""",
    ),
    "nodes_that_do_not_say_so": (
        "LG327",
        "`mixes: [V]`",
        """
inputs: {x: [V, D], adjacency: [V, V]}
outputs: {y: [V, D]}
forward: y = adjacency @ x
""",
    ),
    "mixture_that_does_not_say_so": (
        "LG327",
        "`mixes: {N: training}`",
        """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
forward: |
  if training:
      x = 0.5 * x + 0.5 * x[randperm(N)]
  y = x
""",
    ),
    "share_of_the_length": (
        "LG329",
        "up to index 3 it changes where `L` ends there",
        """
inputs: {x: [N, L]}
outputs: {y: [N, L]}
causal: L
forward: y = cumsum(x, dim=1) / L
""",
    ),
    "mask_of_the_next": (
        "LG330",
        "`y` changes with more positions of `x` that `mask` does not mark",
        """
inputs: {x: [N, L], mask: {shape: [N, L], dtype: bool, marks: x, dim: L}}
outputs: {y: [N, L]}
forward: y = masked_fill(x, ~cat([mask[:, 1:], ones(N, 1, dtype=bool)], dim=1), 0)
""",
    ),
    "last_channel_forgotten": (
        "LG331",
        "no output depends on `x[:, 2]`",
        """
inputs: {x: [N, 3, H, W]}
outputs: {y: [N, 1, H, W]}
forward: y = 0.3 * x[:, 0:1] + 0.6 * x[:, 1:2] + 0.1 * x[:, 0:1]
""",
    ),
    "loss_of_each_sample_over_all": (
        "LG327",
        "`loss` changes with the other samples along `N`",
        """
arguments: {reduction: {type: str, choices: [none, mean], default: mean, doc: How.}}
inputs: {x: [N, D], weight: {shape: [N], range: [0.1, 1]}}
outputs: {loss: "[N] if reduction == 'none' else []"}
forward: |
  loss = mean(square(x), dim=1) * weight / sum(weight)
  if reduction == "mean":
      loss = sum(loss)
""",
    ),
    "largest_of_all": (
        "LG327",
        "along `...`",
        """
inputs: {x: [..., D]}
outputs: {y: [..., D]}
forward: y = x / (1 + amax(abs(x)))
""",
    ),
    "mixes_for_nothing": (
        "LG328",
        "no sample was seen to depend on another one",
        """
inputs: {x: [N, D]}
outputs: {y: [N, D]}
mixes: [N]
forward: y = 2 * x
""",
    ),
    "mixes_of_another_dimension": (
        "LG328",
        "`L` is not held apart: the samples are those along `N`",
        """
inputs: {x: [N, L]}
outputs: {y: [N, L]}
mixes: [L]
forward: y = softmax(x, dim=1)
""",
    ),
    "mixes_without_samples_in_the_outputs": (
        "LG328",
        "no output has `N`",
        """
inputs: {x: [N, L]}
outputs: {y: []}
mixes: [N]
forward: y = mean(x)
""",
    ),
    "convolution_to_both_sides": (
        "LG329",
        "`y` sees the future",
        """
parameters: {weight: {shape: [3], init: ones}}
inputs: {x: [N, L]}
outputs: {y: [N, L]}
causal: L
forward: y = conv1d(pad(x, [1, 1])[:, None], weight[None, None])[:, 0]
""",
    ),
    "attention_without_a_mask": (
        "LG329",
        "`y` sees the future",
        """
inputs: {q: [N, L, D], k: [N, L, D], v: [N, L, E]}
outputs: {y: [N, L, E]}
causal: L
forward: y = scaled_dot_product_attention(q, k, v)
""",
    ),
    "sum_from_the_end": (
        "LG329",
        "at index 0 along `L`",
        """
inputs: {x: [N, L]}
outputs: {y: [N, L]}
causal: L
forward: y = flip(cumsum(flip(x, [1]), dim=1), [1])
""",
    ),
    "padding_in_the_count": (
        "LG330",
        "`y` changes with more positions of `x` that `mask` does not mark",
        """
inputs: {x: [N, L, D], mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}}
outputs: {y: [N, D]}
forward: y = mean(x * mask[:, :, None], dim=1)
""",
    ),
    "mask_the_other_way_round": (
        "LG330",
        "true means that a position counts: use `~mask`",
        """
inputs: {x: [N, L, D], mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}}
outputs: {y: [N, D]}
forward: y = sum(masked_fill(x, mask[:, :, None], 0.0), dim=1)
""",
    ),
    "values_that_are_not_masked": (
        "LG330",
        "`y` changes with positions of `k` and `v`",
        """
inputs:
  q: [N, Q, D]
  k: [N, K, D]
  v: [N, K, E]
  mask: {shape: [N, K], dtype: bool, marks: [k, v], dim: 1}
outputs: {y: [N, Q, E]}
forward: |
  scores = q @ transpose(k, 1, 2) / sqrt(D)
  scores = softmax(scores, dim=-1) * mask[:, None]
  y = scores @ v
""",
    ),
    "mean_of_nothing": (
        "LG333",
        "`y` is NaN where `mask` marks no position",
        """
inputs: {x: [N, L, D], mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}}
outputs: {y: [N, D]}
forward: |
  m = type_as(mask, x)
  y = sum(x * m[:, :, None], dim=1) / sum(m, dim=1, keepdim=True)
""",
    ),
    "half_of_the_features": (
        "LG331",
        "no output depends on `x[:, -3:]`",
        """
inputs: {x: [N, D]}
outputs: {y: [N]}
forward: y = sum(x[:, :D // 2 + 1], dim=1)
""",
    ),
    "all_but_the_last": (
        "LG331",
        "no output depends on `x[:, :, -1:]`",
        """
inputs: {x: [N, C, L]}
outputs: {y: [N, C]}
forward: y = sum(x[:, :, :-1], dim=2)
""",
    ),
    "all_but_the_last_two_positions": (
        "LG331",
        "no output depends on `x[:, -2:]`",
        """
inputs: {x: [N, L, D]}
outputs: {y: [N, D]}
forward: y = sum(x[:, :-2], dim=1)
""",
    ),
    "first_token_unsaid": (
        "LG331",
        "declare `partial: true`",
        """
inputs: {x: [N, L, D]}
outputs: {y: [N, D]}
forward: y = x[:, 0]
""",
    ),
    "flags_of_the_first_position": (
        "LG331",
        "`mask[:, -6:]`",
        """
inputs: {x: [N, L], mask: {shape: [N, L], dtype: bool}}
outputs: {y: [N, L]}
forward: y = where(mask[:, :1], x, -x)
""",
    ),
    "labels_that_do_not_matter": (
        "LG331",
        "no output depends on the values of `label`",
        """
inputs: {x: [N, L], label: {shape: [N], dtype: int64, range: [0, 5]}}
outputs: {y: [N, L]}
forward: y = x + 0 * label[:, None]
""",
    ),
}
