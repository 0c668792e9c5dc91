"""What the small layers at the edges of domains are made of, and those that are sound."""

from typing import Any

EPS = {"type": "float", "min": 0, "exclusive": "min", "default": 1e-6, "doc": "Small."}
FLOOR = {"type": "float", "min": 0, "default": 1e-5, "doc": "Small, or none."}
CLASSES = {"type": "int", "min": 1, "doc": "Classes."}
HEADS = {"type": "int", "min": 1, "doc": "Heads."}
MASK = {"shape": ["N", "L"], "dtype": "bool", "doc": "Which count."}
SCALAR: dict[str, Any] = {"y": []}
NC, NL, NLD = ["N", "C"], ["N", "L"], ["N", "L", "D"]
LABELS = {"shape": ["N"], "dtype": "int64", "range": [0, "C"]}
NODES = {"shape": ["E"], "dtype": "int64", "range": [0, "V"]}
MAYBE_LABELS = {"shape": ["N"], "dtype": "int64", "range": [-1, "C"]}
ATTENTION = {"q": NLD, "k": ["N", "S", "D"], "v": ["N", "S", "D"]}
KEYS = {"shape": ["N", "S"], "dtype": "bool", "doc": "Which keys count."}


def weight(init: str = "ones", *shape: str) -> dict[str, Any]:
    return {"shape": list(shape), "init": init, "doc": "Learned."}


