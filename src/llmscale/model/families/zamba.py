"""Zamba (arXiv:2405.16712; transformers 5.24 `ZambaConfig`): Mamba layers of several heads and one shared transformer.

Hybrid layers (``layers_block_type``) run the transformer on the hidden state and the embedding side by side before
their Mamba; its weights are the same in all of them, where the class ties weights at all (``tie_word_embeddings``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Mamba
from llmscale.model.families import _ssm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named
from llmscale.model.families._zamba import hybrid_layers, spec_of
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("zamba",)
#: Five to a hundred times what a rule for other models says is alive while its class scans head after head.
UNTRACED = "a hybrid whose scan, head after head, nobody here has traced"


def read(c: Config) -> ModelSpec:
    """Read a Zamba config."""
    hidden, layers = c.hidden(), c.layers()
    width, mixer, hybrid = c.hidden("intermediate_size"), _mixer(c, hidden), _hybrid(c, layers)
    shared = list(_transformer(c, hidden, width))
    c.ignore(*_ssm.HARMLESS, "hidden_mamba_act")
    tied = c.flag("tie_word_embeddings", default=True)
    names = [(f"shared_transf.{name}", block) for name, block in shared]
    spec = spec_of(c, mixer, hybrid, lambda _: names, width=width, tied=tied)
    return replace(spec, weights_only=UNTRACED)


def _mixer(c: Config, hidden: int) -> Mamba:
    inner = c.number("mamba_expand", default=2) * hidden
    heads = c.number("n_mamba_heads", default=2, high=MAX_HEADS)
    if inner % heads:
        raise c.error(f"has {heads} Mamba heads, which do not divide {inner} channels")
    return Mamba(
        hidden,
        inner,
        c.number("mamba_d_state", default=16),
        c.number("mamba_d_conv", default=4),
        _ssm.dt_rank(c, "mamba_dt_rank", hidden),
        c.flag("mamba_proj_bias"),
        c.flag("mamba_conv_bias", default=True),
        heads=heads,
    )


def _transformer(c: Config, hidden: int, width: int) -> Iterator[Named]:
    """The shared transformer; it reads hidden state and embedding side by side and writes the hidden state."""
    read = c.number("attention_hidden_size", default=None) or 2 * hidden
    heads = c.number("num_attention_heads", default=16, high=MAX_HEADS)
    kv_heads = c.number("num_key_value_heads", default=16, high=heads)
    head_dim = c.number("attention_head_dim", default=None) or 2 * hidden // heads
    if heads % kv_heads:
        raise c.error(f"has {heads} query heads, not a multiple of its {kv_heads} KV heads")
    yield "input_layernorm", Norm(read)
    yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, input=read)
    yield "pre_ff_layernorm", Norm(hidden)
    yield "feed_forward", GatedMlp(hidden, width)


def _hybrid(c: Config, layers: int) -> list[int]:
    """The layers that have the transformer."""
    types = c.words("layers_block_type", layers)
    period = c.number("attn_layer_period", default=6, high=MAX_LAYERS)
    offset = c.number("attn_layer_offset", default=4, low=0, high=MAX_LAYERS)
    usual = [layer for layer in range(layers) if layer == 2 or (layer > 2 and (layer - 3) % period == offset)]
    return hybrid_layers(c, types, usual)
