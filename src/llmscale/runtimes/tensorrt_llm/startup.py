"""What TensorRT-LLM's PyTorch backend takes on each device at start-up, and what it makes of the rest.

The sum is its own (`KvCacheCreator` in ``tensorrt_llm/_torch/pyexecutor/_util.py``, 1.2.0rc2 at b35ac1b): the cache is
made small first, graphs are captured, a prompt of ``max_num_tokens`` is read; of what that peak leaves of the device,
``free_gpu_memory_fraction`` is the cache. The rest is left free.

What lies at that peak besides weights is fitted to 72 starts of one source (tests/truth/tensorrt_llm.json): the 24 on
H100 bound it from both sides, and with some widths of each token one number for one, two and four ranks meets their
requests to 0.2 %; on GB300 the same with 1.15 GiB more of each. Left out, the 48 on GB300 are off by 0.6 % at the most,
and so is the one start of another source. Other cards are taken for Hopper's, within a range that spans both.
"""

from __future__ import annotations

from math import log2

from llmscale.model.shape import Shape
from llmscale.runtimes.parallel.free_share import Besides, Cache
from llmscale.runtimes.tensorrt_llm.blocks import BLOCK, TokenBytes, blocks_in
from llmscale.runtimes.tensorrt_llm.weights import BLACKWELL, CONSUMER
from llmscale.units import GIB

#: ``free_gpu_memory_fraction``, ``max_num_tokens`` and ``max_batch_size`` (``tensorrt_llm/commands/serve.py``).
SHARE, STEP, SEQUENCES = 0.9, 8192, 2048
#: Of the step, widths of the hidden and the intermediate size that each token has alive, and bytes of each: two and a
#: half times 16 bits, fitted.
HIDDEN, INTERMEDIATE, ALIVE = 2, 3, 5
#: GiB besides weights and the step: CUDA's context, kernels, graphs, workspaces, from two ranks on the exchange.
ALONE, PAIR, FOUR, DOUBLED = 1.77, 3.15, 4.10, 0.95
#: GiB more on data centre Blackwell.
FURTHER = 1.15
#: GiB that a start may take less and more: the one of another source (H100, 1.2.1) took 0.6 less, GB300 1.15 more.
LESS, MORE = 0.9, 2.0


def step_bytes(shape: Shape, tokens: int, tensor: int) -> int:
    """Bytes that a step over so many tokens computes with on one of `tensor` ranks."""
    return tokens * ALIVE * (HIDDEN * shape.hidden + INTERMEDIATE * shape.intermediate // tensor)


def besides(ranks: int, capability: float | None) -> Besides:
    """What each of `ranks` takes on a card of this compute capability; None for one that is not known."""
    one = {1: ALONE, 2: PAIR}.get(ranks) or FOUR + DOUBLED * log2(ranks / 4)
    if capability is not None and BLACKWELL <= capability < CONSUMER:
        one += FURTHER
    counted, least, most = (int(size * GIB) for size in (one, one - LESS, one + MORE))
    return Besides(counted, least, most)


def cache_of(visible: int, loaded: int, taken: int, step: int, share: float, token: TokenBytes) -> Cache:
    """The cache of a device of `visible` bytes beside weights, what is taken for good and what the step takes."""
    free = visible - loaded - taken - step
    size = int(max(0, free) * share)
    blocks = blocks_in(size, visible - loaded - taken, share, token)
    return Cache(free, max(0, free) - size, blocks, BLOCK)
