"""Ling and Ring, 1.0 and 2.0 (arXiv:2503.05139, 2510.22115): GQA fused, mixtures with shared experts.

Source: modeling_bailing_moe.py and modeling_bailing_moe_v2.py, the publisher's own; transformers has no such class, so
the counts were compared with the published sizes: Ling-lite 16.8 B of which 2.75 B active, Ling-mini-2.0 16.3 B of
which 1.4 B. The second generation (class name with ``V2``) normalises queries and keys and corrects its router by a
bias. Keys that the two generations default differently must be there.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, prediction_layers, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("bailing_moe", "bailing_moe_v2")


def read(c: Config) -> ModelSpec:
    """Read a Ling or Ring config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    second = c.architecture("").startswith("BailingMoeV2F") or c.model_type == "bailing_moe_v2"
    if not second and not c.architecture("BailingMoeF").startswith("BailingMoeF"):
        raise c.unsupported(f"is a {c.architecture('')}")
    attention = _attention(c, hidden, second)
    dense_width, mixture = c.hidden("intermediate_size"), _mixture(c, hidden, second)
    dense = c.number("first_k_dense_replace", low=0, high=MAX_LAYERS)
    c.ignore("norm_head", "norm_softmax", "score_function", "multi_gate", "embed_std", "max_window_layers")
    c.ignore("use_sliding_window", "router_dtype", "use_rmsnorm")

    def blocks(sparse: bool) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "attention", attention
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture if sparse else GatedMlp(hidden, dense_width)

    placed = decoder(
        c,
        [layer >= dense for layer in range(layers)],
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings"),
        names=Names(embed="word_embeddings"),
    )
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=max(mixture.widest, dense_width if dense else 0),
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )


def _attention(c: Config, hidden: int, second: bool) -> Attention:
    heads, kv_heads, head_dim = c.heads(hidden)
    bias, qkv_bias = c.flag("use_bias"), c.flag("use_qkv_bias")
    if second and c.get("use_qk_norm") is None:
        raise c.error("lacks 'use_qk_norm'")
    return Attention(
        hidden,
        heads,
        kv_heads,
        head_dim,
        names=("query_key_value", "dense"),
        qkv_bias=qkv_bias,
        out_bias=bias,
        qk_norm=(head_dim, head_dim) if c.flag("use_qk_norm") else None,
        qk_norm_names=("query_layernorm", "key_layernorm"),
    )


def _mixture(c: Config, hidden: int, second: bool) -> MixtureOfExperts:
    if second and not c.flag("moe_router_enable_expert_bias", default=True):
        raise c.unsupported("switches moe_router_enable_expert_bias off")
    width = c.hidden("moe_intermediate_size")
    experts = c.number("num_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    shared = width * c.number("num_shared_experts", low=0, high=MAX_EXPERTS)
    if c.number("moe_shared_expert_intermediate_size", default=width) != width:
        raise c.unsupported("has shared experts of another width (moe_shared_expert_intermediate_size)")
    correction = "gate.expert_bias" if second else None
    return MixtureOfExperts(hidden, width, experts, used, shared, correction_bias=correction)
