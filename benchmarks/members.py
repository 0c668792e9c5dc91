"""What members cost: the proof of a layer of twelve beside that of one, and a block beside the same one by hand.

    python benchmarks/members.py [--rounds N]

The proofs are timed in CPU seconds of one process, the blocks in turn, the least of the rounds each.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generated.transformer import TransformerBlock
from layergen.pipeline import examined, order_of
from layergen.project.config import Config
from layergen.project.discovery import discover

ROOT = Path(__file__).parents[1]
MEMBERS = 12
GOAL = 3.0  # times the proof of its largest member
DIM, HEADS, BATCH, LENGTH = 256, 8, 4, 128
TOWER = f"""\
layer: Tower
summary: Apply blocks one after the other.
arguments:
  dim: {{type: int, min: 1, doc: Size of each sample.}}
  num_heads: {{type: int, min: 1, doc: Number of heads.}}
modules:
{"".join(f"  block_{index}: TransformerBlock(dim, num_heads){chr(10)}" for index in range(MEMBERS))}inputs:
  x: [N, L, dim]
outputs:
  y: [N, L, dim]
forward: y = {"".join(f"block_{index}(" for index in reversed(range(MEMBERS)))}x{")" * MEMBERS}
"""


class ByHand(nn.Module):
    """The same block as one would write it in one class."""

    def __init__(self, block: TransformerBlock) -> None:
        super().__init__()
        self.block = block  # whose weights it uses
        attention = block.attention
        self.heads, self.size, self.rotary = attention.num_heads, attention.dim, attention.rotary
        self.head_dim = self.size // self.heads

    def forward(self, x: Tensor) -> Tensor:
        block, attention = self.block, self.block.attention
        batch, length, _ = x.shape
        h = norm(x, block.attention_norm.weight, block.attention_norm.eps)
        q, k, v = (
            F.linear(h, part.weight).reshape(batch, length, self.heads, self.head_dim).transpose(1, 2)
            for part in (attention.query, attention.key, attention.value)
        )
        h = F.scaled_dot_product_attention(self.rotary(q), self.rotary(k), v, is_causal=True)
        x = x + F.linear(h.transpose(1, 2).reshape(batch, length, self.size), attention.output.weight)
        h = norm(x, block.feed_forward_norm.weight, block.feed_forward_norm.eps)
        network = block.feed_forward
        gated = F.silu(F.linear(h, network.gate_weight)) * F.linear(h, network.up_weight)
        return x + F.linear(gated, network.down_weight)


def norm(x: Tensor, weight: Tensor | None, eps: float | None) -> Tensor:
    return F.rms_norm(x, x.shape[-1:], weight, eps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    one, many = proofs()
    print(f"proof of a block {one:.2f} s, of {MEMBERS} of them {many:.2f} s: {many / one:.2f} times (goal: {GOAL})")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    block = TransformerBlock(DIM, HEADS)
    by_hand = ByHand(block)
    x = torch.randn(BATCH, LENGTH, DIM, requires_grad=True)
    torch.testing.assert_close(block(x), by_hand(x))
    generated, written = measured([lambda: block(x), lambda: by_hand(x)], rounds)
    print(f"generated {1000 * generated:.2f} ms, by hand {1000 * written:.2f} ms: {generated / written:.3f} times")


def proofs() -> tuple[float, float]:
    """The CPU seconds that all checks of a block take, and those of a layer of many of them."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copytree(ROOT / "specs", Path(folder) / "specs")
        (Path(folder) / "specs" / "tower.yaml").write_text(TOWER)
        config = Config(Path(folder))
        specs = {spec.module[-1]: spec for spec in discover(config).specs}
        orders = {name: order_of(specs[name], config) for name in ("transformer_block", "tower")}
        examined(orders["transformer_block"])  # which loads what torch loads late
        seconds = []
        for order in orders.values():
            begin = time.process_time()
            examined(order)
            seconds.append(time.process_time() - begin)
        return seconds[0], seconds[1]


def measured(runs: list[Callable[[], Tensor]], rounds: int) -> list[float]:
    """The least seconds of a forward and a backward of each."""
    least = [float("inf")] * len(runs)
    for _ in range(rounds):
        for index, run in enumerate(runs):
            begin = time.perf_counter()
            run().square().mean().backward()  # type: ignore[no-untyped-call]
            least[index] = min(least[index], time.perf_counter() - begin)
    return least


if __name__ == "__main__":
    main()
