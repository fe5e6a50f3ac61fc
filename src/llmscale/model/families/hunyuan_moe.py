"""Hunyuan's mixtures of experts: Large (arXiv:2411.02265) and A13B (transformers 5.23 `HunYuanMoEV1Config`).

Experts and the shared MLP are all as wide as ``intermediate_size`` (or ``moe_intermediate_size``); queries and keys
are normalised. With ``use_cla`` only every ``cla_share_factor``-th layer makes keys and values, the others use its
(cross-layer attention, arXiv:2405.12981). Published files give some numbers as one per layer, all alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS, MAX_WIDTH
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("hunyuan_v1_moe", "hunyuan")


def read(c: Config) -> ModelSpec:
    """Read a Hunyuan-Large or Hunyuan-A13B config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    attention, mixture = _attention(c, hidden), _mixture(c, hidden)
    factor = c.number("cla_share_factor", default=2, high=MAX_LAYERS)
    sharing = c.flag("use_cla")
    c.ignore("moe_layer_num_skipped", "moe_drop_tokens", "moe_random_routing_dropped_token", "attention_head_dim")
    c.ignore("capacity_factor", "moe_capacity_factor", "num_shared_expert", "norm_type", "org_vocab_size", "pool_type")
    c.ignore("eod_token_id", "im_start_id", "im_end_id", "image_token_id", "text_start_id", "text_end_id", "pad_id")
    if c.number("moe_layer_num_skipped", default=0, low=0):
        raise c.unsupported("has dense layers before its mixtures (moe_layer_num_skipped)")

    def blocks(owns_kv: bool) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", replace(attention, owns_kv=owns_kv)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture

    owners = [not sharing or layer % factor == 0 for layer in range(layers)]
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, owners, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=mixture.widest,
        vocab=vocab,
        context=c.positions(),
    )


def _attention(c: Config, hidden: int) -> Attention:
    heads, kv_heads, head_dim = c.heads(hidden)
    bias = c.flag("attention_bias")
    if not c.flag("use_qk_norm", default=True):
        raise c.unsupported("switches use_qk_norm off")
    return Attention(
        hidden,
        heads,
        kv_heads,
        head_dim,
        qkv_bias=bias,
        out_bias=bias,
        qk_norm=(head_dim, head_dim),
        qk_norm_names=("query_layernorm", "key_layernorm"),
    )


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    dense_width = c.hidden("intermediate_size")
    width = _alike(c, "moe_intermediate_size", dense_width, MAX_WIDTH)
    experts = _alike(c, "num_experts", None, MAX_EXPERTS)
    used = _alike(c, "moe_topk", 1, experts)
    shared = 0
    if c.flag("use_mixed_mlp_moe", default=True):
        shared = dense_width * _alike(c, "num_shared_expert", 1, MAX_EXPERTS)
    return MixtureOfExperts(hidden, width, experts, used, shared, router="gate.wg", shared_name="shared_mlp")


def _alike(c: Config, key: str, default: Any, high: int) -> int:
    """A number that may be given once or, alike, for every layer."""
    if not isinstance(c.get(key), list):
        return c.number(key, high=high) if default is None else c.number(key, default=default, high=high)
    values = set(c.numbers(key, high=high))
    if len(values) != 1:
        raise c.unsupported(f"has a {key} that differs between layers")
    return values.pop()
