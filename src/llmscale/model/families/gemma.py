"""Gemma 1 (arXiv:2403.08295), 2 (arXiv:2408.00118) and 3's text model (arXiv:2503.19786).

Head dimension apart from the hidden size, head tied. Gemma 2 puts a norm after attention and MLP too and
slides every second layer; Gemma 3 normalises queries and keys and slides five layers of six.
Defaults that published files leave out are those of transformers 5.23 `Gemma3TextConfig` (the 4B's file
leaves out most of them).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("gemma", "gemma2", "gemma3_text")
#: model_type -> layers of which the last attends to everything
FULL_EVERY = {"gemma": None, "gemma2": 2, "gemma3_text": 6}
#: model_type -> KV heads where none are given
KV_HEADS = {"gemma": 16, "gemma2": 4}


def read(c: Config) -> ModelSpec:
    """Read a Gemma 1, 2 or 3 text config."""
    third = c.model_type == "gemma3_text"
    sandwich = c.model_type != "gemma"
    hidden, layers, vocab, intermediate = _widths(c, third)
    heads, kv_heads, head_dim = _heads(c, third, hidden)
    bias = c.flag("attention_bias")
    c.ignore("use_bidirectional_attention", "sliding_window_size")

    def blocks(window: int | None) -> Iterator[Named]:
        qk_norm = (head_dim, head_dim) if third else None
        attention = Attention(
            hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=qk_norm, window=window
        )
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        yield "post_attention_layernorm", Norm(hidden)
        if sandwich:
            yield "pre_feedforward_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate)
        if sandwich:
            yield "post_feedforward_layernorm", Norm(hidden)

    full_every = FULL_EVERY[c.model_type]
    if third:
        full_every = c.number("sliding_window_pattern", "_sliding_window_pattern", default=6, high=MAX_LAYERS)
    sliding = windows(c, layers, full_every, default=4096) if sandwich else [None] * layers
    tied = c.flag("tie_word_embeddings", default=True)
    placed = decoder(c, sliding, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )


def _widths(c: Config, third: bool) -> tuple[int, int, int, int]:
    """Hidden size, layers, vocabulary and intermediate size."""
    if not third:
        return c.hidden(), c.layers(), c.vocab(), c.hidden("intermediate_size")
    return (
        c.number("hidden_size", default=2304),
        c.number("num_hidden_layers", default=26, high=MAX_LAYERS),
        c.number("vocab_size", default=262_208, high=MAX_VOCAB),
        c.number("intermediate_size", default=9216),
    )


def _heads(c: Config, third: bool, hidden: int) -> tuple[int, int, int]:
    """Query heads, KV heads and head dimension."""
    if not third:
        return c.heads(hidden, kv_default=KV_HEADS[c.model_type], head_dim=256)
    heads = c.number("num_attention_heads", default=8, high=MAX_HEADS)
    kv_heads = c.number("num_key_value_heads", default=4, high=heads)
    return heads, kv_heads, c.number("head_dim", default=256, high=MAX_HEADS)
