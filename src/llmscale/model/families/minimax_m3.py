"""MiniMax-M3 (transformers 5.24 `MiniMaxM3VLConfig`): GQA with an indexer, mixtures with a shared expert, a tower.

Layers named in ``sparse_attention_config`` (or ``layer_types``) choose blocks of tokens with a lightning indexer, whose
keys are cached besides K and V. Names as in transformers, with experts apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention, BlockIndexer
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, whole
from llmscale.model.families._stack import Named, decoder, encoder_attention, place, prediction_layers, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("minimax_m3", "minimax_m3_vl", "minimax_m3_vl_text")
SPARSE = "minimax_m3_sparse"


def read(c: Config) -> ModelSpec:
    """Read a MiniMax-M3 config, of the whole model or of its text part alone."""
    if c.model_type != "minimax_m3_vl":
        return _text(c)
    inner = c.get("text_config")
    both = c.flag("tie_word_embeddings") or (isinstance(inner, dict) and inner.get("tie_word_embeddings") is True)
    kind = "minimax_m3_vl_text"
    text = text_part(c, "model.language_model.", tied=both, model_type=kind, head_prefix="")
    vision = c.part("vision_config", "model.vision_tower.", defaults={})
    c.ignore("projector_hidden_act", "multimodal_projector_bias", "vision_feature_layer", "image_seq_length")
    c.ignore(
        "merged_hidden_size", "vision_feature_select_strategy", "image_grid_pinpoints", "img_token_compression_config"
    )
    return whole(c, text, [*_tower(vision), *_projector(c, vision, text.hidden_size)])


def _projector(c: Config, vision: Config, hidden: int) -> list[PlacedBlock]:
    width, inner = vision.number("hidden_size", default=1280), c.number("projector_hidden_size", default=6144)
    merged = hidden * vision.number("spatial_merge_size", default=2, high=MAX_HEADS) ** 2
    matrices = {
        "linear_1": (inner, width),
        "linear_2": (hidden, inner),
        "merge_linear_1": (inner, merged),
        "merge_linear_2": (hidden, inner),
    }
    return [
        place(f"model.multi_modal_projector.{name}", Linear("projector.linear", *size, bias=True), tower="projector")
        for name, size in matrices.items()
    ]


def _tower(c: Config) -> list[PlacedBlock]:
    hidden, layers = c.number("hidden_size", default=1280), c.number("num_hidden_layers", default=32, high=MAX_LAYERS)
    heads = c.number("num_attention_heads", default=16, high=MAX_HEADS)
    intermediate, patch = c.number("intermediate_size", default=5120), c.number("patch_size", default=14)
    frames, channels = c.number("temporal_patch_size", default=2), c.number("num_channels", default=3)
    c.ignore("image_size", "projection_dim", "position_embedding_type", "vocab_size", "img_token_compression_config")

    def blocks(_: None) -> Iterator[Named]:
        yield "layer_norm1", Norm(hidden, bias=True)
        yield "self_attn", encoder_attention(c, hidden, heads, ("q_proj", "k_proj", "v_proj", "out_proj"))
        yield "layer_norm2", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("fc1", "fc2"), bias=True)

    base, patches = c.prefix, PatchEmbedding(hidden, channels, patch, bias=False, frames=frames)
    return [
        place(f"{base}embeddings.proj", patches, tower="vision"),
        place(f"{base}pre_layrnorm", Norm(hidden, bias=True), tower="vision"),
        *stack(f"{base}layers.{{layer}}", [None] * layers, blocks, "vision"),
    ]


def _text(c: Config) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=4, head_dim=128)
    attention = Attention(hidden, heads, kv_heads, head_dim, qk_norm=(head_dim, head_dim))
    dense_width, mixture = c.number("dense_intermediate_size", default=12_288), _mixture(c, hidden)
    indexes, indexer = _indexes(c, hidden, layers)
    c.ignore("rotary_dim", "swiglu_alpha", "swiglu_limit", "index_topk_blocks", "index_block_size", "qk_norm_type")
    c.ignore("index_local_blocks", "use_qk_norm", "use_gemma_norm", "use_routing_bias", "first_k_dense_replace")
    c.ignore("num_mtp_modules", "moe_intermediate_size", "attention_output_gate", "mtp_transformer_layers")

    def blocks(kind: tuple[bool, bool]) -> Iterator[Named]:
        indexed, sparse = kind
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        if indexed:
            yield "self_attn.indexer", indexer
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture if sparse else GatedMlp(hidden, dense_width)

    sparse = _sparse(c, layers)
    kinds = list(zip(indexes, sparse, strict=True))
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(mixture.widest, 0 if all(sparse) else dense_width),
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    experts = c.number("num_local_experts", "num_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    if c.number("n_shared_experts", default=1, low=0) != 1:
        raise c.unsupported("has another number of shared experts than 1")
    shared = c.number("shared_intermediate_size", default=3072)
    correction = "gate.e_score_correction_bias"
    return MixtureOfExperts(hidden, c.hidden("intermediate_size"), experts, used, shared, correction_bias=correction)


def _indexes(c: Config, hidden: int, layers: int) -> tuple[list[bool], BlockIndexer]:
    """Which layers have an indexer, and that."""
    given = c.part("sparse_attention_config", defaults={})
    heads = given.number(
        "sparse_num_index_heads", default=c.number("index_n_heads", default=4, high=MAX_HEADS), high=MAX_HEADS
    )
    dim = given.number("sparse_index_dim", default=c.number("index_head_dim", default=128), high=MAX_HEADS)
    marks = given.numbers("sparse_attention_freq", default=None, low=0, high=1)
    given.ignore(*given.data)
    kinds = c.words("layer_types", layers)
    if kinds is None and marks is not None and len(marks) != layers:
        raise c.error(f"has {len(marks)} entries in sparse_attention_freq for {layers} layers")
    named = [kind == SPARSE for kind in kinds] if kinds else [mark == 1 for mark in marks or [0] * layers]
    return named, BlockIndexer(hidden, heads, dim)


def _sparse(c: Config, layers: int) -> list[bool]:
    """Which layers are mixtures."""
    kinds, marks = c.words("mlp_layer_types", layers), c.numbers("moe_layer_freq", default=None, low=0, high=1)
    if kinds is None and marks is not None and len(marks) != layers:
        raise c.error(f"has {len(marks)} entries in moe_layer_freq for {layers} layers")
    return [kind == "sparse" for kind in kinds] if kinds else [mark == 1 for mark in marks or [1] * layers]
