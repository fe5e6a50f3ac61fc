"""Ollama's own choices before it starts llama-server, which does the rest.

Since 0.30 Ollama runs GGUF models with llama.cpp's ``llama-server`` alone, as a process of its own (earlier releases
had engines of their own, whose figures differ). Read in 0.33.0-rc2:

- ``server/routes.go`` (``Serve``): the context where nobody names one, by the memory of all GPUs; limited to what the
  model was trained with (``llm/server.go``, ``NewLlamaServer``).
- ``envconfig/config.go``: ``OLLAMA_NUM_PARALLEL`` 1, ``OLLAMA_KV_CACHE_TYPE`` f16; ``server/sched.go`` (``load``): the
  families that take one request at a time.
- ``server/sched.go`` (``automaticGenerationBatch``): tokens of a batch, which llama-server computes at once (``-b`` and
  ``-ub``): more for longer contexts, where the model leaves room for it.
- the same file (``selectLlamaServerPlacement``): of several GPUs only the roomiest where the model surely fits it.
- ``llm/llama_server.go`` (``startLlamaServer``): ``-c`` is the context times the requests, flash attention is left to
  llama-server, ``-ngl`` too: it puts as many layers on the GPUs as leave `MARGIN` free (``fit_params_target`` of
  llama.cpp's common/common.h).
"""

from __future__ import annotations

from llmscale.records import NamedTuple
from llmscale.units import GIB, MIB

#: The tag of llama.cpp that Ollama 0.33.0-rc2 builds (``LLAMA_CPP_VERSION``).
LLAMA_CPP = "b10488"
#: (least bytes of all GPUs, tokens of context), most first.
CONTEXTS = ((47 * GIB, 262_144), (23 * GIB, 32_768), (0, 4096))
#: Families of which Ollama runs one request at a time, whatever ``OLLAMA_NUM_PARALLEL`` says.
ALONE = (
    "mllama",
    "qwen3_vl",
    "qwen3_vl_moe",
    "qwen3_5",
    "qwen3_5_moe",
    "qwen3_next",
    "lfm2",
    "lfm2_moe",
    "nemotron_h",
)
#: What llama-server leaves free on each GPU when it chooses the layers.
MARGIN = GIB
#: Share of the free memory up to which a model is taken to fit.
SURE = 0.8


class BatchSize(NamedTuple):
    """Tokens of a batch for contexts of more than `beyond` tokens, of all requests together.

    Attributes:
        within: share of the free memory that the model may be predicted to take.
        needs: bytes that it is reckoned to take more.
    """

    beyond: int
    tokens: int
    within: float
    needs: int


BATCHES = (BatchSize(32_768, 2048, 0.6, 2 * GIB), BatchSize(4096, 1024, 0.75, 768 * MIB), BatchSize(0, 512, 1.0, 0))


class Predicted(NamedTuple):
    """What Ollama reckons before it starts anything (``PredictServerVRAM`` in llm/llama_server.go).

    Attributes:
        file: bytes of the GGUF file.
        layers, kv_heads, head: of the model; the fewest KV heads of a layer, and its width by its query heads.
    """

    file: int
    layers: int
    kv_heads: int
    head: int

    def bytes(self, context: int) -> int:
        """Bytes of the file and of a cache in 16 bits for `context` tokens of all requests together."""
        return self.file + 2 * self.layers * self.kv_heads * self.head * context * 2


def default_context(memory: int) -> int:
    """Tokens of context where nobody names them, on GPUs of `memory` bytes together."""
    return next(tokens for least, tokens in CONTEXTS if memory >= least)


def batch_size(context: int, predicted: int = 0, free: int = 0) -> int:
    """Tokens of a batch for a context of all requests together.

    Args:
        predicted: bytes that the model is reckoned to take; 0 when that is not known.
        free: bytes that are free on the GPUs that it goes to; likewise.
    """
    for size in BATCHES:
        if context > size.beyond and (not predicted or not free or _roomy(size, predicted, free)):
            return size.tokens
    return BATCHES[-1].tokens


def _roomy(size: BatchSize, predicted: int, free: int) -> bool:
    sure = int(free * SURE)
    return predicted <= sure and predicted <= free * size.within and size.needs <= sure - predicted


def alone(predicted: int, rooms: tuple[int, ...]) -> int | None:
    """The number of the one GPU of several that a model goes to; None where it goes to all of them."""
    roomiest = max(range(len(rooms)), key=lambda number: rooms[number])
    return roomiest if len(rooms) > 1 and predicted <= int(rooms[roomiest] * SURE) else None
