"""The ops that a spec may call: which there are, and what is known of them."""

import inspect
import subprocess
import sys
import types
from typing import Any

import pytest
import torch

from layergen import ops
from layergen.lang.kinds import Kind
from layergen.ops.registry import OWN
from layergen.ops.traits import ALIASING, FORGETFUL

NAMES = ops.names()
PYTHON_MODULES = {"torch.nn.functional", "torch.functional"}


def test_every_op_is_found_and_has_a_signature() -> None:
    for name in NAMES:
        op = ops.find(name)
        assert op is not None
        assert op.name == name
        assert op.signatures
        assert callable(op.function)


def test_names_are_sorted_and_include_what_layers_need() -> None:
    assert list(NAMES) == sorted(NAMES)
    assert {"conv2d", "relu", "erf", "expand", "type_as", "upcast", "loss_as", "fft.rfft", "linalg.norm"} <= set(NAMES)


def test_python_spelling_reaches_the_function() -> None:
    scope = {"torch": torch, "F": torch.nn.functional}
    for name in NAMES:
        op = ops.find(name)
        assert op is not None
        if op.methodic:
            assert getattr(torch.Tensor, name) is op.function
        elif name not in OWN:
            head, *path = op.python.split(".")
            found: Any = scope[head]
            for part in path:
                found = getattr(found, part)
            assert found is op.function


@pytest.mark.parametrize(
    "name",
    [
        *("save", "load", "compile", "from_file", "from_numpy", "frombuffer", "manual_seed", "seed", "set_num_threads"),
        *("set_default_dtype", "use_deterministic_algorithms", "vmap", "cond", "while_loop", "fork", "wait", "jit"),
        *("numpy", "tolist", "item", "data_ptr", "cpu", "cuda", "backward", "register_hook", "requires_grad_", "set_"),
        *("share_memory_", "storage", "untyped_storage", "apply_", "map_", "map2_", "resize_", "record_stream", "type"),
        *("is_tensor", "is_grad_enabled", "get_rng_state", "handle_torch_function", "boolean_dispatch", "import_"),
        *(
            "__class__",
            "_VF",
            "Tensor",
            "float32",
            "nn",
            "os",
            "sys",
            "range",
            "size",
            "dim",
            "numel",
            "stride",
            "data",
        ),
        *("fft.torch", "linalg.LinAlgError", "torch.exp", "F.relu", "ops.aten", "_C._jit", "grad", "T", "new", ""),
    ],
)
def test_unsafe_functions_are_no_ops(name: str) -> None:
    assert ops.find(name) is None
    assert name not in NAMES


def test_every_op_is_an_operator_of_tensors_or_a_function_over_them() -> None:
    operators = {name.removeprefix("aten::").split(".")[0] for name in torch._C._dispatch_get_all_op_names()}
    conversions = {"bfloat16", "bool", "double", "float", "half", "int", "long", "short"}
    for name in set(NAMES) - conversions - {*OWN, "tensor"}:
        op = ops.find(name)
        assert op is not None
        if inspect.isfunction(op.function):
            assert op.function.__module__ in PYTHON_MODULES
        else:
            assert op.function.__name__ in operators, name


def test_ops_written_in_python_run_no_code_and_read_no_file() -> None:
    harmful = {"eval", "exec", "compile", "open", "__import__", "system", "popen", "load", "save"}
    for name in NAMES:
        op = ops.find(name)
        assert op is not None
        code = getattr(op.function, "__code__", None)
        assert not isinstance(code, types.CodeType) or not harmful & set(code.co_names), name


def test_no_signature_takes_a_device_or_writes_elsewhere() -> None:
    for name in NAMES:
        op = ops.find(name)
        assert op is not None
        for signature in op.signatures:
            assert not {"device", "out", "generator", "filename"} & {item.name for item in signature.parameters}, name
            assert all(item.accepts for item in signature.parameters), name
            assert signature.returns <= {Kind.TENSOR, Kind.TENSORS}, name


@pytest.mark.parametrize(
    "name",
    ["dropout", "dropout2d", "rand", "randn", "bernoulli", "multinomial", "rrelu", "gumbel_softmax", "rand_like"],
)
def test_random_ops_are_marked(name: str) -> None:
    op = ops.find(name)
    assert op is not None
    assert op.random


@pytest.mark.parametrize("name", ["relu", "conv2d", "mean", "zeros", "max_pool2d", "embedding", "linalg.svd"])
def test_other_ops_are_not_random(name: str) -> None:
    op = ops.find(name)
    assert op is not None
    assert not op.random


