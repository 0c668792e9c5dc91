"""What finds the faults that people have made: the pairs of tests/pairs, wrong layers and their sound twins.

Each spec is made a plain module, without any check, and handed to three tools that know nothing of the spec: the checks
of pytest-torch, those of torchtest2, and a smoke test of some 25 lines. layergen has the spec itself: what it refuses
at build counts, and what the generated tests find. Prints a row for each pair, sums, and what layergen cannot find:
where values alone are wrong, and nothing in the spec says what is to be computed.

    pip install pytest-torch torchtest2
    python benchmarks/faults.py
"""

import argparse
import contextlib
import copy
import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from layergen.faults import SpecError
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.lower.arguments import helpers
from layergen.lower.constructor import ConstructorWriter, signature
from layergen.lower.forward import ForwardWriter
from layergen.lower.imports import function, import_lines
from layergen.lower.initial import reset_lines
from layergen.resolve import Program, understood
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting, settings

PAIRS = Path(__file__).parents[1] / "tests" / "pairs"
CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pairs", nargs="*", default=sorted(path.name for path in PAIRS.iterdir() if path.is_dir()))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    tools: Mapping[str, Callable[[Path], str]] = {
        "layergen": with_layergen,
        "pytest-torch": with_pytest_torch,
        "torchtest2": with_torchtest2,
        "smoke": with_smoke,
    }
    found: dict[str, list[tuple[str, str]]] = {tool: [] for tool in tools}
    for name in options.pairs:
        for tool, judge in tools.items():
            found[tool].append((judge(PAIRS / name / "bad"), judge(PAIRS / name / "good")))
        print(f"{name:<18}" + "".join(f"{f'{rows[-1][0]} / {rows[-1][1]}':<24}" for rows in found.values()))
    print(
        f"{'wrong ones found':<18}"
        + "".join(f"{sum(bad != 'passes' for bad, _ in rows):<24}" for rows in found.values())
    )
    print(
        f"{'sound ones kept':<18}"
        + "".join(f"{sum(good == 'passes' for _, good in rows):<24}" for rows in found.values())
    )
    missed = [name for name, (bad, _) in zip(options.pairs, found["layergen"], strict=True) if bad == "passes"]
    print(f"not found by layergen: {', '.join(missed) or 'none'}")


def with_layergen(folder: Path) -> str:
    """Build a project of the specs of a folder, and run the tests that are generated."""
    with tempfile.TemporaryDirectory() as root:
        specs = Path(root, "specs")
        specs.mkdir()
        for path in folder.glob("*.yaml"):
            (specs / path.name).write_bytes(path.read_bytes())
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "layergen", "build", "-j", "1", "--output-format", "json"]
        built = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        if codes := sorted({fault["code"] for fault in json.loads(built.stdout or "[]")}):
            return ",".join(codes)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "generated"]
        tested = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=False)
        return "passes" if tested.returncode == 0 else "tests"


def plain(folder: Path) -> tuple[type[nn.Module], Program, Setting]:
    """The module that a spec means, made without looking whether it is right, and a setting of it."""
    (path,) = folder.glob("*.yaml")
    program = understood(validate(load(path, path.name)))
    methods = [
        (f"__init__(self, {', '.join(signature(program))})", ConstructorWriter(program).write()),
        ("reset_parameters(self)", reset_lines(program) or ("pass",)),
        (f"forward(self, {', '.join(inputs_of(program))})", ForwardWriter(program).write()),
    ]
    body = "\n".join(f"    def {head}:\n" + "\n".join(f"        {line}" for line in lines) for head, lines in methods)
    code = [
        "nn.Module",
        *("\n".join(lines) for lines in helpers(program)),
        *(function((), lines) for _, lines in methods),
    ]
    code.append(function(signature(program), ()))
    text = "\n".join(
        [*import_lines(code), *("\n".join(lines) for lines in helpers(program)), f"class Plain(nn.Module):\n{body}\n"]
    )
    namespace: dict[str, Any] = {}
    exec(text, namespace)  # noqa: S102 (what is executed is printed from our own trees)
    return namespace["Plain"], program, settings(program)[0]


