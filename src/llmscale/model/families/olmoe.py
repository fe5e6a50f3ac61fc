"""OLMoE (arXiv:2409.02060; transformers 5.23 `OlmoeConfig`) and FlexOlmo (arXiv:2507.07024; `FlexOlmoConfig`).

OLMo's attention, normalised over all queries and all keys, and a mixture in every layer. OLMoE has its norms
before attention and mixture, FlexOlmo, which grows OLMo 2 by one expert per data owner, after.
Names as in huggingface.co/allenai/OLMoE-1B-7B-0924 (transformers 5 merges the experts on loading).
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

MODEL_TYPES = ("olmoe", "flex_olmo")
#: model_type -> (experts, experts per token) where a file leaves them out
EXPERTS = {"olmoe": (64, 8), "flex_olmo": (7, 5)}


def read(c: Config) -> ModelSpec:
    """Read an OLMoE or FlexOlmo config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    count, per_token = EXPERTS[c.model_type]
    experts = c.number("num_experts", "num_local_experts", default=count, high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", default=per_token, high=experts)
    bias = c.flag("attention_bias")
    first = "input_layernorm" if c.model_type == "olmoe" else None
    c.ignore("clip_qkv")

    def blocks(_: None) -> Iterator[Named]:
        qk_norm = (heads * head_dim, kv_heads * head_dim)
        if first:
            yield first, Norm(hidden)
        yield (
            "self_attn",
            Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=qk_norm),
        )
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", MixtureOfExperts(hidden, intermediate, experts, used)
        if not first:
            yield "post_feedforward_layernorm", Norm(hidden)

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=used * intermediate, vocab=vocab, context=c.positions()
    )
