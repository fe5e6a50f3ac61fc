"""Qwen 1 (arXiv:2309.16609; modeling_qwen.py): GPT-2's names, LLaMA's arithmetic, bias on q, k, v only.

``intermediate_size`` counts gate and up together: each of w1 and w2 has half of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("qwen",)


def read(c: Config) -> ModelSpec:
    """Read a Qwen 1 config (transformers calls the original ``qwen``)."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    fused = c.hidden("intermediate_size")
    if fused % 2:
        raise c.error(f"has intermediate_size = {fused}, which must be even: it counts two matrices")
    intermediate = fused // 2
    heads, _, _ = c.heads(hidden, kv=())
    head_dim = c.number("kv_channels", default=hidden // heads, high=MAX_HEADS)
    bias = not c.flag("no_bias", default=True)
    c.ignore("use_cache_quantization", "use_cache_kernel", "attn_dropout_prob")

    def blocks(_: None) -> Iterator[Named]:
        yield "ln_1", Norm(hidden)
        yield (
            "attn",
            Attention(hidden, heads, heads, head_dim, names=("c_attn", "c_proj"), qkv_bias=True, out_bias=bias),
        )
        yield "ln_2", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate, ("w2", "w1", "c_proj"), bias=bias)

    tied = c.flag("tie_word_embeddings")
    names = Names(base="transformer", embed="wte", layers="h", norm="ln_f")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied, names=names)
    context = c.positions("seq_length", "max_position_embeddings")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)
