"""ERNIE 4.5's text mixtures (transformers 5.23 `Ernie4_5_MoeConfig`): GQA, shared experts, correction biases."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("ernie4_5_moe",)


def read(c: Config) -> ModelSpec:
    """Read an ERNIE 4.5 MoE config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=4)
    if c.flag("use_bias"):
        raise c.unsupported(
            "has biases (use_bias), which transformers and the publisher's code put in different places"
        )
    dense_width = c.hidden("intermediate_size")
    mixture = _mixture(c, hidden)
    c.ignore("moe_norm_min", "moe_capacity", "moe_gate", "moe_use_aux_free", "moe_gate_act")
    c.ignore("moe_multimodal_dispatch_use_allgather")

    def blocks(sparse: bool) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture if sparse else GatedMlp(hidden, dense_width)

    tied = c.flag("tie_word_embeddings", default=True)
    placed = decoder(c, _sparse(c, layers), blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=mixture.widest,
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    experts = c.number("moe_num_experts", "num_experts", high=MAX_EXPERTS)
    used = c.number("moe_k", "num_experts_per_tok", high=experts)
    width = c.hidden("moe_intermediate_size")
    shared = width * c.number("moe_num_shared_experts", default=2, low=0, high=MAX_EXPERTS)
    correction = "moe_statics.e_score_correction_bias"
    return MixtureOfExperts(hidden, width, experts, used, shared, correction_bias=correction)


def _sparse(c: Config, layers: int) -> list[bool]:
    """Which layers are mixtures of experts."""
    first = c.number("moe_layer_start_index", default=1, low=0, high=MAX_LAYERS)
    last = c.number("moe_layer_end_index", default=-1, low=-1, high=MAX_LAYERS)
    last = layers - 1 if last == -1 else last
    interval = c.number("moe_layer_interval", default=1, high=MAX_LAYERS)
    return [(layer + 1) % interval == 0 and first <= layer <= last for layer in range(layers)]
