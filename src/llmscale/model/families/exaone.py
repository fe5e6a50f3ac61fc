"""EXAONE 3.0, 3.5 and Deep (arXiv:2408.03541, 2412.04862): LLaMA's arithmetic under names of its own.

Source: modeling_exaone.py and configuration_exaone.py of huggingface.co/LGAI-EXAONE/EXAONE-3.5-7.8B-Instruct;
transformers has no such class. Published totals: 7,818,448,896 (7.8B), 2,405,327,360 (2.4B), 32,003,200,000 (32B).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("exaone",)


def read(c: Config) -> ModelSpec:
    """Read an EXAONE 3 config."""
    hidden, vocab = c.hidden(), c.vocab()
    layers = c.layers("num_layers", "num_hidden_layers")
    intermediate = c.number("intermediate_size", default=4 * hidden)
    heads, kv_heads, head_dim = c.heads(hidden)
    if heads * head_dim != hidden:
        raise c.error(f"has {heads} heads of {head_dim}, which do not make its hidden size of {hidden}")

    def blocks(_: None) -> Iterator[Named]:
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        yield "ln_1", Norm(hidden)
        yield "attn.attention", Attention(hidden, heads, kv_heads, head_dim, names=names)
        yield "ln_2", Norm(hidden)
        yield "mlp", GatedMlp(hidden, intermediate, ("c_fc_0", "c_fc_1", "c_proj"))

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(base="transformer", embed="wte", layers="h", norm="ln_f"),
    )
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )
