"""Granite 3's mixtures and Granite 4's hybrids (transformers 5.23 `GraniteMoeConfig`, `-Shared-`, `-Hybrid-`).

``granitemoeshared`` adds a shared MLP to each mixture, ``granitemoehybrid`` puts Mamba-2 in most layers
(``layer_types``; in all where it is left out) and may have no experts: then the shared MLP is the only one and counts
as such. Names as in the published checkpoints, which hold all experts of a layer in one tensor.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, PackedExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS
from llmscale.model.families._config import Config
from llmscale.model.families._ssm import mamba2
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("granitemoe", "granitemoeshared", "granitemoehybrid")
MAMBA, ATTENTION = {"mamba", "linear_attention"}, {"attention", "full_attention"}


def read(c: Config) -> ModelSpec:
    """Read a Granite config with experts or Mamba layers."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden)
    bias = c.flag("attention_bias")
    hybrid = c.model_type == "granitemoehybrid"
    feed_forward, widest = _feed_forward(c, hidden, hybrid)
    attends = _attends(c, layers) if hybrid else [True] * layers
    mixer = mamba2(c, hidden) if hybrid else None
    c.ignore("intermediate_size", "num_experts_per_tok", "normalization_function", "init_method")
    c.ignore("position_embedding_type")

    def blocks(attends: bool) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        if attends or mixer is None:
            yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias)
        else:
            yield "mamba", mixer
        yield "post_attention_layernorm", Norm(hidden)
        yield from feed_forward

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, attends, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=widest, vocab=vocab, context=c.positions())


def _feed_forward(c: Config, hidden: int, hybrid: bool) -> tuple[list[Named], int]:
    """Experts and the shared MLP, as far as there are any, and the width of both together."""
    experts = c.number("num_local_experts", default=8, low=0 if hybrid else 1, high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", default=2, low=0 if hybrid else 1, high=experts) if experts else 0
    width = c.hidden("intermediate_size") if experts else 0
    shared = 0
    if c.model_type != "granitemoe":
        shared = c.number("shared_intermediate_size", default=1024 if hybrid else 0, low=1 if hybrid else 0)
    blocks: list[Named] = []
    if experts:
        gate_up = ("input_linear.weight", "gate_up", (2 * width, hidden))
        down = ("output_linear.weight", "down", (hidden, width))
        mixture = PackedExperts(hidden, experts, used, (gate_up, down), router="router.layer")
        blocks.append(("block_sparse_moe", mixture))
    if shared:
        component = "shared_experts" if experts else "mlp"
        blocks.append(("shared_mlp", GatedMlp(hidden, shared, ("input_linear", "output_linear"), component=component)))
    return blocks, used * width + shared


def _attends(c: Config, layers: int) -> list[bool]:
    """Which layers are attention; the others are Mamba-2."""
    types = c.words("layer_types", layers) or c.words("layers_block_type", layers) or ["mamba"] * layers
    if unknown := set(types) - MAMBA - ATTENTION:
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
    return [kind in ATTENTION for kind in types]
