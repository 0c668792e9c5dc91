"""Outputs that change at larger sizes alone than those of the generated tests, which would show nothing of them."""

from small import breaches, program

from layergen.contracts.constant import CONSTANT

PAIRS = """
s = cosine_similarity(x[:, None], x, dim=-1)
same = labels[:, None] == labels
upper = triu(ones(N, N, dtype=bool), 1)
near = masked_fill(-s, ~(same & upper), -inf)
far = masked_fill(s, same | ~upper, -inf)
loss = softplus(logsumexp(near, dim=[0, 1]) + logsumexp(far, dim=[0, 1]))
"""
LABELS = {"shape": ["N"], "dtype": "int64", "range": [0, 3]}
LAYER = {"inputs": {"x": ["N", "D"], "labels": LABELS}, "outputs": {"loss": []}}


def test_a_loss_of_two_kinds_of_pairs_is_told_that_two_samples_have_one() -> None:
    (finding,) = breaches(CONSTANT, program(PAIRS, **LAYER))
    assert finding.rule.code == "LG353"
    assert finding.message == "`loss` is 0 in each run at the settings that are tried, and so in each test"
    assert finding.help is not None and "`- {N: 4, D: 9}`" in finding.help


def test_the_case_that_is_proposed_settles_it() -> None:
    assert not breaches(CONSTANT, program(PAIRS, **LAYER, cases=[{"N": 4, "D": 9}]))


def test_so_it_is_where_an_expression_says_what_the_output_is() -> None:
    dull = "y = relu(cumsum(x, dim=0)[4:]) if N > 4 else x * 0"
    told = {"inputs": {"x": ["N", "C"]}, "outputs": {"y": ["N - 4 if N > 4 else N", "C"]}}
    (finding,) = breaches(CONSTANT, program(dull, **told, matches="x[:N - 4] if N > 4 else x * 0"))
    assert "at the settings that are tried" in finding.message


def test_what_shows_at_the_limits_of_the_layer_is_tested_there() -> None:
    forward = "y = x * max(N - 4, 0)"
    assert breaches(CONSTANT, program(forward))
    assert not breaches(CONSTANT, program(forward, constraints=["N <= 6"]))


def test_what_is_one_number_at_all_sizes_is_not_told_so_too() -> None:
    (finding,) = breaches(CONSTANT, program("y = mean(softmax(x, dim=1))", outputs={"y": []}))
    assert "whatever the inputs" in finding.message
