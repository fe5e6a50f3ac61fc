"""MPT (MosaicML 2023; transformers 5.23 `MptConfig`): no biases at all, not even in the norms, ALiBi, head tied.

The publisher's own code (llm-foundry) has more switches than transformers; what both count alike is counted,
the rest (biases, learned positions, query and key norms, fewer KV heads) is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("mpt",)
#: Keys of `attn_config` that choose a kernel or a mask.
KERNEL = ("attn_impl", "clip_qkv", "softmax_scale", "prefix_lm", "attn_uses_sequence_id", "alibi_bias_max")


def read(c: Config) -> ModelSpec:
    """Read an MPT config."""
    hidden, vocab = c.hidden("d_model", "hidden_size"), c.vocab()
    layers = c.layers("n_layers", "num_hidden_layers")
    heads, kv_heads, head_dim = c.heads(hidden, "n_heads", "num_attention_heads", kv=())
    intermediate = 4 * hidden
    if c.number("expansion_ratio", default=4) != 4:
        raise c.unsupported("has an expansion_ratio other than 4")
    if not c.flag("no_bias", default=True):
        raise c.unsupported("switches no_bias off")
    if c.get("attn_config") is not None:
        _check(c.part("attn_config"))
    c.ignore("init_config", "init_device", "embedding_fraction", "norm_type", "tokenizer_name", "verbose")
    c.ignore("learned_pos_emb")  # ALiBi takes its place

    def blocks(_: None) -> Iterator[Named]:
        yield "norm_1", Norm(hidden)
        yield "attn", Attention(hidden, heads, kv_heads, head_dim, names=("Wqkv", "out_proj"))
        yield "norm_2", Norm(hidden)
        yield "ffn", Mlp(hidden, intermediate)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(base="transformer", embed="wte", layers="blocks", norm="norm_f", token_classifier="classifier"),
    )
    context = c.positions("max_seq_len", "max_position_embeddings")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)


def _check(attention: Config) -> None:
    kind = attention.text("attn_type", "multihead_attention")
    if kind != "multihead_attention":
        raise attention.unsupported(f"has attn_type '{kind}'")
    if attention.flag("qk_ln") or not attention.flag("alibi", default=True):
        raise attention.unsupported("switches qk_ln on or alibi off")
    attention.ignore(*KERNEL)