@pytest.mark.parametrize(
    ("name", "floating"),
    [
        *((name, "always") for name in ("zeros", "ones", "empty", "rand", "randn", "linspace", "eye", "hann_window")),
        *((name, "by arguments") for name in ("arange", "full", "tensor")),
        *((name, "never") for name in ("randint", "randperm", "tril_indices", "triu_indices")),
        *((name, None) for name in ("relu", "zeros_like", "normal", "new_zeros")),
    ],
)
def test_factories_say_whether_they_make_floats(name: str, floating: str | None) -> None:
    op = ops.find(name)
    assert op is not None
    assert op.floating == floating
    assert op.factory == (floating is not None)


def test_factories_take_device_and_dtype() -> None:
    minimal = {"empty_permuted": ([2], [0]), "empty_strided": ([2], [1]), "full": ([2], 1.0), "linspace": (0, 1, 3)}
    minimal |= {"logspace": (0, 1, 3), "randint": (4, [2]), "tril_indices": (2, 2), "triu_indices": (2, 2)}
    for name in NAMES:
        op = ops.find(name)
        assert op is not None
        if op.factory:
            dtype = torch.int64 if op.floating == "never" else torch.float32
            made = op.function(*minimal.get(name, (2,)), device="meta", dtype=dtype)
            assert (made.device.type, made.dtype) == ("meta", dtype)


def test_floating_factories_make_floats_by_themselves() -> None:
    for name in ("zeros", "ones", "empty", "rand", "randn", "eye", "hann_window", "bartlett_window", "fft.rfftfreq"):
        op = ops.find(name)
        assert op is not None
        assert op.floating == "always"
        assert op.function(4).is_floating_point()


def test_names_with_a_trailing_underscore_write_in_place() -> None:
    for name in ("relu_", "add_", "normal_"):
        op = ops.find(name)
        assert op is not None
        assert op.in_place
    relu = ops.find("relu")
    assert relu is not None
    assert not relu.in_place


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("conv2d", "conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1)"),
        ("relu", "relu(input, inplace=False)"),
        ("softmax", "softmax(input, dim=None, *, dtype=None)"),
        ("reshape", "reshape(input, *shape)"),
        ("zeros", "zeros(*size, dtype=None)"),
        ("fft.rfft", "fft.rfft(input, n=None, dim=-1, norm=None)"),
        ("mse_loss", "mse_loss(input, target, *, reduction='mean', weight=None)"),
    ],
)
def test_signatures_print_as_they_are_written(name: str, text: str) -> None:
    op = ops.find(name)
    assert op is not None
    assert str(op.signatures[0]) == text


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        *(("ReLU", "relu"), ("LeakyReLU", "leaky_relu"), ("Conv2d", "conv2d"), ("LayerNorm", "layer_norm")),
        *(("F.conv2d", "conv2d"), ("torch.exp", "exp"), ("nn.functional.relu", "relu"), ("torch.fft.rfft", "fft.rfft")),
        *(("rfft", "fft.rfft"), ("vector_norm", "linalg.vector_norm"), ("conv_2d", "conv2d"), ("softmx", "softmax")),
        ("quite_another_thing", None),
    ],
)
def test_nearest_finds_what_was_meant(name: str, nearest: str | None) -> None:
    assert ops.nearest(name) == nearest


def test_spec_and_diagnostics_import_without_torch() -> None:
    program = "import sys, layergen.lang.scalars, layergen.diagnostics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_ops_that_torch_says_give_views_are_known_to() -> None:
    said = set()
    for name in ops.names():
        for schema in torch._C._jit_get_schemas_for_operator(f"aten::{name.rpartition('.')[2]}"):
            infos = [result.alias_info for result in schema.returns]
            if any(info is not None and not info.is_write for info in infos):
                said.add(name)
    assert said
    assert said <= ALIASING
    assert all(ops.find(name) for name in (*ALIASING, *FORGETFUL))


def test_the_names_of_views_are_those_of_their_operands_memory() -> None:
    x = torch.rand(1, 2, 2)
    for name in ("detach", "upcast", "loss_as", "flatten", "reshape_as", "expand_as", "type_as", "real", "positive"):
        op = ops.get(name)
        result = op.function(x, x) if name.endswith("_as") else op.function(x)
        assert result.untyped_storage().data_ptr() == x.untyped_storage().data_ptr(), name
