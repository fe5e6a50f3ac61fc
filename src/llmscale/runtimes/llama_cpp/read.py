"""`ModelSpec` → `ModelFacts`: what llama.cpp makes of a model.

Widths come from the spec's blocks (`blocks`); what only the architecture knows comes from the table in `styles`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from llmscale.model.blocks.embedding import Embedding
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.llama_cpp.blocks import BlockFacts, Mark, SelfAttention, SharedExpert, block_facts
from llmscale.runtimes.llama_cpp.facts import (
    DeltaNetFacts,
    ExpertsFacts,
    IndexerFacts,
    KimiDeltaFacts,
    LatentAttentionFacts,
    LayerFacts,
    Mamba2Facts,
    MambaFacts,
    MixerFacts,
    MlpFacts,
    ModelFacts,
    ShortConvFacts,
)
from llmscale.runtimes.llama_cpp.styles import Style, style_of

#: What stands in attention's place where a layer has none; the first of them is its mixer.
OTHER_MIXERS = (LatentAttentionFacts, MambaFacts, Mamba2Facts, DeltaNetFacts, KimiDeltaFacts, ShortConvFacts)

T = TypeVar("T")


def facts_of(spec: ModelSpec) -> ModelFacts:
    """What llama.cpp makes of a language model whose tensors are known."""
    style = style_of(spec)
    by_layer = facts_by_layer(spec, style)
    windows = [width for found in by_layer.values() if (width := window_of(found))]
    layers = [layer_of(found, style, number, bool(windows)) for number, found in by_layer.items()]
    return ModelFacts(
        style.arch,
        spec.hidden_size,
        min(spec.vocab_size, style.vocab or spec.vocab_size),
        tuple(layer for layer in layers if layer is not None),
        windows[-1] + style.window_more if windows and style.windows else 0,
        known=style.graph and all(is_known(layer, style) for layer in layers),
        per_layer=per_layer_width(spec),
        **style.facts,
    )


def facts_by_layer(spec: ModelSpec, style: Style) -> dict[int, list[BlockFacts]]:
    """What the blocks of each layer of the text part mean, in the order of the layers."""
    by_layer: dict[int, list[BlockFacts]] = {number: [] for number in range(spec.layers)}
    for placed in spec.placed:
        found = block_facts(placed.block, style) if placed.tower is None else None
        if found is not None:
            for number in placed.layers:
                by_layer.setdefault(number, []).append(found)
    return dict(sorted(by_layer.items()))


def layer_of(found: Sequence[BlockFacts], style: Style, number: int, windows: bool) -> LayerFacts | None:
    """One layer; None when nothing is known of its blocks.

    Args:
        found: what its blocks mean.
        windows: whether any layer of the model has a sliding window.
    """
    mixer, ffn = mixer_of(found, style, number, windows), feed_forward_of(found, style, number)
    if mixer is None and ffn is None:
        return None
    parallel = one(found, Mamba2Facts) if one(found, SelfAttention) else None
    return LayerFacts(mixer, ffn, bool(style.windows and window_of(found)), parallel)


def mixer_of(found: Sequence[BlockFacts], style: Style, number: int, windows: bool) -> MixerFacts | None:
    """A layer's attention, else its recurrence."""
    attention = one(found, SelfAttention)
    if attention is not None:
        rotated = is_rotated(style, number, attention.window, windows)
        return attention.facts._replace(rope=rotated, sinks=attention.facts.sinks or Mark.SINKS in found)
    mixer = next((facts for facts in found if isinstance(facts, OTHER_MIXERS)), None)
    if isinstance(mixer, LatentAttentionFacts):
        return mixer._replace(indexer=one(found, IndexerFacts))
    return mixer


def is_rotated(style: Style, number: int, window: int | None, windows: bool) -> bool:
    """Whether a layer's Q and K are rotated (`Style.unrotated`)."""
    if style.unrotated > 0:
        return (number + 1) % style.unrotated != 0
    return style.unrotated == 0 or window is not None or not windows


def feed_forward_of(found: Sequence[BlockFacts], style: Style, number: int) -> MlpFacts | ExpertsFacts | None:
    """A layer's feed-forward, the last of several, or its mixture with what stands beside it."""
    dense, experts = one(reversed(found), MlpFacts), one(found, ExpertsFacts)
    if experts is None:
        return dense._replace(form="sparse") if dense and number < style.sparse else dense
    if shared := one(found, SharedExpert):
        experts = experts._replace(shared=shared.width)
    if dense and style.dense:
        experts = experts._replace(dense=dense.width)
    if Mark.SHARED_GATE in found:
        experts = experts._replace(shared_gate=style.shared_gate)
    return experts


def window_of(found: Iterable[BlockFacts]) -> int | None:
    """The published sliding window of a layer's attention."""
    attention = one(found, SelfAttention)
    return attention.window if attention else None


def is_known(layer: LayerFacts | None, style: Style) -> bool:
    """Whether the layer is one that the architecture's graph has: some parts, and feed-forwards stored as its are."""
    return layer is not None and not (style.ffn and isinstance(layer.ffn, MlpFacts) and layer.ffn.form == "plain")


def per_layer_width(spec: ModelSpec) -> int:
    """Width of the embedding that each layer has of its own; 0 for none."""
    blocks = (placed.block for placed in spec.placed)
    tables = (block for block in blocks if isinstance(block, Embedding) and block.role == "embedding.per_layer")
    return next((table.width // spec.layers for table in tables), 0)


def one(found: Iterable[BlockFacts], kind: type[T]) -> T | None:
    """The first of a kind."""
    return next((facts for facts in found if isinstance(facts, kind)), None)
