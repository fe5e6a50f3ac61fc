"""Snowflake Arctic (huggingface.co/Snowflake/snowflake-arctic-base): a dense model and a mixture beside it.

Source: modeling_arctic.py, the publisher's own; transformers has no such class, so the count was compared with the
published sizes, 480 B of which 17 B active. Each layer's dense MLP is as wide as the hidden size and has a norm of its
own; the mixture of ``moe_layer_frequency`` runs in parallel with attention and MLP.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_EXPERTS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("arctic",)
MATRICES = ("w1", "w3", "w2")


def read(c: Config) -> ModelSpec:
    """Read an Arctic config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden)
    if heads * head_dim != hidden:
        raise c.error(f"has {heads} heads of {head_dim}, which do not make its hidden size of {hidden}")
    bias = c.flag("attention_bias")
    width = c.hidden("intermediate_size")
    experts = c.number("num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    if c.number("moe_layer_frequency") != 1 or not c.flag("parallel_attn_mlp_res") or not c.flag("use_residual"):
        raise c.unsupported("has no mixture beside a dense MLP in every layer")
    if c.get("sliding_window") is not None:
        raise c.unsupported("slides a window")
    c.ignore("quantization", "enable_expert_tensor_parallelism", "moe_eval_capacity_factor", "moe_min_capacity")
    c.ignore("moe_token_dropping", "moe_train_capacity_factor")

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias)
        yield "residual_layernorm", Norm(hidden)
        yield "residual_mlp", GatedMlp(hidden, hidden, MATRICES)
        yield "post_attention_layernorm", Norm(hidden)
        yield "block_sparse_moe", MixtureOfExperts(hidden, width, experts, used, expert_names=MATRICES)

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=used * width + hidden, vocab=vocab, context=c.positions()
    )