def inputs_of(program: Program) -> Iterator[str]:
    for name, tensor in program.inputs.items():
        yield f"{name}=None" if tensor.optional else name


def drawn(program: Program, setting: Setting, dtype: torch.dtype = torch.float32) -> tuple[Tensor | None, ...]:
    """Inputs of a layer, drawn as one would draw them by hand."""
    torch.manual_seed(0)
    instance = Instance(program, setting, Placement(CPU, dtype))
    ranges = dict(instance.ranges())
    for name, tensor in instance.inputs.items():
        if tensor is None:
            continue
        if tensor.dtype is torch.bool:
            tensor.bernoulli_(0.5)
        elif not tensor.is_floating_point() and name in ranges:
            tensor.random_(*map(int, ranges[name]))
        elif name in ranges:
            tensor.uniform_(*ranges[name])
        else:
            tensor.normal_()
    return tuple(instance.inputs.values())


def judged(folder: Path, check: Callable[..., None]) -> str:
    """What a tool says of the plain module: that it passes, or that it fails."""
    try:
        made, program, setting = plain(folder)
        torch.manual_seed(0)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            check(made(**setting.given), drawn(program, setting), program, setting)
    except SpecError:
        return "passes"  # there is no module that the tool could be shown
    except Exception:
        return "fails"
    return "passes"


def loss_of(output: Any) -> Tensor:
    parts = output if isinstance(output, tuple) else (output,)
    return torch.stack([(part.float() ** 2).mean() for part in parts if part.is_floating_point()]).sum()


def with_pytest_torch(folder: Path) -> str:
    from pytest_torch.contract import check_inference_contract
    from pytest_torch.invariance import assert_layout_invariant
    from pytest_torch.training import assert_all_params_receive_grad, assert_gradients_finite

    def check(layer: nn.Module, inputs: Any, *_: object) -> None:
        check_inference_contract(copy.deepcopy(layer).eval(), inputs)
        assert_layout_invariant(copy.deepcopy(layer).eval(), inputs)
        if any(parameter.requires_grad for parameter in layer.parameters()):
            assert_gradients_finite(copy.deepcopy(layer).train(), inputs, loss_of)
            assert_all_params_receive_grad(copy.deepcopy(layer).train(), inputs, loss_of)

    return judged(folder, check)


def with_torchtest2(folder: Path) -> str:
    import torchtest2

    def check(layer: nn.Module, inputs: Any, *_: object) -> None:
        report = torchtest2.check_model(layer, inputs, loss_fn=loss_of, overfit_steps=50)
        if not report.passed:
            raise AssertionError(str(report))

    return judged(folder, check)


def with_smoke(folder: Path) -> str:
    """The test that a careful person writes in five minutes."""

    def check(layer: nn.Module, inputs: Any, program: Program, setting: Setting) -> None:
        leaves = [item.requires_grad_() for item in inputs if item is not None and item.is_floating_point()]
        output = layer(*inputs)
        outputs = output if isinstance(output, tuple) else (output,)
        assert all(part.isfinite().all() for part in outputs)
        if any(part.requires_grad for part in outputs):
            gradients = torch.autograd.grad(loss_of(output), [*leaves, *layer.parameters()])
            assert all(gradient.isfinite().all() for gradient in gradients)
        for dtype in (torch.float16, torch.bfloat16):
            half = copy.deepcopy(layer).to(dtype)(*drawn(program, setting, dtype))
            for part, other in zip(half if isinstance(half, tuple) else (half,), outputs, strict=True):
                assert part.isfinite().all() and part.dtype == (dtype if other.is_floating_point() else other.dtype)
        layer.eval()
        given = [item if item is None else item.detach() for item in inputs]
        strided = [item if item is None or item.dim() < 2 else item.mT.contiguous().mT for item in given]
        torch.testing.assert_close(layer(*strided), layer(*given))
        torch.testing.assert_close(layer(*given), layer(*given))

    return judged(folder, check)


if __name__ == "__main__":
    main()
