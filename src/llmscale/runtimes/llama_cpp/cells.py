"""llama.cpp's KV cache and recurrent state: how many cells it makes, and the bytes of each.

The cache is made once, for the whole context, before the first token. A *cell* is the room of one token. With a
unified cache all sequences share one stream of cells, else each sequence has a stream of its own. Layers with a
sliding window have a cache of their own, as long as the window of every sequence it serves and one batch.

Source: llama.cpp commit 0c1e57098, src/llama-context.cpp (constructor), src/llama-kv-cache.cpp,
src/llama-kv-cache-iswa.cpp, src/llama-memory-recurrent.cpp; held against every row of
tests/truth/llamacpp_measured.json.
"""

from __future__ import annotations

from typing import NamedTuple

from llmscale.runtimes.llama_cpp.facts import Facts
from llmscale.runtimes.llama_cpp.simulator.graph import row_bytes

#: Types of the cache that are stored in blocks.
QUANTIZED = ("q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
#: Alignment of tensors in CUDA's buffers, and elements that it pads rows of quantised ones to.
CUDA_ALIGN = 128
CUDA_ROW = 512
#: Cells come in multiples of this.
CELLS = 256


class Settings(NamedTuple):
    """What one gives to llama.cpp, under its own names; the defaults are those of its programs.

    Attributes:
        n_ctx: tokens of context, of all sequences together.
        n_batch, n_ubatch: tokens given to it at once, and computed at once.
        n_seq: sequences at once (``--parallel``).
        unified: whether sequences share one stream of cells (``--kv-unified``).
        swa_full: whether layers with a window get a full cache (``--swa-full``).
        flash_attention: whether attention is one operation.
        type_k, type_v: types of the cache.
        n_outputs_max: most tokens of one batch whose logits are wanted; 0 for all of them (llama-server asks for one a
            sequence, llama-bench and the C API for all).
        kv_offload: whether the cache of a layer on a device lies on that device (``--no-kv-offload``).
        op_offload: whether devices run large batches through layers whose weights lie on the host
            (``--no-op-offload``).
    """

    n_ctx: int = 4096
    n_batch: int = 2048
    n_ubatch: int = 512
    n_seq: int = 1
    unified: bool = False
    swa_full: bool = False
    flash_attention: bool = True
    type_k: str = "f16"
    type_v: str = "f16"
    n_outputs_max: int = 0
    kv_offload: bool = True
    op_offload: bool = True

    @property
    def batch(self) -> int:
        """Tokens given at once, which the context limits."""
        return min(self.n_ctx, self.n_batch)

    @property
    def ubatch(self) -> int:
        """Tokens computed at once."""
        return min(self.batch, self.n_ubatch)

    @property
    def outputs(self) -> int:
        """Tokens of one computed batch whose logits are kept."""
        return min(self.ubatch, self.n_outputs_max or self.batch)

    @property
    def streams(self) -> int:
        """Streams of cells."""
        return 1 if self.unified else self.n_seq


class Cells(NamedTuple):
    """Cells of one stream: of layers that keep all tokens, and of those with a window."""

    full: int
    window: int


def pad(cells: int) -> int:
    """Rounded up to a multiple of `CELLS`."""
    return -(-cells // CELLS) * CELLS


def cells(facts: Facts, settings: Settings) -> Cells:
    """The cells of one stream."""
    full = pad(settings.n_ctx)
    if not settings.unified:
        full = pad(full // settings.n_seq)
    if not facts.window:
        return Cells(full, 0)
    if settings.swa_full:
        return Cells(full, full)
    shared = settings.n_seq if settings.unified else 1
    return Cells(full, pad(min(full, facts.window * shared + settings.ubatch)))


def cache_bytes(facts: Facts, settings: Settings, cuda: bool = False) -> list[int]:
    """Bytes of the KV cache of each layer; on CUDA as its buffers hold it."""
    room = cells(facts, settings)
    sizes = []
    for layer in facts.layers:
        keys, values = layer.cached()
        if values and not settings.flash_attention:
            values = facts.widest_value
        count = settings.streams * (room.window if layer.windowed else room.full)
        sizes.append(held(settings.type_k, keys, count, cuda) + held(settings.type_v, values, count, cuda))
    return sizes


def held(kind: str, width: int, count: int, cuda: bool) -> int:
    """Bytes of so many rows: CUDA pads a quantised tensor whose rows are not a multiple of 512, and aligns each.

    Source: ggml/src/ggml-cuda/ggml-cuda.cu (`ggml_backend_cuda_buffer_type_get_alloc_size`).
    """
    size = row_bytes(kind, width) * count
    if not cuda:
        return size
    if kind in QUANTIZED and width % CUDA_ROW:
        size += row_bytes(kind, CUDA_ROW - width % CUDA_ROW)
    return -(-size // CUDA_ALIGN) * CUDA_ALIGN


def state_bytes(facts: Facts, settings: Settings) -> list[int]:
    """Bytes of the recurrent state of each layer; float32, one of each sequence."""
    return [settings.n_seq * 4 * sum(layer.state()) for layer in facts.layers]


def output_bytes(facts: Facts, settings: Settings) -> int:
    """Bytes of the buffer that logits are handed over in: a row of float32 for each sequence."""
    return settings.n_seq * facts.vocab * 4
