"""LFM3 (transformers 5.23 `Lfm3Config`): LFM2's short convolutions, with windows, gated heads and norms on both sides.

Of each four layers the third attends to everything, the first (but for the very first) within a window, the others are
convolutions, unless ``layer_types`` says otherwise. A head's output is scaled by a gate of its own
(``use_attention_gate``); what a layer adds to the stream has a norm too (``use_sandwich_norm``).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import ShortConvolution
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("lfm3",)
FULL, SLIDING, CONVOLUTION = "full_attention", "sliding_attention", "conv"


def read(c: Config) -> ModelSpec:
    """Read an LFM3 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    intermediate = c.hidden("intermediate_size")
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=4, head_dim=128)
    bias, gated = c.flag("attention_bias"), c.flag("use_attention_gate", default=True)
    sandwich = c.flag("use_sandwich_norm", default=True)
    conv = ShortConvolution(hidden, c.number("conv_L_cache", default=7), c.flag("conv_bias"))
    assumed = None if "sliding_window" in c.data else 256
    window: int | None = c.number("sliding_window", default=assumed, low=1, high=MAX_POSITIONS)
    norm = Norm(hidden)

    def attention(kind: str) -> Attention:
        slides = window if kind == SLIDING else None
        norms = (head_dim, head_dim)
        return Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=norms, window=slides)

    def blocks(kind: str) -> Iterator[Named]:
        yield "operator_norm", norm
        yield ("conv", conv) if kind == CONVOLUTION else ("self_attn", attention(kind))
        if gated and kind != CONVOLUTION:
            yield "self_attn.g_proj", Linear("attention.gate", heads, hidden)
        if sandwich:
            yield "post_operator_norm", norm
        yield "ffn_norm", norm
        yield "feed_forward", GatedMlp(hidden, intermediate, ("w1", "w3", "w2"))
        if sandwich:
            yield "post_ffn_norm", norm

    tied = c.flag("tie_word_embeddings", default=True)
    names = Names(norm="embedding_norm")
    kinds = _kinds(c, layers, window)
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=norm, tied=tied, names=names)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )


def _kinds(c: Config, layers: int, window: int | None) -> list[str]:
    """What each layer is."""
    kinds = c.words("layer_types", layers)
    if kinds is None:
        kinds = [FULL if n % 4 == 2 else SLIDING if n % 4 == 0 and n else CONVOLUTION for n in range(layers)]
    if unknown := set(kinds) - {FULL, SLIDING, CONVOLUTION}:
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
    if window is None and SLIDING in kinds:
        raise c.error("has sliding layers but no sliding_window")
    return list(kinds)
