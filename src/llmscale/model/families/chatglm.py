"""ChatGLM: the first (GLM's two-dimensional positions) and ChatGLM 2, 3 and GLM-4-9B in their own code.

Sources: modeling_chatglm.py of huggingface.co/THUDM/chatglm-6b and of THUDM/chatglm2-6b, chatglm3-6b, glm-4-9b.
The first ties its head to the embedding (6,173,286,400 parameters as PEFT logs print); the later ones do not.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("chatglm",)
#: The published files name the class `ChatGLMModel`, but what they load and hold is the one with a head.
HEAD = "ForConditionalGeneration"
LATER = Names(
    base="transformer",
    embed="embedding.word_embeddings",
    layers="encoder.layers",
    norm="encoder.final_layernorm",
    head="transformer.output_layer",
)


def read(c: Config) -> ModelSpec:
    """Read a config of either generation; the later ones have ``padded_vocab_size``."""
    return _later(c) if c.get("padded_vocab_size", "ffn_hidden_size") is not None else _first(c)


def _first(c: Config) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers("num_layers", "num_hidden_layers"), c.vocab()
    intermediate = c.number("inner_hidden_size", default=4 * hidden)
    heads, kv_heads, head_dim = c.heads(hidden, kv=())
    c.ignore("pre_seq_len", "prefix_projection")

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden, bias=True)
        yield (
            "attention",
            Attention(
                hidden, heads, kv_heads, head_dim, names=("query_key_value", "dense"), qkv_bias=True, out_bias=True
            ),
        )
        yield "post_attention_layernorm", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, intermediate, ("dense_h_to_4h", "dense_4h_to_h"), bias=True)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden, bias=True),
        tied=c.flag("tie_word_embeddings", default=True),
        names=Names(base="transformer", embed="word_embeddings", norm="final_layernorm"),
        head=HEAD,
    )
    context = c.positions("max_sequence_length")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)


def _later(c: Config) -> ModelSpec:
    hidden, layers = c.hidden(), c.layers("num_layers", "num_hidden_layers")
    vocab = c.vocab("padded_vocab_size", "vocab_size")
    intermediate = c.hidden("ffn_hidden_size")
    bias = c.flag("add_bias_linear")
    attention = _grouped_attention(c, hidden, bias)
    layer_norm = not c.flag("rmsnorm", default=True)
    final_norm = Norm(hidden, bias=layer_norm) if c.flag("post_layer_norm", default=True) else None
    c.ignore("vocab_size", "pre_seq_len", "prefix_projection", "original_rope", "interleaved_qkv")

    def blocks(_: None) -> Iterator[Named]:
        yield "input_layernorm", Norm(hidden, bias=layer_norm)
        yield "self_attention", attention
        yield "post_attention_layernorm", Norm(hidden, bias=layer_norm)
        yield "mlp", GatedMlp(hidden, intermediate, ("dense_h_to_4h", "dense_4h_to_h"), bias=bias)

    placed = decoder(
        c,
        [None] * layers,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=final_norm,
        tied=c.flag("tie_word_embeddings"),
        names=LATER,
        head=HEAD,
    )
    context = c.positions("seq_length", "max_position_embeddings")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, vocab=vocab, context=context)


def _grouped_attention(c: Config, hidden: int, bias: bool) -> Attention:
    heads, _, _ = c.heads(hidden, kv=())
    head_dim = c.number("kv_channels", default=hidden // heads, high=MAX_HEADS)
    groups = c.number("multi_query_group_num", default=heads, high=heads)
    kv_heads = groups if c.flag("multi_query_attention") else heads
    qkv_bias = bias or c.flag("add_qkv_bias")
    names = ("query_key_value", "dense")
    return Attention(hidden, heads, kv_heads, head_dim, names=names, qkv_bias=qkv_bias, out_bias=bias)
