"""DBRX (transformers 5.23 `DbrxConfig`): fused q, k, v, norms without a shift, sixteen experts of which four are used.

Names as in huggingface.co/databricks/dbrx-base; a layer's experts are stacked in one matrix each of w1, v1 and w2.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import PackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("dbrx",)


def read(c: Config) -> ModelSpec:
    """Read a DBRX config."""
    hidden, layers, vocab = c.hidden("d_model"), c.layers("n_layers"), c.vocab()
    attn, ffn = c.part("attn_config"), c.part("ffn_config")
    heads = c.number("n_heads", high=MAX_HEADS)
    kv_heads = attn.number("kv_n_heads", high=heads)
    if hidden % heads or heads % kv_heads:
        raise c.error(f"has {heads} heads and {kv_heads} KV heads, which do not divide its width of {hidden}")
    attn.ignore("clip_qkv")
    width = ffn.number("ffn_hidden_size")
    experts = ffn.number("moe_num_experts", high=MAX_EXPERTS)
    used = ffn.number("moe_top_k", high=experts)
    if ffn.number("hidden_size", default=hidden) != hidden:
        raise c.error("has experts of another width than d_model")
    ffn.ignore("moe_jitter_eps", "moe_normalize_expert_weights", "ffn_act_fn", "uniform_expert_assignment")

    def blocks(_: None) -> Iterator[Named]:
        yield "norm_attn_norm.norm_1", Norm(hidden)
        attention = Attention(hidden, heads, kv_heads, hidden // heads, names=("Wqkv", "out_proj"))
        yield "norm_attn_norm.attn", attention
        yield "norm_attn_norm.norm_2", Norm(hidden)
        matrices = (("w1", "gate"), ("v1", "up"), ("w2", "down"))
        packed = tuple((f"experts.mlp.{name}", part, (width, hidden)) for name, part in matrices)
        yield "ffn", PackedExperts(hidden, experts, used, packed, router="router.layer", transposed=("down",))

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings"),
        names=Names(base="transformer", embed="wte", layers="blocks", norm="norm_f"),
    )
    context = c.positions("max_seq_len")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=used * width, vocab=vocab, context=context)
