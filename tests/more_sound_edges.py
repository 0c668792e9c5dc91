"""More small layers that come near the edges of domains, and are sound."""

from typing import Any

from sound_edges import CLASSES, EPS, HEADS, LABELS, NC, SCALAR, weight

MORE_SOUND: dict[str, dict[str, Any]] = {
    "learned_power": {
        "forward": "y = sign(x) * abs(x) ** p",
        "parameters": {"p": weight("constant(2.0)")},
    },
    "supervised_contrast": {
        "forward": "z = normalize(x, dim=1)\ns = z @ transpose(z, 0, 1) / 0.1\n"
        "s = s - detach(amax(s, dim=1, keepdim=True))\nother = 1 - eye(N)\n"
        "log_p = s - log(sum(exp(s) * other, dim=1, keepdim=True) + 1e-6)\n"
        "same = type_as(t[:, None] == t, s) * other\n"
        "y = -mean(sum(same * log_p, dim=1) / clamp(sum(same, dim=1), min=1))",
        "inputs": {"x": NC, "t": LABELS},
        "outputs": SCALAR,
    },
    "norm_of_the_annotated_transformer": {
        "forward": "m = mean(x, dim=-1, keepdim=True)\ns = std(x, dim=-1, keepdim=True)\n"
        "y = a * (x - m) / (s + 1e-6) + b",
        "arguments": {"C": CLASSES | {"min": 2}},
        "parameters": {"a": weight("ones", "C"), "b": weight("zeros", "C")},
    },
    "standardized_weight": {
        "forward": "w = v - mean(v, dim=1, keepdim=True)\n"
        "y = linear(x, w / (std(v, dim=1, correction=0, keepdim=True) + 1e-5))",
        "arguments": {"C": CLASSES},
        "parameters": {"v": weight("normal(0, 1)", "C", "C")},
    },
    "heads_of_several_features": {
        "forward": "h = reshape(x, [N, heads, C // heads])\n"
        "y = reshape(h / (std(h, dim=-1, keepdim=True) + 1e-5), [N, C])",
        "arguments": {"C": CLASSES, "heads": HEADS},
        "constraints": ["C % heads == 0", "C // heads > 1"],
    },
    "graph_convolution": {
        "forward": "h = a + eye(N)\nd = rsqrt(sum(h, dim=1))\ny = d[:, None] * h * d @ x",
        "inputs": {"x": NC, "a": {"shape": ["N", "N"], "range": [0, 1], "gradient": False}},
    },
    "root_of_the_squared_error": {
        "forward": "y = sqrt(mse_loss(x, t) + 1e-8)",
        "inputs": {"x": NC, "t": NC},
        "outputs": SCALAR,
    },
    "gumbel": {
        "forward": "u = rand_like(x)\ny = softmax((x - log(-log(u * 0.98 + 0.01))) / tau, dim=-1)",
        "arguments": {"tau": EPS | {"default": 1.0}},
        "random": "always",
    },
    "gated_pooling": {
        "forward": "w = sigmoid(x @ v)\ny = sum(w[:, None] * x, dim=0) / (sum(w) + 1e-6)",
        "arguments": {"C": CLASSES},
        "parameters": {"v": weight("normal(0, 0.02)", "C")},
        "outputs": {"y": ["C"]},
    },
    "variance_covariance": {
        "forward": "h = x - mean(x, dim=0)\ns = sqrt(mean(square(h), dim=0) + 1e-4)\ny = mean(relu(1 - s))",
        "outputs": SCALAR,
    },
    "evidence": {
        "forward": "a = softplus(x) + 1\ns = sum(a, dim=1, keepdim=True)\ny = sum(one_hot(t, C) * (log(s) - log(a)))",
        "inputs": {"x": NC, "t": LABELS},
        "outputs": SCALAR,
    },
    "time_scales": {"forward": "d = softplus(x)\ny = exp(-d) * x + (1 - exp(-d))"},
    "minkowski": {
        "forward": "y = mean(abs(x - t) ** p)",
        "arguments": {"p": {"type": "float", "min": 1, "default": 1.5, "doc": "Power."}},
        "inputs": {"x": NC, "t": NC},
        "outputs": SCALAR,
    },
    "total_variation": {"forward": "y = sum(abs(x[:, 1:] - x[:, :-1]))", "outputs": SCALAR},
    "swish_by_hand": {"forward": "y = x / (1 + exp(-x))"},
    "positive_temperature": {
        "forward": "y = softmax(x / clamp(t, min=0.01), dim=-1)",
        "parameters": {"t": weight("ones")},
    },
    "low_rank_update": {
        "forward": "y = linear(x, w) + linear(linear(x, a), b) * (alpha / rank)",
        "arguments": {"C": CLASSES, "rank": CLASSES, "alpha": {"type": "float", "default": 1.0, "doc": "Scale."}},
        "parameters": {"a": weight("kaiming_uniform(a=sqrt(5))", "rank", "C"), "b": weight("zeros", "C", "rank")},
        "buffers": {"w": weight("randn(C, C)", "C", "C")},
    },
    "center_loss": {
        "forward": "y = mean(sum(square(x - embedding(t, centers)), dim=1))",
        "arguments": {"K": CLASSES, "C": CLASSES},
        "parameters": {"centers": weight("randn(K, C)", "K", "C")},
        "inputs": {"x": NC, "t": {"shape": ["N"], "dtype": "int64", "range": [0, "K"]}},
        "outputs": SCALAR,
    },
    "local_response": {
        "forward": "y = x / (2.0 + 0.0001 * sum(square(x), dim=1, keepdim=True)) ** 0.75",
    },
    "group_standardization": {
        "forward": "h = reshape(x, [N, 2, C // 2])\nv, m = var_mean(h, dim=-1, correction=0, keepdim=True)\n"
        "y = reshape((h - m) * rsqrt(v + 1e-5), [N, C])",
        "arguments": {"C": CLASSES},
        "constraints": ["C % 2 == 0"],
    },
    "median_filter_of_rows": {"forward": "y = x - median(x)"},
    "hard_negatives": {
        "forward": "d = cdist(x, x) + 1000000.0 * eye(N)\ny = mean(relu(1 - amin(d, dim=1)))",
        "outputs": SCALAR,
    },
    "mixture_of_logistics": {
        "forward": "s = softplus(s) + 1e-3\ny = mean(-logsumexp(log_softmax(x, dim=1) - log(s), dim=1))",
        "inputs": {"x": NC, "s": NC},
        "outputs": SCALAR,
    },
    "exponent_from_one_up": {
        "forward": "y = (1 - sigmoid(x)) ** gamma * logsigmoid(x)",
        "arguments": {"gamma": {"type": "float", "min": 1, "default": 2.0, "doc": "Exponent."}},
    },
    "probability_against_a_target": {
        "forward": "y = binary_cross_entropy(sigmoid(x), t)",
        "inputs": {"x": NC, "t": {"shape": NC, "range": [0, 1], "gradient": False}},
        "outputs": SCALAR,
    },
    "labels_of_which_none_may_count": {
        "forward": "y = sum(x * (t != 2)) / clamp(sum(t != 2), min=1)",
        "inputs": {"x": ["N"], "t": {"shape": ["N"], "dtype": "int64", "range": [0, 5]}},
        "outputs": SCALAR,
    },
    "labels_that_are_never_the_one_left_out": {
        "forward": "y = sum(x * (t != -1)) / sum(t != -1)",
        "inputs": {"x": ["N"], "t": {"shape": ["N"], "dtype": "int64", "range": [0, 5]}},
        "outputs": SCALAR,
    },
    "mean_over_no_label_as_torch_has_it": {
        "forward": "y = cross_entropy(x, t, ignore_index=skip)",
        "arguments": {"skip": {"type": "int", "default": -100, "doc": "Label that counts for nothing."}},
        "inputs": {"x": NC, "t": LABELS},
        "outputs": SCALAR,
        "matches": "nn.CrossEntropyLoss(ignore_index=skip)",
    },
    "inequality_that_a_constraint_asks_for": {
        "forward": "y = (x - low) / (high - low)",
        "arguments": {
            "low": {"type": "float", "default": 0.0, "doc": "Least."},
            "high": {"type": "float", "default": 1.0, "doc": "Largest."},
        },
        "constraints": ["low < high"],
    },
    "ends_that_may_be_equal": {
        "forward": "y = clamp(x, low, high) / (high - low + 1)",
        "arguments": {
            "low": {"type": "int", "default": 0, "doc": "Least."},
            "high": {"type": "int", "default": 1, "doc": "Largest."},
        },
        "constraints": ["low <= high"],
    },
    "entries_above_their_bound": {
        "forward": "y = x / t[0] + t[1]",
        "arguments": {"t": {"type": "float2", "min": 0, "exclusive": True, "doc": "Scale and shift."}},
    },
    "whole_number_above_its_bound": {
        "forward": "y = x / (n - 1)",
        "arguments": {"n": {"type": "int", "min": 2, "doc": "Count."}},
    },
    "large_number_that_hashes_into_tables": {
        "forward": "y = x * table[0][(long(floor(x)) * 2654435761) % size]",
        "arguments": {
            "levels": {"type": "int", "min": 1, "doc": "Number of tables."},
            "bits": {"type": "int", "min": 1, "max": 40, "default": 4, "doc": "Logarithm of the size of a table."},
        },
        "derived": {"size": "2**bits"},
        "parameters": {"table": {"shape": ["levels", "size"], "init": "zeros"}},
        "inputs": {"x": {"shape": ["N"], "range": [0, 8]}},
        "outputs": {"y": ["N"]},
    },
}
