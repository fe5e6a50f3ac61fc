"""Nemotron Super, Ultra and 51B (arXiv:2411.19146, 2505.00949): LLaMA's layers after a search that thinned each.

``block_configs`` gives every layer its KV groups and MLP width, or drops either (``no_op``), or puts one matrix
in its place (``replace_with_linear``). Source: configuration_decilm.py, block_config.py and modeling_decilm.py of
huggingface.co/nvidia/Llama-3_3-Nemotron-Super-49B-v1; transformers has no such class.
Published total: 49,867,145,216 (Super 49B).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.mlp import GatedMlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_WIDTH
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("nemotron-nas",)
#: A layer's attention and MLP, each under its name; None where it was dropped.
Layer = tuple[Named | None, Named | None]


def read(c: Config) -> ModelSpec:
    """Read a Nemotron-NAS config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    kinds = [_layer(c, part, hidden) for part in c.parts("block_configs", layers)]
    c.ignore("num_key_value_heads", "intermediate_size")

    def blocks(kind: Layer) -> Iterator[Named]:
        attention, mlp = kind
        if attention:
            yield "input_layernorm", Norm(hidden)
            yield attention
        if mlp:
            yield "post_attention_layernorm", Norm(hidden)
            yield mlp

    tied = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied)
    widest = max((mlp[1].intermediate for _, mlp in kinds if mlp and isinstance(mlp[1], GatedMlp)), default=0)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=widest, vocab=vocab, context=c.positions())


def _layer(c: Config, part: Config, hidden: int) -> Layer:
    attention, ffn = part.part("attention"), part.part("ffn")
    attention.ignore("num_sink_tokens", "unshifted_sink", "use_prefill_window_in_sink_attention", "sparsify")
    ffn.ignore("sparsify")
    return _attention(c, attention, hidden), _ffn(c, ffn, hidden)


def _attention(c: Config, part: Config, hidden: int) -> Named | None:
    bias = c.flag("attention_bias")
    group = part.number("n_heads_in_group", default=1, high=MAX_HEADS)
    window = part.number("window_length", default=None)
    if part.flag("no_op"):
        return None
    if part.flag("replace_with_linear"):
        return "self_attn.linear_attn", Linear("attention.linear", hidden, hidden)
    heads, _, head_dim = c.heads(hidden, kv=())
    if heads % group:
        raise part.error(f"has groups of {group} heads for {heads} query heads")
    return (
        "self_attn",
        Attention(hidden, heads, heads // group, head_dim, qkv_bias=bias, out_bias=bias, window=window),
    )


def _ffn(c: Config, part: Config, hidden: int) -> Named | None:
    bias = c.flag("mlp_bias")
    multiplier = part.decimal("ffn_mult", default=0.0, high=MAX_WIDTH / hidden)
    if part.flag("no_op"):
        return None
    if part.flag("replace_with_linear"):
        return "mlp.linear_mlp", Linear("mlp.linear", hidden, hidden)
    if not multiplier:
        raise part.error("lacks 'ffn_mult'")
    width = -(-int(2 * multiplier * hidden / 3) // 256) * 256
    return "mlp", GatedMlp(hidden, width, bias=bias)
