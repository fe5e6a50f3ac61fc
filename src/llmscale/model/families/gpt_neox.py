"""GPT-NeoX-20B (arXiv:2204.06745) and Pythia (transformers 5.23 `GPTNeoXConfig`): biases everywhere, head not tied."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("gpt_neox",)


def read(c: Config) -> ModelSpec:
    """Read a GPT-NeoX config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv=())
    bias = c.flag("attention_bias", default=True)

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden, bias=True)
        yield "post_attention_layernorm", Norm(hidden, bias=True)
        yield (
            "attention",
            Attention(
                hidden, heads, kv_heads, head_dim, names=("query_key_value", "dense"), qkv_bias=bias, out_bias=bias
            ),
        )
        yield "mlp", Mlp(hidden, intermediate, ("dense_h_to_4h", "dense_4h_to_h"), bias=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings"),
        names=Names(
            base="gpt_neox", embed="embed_in", norm="final_layer_norm", head="embed_out", token_classifier="classifier"
        ),
    )
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
