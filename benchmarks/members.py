"""What members cost: the proof of a layer of twelve beside that of one, and a block beside the same one by hand.

    python benchmarks/members.py [--rounds N]

The proofs are timed in CPU seconds of one process, the blocks in turn, the least of the rounds each. Their instructions
are counted as `instructions.py` does, at a size at which what they compute is little beside what calls them.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shutil import copytree

import torch
from by_hand import Block, Flat
from instructions import counted
from torch import Tensor, nn

from generated.transformer import TransformerBlock
from layergen.bench.subject import Subject
from layergen.pipeline import examined, order_of
from layergen.project.config import Config
from layergen.project.discovery import discover

ROOT = Path(__file__).parents[1]
MEMBERS = 12
GOAL = 3.0  # times the proof of its largest member
HEADS = 8
TIMED = (4, 128, 256)  # of the inputs
COUNTED = (2, 16, 64)
CALLS, TURNS = 5, 4
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    one, many = proofs()
    print(f"proof of a block {one:.2f} s, of {MEMBERS} of them {many:.2f} s: {many / one:.2f} times (goal: {GOAL})")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    block, by_hand, x = made(TIMED)
    least = measured([partial(module, x) for module in (block, *by_hand.values())], rounds)
    times = ", ".join(f"{least[0] / other:.3f} times {name}" for name, other in zip(by_hand, least[1:], strict=True))
    print(f"generated {1000 * least[0]:.2f} ms: {times}")
    block, by_hand, x = made(COUNTED)
    own = Subject(block, (x,))
    counts = counted({name: (own, Subject(module, (x,))) for name, module in by_hand.items()}, CALLS, TURNS)
    for kind in ("forward", "both"):
        ratios = (
            f"{counts[f'{name} {kind} ours'] / counts[f'{name} {kind} theirs']:.3f} times {name}" for name in by_hand
        )
        print(f"instructions, {kind}: {', '.join(ratios)}")


def made(shape: tuple[int, int, int]) -> tuple[TransformerBlock, dict[str, nn.Module], Tensor]:
    """A generated block, the same by hand in two ways, and an input."""
    block = TransformerBlock(shape[-1], HEADS)
    by_hand = {"members by hand": Block(block), "one class by hand": Flat(block)}
    x = torch.randn(shape, requires_grad=True)
    for module in by_hand.values():
        torch.testing.assert_close(block(x), module(x))
    return block, by_hand, x


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
