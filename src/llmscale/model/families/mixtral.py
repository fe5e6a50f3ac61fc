"""Mixtral (arXiv:2401.04088): Mistral's attention, and 8 gated experts of which a router picks 2.

Names as in huggingface.co/mistralai/Mixtral-8x7B-v0.1 (transformers 5 merges the experts on loading).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("mixtral",)


def read(c: Config) -> ModelSpec:
    """Read a Mixtral config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8)
    experts = c.number("num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", default=2, high=experts)

    def blocks(window: int | None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, window=window)
        yield "post_attention_layernorm", Norm(hidden)
        yield (
            "block_sparse_moe",
            MixtureOfExperts(hidden, intermediate, experts, used, expert_names=("w1", "w3", "w2")),
        )

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, windows(c, layers), blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=used * intermediate, vocab=vocab, context=c.positions()
    )
