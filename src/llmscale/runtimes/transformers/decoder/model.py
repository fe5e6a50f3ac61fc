"""What of a decoder its steps are made of, and whether its code is traced."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.transformers.blocks import has_code
from llmscale.runtimes.transformers.decoder.layer import ORDERS
from llmscale.runtimes.transformers.decoder.layers import DecoderLayer, layers_of
from llmscale.runtimes.transformers.parts import IndexedAttention, SharedTransformer
from llmscale.runtimes.transformers.style import Style
from llmscale.runtimes.transformers.styles import UNLIKE, name_of, style_of


class Decoder(NamedTuple):
    """A decoder as its steps see it.

    Attributes:
        kinds: layers that are not alike.
        order: for each layer the number of its kind.
        traced: the first and the last layer of each kind. Depth changes nothing but the cache: between them nothing but
            that grows, or shrinks where a window lets go of the prompt.
        latent: whether it has latent attention.
        per_layer: width of the embeddings of all layers that have one of their own (Gemma 4); 0 without.
        windows: of its layers, None for one that sees all.
        share: of a head that rotates.
        tables: elements of one token's cosines, for each table.
    """

    spec: ModelSpec
    style: Style
    kinds: tuple[DecoderLayer, ...]
    order: tuple[int, ...]
    traced: tuple[int, ...]
    latent: bool
    per_layer: int
    windows: tuple[int | None, ...]
    share: float
    tables: int

    def layer(self, number: int) -> DecoderLayer:
        """The layer of this number."""
        return self.kinds[self.order[number]]

    def of_layers(self, size: Callable[[DecoderLayer], int]) -> list[int]:
        """A size of each layer, which is found once for those that are alike."""
        sizes = [size(kind) for kind in self.kinds]
        return [sizes[kind] for kind in self.order]


@lru_cache(maxsize=16)
def decoder_of(spec: ModelSpec) -> Decoder:
    """What the steps of this model are made of."""
    style = style_of(spec)
    layers = layers_of(spec, style)
    kinds = tuple({id(layer): layer for layer in layers}.values())
    numbers = {id(kind): number for number, kind in enumerate(kinds)}
    order = tuple(numbers[id(layer)] for layer in layers)
    first = {kind: number for number, kind in reversed(list(enumerate(order)))}
    last = {kind: number for number, kind in enumerate(order)}
    heads = [block for kind in kinds for block in _heads(kind)]
    share = style.rope_share if spec.rotary_share == 1 else spec.rotary_share
    return Decoder(
        spec=spec,
        style=style,
        kinds=kinds,
        order=order,
        traced=tuple(sorted({*first.values(), *last.values()})),
        latent=any(isinstance(block, LatentAttention) for block in heads),
        per_layer=_per_layer(spec),
        windows=tuple(sorted({_window(block) for block in heads}, key=lambda window: window or 0)),
        share=share,
        tables=_tables(heads, style, share),
    )


def _heads(layer: DecoderLayer) -> list[Attention | LatentAttention]:
    whole = [
        part.attention if isinstance(part, (IndexedAttention, SharedTransformer)) else part for part in layer.mixers
    ]
    return [block for block in whole if isinstance(block, (Attention, LatentAttention))]


def _window(block: Attention | LatentAttention) -> int | None:
    return block.window if isinstance(block, Attention) else None


def _tables(heads: list[Attention | LatentAttention], style: Style, share: float) -> int:
    sizes = {block.rope if isinstance(block, LatentAttention) else int(block.head_dim * share) for block in heads}
    return sum(sizes) if len(sizes) > 1 else sum(sizes) * style.rope_tables


def _per_layer(spec: ModelSpec) -> int:
    tables = [placed.block for placed in spec.placed if isinstance(placed.block, Embedding)]
    return sum(table.width for table in tables if table.role == "embedding.per_layer")


@lru_cache(maxsize=16)
def is_traced_decoder(spec: ModelSpec) -> bool:
    """Whether the model is a decoder of blocks that are known in an order that is known, and of a class like these."""
    if name_of(spec.text_family or spec.family) in UNLIKE or not spec.shape_known or not spec.vocab_size:
        return False
    decoder = decoder_of(spec)
    attentions = [block for kind in decoder.kinds for block in kind.attentions]
    if spec.family == "falcon" and all(block.heads == block.kv_heads for block in attentions):
        return False  # ALiBi, which only Falcons without grouped heads have
    if not decoder.per_layer and not all(block.owns_kv for block in attentions):
        return False
    if not all(block.cached and not block.relative_bias for block in attentions):
        return False
    patterns = {kind.pattern for kind in decoder.kinds}
    return (
        bool(patterns)
        and patterns <= ORDERS.keys()
        and all(has_code(part) for kind in decoder.kinds for part in kind.mixers)
    )
