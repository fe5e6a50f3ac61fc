"""Grok-1 (github.com/xai-org/grok-1): Mixtral's shape with four norms a layer and gated GELU experts; head tied.

Source: xAI's model.py and modeling_grok1.py of huggingface.co/hpcai-tech/grok-1, whose names these are. The count of
published shapes is 315.7 B (xAI says 314 B); transformers has no such class, so none was compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.families._bounds import MAX_EXPERTS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("grok-1",)


def read(c: Config) -> ModelSpec:
    """Read a Grok-1 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden)
    width = c.hidden("intermediate_size")
    experts = c.number("num_experts", "num_local_experts", default=8, high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", default=2, high=experts)
    c.ignore("attn_output_multiplier", "embedding_multiplier_scale", "output_multiplier_scale", "max_attn_value")

    def blocks(_: None) -> Iterator[Named]:
        names = ("linear", "linear_v", "linear_1")
        norm = Parameter("norm", (hidden,))
        yield "pre_attn_norm.scale", norm
        yield "attn", Attention(hidden, heads, kv_heads, head_dim)
        yield "post_attn_norm.scale", norm
        yield "pre_moe_norm.scale", norm
        yield "moe_block", MixtureOfExperts(hidden, width, experts, used, expert_names=names)
        yield "post_moe_norm.scale", norm

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Parameter("norm", (hidden,)),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(norm="norm.scale"),
    )
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=used * width, vocab=vocab, context=c.positions()
    )
