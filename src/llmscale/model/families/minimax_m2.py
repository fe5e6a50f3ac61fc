"""MiniMax-M2, M2.1 and M2.5 (transformers 5.23 `MiniMaxM2Config`): GQA with norms over all of Q and of K, and mixtures.

The router's load-balancing bias is part of the published checkpoint, the prediction layers that the file speaks of
are not. Names as there.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("minimax_m2",)


def read(c: Config) -> ModelSpec:
    """Read a MiniMax-M2 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8, head_dim=128)
    experts = c.number("num_local_experts", "num_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    width = c.hidden("intermediate_size")
    correction = "e_score_correction_bias" if c.flag("use_routing_bias", default=True) else None
    if not c.flag("use_qk_norm", default=True) or c.text("qk_norm_type", "per_layer") != "per_layer":
        raise c.unsupported("normalises queries and keys in another way than per layer")
    if c.number("shared_intermediate_size", default=0, low=0):
        raise c.unsupported("has a shared expert")
    if 0 in c.numbers("attn_type_list", default=[], low=0, high=1):
        raise c.unsupported("has linear attention in attn_type_list")
    for part in ("full_attention", "linear_attention", "mlp"):
        c.ignore(f"layernorm_{part}_alpha", f"layernorm_{part}_beta")
    c.ignore("use_mtp", "mtp_transformer_layers", "num_mtp_modules", "mlp_intermediate_size", "shared_moe_mode")

    def blocks(_: None) -> Iterator[Named]:
        norms = (heads * head_dim, kv_heads * head_dim)
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qk_norm=norms)
        yield "post_attention_layernorm", Norm(hidden)
        names = ("w1", "w3", "w2")
        moe = MixtureOfExperts(hidden, width, experts, used, correction_bias=correction, expert_names=names)
        yield "block_sparse_moe", moe

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=used * width, vocab=vocab, context=c.positions()
    )
