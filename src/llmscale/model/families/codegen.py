"""CodeGen (arXiv:2203.13474; transformers 5.23 `CodeGenConfig`): GPT-J with q, k, v fused.

Attention without biases and MLP side by side behind one norm; head not tied, with a bias.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("codegen",)


def read(c: Config) -> ModelSpec:
    """Read a CodeGen config."""
    hidden, vocab = c.hidden("n_embd", "hidden_size"), c.vocab()
    layers = c.layers("n_layer", "num_hidden_layers")
    intermediate = c.number("n_inner", default=4 * hidden)
    heads, kv_heads, head_dim = c.heads(hidden, "n_head", "num_attention_heads", kv=())
    c.ignore("n_ctx")

    def blocks(_: None) -> Iterator[Named]:
        yield "ln_1", Norm(hidden, bias=True)
        yield "attn", Attention(hidden, heads, kv_heads, head_dim, names=("qkv_proj", "out_proj"))
        yield "mlp", Mlp(hidden, intermediate, ("fc_in", "fc_out"), bias=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings"),
        names=Names(base="transformer", embed="wte", layers="h", norm="ln_f"),
        head_bias=True,
    )
    context = c.positions("n_positions", "max_position_embeddings")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)
