"""The method of a regularization term: what it reads more than once in a wider dtype has a name."""

from small import program

from layergen.lower.penalty import penalty_lines

WEIGHT = {"weight": {"shape": [3, 3], "init": "xavier_uniform"}}
WIDE = "self.weight.to(torch.promote_types(self.weight.dtype, torch.float32))"


def lines(penalty: str) -> list[str]:
    return list(penalty_lines(program("y = linear(x, weight)", parameters=WEIGHT, penalty=penalty)))


def test_a_tensor_that_is_widened_twice_is_widened_once() -> None:
    assert lines("sum(abs(upcast(weight))) + sum(square(upcast(weight)))") == [
        f"wide_weight = {WIDE}",
        "return wide_weight.abs().sum() + wide_weight.square().sum()",
    ]


def test_a_tensor_that_is_widened_once_needs_no_name() -> None:
    assert lines("sum(abs(upcast(weight)))") == [f"return {WIDE}.abs().sum()"]
