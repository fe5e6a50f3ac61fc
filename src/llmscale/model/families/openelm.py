"""OpenELM (arXiv:2404.14619): heads and MLP width of their own in every layer, head tied, each q and k head normalised.

Source: configuration_openelm.py and modeling_openelm.py of huggingface.co/apple/OpenELM-270M; transformers has no
such class. Published totals: 271,527,168 (270M), 457,179,136 (450M), 1,079,891,456 (1.1B), 3,036,647,424 (3B).
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_WIDTH
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import Block, ModelSpec

MODEL_TYPES = ("openelm",)


def read(c: Config) -> ModelSpec:
    """Read an OpenELM config, whose lists have one entry a layer."""
    hidden, layers, vocab = c.hidden("model_dim"), c.layers("num_transformer_layers"), c.vocab()
    head_dim = c.number("head_dim", high=MAX_HEADS)
    heads = c.numbers("num_query_heads", high=MAX_HEADS)
    kv_heads = c.numbers("num_kv_heads", high=MAX_HEADS)
    if not len(heads) == len(kv_heads) == layers:
        raise c.error(f"has {len(heads)} num_query_heads and {len(kv_heads)} num_kv_heads for {layers} layers")
    if any(q % kv for q, kv in zip(heads, kv_heads, strict=True)):
        raise c.error("has a layer whose query heads are not a multiple of its KV heads")
    widths = _widths(c, hidden, layers)
    qk_norm = (head_dim, head_dim) if c.flag("normalize_qk_projections") else None
    glu = c.flag("ffn_with_glu", default=True)
    if c.text("normalization_layer_name", "rms_norm") != "rms_norm":
        raise c.unsupported(f"has {c.text('normalization_layer_name')} norms")
    c.ignore("activation_fn_name", "num_gqa_groups", "qkv_multipliers")

    def blocks(layer: tuple[int, int, int]) -> Iterator[Named]:
        q, kv, width = layer
        mlp: Block = GatedMlp(hidden, width, ("proj_1", "proj_2")) if glu else Mlp(hidden, width, ("proj_1", "proj_2"))
        yield "attn_norm", Norm(hidden)
        yield "attn", Attention(hidden, q, kv, head_dim, names=("qkv_proj", "out_proj"), qk_norm=qk_norm)
        yield "ffn_norm", Norm(hidden)
        yield "ffn", mlp

    placed = decoder(
        c,
        list(zip(heads, kv_heads, widths, strict=True)),
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("share_input_output_layers", default=True),
        names=Names(base="transformer", embed="token_embeddings"),
    )
    context = c.positions("max_context_length")
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=max(widths), vocab=vocab, context=context)


def _widths(c: Config, hidden: int, layers: int) -> list[int]:
    """MLP width of each layer: multiplier x hidden size, rounded to the divisor and never down by more than 10 %."""
    divisor = c.number("ffn_dim_divisor", default=256)
    widths = []
    for multiplier in c.decimals("ffn_multipliers", layers, high=MAX_WIDTH / hidden):
        exact = multiplier * hidden
        width = max(divisor, int(exact + divisor / 2) // divisor * divisor)
        widths.append(width if width >= 0.9 * exact else width + divisor)
    return widths
