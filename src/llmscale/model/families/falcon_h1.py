"""Falcon-H1 (arXiv:2507.22448; transformers 5.23 `FalconH1Config`): attention and Mamba-2 side by side everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._ssm import mamba2
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("falcon_h1",)


def read(c: Config) -> ModelSpec:
    """Read a Falcon-H1 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8)
    bias, mlp_bias = c.flag("attention_bias"), c.flag("mlp_bias")
    width = c.hidden("intermediate_size")
    expanded = c.number("mamba_expand", default=2) * hidden
    mixer = mamba2(
        c,
        hidden,
        inner=c.number("mamba_d_ssm", default=expanded if "mamba_d_ssm" in c.data else 1024),
        gated_norm=c.flag("mamba_rms_norm"),
        out_bias=c.flag("projectors_bias"),
    )
    if c.get("attn_layer_indices") is not None:
        raise c.unsupported("names the layers that have attention (attn_layer_indices)")
    if not c.flag("mamba_use_mlp", default=True):
        raise c.unsupported("switches mamba_use_mlp off")
    c.ignore("mlp_multipliers", "ssm_multipliers", "attn_rotary_emb", "mlp_expansion_factor")

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "mamba", mixer
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias)
        yield "pre_ff_layernorm", Norm(hidden)
        yield "feed_forward", GatedMlp(hidden, width, bias=mlp_bias)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings"),
        names=Names(norm="final_layernorm"),
    )
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=width, vocab=vocab, context=c.positions())
