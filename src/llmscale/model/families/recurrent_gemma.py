"""RecurrentGemma (arXiv:2404.07839; transformers 5.23 `RecurrentGemmaConfig`): Griffin, every third layer attention.

``block_types`` repeats over the layers. ``intermediate_size`` is that of gate and up together. The head is tied.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Griffin
from llmscale.model.families._bounds import MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("recurrent_gemma",)


def read(c: Config) -> ModelSpec:
    """Read a RecurrentGemma config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden)
    if heads * head_dim != hidden:
        raise c.error(f"has {heads} heads of {head_dim}, which do not make its hidden size of {hidden}")
    bias = c.flag("attention_bias")
    width = c.hidden("intermediate_size") // 2
    window = c.number("attention_window_size", default=2048, high=MAX_POSITIONS)
    lru = c.number("lru_width", default=hidden)
    if lru % heads:
        raise c.error(f"has lru_width = {lru}, not a multiple of its {heads} heads")
    recurrent = Griffin(hidden, lru, heads, c.number("conv1d_width", default=4))
    c.ignore("logits_soft_cap", "embeddings_scale_by_sqrt_dim", "w_init_variance_scale", "final_w_init_variance_scale")
    c.ignore("_block_types")

    def blocks(attends: bool) -> Iterator[Named]:
        yield "temporal_pre_norm", Norm(hidden)
        if attends:
            attention = Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=True, window=window)
            yield "temporal_block", attention
        else:
            yield "temporal_block", recurrent
        yield "channel_pre_norm", Norm(hidden)
        yield "mlp_block", GatedMlp(hidden, width, bias=True)

    placed = decoder(
        c,
        _attends(c, layers),
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(norm="final_norm"),
    )
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=width, vocab=vocab, context=c.positions())


def _attends(c: Config, layers: int) -> list[bool]:
    """Which layers are attention; the others are recurrent."""
    types = c.get("block_types") or ["recurrent", "recurrent", "attention"]
    known = isinstance(types, list) and all(each in ("recurrent", "attention") for each in types)
    if not known or len(types) > MAX_LAYERS:
        raise c.unsupported("has block_types other than recurrent and attention")
    return [types[layer % len(types)] == "attention" for layer in range(layers)]
