"""Layers run on real data at build only where that data is small."""

from small import spec

from layergen.check import check
from layergen.contracts.sites import LARGEST, SizeWatch
from layergen.run.instance import Instance
from layergen.settings.choice import settings


def test_tensors_without_a_name_count_too() -> None:
    layer = spec("y = x + mean(ones(3000, 3000))")
    instance = Instance(layer, settings(layer)[0])
    watch = SizeWatch(instance)
    small = watch.evidence(instance.run(True, watch))
    assert watch.elements > 9_000_000 > LARGEST and not small


def test_layer_that_needs_more_memory_than_there_is_can_be_checked() -> None:
    layer = spec("y = x + mean(ones(10000000, 10000000))")
    assert check(layer).spec == layer
