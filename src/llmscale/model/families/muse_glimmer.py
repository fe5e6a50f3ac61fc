"""Muse Glimmer (transformers 5.24 `MuseGlimmerConfig`): sliding layers with a gated output, behind a windowed tower.

Every fourth layer counted from the last sees all tokens and has no positions. Query and key heads are normalised
without a scale. Names as in huggingface.co/meta-models/Muse-Glimmer-30B, which are transformers'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._stack import Named, decoder, encoder_attention, place, stack, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("muse_glimmer", "muse_glimmer_text")


def read(c: Config) -> ModelSpec:
    """Read a Muse Glimmer config, of the whole model or of its text part alone."""
    if c.model_type == "muse_glimmer_text":
        return _text(c)
    kind = "muse_glimmer_text"
    text = text_part(c, "model.language_model.", tied=tied(c), model_type=kind, head_prefix="")
    merged, inner = c.number("out_hidden_size", default=6144), c.number("projector_hidden_size", default=4096)
    c.ignore("projector_hidden_act")
    projector: list[Named] = [
        ("vision_adapter.fc1", Linear("projector.up", inner, merged)),
        ("vision_adapter.fc2", Linear("projector.linear", inner, inner)),
        ("vision_projection", Linear("projector.down", text.hidden_size, inner)),
    ]
    placed = [place(f"model.{name}", block, tower="projector") for name, block in projector]
    return whole(c, text, [*_tower(c.part("vision_config", "model.vision_tower.", defaults={})), *placed])


def _text(c: Config) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate, bias = c.hidden("intermediate_size"), c.flag("attention_bias")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=2, head_dim=128)
    attention = Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias)
    c.ignore("qk_scale_factor", "output_multiplier", "layer_rope_theta", "post_norm_eps", "final_logit_softcapping")

    def blocks(window: int | None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", replace(attention, window=window)
        yield "self_attn.gate_proj", Linear("attention.gate", heads * head_dim, hidden)
        yield "post_attention_layernorm", Norm(hidden)
        yield "pre_feedforward_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate)
        yield "post_feedforward_layernorm", Norm(hidden)

    closed = c.flag("tie_word_embeddings")
    placed = decoder(c, _windows(c, layers), blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=closed)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )


def _windows(c: Config, layers: int) -> list[int | None]:
    if c.get("layer_types") is not None:
        return windows(c, layers)
    window = c.number("sliding_window", default=2048, high=MAX_POSITIONS)
    return [window if (layers - 1 - layer) % 4 else None for layer in range(layers)]


def _tower(c: Config) -> list[PlacedBlock]:
    hidden, layers = c.number("hidden_size", default=1536), c.number("num_hidden_layers", default=50, high=MAX_LAYERS)
    heads = c.number("num_attention_heads", default=16, high=MAX_HEADS)
    intermediate = c.number("intermediate_size", default=8960)
    patch, frames = c.number("patch_size", default=14), c.number("patch_temporal", default=2)
    positions = c.number("pos_emb_height", default=32) * c.number("pos_emb_width", default=32)
    c.ignore("merge_size", "layer_types", "max_position_embeddings", "window_size")

    def blocks(_: None) -> Iterator[Named]:
        names = ("attn.q_proj", "attn.k_proj", "attn.v_proj", "attn.proj")
        yield "norm1", Norm(hidden, bias=True)
        yield "", encoder_attention(c, hidden, heads, names)
        yield "norm2", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)

    base = c.prefix
    patches = Linear("embedding.patch", hidden, 3 * frames * patch**2)
    table = Embedding(positions, hidden, "embedding.position")
    return [
        place(f"{base}patch_embedder.patch_embedding", patches, tower="vision"),
        place(f"{base}patch_embedder.position_embedding_table", table, tower="vision"),
        place(f"{base}ln_pre", Norm(hidden, bias=True), tower="vision"),
        *stack(f"{base}layers.{{layer}}", [None] * layers, blocks, "vision"),
        place(f"{base}ln_post", Norm(hidden, bias=True), tower="vision"),
    ]
