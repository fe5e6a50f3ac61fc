"""Llama 4 (transformers 5.23 `Llama4Config`): a text model of mixtures behind a vision tower.

Every ``interleave_moe_layer_step``-th layer is a mixture with one shared expert; the others' MLP is as wide as
``intermediate_size_mlp``. Layers with rotary positions (three of four) attend within chunks of
``attention_chunk_size`` tokens. The normalisation of queries and keys has no weights. The tower's features are
shuffled into fewer, wider ones by an adapter, which counts to the projector here.
Names as in huggingface.co/meta-llama/Llama-4-Scout-17B-16E.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, Mlp, PackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families import read_part
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, place, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("llama4_text", "llama4")


def read(c: Config) -> ModelSpec:
    """Read a Llama 4 config: of the whole model, or of its text part."""
    if c.model_type == "llama4_text":
        return _text(c)
    text = read_part(c.part("text_config", "language_model."))
    vision = _vision(c.part("vision_config", "vision_model."), text.hidden_size)
    c.flag("tie_word_embeddings")
    return replace(text, family=c.model_type, placed=(*vision, *text.placed))


def _text(c: Config) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8, head_dim=128)
    bias = c.flag("attention_bias")
    width, dense_width = c.hidden("intermediate_size"), c.hidden("intermediate_size_mlp")
    experts = c.number("num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", default=1, high=experts)
    step = c.number("interleave_moe_layer_step", default=1, high=MAX_LAYERS)
    mixtures = c.numbers("moe_layers", default=list(range(step - 1, layers, step)), low=0)
    c.ignore("use_qk_norm", "attn_temperature_tuning", "floor_scale", "attn_scale", "for_llm_compressor")

    def blocks(kind: tuple[int | None, bool]) -> Iterator[Named]:
        window, sparse = kind
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, window=window)
        yield "post_attention_layernorm", Norm(hidden)
        if sparse:
            gate_up = ("experts.gate_up_proj", "gate_up", (hidden, 2 * width))
            down = ("experts.down_proj", "down", (width, hidden))
            stored = ("gate_up", "down")
            yield "feed_forward", PackedExperts(hidden, experts, used, (gate_up, down), transposed=stored)
            yield "feed_forward.shared_expert", GatedMlp(hidden, width, component="shared_experts")
        else:
            yield "feed_forward", GatedMlp(hidden, dense_width)

    sparse = [layer in mixtures for layer in range(layers)]
    placed = decoder(
        c,
        list(zip(_windows(c, layers), sparse, strict=True)),
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings"),
    )
    widest = max((used + 1) * width if any(sparse) else 0, 0 if all(sparse) else dense_width)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=widest, vocab=vocab, context=c.positions())


def _windows(c: Config, layers: int) -> list[int | None]:
    """The chunk that each layer attends within, None where it attends to everything."""
    chunk = c.number("attention_chunk_size", default=8192, high=MAX_POSITIONS)
    every = c.number("no_rope_layer_interval", default=4, high=MAX_LAYERS)
    rope = c.numbers("no_rope_layers", default=[], low=0, high=1)
    rope = rope or [int((layer + 1) % every != 0) for layer in range(layers)]
    types = c.words("layer_types", layers) or ["chunked_attention" if has else "full_attention" for has in rope]
    if len(types) != layers:
        raise c.error(f"has {len(types)} entries in no_rope_layers for {layers} layers")
    if unknown := set(types) - {"chunked_attention", "full_attention"}:
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
    return [chunk if kind == "chunked_attention" else None for kind in types]


def _vision(c: Config, text_width: int) -> list[PlacedBlock]:
    hidden, layers = c.hidden(), c.layers()
    intermediate = c.hidden("intermediate_size")
    heads, _, head_dim = c.heads(hidden, kv=())
    image, patch, channels = c.number("image_size"), c.number("patch_size"), c.number("num_channels", default=3)
    shuffled, width = c.hidden("projector_input_dim"), c.hidden("projector_output_dim")
    out = c.hidden("vision_output_dim")
    c.ignore("pixel_shuffle_ratio", "vision_feature_layer", "vision_feature_select_strategy")
    if c.flag("multi_modal_projector_bias"):
        raise c.unsupported("has a projector with a bias")

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden, bias=True)
        yield "self_attn", Attention(hidden, heads, heads, head_dim, qkv_bias=True, out_bias=True, cached=False)
        yield "post_attention_layernorm", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)

    def tower(name: str, block: Linear | Parameter | Norm, kind: str = "vision") -> PlacedBlock:
        return place(f"{c.prefix}{name}", block, tower=kind)

    return [
        tower("patch_embedding.linear", Linear("embedding.patch", hidden, channels * patch * patch)),
        tower("class_embedding", Parameter("embedding.class", (hidden,))),
        tower("positional_embedding_vlm", Parameter("embedding.position", ((image // patch) ** 2 + 1, hidden))),
        tower("layernorm_pre", Norm(hidden, bias=True)),
        *stack(f"{c.prefix}model.layers.{{layer}}", [None] * layers, blocks, tower="vision"),
        tower("layernorm_post", Norm(hidden, bias=True)),
        tower("vision_adapter.mlp.fc1", Linear("projector.in", shuffled, intermediate), "projector"),
        tower("vision_adapter.mlp.fc2", Linear("projector.mid", width, width), "projector"),
        place("multi_modal_projector.linear_1", Linear("projector.out", text_width, out), tower="projector"),
    ]
