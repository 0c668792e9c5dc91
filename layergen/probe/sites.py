"""Where contracts run a layer: without data in every precision, on an accelerator, under autocast, or on real data."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from layergen.probe.values import EQUAL, HUGE, LARGE, ORDINARY, ZERO, Point, drawn, give, strided, turned
from layergen.prove.abstract_run import ACCELERATOR, fake_accelerator, fake_tensors
from layergen.run import on_data
from layergen.run.equations import tensors_in
from layergen.run.instance import Instance, Placement
from layergen.run.room import SizeWatch
from layergen.run.started import start
from layergen.run.watching import BOTH, TRAINING, WITHOUT_DATA, Bystander, Site, Watch

CPU = torch.device("cpu")
SHAKE = 0.25  # how far parameters that start as constants are moved to be seen

IN_FLOAT16 = Site(Placement(dtype=torch.float16))
IN_BFLOAT16 = Site(Placement(dtype=torch.bfloat16))
IN_FLOAT64 = Site(Placement(dtype=torch.float64))
IN_PRECISIONS = {
    torch.float16: IN_FLOAT16,
    torch.bfloat16: IN_BFLOAT16,
    torch.float32: WITHOUT_DATA,
    torch.float64: IN_FLOAT64,
}

PRODUCTS = frozenset(
    {"linear", "bilinear", "matmul", "mm", "bmm", "mv", "addmm", "baddbmm", "einsum", "scaled_dot_product_attention"}
)


class OfOneDtype(TorchFunctionMode):
    """Refuses products of tensors of different dtypes as torch does with data; without data it lets them through."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "").strip("_").removeprefix("r")
        if name in PRODUCTS or name.startswith("conv"):
            given = tensors_in((*args, *(kwargs or {}).values()))
            dtypes = {tensor.dtype for tensor in given if tensor.is_floating_point()}
            if len(dtypes) > 1:
                raise RuntimeError(f"`{name}` takes tensors of one dtype")
        return function(*args, **(kwargs or {}))


IN_MIXED_PRECISION = Site(Placement(dtype=torch.bfloat16, owned_dtype=torch.float32), OfOneDtype)
WITH_GRADIENTS = Site(Placement(gradients=True))
ON_ACCELERATOR = Site(Placement(ACCELERATOR), fake_accelerator)


@contextmanager
def _autocast() -> Iterator[None]:
    with fake_tensors(), torch.autocast("cpu", dtype=torch.bfloat16):
        yield


UNDER_AUTOCAST = Site(Placement(CPU), _autocast)
BEHIND_ANOTHER = Site(Placement(CPU, torch.bfloat16, owned_dtype=torch.float32), _autocast)  # which gives the lower one


def fill(instance: Instance) -> None:
    """Give all tensors values, the inputs ordinary ones of their ranges."""
    on_data.fill(instance)
    give(instance, ORDINARY)


def _fill_laid_out(instance: Instance, lay: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """The same values, the inputs in other places of memory."""
    fill(instance)
    for name, tensor in instance.inputs.items():
        instance.inputs[name] = tensor if tensor is None else lay(tensor)


def started(
    instance: Instance, point: Point = ORDINARY, rounded: torch.dtype | None = None, shake: float = 0.0
) -> None:
    """Give the inputs the values of a point, and the parameters and buffers those that they start with."""
    start(instance, rounded, shake)
    give(instance, point, rounded)


SMALL = Watch(WITHOUT_DATA, TRAINING, SizeWatch)
WITH_DATA = Site(Placement(CPU), drawn, fill, SMALL)
ON_DATA = Watch(WITH_DATA, BOTH, Bystander)
WITH_STRIDES = Site(Placement(CPU), drawn, partial(_fill_laid_out, lay=strided), SMALL)
WITH_TURNED_STRIDES = Site(Placement(CPU), drawn, partial(_fill_laid_out, lay=turned), SMALL)

# The same numbers in each of these, which all of them can hold.
_in_common = partial(started, rounded=torch.bfloat16, shake=SHAKE)
IN_COMMON = {
    dtype: Site(Placement(CPU, dtype), drawn, _in_common, SMALL)
    for dtype in (torch.float64, torch.float16, torch.bfloat16)
}


@contextmanager
def _autocast_on_data() -> Iterator[None]:
    with drawn(), torch.autocast("cpu", dtype=torch.bfloat16):
        yield


DATA_UNDER_AUTOCAST = Site(Placement(CPU), _autocast_on_data, _in_common, SMALL)

_differentiable = partial(drawn, gradients=True)


def sites_at(point: Point) -> tuple[Site, Site]:
    """Runs with gradients on the inputs of a point, in float32 and in float64."""
    prepare = partial(started, point=point)
    return (
        Site(Placement(CPU, gradients=True), _differentiable, prepare, SMALL),
        Site(Placement(CPU, torch.float64, gradients=True), _differentiable, prepare, SMALL),
    )


AT_POINTS = {point: sites_at(point) for point in (ORDINARY, ZERO, EQUAL, LARGE, HUGE)}