SOUND: dict[str, dict[str, Any]] = {
    "steps_of_a_half": {"forward": "y = sum(cos(x[:, :, None] * arange(0.0, 4.0, 0.5)), -1)"},
    "positions_that_stay_in_their_table": {
        "forward": "y = x + embedding(clamp(arange(L), max=6), table)[:, None]",
        "parameters": {"table": weight("normal", "7", "D")},
        "inputs": {"x": ["L", "N", "D"]},
        "outputs": {"y": ["L", "N", "D"]},
        "arguments": {"D": CLASSES},
    },
    "degrees_at_the_other_end_of_an_edge": {
        "forward": "d = index_add(zeros(V), 0, target, ones(E))\n"
        "y = x[source] * where(d > 0, rsqrt(clamp(d, min=1)), 0)[source][:, None]",
        "inputs": {"x": ["V", "C"], "source": NODES, "target": NODES},
        "outputs": {"y": ["E", "C"]},
    },
    "rms_norm": {
        "forward": "y = x * rsqrt(mean(square(x), dim=-1, keepdim=True) + eps)",
        "arguments": {"eps": FLOOR},
    },
    "layer_norm_by_hand": {
        "forward": "m = mean(x, dim=-1, keepdim=True)\n"
        "y = (x - m) / sqrt(mean((x - m) ** 2, dim=-1, keepdim=True) + eps)",
        "arguments": {"eps": FLOOR},
    },
    "instance_standardization": {
        "forward": "v, m = var_mean(x, dim=-1, correction=0, keepdim=True)\ny = (x - m) * rsqrt(v + 1e-5)",
    },
    "scale_norm": {
        "forward": "y = g * x / clamp(norm(x, dim=-1, keepdim=True), min=eps)",
        "arguments": {"eps": EPS},
        "parameters": {"g": weight("ones")},
    },
    "unit_rows": {"forward": "y = x / (linalg.vector_norm(x, dim=-1, keepdim=True) + 1e-6)"},
    "normalized_rows": {"forward": "y = normalize(x, dim=-1)"},
    "softmax_by_hand": {
        "forward": "h = exp(x - amax(x, dim=-1, keepdim=True))\ny = h / sum(h, dim=-1, keepdim=True)",
    },
    "log_sum_exp_by_hand": {
        "forward": "m = amax(x, dim=-1, keepdim=True)\ny = log(sum(exp(x - m), dim=-1)) + squeeze(m, -1)",
        "outputs": {"y": ["N"]},
    },
    "log_sum_exp_pooling": {
        "forward": "y = logsumexp(r * x, dim=-1) / r",
        "arguments": {"r": EPS},
        "outputs": {"y": ["N"]},
    },
    "entropy": {
        "forward": "h = log_softmax(x, dim=-1)\ny = -sum(exp(h) * h, dim=-1)",
        "outputs": {"y": ["N"]},
    },
    "entropy_with_eps": {
        "forward": "p = softmax(x, dim=-1)\ny = -sum(p * log(p + 1e-8), dim=-1)",
        "outputs": {"y": ["N"]},
    },
    "cosine_loss": {
        "forward": "y = mean(1 - cosine_similarity(x, z, dim=-1))",
        "inputs": {"x": NC, "z": NC},
        "outputs": SCALAR,
    },
    "angle": {
        "forward": "y = acos(clamp(cosine_similarity(x, z, dim=-1), -1 + 1e-6, 1 - 1e-6))",
        "inputs": {"x": NC, "z": NC},
        "outputs": {"y": ["N"]},
    },
    "additive_margin": {
        "forward": "c = linear(normalize(x, dim=1), normalize(w, dim=1))\ny = 30.0 * (c - 0.35 * one_hot(t, K))",
        "arguments": {"K": CLASSES, "C": CLASSES},
        "parameters": {"w": weight("xavier_uniform", "K", "C")},
        "inputs": {"x": NC, "t": {"shape": ["N"], "dtype": "int64", "range": [0, "K"]}},
        "outputs": {"y": ["N", "K"]},
    },
    "pairwise_by_norm": {
        "forward": "y = linalg.vector_norm(x[:, None] - x[None], dim=-1)",
        "outputs": {"y": ["N", "N"]},
    },
    "pairwise_clamped": {
        "forward": "s = sum(x * x, dim=1)\n"
        "y = sqrt(clamp(s[:, None] + s[None] - 2 * x @ transpose(x, 0, 1), min=1e-8))",
        "outputs": {"y": ["N", "N"]},
    },
    "cdist_to_itself": {"forward": "y = cdist(x, x)", "outputs": {"y": ["N", "N"]}},
    "contrastive": {
        "forward": "d = sqrt(sum(square(x - z), dim=1) + 1e-9)\n"
        "y = mean(where(t, square(d), square(relu(margin - d))))",
        "arguments": {"margin": {"type": "float", "min": 0, "default": 1.0, "doc": "Margin."}},
        "inputs": {"x": NC, "z": NC, "t": {"shape": ["N"], "dtype": "bool", "doc": "Whether alike."}},
        "outputs": SCALAR,
    },
    "triplet": {
        "forward": "y = mean(relu(pairwise_distance(x, p) - pairwise_distance(x, n) + 1.0))",
        "inputs": {"x": NC, "p": NC, "n": NC},
        "outputs": SCALAR,
    },
    "info_nce": {
        "forward": "s = normalize(x, dim=1) @ transpose(normalize(z, dim=1), 0, 1) / temperature\n"
        "y = cross_entropy(s, arange(N))",
        "arguments": {"temperature": EPS | {"default": 0.1}},
        "inputs": {"x": NC, "z": NC},
        "outputs": SCALAR,
    },
    "masked_mean": {
        "forward": "y = sum(x * m[:, :, None], dim=1) / clamp(sum(m, dim=1, keepdim=True), min=1)",
        "inputs": {"x": NLD, "m": MASK},
        "outputs": {"y": ["N", "D"]},
    },
    "masked_max": {
        "forward": "h = amax(masked_fill(x, ~m[:, :, None], -inf), dim=1)\ny = where(any(m, dim=1)[:, None], h, 0.0)",
        "inputs": {"x": NLD, "m": MASK},
        "outputs": {"y": ["N", "D"]},
    },
    "masked_attention_finite_fill": {
        "forward": "s = q @ transpose(k, 1, 2) / sqrt(D)\ny = softmax(masked_fill(s, ~m[:, None], -1e9), dim=-1) @ v",
        "inputs": {**ATTENTION, "m": KEYS},
        "outputs": {"y": NLD},
    },
    "masked_attention_cleaned": {
        "forward": "s = q @ transpose(k, 1, 2) / sqrt(D)\n"
        "y = nan_to_num(softmax(masked_fill(s, ~m[:, None], -inf), dim=-1)) @ v",
        "inputs": {**ATTENTION, "m": KEYS},
        "outputs": {"y": NLD},
    },
    "masked_attention_of_torch": {
        "forward": "y = scaled_dot_product_attention(q, k, v, attn_mask=m[:, None])",
        "inputs": {**ATTENTION, "m": KEYS},
        "outputs": {"y": NLD},
    },
    "causal_attention": {
        "forward": "s = x @ transpose(x, 1, 2) / sqrt(D)\n"
        "s = masked_fill(s, triu(ones(L, L), diagonal=1) == 1, -inf)\ny = softmax(s, dim=-1) @ x",
        "inputs": {"x": NLD},
        "outputs": {"y": NLD},
    },
    "causal_attention_to_longer_keys": {
        "forward": "s = masked_fill(x @ transpose(k, 1, 2), ~tril(ones([L, S], dtype=bool), S - L), -inf)\n"
        "y = softmax(s, dim=-1) @ k",
        "inputs": {"x": NLD, "k": ["N", "S", "D"]},
        "outputs": {"y": NLD},
        "constraints": ["L <= S"],
        "cases": [{"L": 3, "S": 5}],
    },
    "additive_causal_mask": {
        "forward": "s = x @ transpose(x, 1, 2) + triu(full([L, L], -inf), diagonal=1)\ny = softmax(s, dim=-1) @ x",
        "inputs": {"x": NLD},
        "outputs": {"y": NLD},
    },
    "linear_attention": {
        "forward": "f = elu(q) + 1\ng = elu(k) + 1\nz = f @ sum(g, dim=1)[:, :, None]\n"
        "y = f @ (transpose(g, 1, 2) @ v) / (z + 1e-6)",
        "inputs": ATTENTION,
        "outputs": {"y": NLD},
    },
    "gem": {
        "forward": "y = mean(clamp(x, min=eps) ** p, dim=-1) ** (1 / p)",
        "arguments": {"eps": EPS},
        "parameters": {"p": weight("constant(3.0)")},
        "outputs": {"y": ["N"]},
    },
    "whole_power": {
        "forward": "y = x ** k",
        "arguments": {"k": {"type": "int", "min": 0, "default": 2, "doc": "Exponent."}},
    },
    "whole_power_of_what_is_positive": {
        "forward": "y = (1 + square(x)) ** k",
        "arguments": {"k": {"type": "int", "default": -1, "max": 2, "doc": "Exponent."}},
    },
    "slope_of_a_power": {
        "forward": "y = k * x ** (k - 1)",
        "arguments": {"k": {"type": "int", "min": 1, "default": 2, "doc": "Exponent."}},
    },
    "power_from_two_up_less_one": {
        "forward": "y = abs(x) ** (p - 1)",
        "arguments": {"p": {"type": "float", "min": 2, "default": 3.0, "doc": "Exponent."}},
    },
    "power_less_one_of_what_is_clamped": {
        "forward": "y = x * clamp(abs(x), min=1e-6) ** (p - 1)",
        "arguments": {"p": {"type": "float", "min": 1, "default": 2.0, "doc": "Exponent."}},
    },
    "generalized_relu": {"forward": "y = relu(x) ** 2 / (1 + abs(x))"},
    "signed_root": {"forward": "y = sign(x) * (sqrt(abs(x) + 1e-6) - sqrt(1e-6))"},
    "power_normalization": {
        "forward": "h = sign(x) * sqrt(abs(x) + 1e-12)\ny = normalize(h, dim=1)",
    },
    "straight_through": {
        "forward": "y = x + detach(round(x) - x)",
        "inputs": {"x": {"shape": NC, "gradient": False}},
    },
    "vector_quantizer": {
        "forward": "d = sum(square(x), dim=1, keepdim=True) + sum(square(w), dim=1) - 2 * x @ transpose(w, 0, 1)\n"
        "index = argmin(d, dim=1)\nq = embedding(index, w)\ny = x + detach(q - x) + 0 * mean(square(q - x))",
        "arguments": {"K": CLASSES, "C": CLASSES},
        "parameters": {"w": weight("normal(0, 0.02)", "K", "C")},
        "inputs": {"x": {"shape": NC, "gradient": False}},
        "outputs": {"y": NC},
    },
    "moving_codebook": {
        "forward": "d = cdist(x, code)\ny = embedding(argmin(d, dim=1), code)\n"
        "if training:\n    hot = one_hot(argmin(d, dim=1), K)\n"
        "    count = 0.9 * count + 0.1 * sum(hot, dim=0)\n"
        "    code = 0.9 * code + 0.1 * transpose(type_as(hot, x), 0, 1) @ x / clamp(count, min=1.0)[:, None]\n",
        "arguments": {"K": CLASSES, "C": CLASSES},
        "buffers": {"code": weight("randn(K, C)", "K", "C"), "count": weight("zeros", "K")},
        "inputs": {"x": {"shape": NC, "gradient": False}},
    },
    "label_smoothing_ignoring": {
        "forward": "keep = t != -1\nlog_p = log_softmax(x, dim=1)\n"
        "hard = -squeeze(gather(log_p, 1, clamp(t, min=0)[:, None]), 1)\n"
        "loss = (1 - s) * hard - s * mean(log_p, dim=1)\ny = sum(loss * keep) / clamp(sum(keep), min=1)",
        "arguments": {"s": {"type": "float", "min": 0, "max": 1, "default": 0.1, "doc": "Share."}},
        "inputs": {"x": NC, "t": MAYBE_LABELS},
        "outputs": SCALAR,
    },
    "cross_entropy_ignoring": {
        "forward": "loss = cross_entropy(x, t, ignore_index=-1, reduction='sum')\n"
        "y = loss / clamp(sum(t != -1), min=1)",
        "inputs": {"x": NC, "t": MAYBE_LABELS},
        "outputs": SCALAR,
    },
    "focal": {
        "forward": "ce = cross_entropy(x, t, reduction='none')\ny = mean((1 - exp(-ce)) ** gamma * ce)",
        "arguments": {"gamma": {"type": "float", "min": 0, "default": 2.0, "doc": "Strength."}},
        "inputs": {"x": NC, "t": LABELS},
        "outputs": SCALAR,
    },
    "focal_less_one": {
        "forward": "ce = cross_entropy(x, t, reduction='none')\ny = mean((1 - exp(-ce)) ** (gamma - 1) * ce)",
        "arguments": {"gamma": {"type": "float", "min": 1, "default": 2.0, "doc": "Strength."}},
        "inputs": {"x": NC, "t": LABELS},
        "outputs": SCALAR,
    },
    "focal_without_default": {
        "forward": "ce = cross_entropy(x, t, reduction='none')\ny = mean((1 - exp(-ce)) ** gamma * ce)",
        "arguments": {"gamma": {"type": "float", "min": 0, "doc": "Strength."}},
        "inputs": {"x": NC, "t": LABELS},
        "outputs": SCALAR,
    },
    "binary_focal": {
        "forward": "p = sigmoid(x)\nce = binary_cross_entropy_with_logits(x, t, reduction='none')\n"
        "q = p * t + (1 - p) * (1 - t)\ny = mean(ce * (1 - q) ** 2)",
        "inputs": {"x": NC, "t": {"shape": NC, "range": [0, 1], "gradient": False}},
        "outputs": SCALAR,
    },
    "border_that_leaves_something": {
        "forward": "y = x / (C - 2 * k)",
        "arguments": {"k": {"type": "int", "min": 1, "doc": "Border."}},
        "constraints": ["C - 2 * k != 0"],
        "inputs": {"x": NC},
        "outputs": {"y": NC},
    },
    "dice": {
        "forward": "p = sigmoid(x)\ny = 1 - (2 * sum(p * t) + smooth) / (sum(p) + sum(t) + smooth)",
        "arguments": {"smooth": EPS | {"default": 1.0}},
        "inputs": {"x": NC, "t": {"shape": NC, "range": [0, 1]}},
        "outputs": SCALAR,
    },
    "tversky": {
        "forward": "p = sigmoid(x)\nhit = sum(p * t, dim=1)\nmiss = sum((1 - p) * t, dim=1)\n"
        "y = 1 - mean((hit + 1) / (hit + 0.7 * miss + 0.3 * sum(p * (1 - t), dim=1) + 1))",
        "inputs": {"x": NC, "t": {"shape": NC, "range": [0, 1]}},
        "outputs": SCALAR,
    },
    "charbonnier": {
        "forward": "y = mean(sqrt(square(x - t) + eps**2))",
        "arguments": {"eps": EPS},
        "inputs": {"x": NC, "t": NC},
        "outputs": SCALAR,
    },
    "log_cosh": {
        "forward": "d = x - t\ny = mean(d + softplus(-2 * d) - log(2.0))",
        "inputs": {"x": NC, "t": NC},
        "outputs": SCALAR,
    },
    "gaussian_likelihood": {
        "forward": "y = mean(0.5 * (s + square(x - m) * exp(-s)))",
        "inputs": {"x": NC, "m": NC, "s": NC},
        "outputs": SCALAR,
    },
    "kullback_leibler": {
        "forward": "y = -0.5 * sum(1 + s - square(m) - exp(s))",
        "inputs": {"m": NC, "s": NC},
        "outputs": SCALAR,
    },
    "affine_coupling": {
        "forward": "y = x * exp(s) + t",
        "inputs": {"x": NC, "s": NC, "t": NC},
    },
    "poisson_likelihood": {
        "forward": "y = mean(exp(x) - t * x)",
        "inputs": {"x": NC, "t": {"shape": NC, "range": [0, 10], "gradient": False}},
        "outputs": SCALAR,
    },
    "huber_pinball": {
        "forward": "d = t - x\ny = mean(maximum(tau * d, (tau - 1) * d))",
        "arguments": {"tau": {"type": "float", "min": 0, "max": 1, "default": 0.5, "doc": "Quantile."}},
        "inputs": {"x": NC, "t": NC},
        "outputs": SCALAR,
    },
    "choose_before_the_log": {
        "forward": "y = where(x > 0, log(where(x > 0, x, 1.0)), 0.0)",
    },
    "log_of_a_range": {"forward": "y = log(x)", "inputs": {"x": {"shape": NC, "range": [0.1, 10]}}},
    "log_of_a_count": {"forward": "y = log(1 + relu(x))"},
    "logit_inside": {
        "forward": "p = clamp(x, 1e-6, 1 - 1e-6)\ny = log(p) - log(1 - p)",
        "inputs": {"x": {"shape": NC, "range": [0, 1]}},
    },
    "unbiased_spread_where_there_are_several": {
        "forward": "y = x / (std(cat([x, -x, 1 + x], dim=1), dim=1, keepdim=True) + 1e-5)",
    },
    "snake": {
        "forward": "y = x + square(sin(a * x)) / (abs(a) + 1e-9)",
        "arguments": {"C": CLASSES},
        "parameters": {"a": weight("ones", "C")},
    },
    "rotary": {
        "forward": "f = 10000.0 ** (-arange(0, D, 2) / D)\na = outer(type_as(arange(L), x), type_as(f, x))\n"
        "u, v = chunk(x, 2, dim=-1)\ny = cat([u * cos(a) - v * sin(a), v * cos(a) + u * sin(a)], dim=-1)",
        "arguments": {"D": {"type": "int", "min": 2, "doc": "Size."}},
        "constraints": ["D % 2 == 0"],
        "inputs": {"x": NLD},
        "outputs": {"y": NLD},
    },
    "window_bias": {
        "forward": "i = arange(w[0] * w[1])\nr = i // w[1]\nc = i % w[1]\n"
        "d = (r[:, None] - r + w[0] - 1) * (2 * w[1] - 1) + c[:, None] - c + w[1] - 1\ny = x + table[d]",
        "arguments": {"w": {"type": "size2", "min": 1, "doc": "Window."}},
        "parameters": {"table": weight("zeros", "(2 * w[0] - 1) * (2 * w[1] - 1)")},
        "inputs": {"x": ["N", "w[0] * w[1]", "w[0] * w[1]"]},
        "outputs": {"y": ["N", "w[0] * w[1]", "w[0] * w[1]"]},
    },
    "running_scale": {
        "forward": "if training:\n    v = 0.9 * v + 0.1 * type_as(mean(square(x), dim=0), v)\ny = x * rsqrt(v + 1e-5)",
        "arguments": {"C": CLASSES},
        "buffers": {"v": weight("ones", "C")},
    },
    "spectral": {
        "forward": "left = normalize(mv(w, normalize(mv(transpose(w, 0, 1), u), dim=0)), dim=0)\n"
        "right = normalize(mv(transpose(w, 0, 1), u), dim=0)\n"
        "y = linear(x, w / dot(detach(left), mv(w, detach(right))))",
        "arguments": {"C": CLASSES},
        "parameters": {"w": weight("kaiming_uniform(a=sqrt(5))", "C", "C") | {"gradient": False}},
        "buffers": {"u": weight("normalize(randn(C), dim=0)", "C")},
    },
    "weight_norm": {
        "forward": "y = linear(x, g[:, None] * v / linalg.vector_norm(v, dim=1, keepdim=True))",
        "arguments": {"C": CLASSES},
        "parameters": {"v": weight("kaiming_uniform(a=sqrt(5))", "C", "C"), "g": weight("ones", "C")},
    },
    "temperature": {
        "forward": "y = softmax(x / exp(t), dim=-1)",
        "parameters": {"t": weight("zeros")},
    },
    "barlow_biased": {
        "forward": "z = (x - mean(x, dim=0)) / (std(x, dim=0, correction=0) + 1e-6)\n"
        "c = transpose(z, 0, 1) @ z / N\ny = sum(square(c - eye(C)))",
        "outputs": SCALAR,
    },
    "gated_norm": {
        "forward": "h = norm(x, dim=-1, keepdim=True)\ny = gelu(x) * h / (mean(h, dim=0, keepdim=True) + 1e-6)",
    },
    "squash": {
        "forward": "s = sum(square(x), dim=-1, keepdim=True)\ny = s / (1 + s) * x / sqrt(s + 1e-8)",
    },
}
