"""Layers run on real data at build only where that data is small."""

from small import checked, program, setting_of

from layergen.contracts.execution import LARGEST, elements


def test_tensors_without_a_name_count_too() -> None:
    layer = program("y = x + mean(ones(3000, 3000))")
    assert elements(layer, setting_of(layer)) > 9_000_000 > LARGEST


def test_layer_that_needs_more_memory_than_there_is_can_be_checked() -> None:
    layer = program("y = x + mean(ones(10000000, 10000000))")
    assert checked(layer).cases
