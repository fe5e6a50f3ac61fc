"""llama.cpp's KV cache and recurrent state: how many cells it makes, and the bytes of each.

The cache is made once, for the whole context, before the first token. A *cell* holds one token. With a
unified cache all sequences share one stream of cells, else each sequence has a stream of its own. Layers with a
sliding window have a cache of their own, as long as the window of every sequence it serves and one batch.

Source: llama.cpp commit 0c1e57098, src/llama-context.cpp (constructor), src/llama-kv-cache.cpp,
src/llama-kv-cache-iswa.cpp, src/llama-memory-recurrent.cpp; held against every row of
tests/truth/llamacpp_measured.json.
"""

from __future__ import annotations

from functools import lru_cache

from llmscale.records import NamedTuple
from llmscale.runtimes.llama_cpp.facts import ModelFacts
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings
from llmscale.runtimes.llama_cpp.simulator.ggml_types import buffer_bytes

#: Cells come in multiples of this with flash attention, and of late without it.
CELLS = 256


class Cells(NamedTuple):
    """Cells of one stream: of layers that keep all tokens, and of those with a window."""

    full: int
    window: int


def pad(cells: int, step: int = CELLS) -> int:
    """Rounded up to a multiple of `step`."""
    return -(-cells // step) * step


def cells(facts: ModelFacts, settings: LlamaCppSettings) -> Cells:
    """The cells of one stream."""
    step = CELLS if settings.flash_attention else settings.cells
    full = pad(settings.n_ctx, step)
    if not settings.unified:
        full = pad(full // settings.n_seq, step)
    if not facts.window:
        return Cells(full, 0)
    if settings.swa_full:
        return Cells(full, full)
    shared = settings.n_seq if settings.unified else 1
    return Cells(full, pad(min(full, facts.window * shared + settings.ubatch), step))


@lru_cache(maxsize=4096)  # asked for every device that a model is tried on
def cache_bytes(facts: ModelFacts, settings: LlamaCppSettings, cuda: bool = False) -> tuple[int, ...]:
    """Bytes of the KV cache of each layer; on CUDA as its buffers hold it."""
    of_stream, widest = cells(facts, settings), facts.widest_value
    sizes = []
    for layer in facts.layers:
        keys, values = layer.cached()
        if values and not settings.flash_attention:
            values = widest
        count = settings.streams * (of_stream.window if layer.windowed else of_stream.full)
        sizes.append(
            buffer_bytes(settings.type_k, keys, count, cuda) + buffer_bytes(settings.type_v, values, count, cuda)
        )
    return tuple(sizes)


@lru_cache(maxsize=4096)
def state_bytes(facts: ModelFacts, settings: LlamaCppSettings) -> tuple[int, ...]:
    """Bytes of the recurrent state of each layer; float32, one of each sequence, and those that are kept to go back."""
    each = settings.n_seq * (1 + settings.kept_states)
    return tuple(each * 4 * sum(layer.state()) for layer in facts.layers)


def output_bytes(facts: ModelFacts, settings: LlamaCppSettings) -> int:
    """Bytes of the buffer that logits are handed over in: a row of float32 for each sequence."""
    return settings.n_seq * facts.vocab * 4
