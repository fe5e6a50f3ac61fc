"""Laguna and Hy3 (transformers 5.24 `LagunaConfig`, `HYV3Config`): GQA with norms, DeepSeek's mixture of experts.

Laguna's layers slide or see all and may differ in query heads (``num_attention_heads_per_layer``); each head's output
(or each element of it) has a gate. Names as in transformers, with experts apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, prediction_layers, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple

MODEL_TYPES = ("laguna", "hy_v3")


class _Kind(NamedTuple):
    """What sets layers apart."""

    heads: int
    window: int | None
    sparse: bool


def read(c: Config) -> ModelSpec:
    """Read a Laguna or Hy3 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    dense_width, mlp_bias = c.hidden("intermediate_size"), c.flag("mlp_bias")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8, head_dim=128)
    mixture, bias = _mixture(c, hidden), c.flag("attention_bias")
    gates = _gates(c, head_dim)
    c.ignore("moe_apply_router_weight_on_input", "moe_router_logit_softcapping", "moe_routed_scaling_factor")
    c.ignore("router_scaling_factor", "enable_moe_fp32_combine", "enable_attention_fp32_softmax", "enable_lm_head_fp32")
    c.ignore("qk_norm", "route_norm", "moe_router_use_sigmoid", "moe_router_enable_expert_bias", "expert_hidden_dim")

    def blocks(kind: _Kind) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield (
            "self_attn",
            Attention(
                hidden,
                kind.heads,
                kv_heads,
                head_dim,
                qkv_bias=bias,
                out_bias=bias,
                qk_norm=(head_dim, head_dim),
                window=kind.window,
            ),
        )
        if gates:
            yield "self_attn.g_proj", Linear("attention.gate", kind.heads * gates, hidden)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", mixture if kind.sparse else GatedMlp(hidden, dense_width, bias=mlp_bias)

    kinds = _kinds(c, layers, heads, kv_heads)
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    widest = max((mixture.widest if kind.sparse else dense_width) for kind in kinds)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=widest,
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )


def _gates(c: Config, head_dim: int) -> int:
    """Gates of one head: one, one for each of its elements, or none."""
    if c.model_type != "laguna":
        return 0
    gating = c.get("gating")
    return 1 if gating in (None, True, "per-head") else head_dim


def _kinds(c: Config, layers: int, heads: int, kv_heads: int) -> list[_Kind]:
    each = c.numbers("num_attention_heads_per_layer", default=None, high=MAX_HEADS) or [heads] * layers
    if len(each) != layers or any(count % kv_heads for count in each):
        raise c.error(
            "has a num_attention_heads_per_layer that does not name a multiple of the KV heads for each layer"
        )
    sliding = windows(c, layers) if c.get("layer_types") else [None] * layers
    c.ignore("sliding_window", "per_layer_config")
    types = c.words("mlp_layer_types", layers)
    dense = c.number("first_k_dense_replace", default=1, low=0)
    sparse = [kind == "sparse" for kind in types] if types else [layer >= dense for layer in range(layers)]
    return [_Kind(*kind) for kind in zip(each, sliding, sparse, strict=True)]


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    experts = c.number("num_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    width = c.hidden("moe_intermediate_size")
    laguna = c.model_type == "laguna"
    if laguna:
        shared, correction = c.hidden("shared_expert_intermediate_size"), "gate.e_score_correction_bias"
    else:
        shared = width * c.number("num_shared_experts", default=1, low=0, high=MAX_EXPERTS)
        correction = "e_score_correction_bias"
    return MixtureOfExperts(
        hidden, width, experts, used, shared, correction_bias=correction, shared_bias=c.flag("mlp_bias") and not laguna
    )
