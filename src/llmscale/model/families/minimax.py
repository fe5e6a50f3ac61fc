"""MiniMax-Text-01 and M1 (arXiv:2501.08313, 2506.13585): lightning attention, and softmax in every eighth layer.

Sources: transformers 5.23 `MiniMaxConfig` and the publisher's modeling_minimax_text_01.py. ``attn_type_list``
(1: softmax) or ``layer_types`` name the layers. All MLPs are mixtures.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear_attention import LightningAttention
from llmscale.model.blocks.mlp import MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("minimax", "minimax_text_01", "minimax_m1")


def read(c: Config) -> ModelSpec:
    """Read a MiniMax-Text-01 or M1 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8)
    experts = c.number("num_local_experts", "num_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    width = c.hidden("intermediate_size")
    if c.number("shared_intermediate_size", default=0, low=0):
        raise c.unsupported("has a shared expert")
    if c.get("sliding_window") is not None:
        raise c.unsupported("slides a window over its softmax attention")
    for part in ("full_attn", "linear_attn", "mlp"):
        c.ignore(f"{part}_alpha_factor", f"{part}_beta_factor")
    for part in ("full_attention", "linear_attention", "mlp"):
        c.ignore(f"layernorm_{part}_alpha", f"layernorm_{part}_beta")
    c.ignore("block_size", "postnorm", "shared_moe_mode", "routing_dim")

    def blocks(softmax: bool) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        if softmax:
            yield "self_attn", Attention(hidden, heads, kv_heads, head_dim)
        else:
            yield "self_attn", LightningAttention(hidden, heads, head_dim)
        yield "post_attention_layernorm", Norm(hidden)
        yield "block_sparse_moe", MixtureOfExperts(hidden, width, experts, used, expert_names=("w1", "w3", "w2"))

    tied = c.flag("tie_word_embeddings")
    kinds = _softmax(c, layers)
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=used * width, vocab=vocab, context=c.positions()
    )


def _softmax(c: Config, layers: int) -> list[bool]:
    """Which layers are softmax attention."""
    marks = c.numbers("attn_type_list", default=None, low=0, high=1)
    types = c.words("layer_types", layers)
    if marks is not None:
        if len(marks) != layers:
            raise c.error(f"has {len(marks)} entries in attn_type_list for {layers} layers")
        return [mark == 1 for mark in marks]
    if types is None:
        return [layer % 2 == 0 for layer in range(layers)]
    if unknown := set(types) - {"full_attention", "linear_attention"}:
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
    return [kind == "full_attention" for kind in types]
