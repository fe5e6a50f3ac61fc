"""RWKV-4 (arXiv:2305.13048; transformers 5.23 `RwkvConfig`): time mixing and channel mixing, no attention.

The first layer normalises the embedding before its own norms. Names as in huggingface.co/RWKV/rwkv-4-169m-pile.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import RwkvChannelMix, RwkvTimeMix
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("rwkv",)


def read(c: Config) -> ModelSpec:
    """Read an RWKV-4 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    attention = c.number("attention_hidden_size", default=hidden)
    width = c.number("intermediate_size", default=4 * hidden)
    c.ignore("rescale_every")

    def blocks(first: bool) -> Iterator[Named]:
        if first:
            yield "pre_ln", Norm(hidden, bias=True)
        yield "ln1", Norm(hidden, bias=True)
        yield "attention", RwkvTimeMix(hidden, attention)
        yield "ln2", Norm(hidden, bias=True)
        yield "feed_forward", RwkvChannelMix(hidden, width)

    placed = decoder(
        c,
        [layer == 0 for layer in range(layers)],
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings"),
        names=Names(base="rwkv", embed="embeddings", layers="blocks", norm="ln_out", head="head"),
    )
    context = c.positions("context_length", "max_position_embeddings")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=width, vocab=vocab, context=context)
