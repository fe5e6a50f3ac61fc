"""What TurboMind takes on each device at start-up, and what it makes of the rest.

The sum is its own (`CreateEngine` in ``src/turbomind/turbomind.cc``, LMDeploy 0.16.0 at 1263d5c; before 0.15
`GetBlockCount` in ``src/turbomind/models/llama/BlockManager.cc``): of what is free on the rank that has least once the
weights are loaded, ``cache_max_entry_count`` is the cache. What a step computes with comes out of the rest, later.
"""

from __future__ import annotations

from llmscale.model.shape import Shape
from llmscale.runtimes.lmdeploy.blocks import BLOCK, blocks_in
from llmscale.runtimes.parallel.free_share import Cache
from llmscale.units import MIB

#: ``cache_max_entry_count``, ``max_prefill_token_num`` (`TurbomindEngineConfig` in lmdeploy/messages.py).
SHARE, PREFILL = 0.8, 8192
#: Bytes of a rank besides weights when the cache is made: what one start left (Qwen3-8B in BF16 on a card of 80 GB,
#: 0.17.0), the general rule's CUDA context as the least, and the most that a start left, with a tower that PyTorch had
#: loaded (InternVL2.5-8B, A100); tests/truth/lmdeploy.json. Two starts are no bound: the three are a range.
BESIDES, LEAST, MOST = 1936 * MIB, 512 * MIB, 3868 * MIB
#: Of a step, widths of the hidden and the intermediate size that are alive for each token, in 16 bits: what an author
#: of TurboMind says of it (github.com/InternLM/lmdeploy, issue 730).
HIDDEN, INTERMEDIATE, HALF = 9, 2, 2


def cache_of(visible: int, taken: int, share: float, block: int, *, slabs: bool) -> Cache:
    """The cache of a device of `visible` bytes of which so many are taken, of blocks of `block` bytes."""
    free = visible - taken
    size = int(max(0, free) * share)
    return Cache(free, max(0, free) - size, blocks_in(size, block, slabs=slabs), BLOCK)


def step_bytes(shape: Shape, tokens: int, tensor: int) -> int:
    """Bytes that a step over so many tokens computes with on one of `tensor` ranks."""
    return tokens * HALF * (HIDDEN * shape.hidden + INTERMEDIATE * shape.intermediate // tensor)
