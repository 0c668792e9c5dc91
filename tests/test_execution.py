"""Layers run on real data at build only where that data is small."""

from small import checked, instance_of, program

from layergen.run.room import LARGEST, SizeWatch


def test_tensors_without_a_name_count_too() -> None:
    instance = instance_of(program("y = x + mean(ones(3000, 3000))"))
    watch = SizeWatch(instance)
    small = watch.evidence(instance.run(True, watch))
    assert watch.elements > 9_000_000 > LARGEST and not small


def test_layer_that_needs_more_memory_than_there_is_can_be_checked() -> None:
    assert checked(program("y = x + mean(ones(10000000, 10000000))")).cases
