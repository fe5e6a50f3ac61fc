"""BLOOM (arXiv:2211.05100; transformers 5.23 `BloomConfig`): ALiBi, a norm behind the embedding, tied head."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("bloom",)


def read(c: Config) -> ModelSpec:
    """Read a BLOOM config; the context limit is what it was trained on, ALiBi itself has none."""
    hidden = c.hidden("hidden_size", "n_embed")
    layers = c.layers("n_layer", "num_hidden_layers")
    vocab = c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, "n_head", "num_attention_heads", kv=())

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden, bias=True)
        yield (
            "self_attention",
            Attention(
                hidden, heads, kv_heads, head_dim, names=("query_key_value", "dense"), qkv_bias=True, out_bias=True
            ),
        )
        yield "post_attention_layernorm", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, 4 * hidden, ("dense_h_to_4h", "dense_4h_to_h"), bias=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(
            base="transformer", embed="word_embeddings", layers="h", norm="ln_f", token_classifier="classifier"
        ),
        embeddings=[("word_embeddings_layernorm", Norm(hidden, bias=True))],
    )
    context = c.positions("seq_length", "max_position_embeddings")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=4 * hidden, vocab=vocab, context=context)
