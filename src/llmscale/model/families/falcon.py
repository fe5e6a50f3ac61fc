"""Falcon (arXiv:2311.16867; transformers 5.23 `FalconConfig`): attention beside the MLP, fused q, k, v, tied head.

The 7B has one KV head and one norm a layer; the 40B and 180B (``new_decoder_architecture``) have KV groups
and a norm for each of the two branches, the 11B (Falcon 2) KV groups and one norm (``num_ln_in_parallel_attn``);
Falcon-RW runs the branches one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("falcon", "RefinedWeb", "RefinedWebModel")


def read(c: Config) -> ModelSpec:
    """Read a Falcon config, with today's keys or those of the first release (``n_layer``, ``n_head_kv``)."""
    hidden, vocab = c.hidden("hidden_size", "n_embed"), c.vocab()
    layers = c.layers("num_hidden_layers", "n_layer")
    intermediate = c.number("ffn_hidden_size", default=4 * hidden)
    grouped = c.flag("new_decoder_architecture", default=c.model_type == "RefinedWeb")
    bias = c.flag("bias")
    attention = _attention(c, hidden, grouped, bias)
    c.ignore("ff_factor")  # ``ffn_hidden_size`` says the same
    parallel = c.flag("parallel_attn", default=True)
    branch_norms = c.number("num_ln_in_parallel_attn", default=2 if grouped else 1, high=2)

    def blocks(_: None) -> Iterator[Named]:
        if parallel and branch_norms == 2:
            yield "ln_attn", Norm(hidden, bias=True)
            yield "ln_mlp", Norm(hidden, bias=True)
        else:
            yield "input_layernorm", Norm(hidden, bias=True)
            if not parallel:
                yield "post_attention_layernorm", Norm(hidden, bias=True)
        yield "self_attention", attention
        yield "mlp", Mlp(hidden, intermediate, ("dense_h_to_4h", "dense_4h_to_h"), bias=bias)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(
            base="transformer", embed="word_embeddings", layers="h", norm="ln_f", token_classifier="classifier"
        ),
    )
    return text_spec(
        c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=c.positions()
    )


def _attention(c: Config, hidden: int, grouped: bool, bias: bool) -> Attention:
    heads, _, head_dim = c.heads(hidden, "num_attention_heads", "n_head", kv=())
    single = c.flag("multi_query", default=True)
    if grouped:
        kv_heads = c.number("num_kv_heads", "n_head_kv", default=heads, high=MAX_HEADS)
    else:
        c.ignore("num_kv_heads", "n_head_kv")
        kv_heads = 1 if single else heads
    if kv_heads > heads or heads % kv_heads:
        raise c.error(f"has {heads} query heads, not a multiple of its {kv_heads} KV heads")
    names = ("query_key_value", "dense")
    return Attention(hidden, heads, kv_heads, head_dim, names=names, qkv_bias=bias, out_bias=bias)
