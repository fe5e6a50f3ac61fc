"""Bamba (transformers 5.23 `BambaConfig`): Mamba-2, attention in a few layers (``attn_layer_indices``), dense MLPs."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._ssm import mamba2
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("bamba",)


def read(c: Config) -> ModelSpec:
    """Read a Bamba config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8)
    bias, mlp_bias = c.flag("attention_bias"), c.flag("mlp_bias")
    width = c.hidden("intermediate_size")
    mixer = mamba2(c, hidden)
    attending = c.numbers("attn_layer_indices", default=[], low=0, high=MAX_LAYERS)
    c.ignore("attn_rotary_emb", "z_loss_coefficient")

    def blocks(attends: bool) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        if attends:
            yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias)
        else:
            yield "mamba", mixer
        yield "pre_ff_layernorm", Norm(hidden)
        yield "feed_forward", GatedMlp(hidden, width, bias=mlp_bias)

    placed = decoder(
        c,
        [layer in attending for layer in range(layers)],
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings"),
        names=Names(norm="final_layernorm"),
    )
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=width, vocab=vocab, context=c.positions())
