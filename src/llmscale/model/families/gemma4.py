"""Gemma 4 (transformers 5.23 `Gemma4TextConfig` and `Gemma4Config`; names as in huggingface.co/google/gemma-4-26B-A4B).

Gemma 3's layers; full ones have a head dimension and KV heads of their own and may make their values with the key
matrix (``attention_k_eq_v``). The last ``num_kv_shared_layers`` use the keys and values of earlier ones. The small
models embed each token once more for every layer, the A4B adds a mixture beside the MLP. Each layer's output scale,
the towers' clamps and the vision tower's standardisation are buffers in transformers, but published weights.
Gemma 4 12B (`Gemma4UnifiedConfig`) has no towers: pixels and waveforms are projected as they come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, MergedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._gemma4_towers import audio_frames, audio_tower, pixels, vision_tower
from llmscale.model.families._per_layer import PerLayer, per_layer
from llmscale.model.families._stack import Named, Names, decoder, place, text_spec
from llmscale.model.families._values import Values
from llmscale.model.families._window import shared_kv, unused_kv, windows
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("gemma4_text", "gemma4", "gemma4_unified_text", "gemma4_unified")
#: model_type -> what reads its parts besides the text
TOWERS = {
    "gemma4": (("vision_config", vision_tower), ("audio_config", audio_tower)),
    "gemma4_unified": (("vision_config", pixels), ("audio_config", audio_frames)),
}


def read(c: Config) -> ModelSpec:
    """Read a Gemma 4 config, of the whole model or of its text part alone."""
    if c.model_type.endswith("_text"):
        return _text(c, Names(), c.flag("tie_word_embeddings", default=True))
    part = c.part("text_config")
    tied = c.flag("tie_word_embeddings", default=part.flag("tie_word_embeddings", default=True))
    c.ignore("vision_soft_tokens_per_image", "audio_ms_per_token")
    text = _text(part, Names(base="model.language_model"), tied)
    placed: list[PlacedBlock] = []
    for key, tower in TOWERS[c.model_type]:
        if c.get(key) is not None:
            kind = key.split("_")[0]
            blocks, width = tower(c.part(key, f"model.{kind}_tower."))
            projection = Linear("projector.weight", text.hidden_size, width)
            placed += [*blocks, place(f"model.embed_{kind}.embedding_projection", projection, tower="projector")]
    return replace(text, family=c.model_type, placed=(*placed, *text.placed))


def _text(c: Config, names: Names, tied: bool) -> ModelSpec:
    hidden, layers = c.hidden(), c.layers()
    intermediate, vocab = c.hidden("intermediate_size"), c.number("vocab_size", default=262_144, high=MAX_VOCAB)
    kinds = _kinds(c, layers)
    wide = 2 if c.flag("use_double_wide_mlp") else 1
    if c.model_type.startswith("gemma4_unified"):
        c.ignore("hidden_size_per_layer_input", "vocab_size_per_layer_input", "num_experts", "top_k_experts")
        extra = PerLayer(hidden, layers, 0, 0)
    else:
        extra = per_layer(c, hidden, layers, low=0)
    mixture = _mixture(c, hidden)

    def blocks(kind: tuple[int | None, bool]) -> Iterator[Named]:
        window, owns_kv = kind
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", _attention(c, hidden, window, owns_kv)
        yield "post_attention_layernorm", Norm(hidden)
        yield from _feed_forward(GatedMlp(hidden, intermediate if owns_kv else wide * intermediate), mixture)
        yield from extra.inside()
        yield "layer_scalar", Parameter("other.layer_scalar", (1,))

    placed = decoder(
        c,
        kinds,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=tied,
        names=names,
        embeddings=extra.before(),
    )
    owners = [owns_kv for _, owns_kv in kinds]
    widest = intermediate * (1 if all(owners) else wide) + (mixture.used * mixture.intermediate if mixture else 0)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=widest,
        vocab=vocab,
        context=c.positions(),
        warnings=unused_kv(owners),
    )


def _kinds(c: Config, layers: int) -> list[tuple[int | None, bool]]:
    """The window of each layer, and whether its keys and values are its own."""
    c.ignore("use_bidirectional_attention")
    sliding = windows(c, layers, 6, default=512)
    sliding[-1] = None  # the last layer attends to everything, whatever ``layer_types`` says
    return list(zip(sliding, shared_kv(c, layers, default=0), strict=True))


def _feed_forward(mlp: GatedMlp, mixture: MergedExperts | None) -> Iterator[Named]:
    """The MLP, and a mixture that runs on what it runs on; both results are added."""
    norm = Norm(mlp.hidden)
    yield "pre_feedforward_layernorm", norm
    yield "mlp", mlp
    if mixture:
        yield "post_feedforward_layernorm_1", norm
        yield "pre_feedforward_layernorm_2", norm
        yield "", mixture
        yield "post_feedforward_layernorm_2", norm
    yield "post_feedforward_layernorm", norm


def _attention(c: Config, hidden: int, window: int | None, owns_kv: bool) -> Attention:
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=4, head_dim=256)
    full_dim = c.number("global_head_dim", default=512, high=MAX_HEADS)
    one_matrix = c.flag("attention_k_eq_v")
    full_heads = c.number("num_global_key_value_heads", default=kv_heads, high=heads)
    full_dim, full_heads = _overridden(c, full_dim, full_heads)
    names: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    if window is None:
        head_dim = full_dim
        if one_matrix:
            kv_heads, names = full_heads, ("q_proj", "k_proj", "o_proj")
    if heads % kv_heads:
        raise c.error(f"has {heads} query heads, not a multiple of its {kv_heads} KV heads")
    bias = c.flag("attention_bias")
    return Attention(
        hidden,
        heads,
        kv_heads,
        head_dim,
        names=names,
        qkv_bias=bias,
        out_bias=bias,
        qk_norm=(head_dim, head_dim if owns_kv else 0),
        window=window,
        owns_kv=owns_kv,
    )


def _overridden(c: Config, head_dim: int, kv_heads: int) -> tuple[int, int]:
    """Head dimension and KV heads of full layers as transformers writes them, a layer each, but all alike."""
    given = c.get("per_layer_config")
    if given is None:
        return head_dim, kv_heads
    layers = list(given.values()) if isinstance(given, dict) else [given]
    first = layers[0] if layers else {}
    known = isinstance(first, dict) and set(first) <= {"head_dim", "num_key_value_heads"}
    if not known or any(layer != first for layer in layers):
        raise c.unsupported("has a per_layer_config of other keys than head_dim and num_key_value_heads, or of several")
    part = Values(first, c.where, "per_layer_config")
    head_dim = part.number("head_dim", default=head_dim, high=MAX_HEADS)
    return head_dim, part.number("num_key_value_heads", default=kv_heads, high=MAX_HEADS)


def _mixture(c: Config, hidden: int) -> MergedExperts | None:
    if not c.flag("enable_moe_block"):
        c.ignore("num_experts", "top_k_experts", "moe_intermediate_size")
        return None
    experts = c.number("num_experts", high=MAX_EXPERTS)
    return MergedExperts(hidden, c.hidden("moe_intermediate_size"), experts, c.number("top_k_experts", high=experts))
