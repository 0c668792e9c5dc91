"""Small layers that reach the edge of an op's domain, each with the rule and the op at fault."""

from typing import Any

from sound_edges import ATTENTION, CLASSES, HEADS, MASK, MAYBE_LABELS, NC, NL, NLD, NODES, SCALAR, weight


def fault(code: str, op: str, **parts: Any) -> tuple[str, str, dict[str, Any]]:
    return code, op, parts


VALUE, GRADIENT, INDEX = "LG314", "LG315", "LG316"

FAULTY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "distance_by_root": fault(
        GRADIENT, "sqrt(sum(square(x - z), dim=1))",
        forward="y = sqrt(sum(square(x - z), dim=1))", inputs={"x": NC, "z": NC}, outputs={"y": ["N"]},
    ),
    "distance_with_eps_outside": fault(
        GRADIENT, "sqrt(sum(square(x - z), dim=1))",
        forward="y = mean(sqrt(sum(square(x - z), dim=1)) + 1e-8)", inputs={"x": NC, "z": NC}, outputs=SCALAR,
    ),
    "rows_by_their_norm": fault(
        VALUE, "x / linalg.vector_norm(x, dim=-1, keepdim=True)",
        forward="y = x / linalg.vector_norm(x, dim=-1, keepdim=True)",
    ),
    "rows_by_their_sum": fault(
        VALUE, "x / sum(x, dim=-1, keepdim=True)", forward="y = x / sum(x, dim=-1, keepdim=True)",
    ),
    "overlap_of_nothing": fault(
        VALUE, "2 * sum(p * z, dim=1) / (sum(p * p, dim=1) + sum(z * z, dim=1))",
        forward="p = sigmoid(x)\ny = 1 - 2 * sum(p * z, dim=1) / (sum(p * p, dim=1) + sum(z * z, dim=1))",
        inputs={"x": NC, "z": {"shape": NC, "range": [0, 1]}}, outputs={"y": ["N"]},
    ),
    "shift_to_nothing": fault(
        VALUE, "x / (shift + 2)",
        forward="y = x / (shift + 2)", arguments={"shift": {"type": "float", "doc": "Shift."}},
    ),
    "border_on_both_sides": fault(
        VALUE, "x / (C - 2 * k)",
        forward="y = x / (C - 2 * k)", arguments={"k": {"type": "int", "min": 1, "doc": "Border."}}, inputs={"x": NC},
        outputs={"y": NC},
    ),
    "as_many_as_arguments_leave": fault(
        VALUE, "x / sqrt(C - k)",
        forward="y = x / sqrt(C - k)", arguments={"k": {"type": "int", "min": 1, "doc": "Count."}}, inputs={"x": NC},
        outputs={"y": NC},
    ),
    "signed_root": fault(GRADIENT, "sqrt(abs(x))", forward="y = sign(x) * sqrt(abs(x))"),
    "log_of_softmax": fault(VALUE, "log(softmax(x, dim=-1))", forward="y = log(softmax(x, dim=-1))"),
    "log_of_one_minus_sigmoid": fault(VALUE, "log(1 - sigmoid(x))", forward="y = log(1 - sigmoid(x))"),
    "softmax_without_maximum": fault(
        VALUE, "exp(x) / sum(exp(x), dim=-1, keepdim=True)", forward="y = exp(x) / sum(exp(x), dim=-1, keepdim=True)",
    ),
    "softplus_by_hand": fault(VALUE, "log(1 + exp(x))", forward="y = log(1 + exp(x))"),
    "choose_after_the_log": fault(
        GRADIENT, "log(x)", forward="y = where(x > 0, log(x), 0.0)",
    ),
    "angle": fault(
        VALUE, "acos(cosine_similarity(x, z, dim=-1))",
        forward="y = acos(cosine_similarity(x, z, dim=-1))", inputs={"x": NC, "z": NC}, outputs={"y": ["N"]},
    ),
    "cross_entropy_by_hand": fault(
        VALUE, "log(p)",
        forward="y = -mean(t * log(p) + (1 - t) * log(1 - p))",
        inputs={"p": {"shape": NC, "range": [0, 1]}, "t": {"shape": NC, "range": [0, 1], "gradient": False}},
        outputs=SCALAR,
    ),
    "masked_mean": fault(
        VALUE, "sum(x * m[:, :, None], dim=1) / sum(m, dim=1, keepdim=True)",
        forward="y = sum(x * m[:, :, None], dim=1) / sum(m, dim=1, keepdim=True)",
        inputs={"x": NLD, "m": MASK}, outputs={"y": ["N", "D"]},
    ),
    "masked_log_softmax": fault(
        VALUE, "log_softmax(h, dim=-1)",
        forward="h = masked_fill(x, ~m, -inf)\ny = exp(log_softmax(h, dim=-1))",
        inputs={"x": NL, "m": MASK}, outputs={"y": NL},
    ),
    "rows_before_the_first_key": fault(
        VALUE, "softmax(s, dim=-1)",
        forward="s = masked_fill(x @ transpose(k, 1, 2), ~tril(ones([L, S], dtype=bool), S - L), -inf)\n"
        "y = softmax(s, dim=-1) @ k",
        inputs={"x": NLD, "k": ["N", "S", "D"]}, outputs={"y": NLD},
    ),
    "all_ignored": fault(
        VALUE, "cross_entropy(x, t, ignore_index=-1)",
        forward="y = cross_entropy(x, t, ignore_index=-1)", inputs={"x": NC, "t": MAYBE_LABELS}, outputs=SCALAR,
    ),
    "degrees_at_the_other_end_of_an_edge": fault(
        VALUE, "rsqrt(index_add(zeros(V), 0, target, ones(E)))",
        forward="y = x[source] * rsqrt(index_add(zeros(V), 0, target, ones(E)))[source][:, None]",
        inputs={"x": ["V", "C"], "source": NODES, "target": NODES}, outputs={"y": ["E", "C"]},
    ),
    "unbiased_over_the_batch": fault(
        VALUE, "std(x, dim=0)", forward="y = (x - mean(x, dim=0)) / (std(x, dim=0) + 1e-5)",
    ),
    "unbiased_over_channels_of_which_there_may_be_one": fault(
        VALUE, "std(x, dim=-1, keepdim=True)",
        forward="y = (x - mean(x, dim=-1, keepdim=True)) / (std(x, dim=-1, keepdim=True) + 1e-6)",
        arguments={"C": CLASSES},
    ),
    "unbiased_over_a_weight_of_one_column": fault(
        VALUE, "std(v, dim=1, keepdim=True)",
        forward="w = v - mean(v, dim=1, keepdim=True)\ny = linear(x, w / (std(v, dim=1, keepdim=True) + 1e-5))",
        arguments={"C": CLASSES}, parameters={"v": weight("normal(0, 1)", "C", "C")},
    ),
    "heads_of_one_feature": fault(
        VALUE, "var(h, dim=-1, keepdim=True)",
        forward="h = reshape(x, [N, heads, C // heads])\n"
        "y = reshape(h * rsqrt(var(h, dim=-1, keepdim=True) + 1e-5), [N, C])",
        arguments={"C": CLASSES, "heads": HEADS}, constraints=["C % heads == 0"],
    ),
    "mean_of_the_steps_of_a_single_value": fault(
        VALUE, "mean(square(x[:, 1:] - x[:, :-1]))",
        forward="y = mean(square(x[:, 1:] - x[:, :-1]))", outputs=SCALAR,
    ),
    "one_bound_of_two": fault(
        VALUE, "x / s",
        forward="y = x / s + sqrt(square(x) + t)",
        arguments={
            "s": {"type": "float", "min": 0, "max": 1, "default": 0.5, "doc": "Scale."},
            "t": {"type": "float", "min": 0, "default": 1.0, "doc": "Offset."},
        },
    ),
    "temperature_at_its_bound": fault(
        VALUE, "x / t", forward="y = tanh(x / t) * x / t",
        arguments={"t": {"type": "float", "min": 0, "default": 1.0, "doc": "Temperature."}},
    ),
    "keep_nothing": fault(
        VALUE, "x * type_as(r >= p, x) / (1 - p)",
        forward="r = rand_like(x)\ny = x * type_as(r >= p, x) / (1 - p)",
        arguments={"p": {"type": "float", "min": 0, "max": 1, "default": 0.5, "doc": "Probability."}},
        random="always",
    ),
    "scale_that_starts_at_zero": fault(
        VALUE, "x / s", forward="y = x / s",
        arguments={"C": CLASSES}, parameters={"s": weight("zeros", "C")},
    ),
    "label_without_class": fault(
        INDEX, "one_hot(t, K)",
        forward="y = x * one_hot(t, K)", arguments={"K": CLASSES},
        inputs={"x": ["N", "K"], "t": {"shape": ["N"], "dtype": "int64", "range": [-1, "K"]}},
        outputs={"y": ["N", "K"]},
    ),
    "label_past_the_table": fault(
        INDEX, "embedding(t, w)",
        forward="y = x * embedding(t, w)", arguments={"K": CLASSES, "C": CLASSES},
        parameters={"w": weight("ones", "K", "C")},
        inputs={"x": NC, "t": {"shape": ["N"], "dtype": "int64", "range": [0, "K + 1"]}},
    ),
    "labels_that_all_count_for_nothing": fault(
        VALUE, "sum(x * (t != 2)) / sum(t != 2)",
        forward="y = sum(x * (t != 2)) / sum(t != 2)",
        inputs={"x": ["N"], "t": {"shape": ["N"], "dtype": "int64", "range": [0, 5]}}, outputs={"y": []},
    ),
    "labels_that_an_argument_leaves_out": fault(
        VALUE, "sum(x * ne(t, skip)) / sum(ne(t, skip))",
        forward="y = sum(x * ne(t, skip)) / sum(ne(t, skip))",
        arguments={"skip": {"type": "int", "default": -100, "doc": "Label that counts for nothing."}},
        inputs={"x": ["N"], "t": {"shape": ["N"], "dtype": "int64", "range": [1, 5]}}, outputs={"y": []},
    ),
    "labels_that_an_op_ignores": fault(
        VALUE, "cross_entropy(x, t, ignore_index=2)",
        forward="y = cross_entropy(x, t, ignore_index=2)",
        inputs={"x": NC, "t": {"shape": ["N"], "dtype": "int64", "range": [0, "C"]}}, outputs={"y": []},
    ),
    "equality_that_a_constraint_allows": fault(
        VALUE, "(x - low) / (high - low)",
        forward="y = (x - low) / (high - low)",
        arguments={
            "low": {"type": "float", "default": 0.0, "doc": "Least."},
            "high": {"type": "float", "default": 1.0, "doc": "Largest."},
        },
        constraints=["low <= high"],
    ),
    "equality_of_entries": fault(
        VALUE, "x / (t[1] - t[0])",
        forward="y = x / (t[1] - t[0])",
        arguments={"t": {"type": "float2", "doc": "Ends."}}, constraints=["t[0] <= t[1]"],
    ),
    "entry_at_its_bound": fault(
        VALUE, "x / t[0]",
        forward="y = x / t[0] + t[1]", arguments={"t": {"type": "float2", "min": 0, "doc": "Scale and shift."}},
    ),
    "one_of_any_number_of_entries_at_its_bound": fault(
        VALUE, "x / prod(t)",
        forward="y = x / prod(t)", arguments={"t": {"type": "floats", "min": 0, "doc": "Scales."}},
    ),
    "whole_number_at_its_bound": fault(
        VALUE, "x / (n - 1)",
        forward="y = x / (n - 1)", arguments={"n": {"type": "int", "min": 1, "doc": "Count."}},
    ),
    "size_that_a_constraint_allows": fault(
        VALUE, "x / (most - C)",
        forward="y = x / (most - C)", arguments={"most": {"type": "int", "min": 1, "doc": "Channels."}},
        constraints=["C <= most"],
    ),
    "power_from_one_up_less_one": fault(
        GRADIENT, "abs(x) ** (p - 1)",
        forward="y = x * abs(x) ** (p - 1)",
        arguments={"p": {"type": "float", "min": 1, "default": 2.0, "doc": "Exponent."}},
    ),
    "power_that_is_a_fraction_far_from_bounds": fault(
        GRADIENT, "abs(x) ** q",
        forward="q = p / 4 - 5\ny = abs(x) ** q",
        arguments={"p": {"type": "float", "min": 20, "default": 24.0, "max": 40, "doc": "Exponent."}},
    ),
    "power_of_zero": fault(GRADIENT, "abs(x) ** 0.5", forward="y = abs(x) ** 0.5"),
    "power_that_may_be_negative": fault(
        VALUE, "x ** k",
        forward="y = x ** k", arguments={"k": {"type": "int", "default": 2, "doc": "Exponent."}},
    ),
    "power_that_may_be_a_root": fault(
        VALUE, "pow(x, k / 2)",
        forward="y = pow(x, k / 2)", arguments={"k": {"type": "int", "min": 2, "default": 4, "doc": "Exponent."}},
    ),
    "derived_power_that_may_be_negative": fault(
        VALUE, "x ** p",
        forward="y = k * x ** p", arguments={"k": {"type": "int", "min": 1, "default": 2, "doc": "Exponent."}},
        derived={"p": "k - 2"},
    ),
    "saturated_softmax": fault(
        GRADIENT, "(1 - softmax(x, dim=1)) ** 0.5",
        forward="y = (1 - softmax(x, dim=1)) ** 0.5 * log_softmax(x, dim=1)",
    ),
    "exponent_below_one": fault(
        GRADIENT, "(1 - sigmoid(x)) ** gamma",
        forward="y = (1 - sigmoid(x)) ** gamma * logsigmoid(x)",
        arguments={"gamma": {"type": "float", "min": 0, "default": 2.0, "doc": "Exponent."}},
    ),
    "slope_of_a_probability_that_is_a_target": fault(
        GRADIENT, "binary_cross_entropy(sigmoid(x), sigmoid(t))",
        forward="y = binary_cross_entropy(sigmoid(x), sigmoid(t))",
        inputs={"x": NC, "t": NC}, outputs={"y": []},
    ),
    "linear_attention": fault(
        VALUE, "n / z",
        forward="f = elu(q) + 1\ng = elu(k) + 1\nz = f @ sum(g, dim=1)[:, :, None]\n"
        "n = f @ (transpose(g, 1, 2) @ v)\ny = n / z",
        inputs=ATTENTION, outputs={"y": NLD},
    ),
}  # fmt: skip
