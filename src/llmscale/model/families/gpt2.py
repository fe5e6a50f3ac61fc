"""GPT-2 (transformers 5.23 `GPT2Config`) and GPT-3 by the dimensions of its paper (arXiv:2005.14165, table 2.1).

Matrices are stored (in, out). GPT-3's weights were never published: ``gpt3`` reads the same keys, with a
``head_dim`` of its own because heads x head_dim is not the hidden size of every model in the table.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("gpt2", "gpt3")


def read(c: Config) -> ModelSpec:
    """Read a GPT-2 or GPT-3 config."""
    hidden = c.hidden("n_embd", "hidden_size")
    layers = c.layers("n_layer", "num_hidden_layers")
    vocab = c.vocab()
    positions = c.number("n_positions", "n_ctx", "max_position_embeddings", high=MAX_POSITIONS)
    intermediate = c.number("n_inner", default=4 * hidden)
    heads, kv_heads, head_dim = c.heads(hidden, "n_head", "num_attention_heads", kv=())
    c.ignore("n_ctx")

    def blocks(_: None) -> Iterator[Named]:
        yield "ln_1", Norm(hidden, bias=True)
        yield (
            "attn",
            Attention(
                hidden,
                heads,
                kv_heads,
                head_dim,
                names=("c_attn", "c_proj"),
                qkv_bias=True,
                out_bias=True,
                transposed=True,
            ),
        )
        yield "ln_2", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("c_fc", "c_proj"), bias=True, transposed=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(base="transformer", embed="wte", layers="h", norm="ln_f", token_classifier="classifier"),
        embeddings=[("wpe", Embedding(positions, hidden, "embedding.position"))],
    )
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)
