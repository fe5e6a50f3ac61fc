"""StarCoder and SantaCoder (arXiv:2305.06161; transformers 5.23 `GPTBigCodeConfig`): GPT-2 with one KV head.

Unlike GPT-2's, matrices are stored (out, in). One KV head unless ``multi_query`` is off, head tied.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("gpt_bigcode",)


def read(c: Config) -> ModelSpec:
    """Read a GPT-BigCode config; the keys of its inference runner and cache leave the tensors alone."""
    hidden = c.hidden("n_embd", "hidden_size")
    layers, vocab = c.layers("n_layer", "num_hidden_layers"), c.vocab()
    positions = c.number("n_positions", "max_position_embeddings", high=MAX_POSITIONS)
    intermediate = c.number("n_inner", default=4 * hidden)
    heads, _, head_dim = c.heads(hidden, "n_head", "num_attention_heads", kv=())
    kv_heads = 1 if c.flag("multi_query", default=True) else heads
    if c.flag("add_cross_attention"):
        raise c.unsupported("has cross-attention (add_cross_attention)")
    c.ignore("num_key_value_heads", "inference_runner", "validate_runner_input")
    c.ignore("max_batch_size", "pad_key_length", "pre_allocate_kv_cache", "runner_max_sequence_length")

    def blocks(_: None) -> Iterator[Named]:
        names = ("c_attn", "c_proj")
        yield "ln_1", Norm(hidden, bias=True)
        yield "attn", Attention(hidden, heads, kv_heads, head_dim, names=names, qkv_bias=True, out_bias=True)
        yield "ln_2", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("c_fc", "c_proj"), bias=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(base="transformer", embed="wte", layers="h", norm="ln_f", token_classifier="classifier"),
        embeddings=[("wpe", Embedding(positions, hidden, "embedding.position"))],
    )
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=positions)
