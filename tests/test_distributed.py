"""Generated layers train as others do: in several processes, in shards, and with activations computed again."""

import multiprocessing
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from shipped import generated_tests, tensors
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.multiprocessing.spawn import start_processes
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from generated.linear.embedding import Embedding
from generated.ssm.diagonal_ssm import DiagonalSSM
from generated.ssm.selective_ssm import SelectiveSSM

PROCESSES = 2
multiprocessing.set_forkserver_preload(["torch.distributed.fsdp"])  # which is imported once for all of them
# Convolutions, buffers, ties, members and lists of them, loops, frozen parameters, and routing by values.
LAYERS = (
    "batch_norm2d",
    "custom_conv2d",
    "gru",
    "lora_linear",
    "mgu",
    "mixture_of_experts",
    "multihead_self_attention",
    "rms_norm",
    "selective_ssm",
    "tied_autoencoder",
    "transformer_block",
)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def made(name: str) -> nn.Module:
    """A layer at its first case, with the same values in every process."""
    torch.manual_seed(0)
    tests = generated_tests(name)
    module: nn.Module = tests.LAYER.make(tests.DEFAULT)
    return module


def drawn(name: str, seed: int) -> tuple[Any, ...]:
    torch.manual_seed(10 + seed)
    tests = generated_tests(name)
    inputs: tuple[Any, ...] = tests.LAYER.packed(tests.LAYER.draw(tests.DEFAULT))
    return inputs


def trained(module: Callable[..., Any], inputs: tuple[Any, ...]) -> list[Tensor]:
    """The outputs, after a step back from the sum of those that have a gradient."""
    torch.manual_seed(1)
    outputs = tensors(module(*inputs))
    torch.autograd.backward([output.square().sum() for output in outputs if output.requires_grad])
    return [output.detach() for output in outputs]


def gradients(module: nn.Module) -> dict[str, Tensor]:
    found = {name: parameter.grad for name, parameter in module.named_parameters() if parameter.grad is not None}
    return {name: grad.full_tensor() if isinstance(grad, DTensor) else grad for name, grad in found.items()}


def alone(name: str) -> tuple[list[list[Tensor]], dict[str, Tensor]]:
    """What one process gives for the inputs of all of them, and its gradients, averaged."""
    outputs, found = [], list[dict[str, Tensor]]()
    for seed in range(PROCESSES):
        module = made(name)
        outputs.append(trained(module, drawn(name, seed)))
        found.append(gradients(module))
    zeros = {key: torch.zeros_like(grad) for grads in found for key, grad in grads.items()}
    return outputs, {key: torch.stack([grads.get(key, zero) for grads in found]).mean(0) for key, zero in zeros.items()}


def replicated(module: nn.Module) -> tuple[nn.Module, nn.Module]:
    return DistributedDataParallel(module, find_unused_parameters=True), module


def sharded(module: nn.Module) -> tuple[nn.Module, nn.Module]:
    fully_shard(module, mesh=init_device_mesh("cpu", (PROCESSES,)))
    return module, module


def in_process(rank: int, store: str, wrap: Callable[[nn.Module], tuple[nn.Module, nn.Module]]) -> None:
    """One of the processes: all layers, one after the other."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=PROCESSES)
    for name in LAYERS:
        hold(name, rank, wrap)
    leave()


def leave() -> None:
    """End a process that has found no fault, without the way out of Python: threads of gloo abort it there at times."""
    dist.barrier()
    dist.destroy_process_group()
    os._exit(0)


def hold(name: str, rank: int, wrap: Callable[[nn.Module], tuple[nn.Module, nn.Module]]) -> None:
    """Compare what the processes give together with what one gives; no wrapper outlives the comparison."""
    outputs, slopes = alone(name)
    called, module = wrap(made(name))
    compare = partial(torch.testing.assert_close, msg=f"{name} in process {rank}")
    compare(trained(called, drawn(name, rank)), outputs[rank])
    found = gradients(module)
    for key in {**slopes, **found}:  # what no process has used has no gradient, or one of zeros
        like = found.get(key, slopes.get(key))
        assert like is not None
        zeros = torch.zeros_like(like)
        compare(found.get(key, zeros), slopes.get(key, zeros))


@pytest.mark.parametrize("wrap", [replicated, sharded])
def test_several_processes_give_what_one_gives(tmp_path: Path, wrap: Callable[..., Any]) -> None:
    start_processes(in_process, (str(tmp_path / "store"), wrap), nprocs=PROCESSES, start_method="forkserver")  # type: ignore[no-untyped-call]


def restarted(rank: int, store: str) -> None:
    """One of the processes: layers whose initial values are no initializer's, in shards before they have values."""
    torch.set_num_threads(1)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=PROCESSES)
    for layer in (Embedding(6, 4, device="meta"), DiagonalSSM(4, device="meta"), SelectiveSSM(4, device="meta")):
        restart(layer)
    leave()


def restart(layer: nn.Module) -> None:
    """Give a layer in shards its initial values; no wrapper outlives the comparison."""
    module, _ = sharded(layer)
    module.to_empty(device="cpu")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(torch.nan)
    module.reset_parameters()  # type: ignore[operator]
    for name, parameter in module.named_parameters():
        assert isinstance(parameter, DTensor), name
        assert parameter.full_tensor().isfinite().all(), name
        if name == "log_rate":
            expected = torch.arange(1, parameter.shape[1] + 1).log().expand(parameter.shape)
            torch.testing.assert_close(parameter.full_tensor(), expected)


def test_shards_are_given_initial_values(tmp_path: Path) -> None:
    start_processes(restarted, (str(tmp_path / "store"),), nprocs=PROCESSES, start_method="forkserver")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", LAYERS)
def test_activations_may_be_computed_again(name: str) -> None:
    module, other = made(name), made(name)
    outputs = trained(module, drawn(name, 0))
    again = trained(partial(checkpoint, other, use_reentrant=False), drawn(name, 0))
    torch.testing.assert_close(again, outputs)
    torch.testing.assert_close(gradients(other), gradients(module))
