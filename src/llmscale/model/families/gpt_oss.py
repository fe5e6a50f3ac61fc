"""gpt-oss (arXiv:2508.10925; transformers 5.23 `GptOssConfig`): biased projections, attention sinks, biased experts.

Every second layer slides, the first one among them.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import StackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("gpt_oss",)


def read(c: Config) -> ModelSpec:
    """Read a gpt-oss config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8, head_dim=64)
    experts = c.number("num_local_experts", "num_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", "experts_per_token", default=4, high=experts)
    bias = c.flag("attention_bias", default=True)
    c.ignore("swiglu_alpha", "swiglu_limit", "experts_per_token", "initial_context_length")

    def blocks(window: int | None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield (
            "self_attn",
            Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, window=window, sinks=True),
        )
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", StackedExperts(hidden, intermediate, experts, used)

    placed = decoder(
        c,
        windows(c, layers, full_every=2, default=128),
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings"),
    )
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=used * intermediate, vocab=vocab, context=c.positions()
    )
