"""EXAONE 4.0 (arXiv:2507.11407; transformers 5.23 `Exaone4Config`): norms after attention and MLP, and on each head.

The 32B slides three layers of four (``sliding_window_pattern``, in its file the word LLLG); the 1.2B none.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.families._window import windows
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("exaone4",)


def read(c: Config) -> ModelSpec:
    """Read an EXAONE 4 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=32)

    def blocks(window: int | None) -> Iterator[Named]:
        qk_norm = (head_dim, head_dim)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qk_norm=qk_norm, window=window)
        yield "post_attention_layernorm", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate)
        yield "post_feedforward_layernorm", Norm(hidden)

    tied = c.flag("tie_word_embeddings")
    sliding = windows(c, layers, _full_every(c), default=4096)
    placed = decoder(c, sliding, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )


def _full_every(c: Config) -> int:
    """Layers of which the last attends to everything: a number, or a word with L for sliding and a final G for full."""
    if isinstance(c.get("sliding_window_pattern"), str):
        word = c.text("sliding_window_pattern")
        if word.strip("L") != "G" or not word.endswith("G"):
            raise c.unsupported(f"has a sliding_window_pattern of '{word[:20]}'")
        return len(word)
    return c.number("sliding_window_pattern", default=4, high=MAX_LAYERS)
