"""Arcee's Trinity (transformers 5.23 `AfmoeConfig`): gated GQA, four norms a layer, then mixtures.

All but every ``global_attn_every_n_layers``-th layer slide a window; the router's bias is part of the checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("afmoe",)


def read(c: Config) -> ModelSpec:
    """Read a Trinity config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, head_dim=128)
    bias = c.flag("attention_bias")
    dense_width, mixture = c.hidden("intermediate_size"), _mixture(c, hidden)
    dense = c.number("num_dense_layers", default=1, low=0, high=MAX_LAYERS)
    every = c.number("global_attn_every_n_layers", default=4, high=MAX_LAYERS)
    c.number("sliding_window", default=1024, high=MAX_POSITIONS)
    c.ignore(
        "mup_enabled", "load_balance_coeff", "num_expert_groups", "num_limited_groups", "route_norm", "route_scale"
    )
    c.ignore("score_func", "use_grouped_mm")

    def blocks(kind: tuple[int | None, bool]) -> Iterator[Named]:
        window, sparse = kind
        yield "input_layernorm", Norm(hidden)
        norms = (head_dim, head_dim)
        yield (
            "self_attn",
            Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=norms, window=window),
        )
        yield "self_attn.gate_proj", Linear("attention.gate", heads * head_dim, hidden)
        yield "post_attention_layernorm", Norm(hidden)
        yield "pre_mlp_layernorm", Norm(hidden)
        yield "mlp", mixture if sparse else GatedMlp(hidden, dense_width)
        yield "post_mlp_layernorm", Norm(hidden)

    kinds = [(window, layer >= dense) for layer, window in enumerate(windows(c, layers, every))]
    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    widest = max(mixture.widest, dense_width if dense else 0)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=widest, vocab=vocab, context=c.positions())


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    width = c.hidden("moe_intermediate_size")
    experts = c.number("num_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    shared = width * c.number("num_shared_experts", default=2, low=0, high=MAX_EXPERTS)
    return MixtureOfExperts(hidden, width, experts, used, shared, router="router.gate", correction_bias="expert_bias")
