"""Apertus (arXiv:2509.14233; transformers 5.23 `ApertusConfig`): a plain MLP whose xIELU activation has two learned
numbers a layer, each query and key head normalised, head not tied.

Names as in huggingface.co/swiss-ai/Apertus-8B-2509. xIELU's other two numbers (``beta``, ``eps``) are fixed: buffers,
not counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("apertus",)


def read(c: Config) -> ModelSpec:
    """Read an Apertus config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden)
    bias = c.flag("attention_bias")
    learned = c.text("hidden_act", "xielu") == "xielu"
    if not c.flag("qk_norm", default=True) or c.flag("post_norm") or c.flag("mlp_bias"):
        raise c.unsupported("switches qk_norm, post_norm or mlp_bias")

    def blocks(_: None) -> Iterator[Named]:
        qk_norm = (head_dim, head_dim)
        yield "attention_layernorm", Norm(hidden)
        yield (
            "self_attn",
            Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=qk_norm),
        )
        yield "feedforward_layernorm", Norm(hidden)
        yield "mlp", Mlp(hidden, intermediate)
        if learned:
            yield "mlp.act_fn.alpha_p", Parameter("mlp.activation", (1,))
            yield "mlp.act_fn.alpha_n", Parameter("mlp.activation", (1,))

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
