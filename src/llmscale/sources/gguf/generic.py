"""A model of which only its file is known: its tensors as they stand there, and what its metadata say of its layers.

Weights are exact whatever the architecture. The cache follows from heads, layers and windows, which every converter
writes; what llama.cpp computes with is taken for a LLaMA's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.errors import InputFileError
from llmscale.formats.recipe import StoredTensor
from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.spec import Block, ModelSpec, PlacedBlock, StateShape, Tensor
from llmscale.records import dataclass
from llmscale.sources.file_tensor import placed_tensors
from llmscale.sources.gguf.config import Read

#: As `model.families` bounds them.
MOST_LAYERS, MOST_WIDTH, MOST_HEADS = 10_000, 1 << 24, 1 << 16


class _Shaped:
    """Says of a layer what its block would, without its tensors: these are the file's."""

    def tensors(self) -> Iterator[Tensor]:
        return iter(())


class ShapedAttention(_Shaped, Attention):
    """Attention of a layer."""


class ShapedLatentAttention(_Shaped, LatentAttention):
    """MLA of a layer."""


class ShapedMlp(_Shaped, GatedMlp):
    """Feed-forward of a layer."""


class ShapedExperts(_Shaped, MixtureOfExperts):
    """Mixture of a layer."""


@dataclass(frozen=True)
class ShapedRecurrence(_Shaped):
    """State of a recurrent layer."""

    elements: int

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        """What it keeps a sequence, in FP32."""
        return StateShape(self.elements)


def generic_spec(read: Read, stored: Sequence[StoredTensor]) -> ModelSpec:
    """The spec of the file.

    Raises:
        InputFileError: numbers that no model has.
    """
    layers, hidden = _bounded(read, "block_count", read.layers, MOST_LAYERS), read.number("embedding_length")
    _bounded(read, "embedding_length", hidden, MOST_WIDTH)
    placed = [*placed_tensors(each.group for each in stored), *_layers(read, layers, hidden)]
    return ModelSpec(
        id="",
        name="",
        source="",
        family="",
        placed=tuple(placed),
        layers=layers,
        hidden_size=hidden or 1,
        intermediate_size=max(read.number("feed_forward_length"), _side_by_side(read)),
        vocab_size=read.vocab,
        max_context=read.number("context_length") or None,
    )


def _bounded(read: Read, key: str, value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise InputFileError(f"The file's metadata say {read.arch[:40]}.{key} = {value:,}, which no model has.")
    return value


def _layers(read: Read, layers: int, hidden: int) -> Iterator[PlacedBlock]:
    heads, kv = _each(read, "attention.head_count", layers), _each(read, "attention.head_count_kv", layers)
    windows = _windows(read, layers)
    widths = _each(read, "feed_forward_length", layers)
    for layer in range(layers):
        blocks = [
            _mixer(read, hidden, heads[layer], kv[layer], windows[layer]),
            _feed_forward(read, hidden, layer, widths[layer]),
        ]
        for block in blocks:
            if block is not None:
                yield PlacedBlock("", block, (layer,))


def _each(read: Read, key: str, layers: int) -> list[int]:
    """A number of every layer, of a list or one for all."""
    value = read.value(key)
    found = value if isinstance(value, list) else [value] * layers
    numbers = [each if isinstance(each, int) and not isinstance(each, bool) else 0 for each in found]
    numbers = (numbers + [0] * layers)[:layers]
    for each in numbers:
        _bounded(read, key, each, MOST_WIDTH)
    return numbers


def _windows(read: Read, layers: int) -> list[int | None]:
    """The sliding window of each layer; of a pattern N every Nth has none, as llama.cpp counts them."""
    window = read.number("attention.sliding_window")
    pattern = read.value("attention.sliding_window_pattern")
    if not window or pattern is None:
        return [None] * layers
    if isinstance(pattern, list):
        windowed = ([bool(each) for each in pattern] + [False] * layers)[:layers]
    else:
        windowed = [(layer + 1) % max(1, int(pattern)) != 0 for layer in range(layers)]
    return [window if each else None for each in windowed]


def _mixer(read: Read, hidden: int, heads: int, kv: int, window: int | None) -> Block | None:
    """Attention where the layer has KV heads, else what keeps a state."""
    rank = read.number("attention.kv_lora_rank")
    if rank and heads and read.has("attn_k_b.weight"):
        rope = read.number("rope.dimension_count")
        nope = max(0, read.number("attention.key_length_mla") - rope)
        value = read.number("attention.value_length_mla")
        return ShapedLatentAttention(
            hidden, heads, read.number("attention.q_lora_rank") or None, rank, nope, rope, value
        )
    kv = kv or (heads if read.value("attention.head_count_kv") is None else 0)
    inner = read.number("ssm.inner_size")
    if heads and kv:
        width = read.number("attention.key_length") or hidden // heads
        value = read.number("attention.value_length") or width
        return ShapedAttention(hidden, max(heads, kv), kv, width, value, window=window)
    if inner:
        groups, state = read.number("ssm.group_count"), read.number("ssm.state_size")
        kept = max(0, read.number("ssm.conv_kernel") - 1) * (inner + 2 * groups * state)
        return ShapedRecurrence(inner * state + kept)
    return None


def _feed_forward(read: Read, hidden: int, layer: int, width: int) -> Block | None:
    experts, used = read.number("expert_count"), read.number("expert_used_count")
    if experts and used and layer >= read.number("leading_dense_block_count"):
        shared = read.number("expert_shared_feed_forward_length")
        return ShapedExperts(hidden, _experts_width(read) or width, experts, min(used, experts), shared)
    return ShapedMlp(hidden, width or hidden)


def _side_by_side(read: Read) -> int:
    """The widths of the experts that a token goes through, and of those shared."""
    used, shared = read.number("expert_used_count"), read.number("expert_shared_feed_forward_length")
    return used * _experts_width(read) + shared


def _experts_width(read: Read) -> int:
    return read.number("expert_feed_forward_length")
