"""SGLang's pools: from the bytes that are left to tokens, states and requests.

Read in SGLang 0.5.23: ``sglang/srt/model_executor/pool_configurator.py`` (``DefaultPoolConfigurator``,
``HybridSWAPoolConfigurator``), ``sglang/srt/mem_cache/kv_cache_configurator.py`` (``_handle_max_mamba_cache``,
``_calculate_mamba_ratio``, ``resolve_max_num_reqs``), the families with a pool for windows in
``sglang/srt/configs/model_config.py`` (``is_hybrid_swa_model``), ``sglang/srt/configs/mamba_utils.py``.

- Every layer of attention keeps every token, also those with a sliding window and those that borrow another layer's K
  and V, but for the families of `WINDOWED`: their windows have a pool of their own, 0.8 tokens for each of the other.
- A page is one token. Backends that want longer pages (Blackwell's, FlashMLA) round down to them; that is left out.
- Recurrent states have a pool of slots, 0.9 bytes for each byte of the KV cache; states are FP32, convolutions 16 bits.
"""

from __future__ import annotations

from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.blocks import Keeping, computed
from llmscale.runtimes.parallel.paging import kinds
from llmscale.runtimes.parallel.shards import text_blocks
from llmscale.runtimes.sglang.blocks import token_cells

#: Families whose attention to an encoder SGLang has.
CROSSED = ("whisper",)
#: How the names of the families begin whose windows have a pool of their own.
WINDOWED = ("llama4", "gpt_oss", "gemma4", "mimo_v2")
#: ``--swa-full-tokens-ratio`` and ``--mamba-full-memory-ratio``.
WINDOW_RATIO, STATE_RATIO = 0.8, 0.9
#: Slots that a running request takes: three, and two more where states are tracked in a buffer of their own, which all
#: families do but those named (``_MAMBA_EXTRA_BUFFER_ARCHS`` of arg_groups/overrides.py).
SLOTS, SLOTS_UNBUFFERED = 5, 3
UNBUFFERED = ("lfm2", "zaya")
#: Bytes of an element of a state.
STATE_BYTES = 4
#: Bounds of ``--max-running-requests`` where it is not given, and how many whole contexts it is reckoned from.
LEAST_REQUESTS, MOST_REQUESTS, REQUESTS_OF_CONTEXT = 2048, 4096, 512


class Cells(NamedTuple):
    """Bytes on one rank.

    Attributes:
        token: of a token in the layers that keep all of them.
        windowed: of a token in the layers whose windows have a pool of their own.
        reach: tokens of that window.
        state: of one slot of recurrent state.
        slots: slots that a running request takes.
    """

    token: int
    windowed: int
    reach: int
    state: int
    slots: int

    @property
    def pooled(self) -> float:
        """Bytes of both pools for one token."""
        return self.token + WINDOW_RATIO * self.windowed if self.token else float(self.windowed)


class Pools(NamedTuple):
    """What SGLang allocates on one rank.

    Attributes:
        tokens: ``max_total_num_tokens``.
        window_tokens: of the windows' pool, 0 without one.
        states: slots, 0 without recurrent layers.
        bytes: of the KV cache.
        missing: bytes that lack for a single token or state.
    """

    tokens: int
    window_tokens: int
    states: int
    bytes: int
    missing: int = 0


def cells(spec: ModelSpec, tensor: int, kv_bytes: int) -> Cells | None:
    """What a token and a request take on one of `tensor` ranks; None for a model that caches nothing.

    Raises:
        UnsupportedModelError: a cache that is not modelled.
    """
    found = kinds(spec, Keeping(tensor, kv_bytes, STATE_BYTES), CROSSED)
    pooled = spec.family.startswith(WINDOWED)
    token, windowed, reach = sum(len(kind.layers) * kind.token_bytes for kind in found if kind.latent), 0, 0
    for placed in text_blocks(spec):
        cell = token_cells(computed(placed.block), tensor)
        if cell is None:
            continue
        size = len(placed.layers) * cell.elements * kv_bytes
        if pooled and cell.window:
            windowed, reach = windowed + size, max(reach, cell.window)
        else:
            token += size
    state = sum(len(kind.layers) * kind.state_bytes for kind in found)
    slots = SLOTS_UNBUFFERED if spec.family.startswith(UNBUFFERED) else SLOTS
    return Cells(token, windowed, reach, state, slots) if token or windowed or state else None


def pools(available: int, cell: Cells) -> Pools:
    """The pools that `available` bytes make."""
    states = 0
    if cell.state:
        share = available * STATE_RATIO / (1 + STATE_RATIO)
        states = int((share - cell.state) // cell.state)
        available -= (max(0, states) + 1) * cell.state
    if not cell.pooled:
        return Pools(0, 0, max(0, states), 0, max(0, -available))
    tokens = int(available // cell.pooled)
    if tokens < 1 or (cell.state and states < 1):
        return Pools(0, 0, 0, 0, max(1, int(cell.pooled - available)))
    window_tokens = int(tokens * WINDOW_RATIO) if cell.token and cell.windowed else tokens if cell.windowed else 0
    return Pools(tokens, window_tokens, states, tokens * cell.token + window_tokens * cell.windowed)


def requests(found: Pools, cell: Cells, context: int, limit: int | None = None) -> float:
    """Requests of `context` tokens that run at once.

    Args:
        limit: ``--max-running-requests``.
    """
    most = [float(running(found.tokens, context) if limit is None else limit)]
    if cell.pooled:
        most.append(found.tokens / context)
    if cell.windowed:
        most.append(found.window_tokens / min(context, cell.reach + 1))
    if cell.state:
        most.append(float(found.states // cell.slots))
    return min(most)


def running(tokens: int, context: int) -> int:
    """``max_running_requests`` where nobody gives it."""
    reckoned = int(tokens / context * REQUESTS_OF_CONTEXT)
    return min(max(min(reckoned, MOST_REQUESTS), LEAST_REQUESTS), tokens // 2 or MOST_REQUESTS)


def longest(found: Pools, cell: Cells, batch: int, limit: int, most: int | None = None) -> int:
    """The longest context up to `limit` of which `batch` requests run at once; 0 for none."""
    if requests(found, cell, 1, most) < batch:
        return 0
    low, high = 1, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if requests(found, cell, middle, most) >= batch else (low, middle - 1)
    return low
