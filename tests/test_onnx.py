"""Generated layers leave for other runtimes: what torch exports to ONNX computes the same there."""

from collections.abc import Iterator
from functools import cache

import onnxruntime
import pytest
import torch
from shipped import RESTATED, SPECS, USUAL, generated_tests, tensors
from torch import Tensor
from torch.onnx._internal.exporter._registration import ONNXRegistry

# What the exporter of torch refuses, and what it says: ops that it does not know, and a look at the values of an input.
REFUSED = {
    "adaptive_avg_pool3d": r"No ONNX function found .*_adaptive_avg_pool3d",
    "adaptive_max_pool1d": r"No ONNX function found .*adaptive_max_pool2d",
    "adaptive_max_pool2d": r"No ONNX function found .*adaptive_max_pool2d",
    "gaussian_nll_loss": r"Could not guard on data-dependent expression",
    "spatial_pyramid_pooling": r"No ONNX function found .*adaptive_max_pool2d",
    "spectral_conv1d": r"No decompositions registered for the complex-valued input",
}

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module", autouse=True)
def table_of_ops_is_made_once() -> Iterator[None]:
    """The exporter makes its table of ops anew at each call, and reads it alone: half of its time (torch 2.13)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib)))
        yield


def exported(name: str) -> tuple[list[Tensor], list[Tensor]]:
    """What a layer gives at its first case, in evaluation, and what its ONNX program does."""
    tests = generated_tests(name)
    torch.manual_seed(0)
    module = tests.LAYER.make(tests.DEFAULT, torch.float32).eval()
    inputs = tests.LAYER.packed(tests.LAYER.draw(tests.DEFAULT, torch.float32))
    program = torch.onnx.export(module, inputs, dynamo=True, verbose=False)
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    names = [taken.name for taken in session.get_inputs()]
    given = {key: tensor.detach().numpy() for key, tensor in zip(names, tensors(inputs), strict=False)}
    theirs = [torch.from_numpy(array) for array in session.run(None, given)]  # first, as a layer may write to an input
    return tensors(module(*inputs)), theirs


@pytest.mark.parametrize("name", [name for name in SPECS if name not in (RESTATED - USUAL).union(REFUSED)])
def test_values_in_onnx_agree(name: str) -> None:
    ours, theirs = exported(name)
    torch.testing.assert_close(theirs, [output.detach() for output in ours], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_exporter_refuses_is_listed(name: str) -> None:
    with pytest.raises(torch.onnx.OnnxExporterError, match=REFUSED[name]):
        exported(name)
