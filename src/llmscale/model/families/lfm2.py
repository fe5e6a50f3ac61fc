"""LFM2 (arXiv:2511.23404; transformers 5.23 `Lfm2Config`, `Lfm2MoeConfig`): short convolutions and a little GQA.

``layer_types`` or ``full_attn_idxs`` names the attention layers. The dense model's MLP is by default two thirds of
``intermediate_size``, rounded up; the mixture starts after ``num_dense_layers`` and its router has a bias.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import ShortConvolution
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("lfm2", "lfm2_moe")
FEED_FORWARD = ("w1", "w3", "w2")


def read(c: Config) -> ModelSpec:
    """Read an LFM2 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    attention = _attention(c, hidden)
    conv = ShortConvolution(hidden, c.number("conv_L_cache", default=3), c.flag("conv_bias"))
    mixture = _mixture(c, hidden) if c.model_type == "lfm2_moe" else None
    dense_width = c.hidden("intermediate_size") if mixture else _dense_width(c)
    dense = c.number("num_dense_layers", default=2, low=0, high=MAX_LAYERS) if mixture else layers
    c.ignore("block_dim", "conv_dim", "conv_dim_out", "num_heads", "theta", "use_pos_enc", "block_norm_eps")
    c.ignore("block_mlp_init_scale", "block_out_init_scale", "block_use_swiglu", "block_use_xavier_init")
    c.ignore("conv_use_xavier_init", "tie_word_embeddings")

    def blocks(kind: tuple[bool, bool]) -> Iterator[Named]:
        attends, sparse = kind
        yield "operator_norm", Norm(hidden)
        if attends:
            yield "self_attn", attention
        else:
            yield "conv", conv
        yield "ffn_norm", Norm(hidden)
        yield "feed_forward", mixture if mixture and sparse else GatedMlp(hidden, dense_width, FEED_FORWARD)

    placed = decoder(
        c,
        [(attends, layer >= dense) for layer, attends in enumerate(_attends(c, layers))],
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_embedding", "tie_word_embeddings", default=True),
        names=Names(norm="embedding_norm"),
    )
    widest = max(mixture.widest if mixture else 0, dense_width if dense else 0)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=widest, vocab=vocab, context=c.positions())


def _attention(c: Config, hidden: int) -> Attention:
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8)
    return Attention(
        hidden,
        heads,
        kv_heads,
        head_dim,
        names=("q_proj", "k_proj", "v_proj", "out_proj"),
        qk_norm=(head_dim, head_dim),
        qk_norm_names=("q_layernorm", "k_layernorm"),
    )


def _mixture(c: Config, hidden: int) -> MixtureOfExperts:
    width = c.hidden("moe_intermediate_size")
    experts = c.number("num_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    correction = "expert_bias" if c.flag("use_expert_bias", default=True) else None
    return MixtureOfExperts(hidden, width, experts, used, correction_bias=correction, expert_names=FEED_FORWARD)


def _dense_width(c: Config) -> int:
    width = c.hidden("block_ff_dim", "intermediate_size")
    c.ignore("intermediate_size")
    multiple = c.number("block_multiple_of", default=256)
    c.ignore("block_ffn_dim_multiplier")
    if c.data.get("block_ffn_dim_multiplier", 1) != 1:
        raise c.unsupported("has a block_ffn_dim_multiplier other than 1")
    if not c.flag("block_auto_adjust_ff_dim", default=True):
        return width
    return -(-(2 * width // 3) // multiple) * multiple


def _attends(c: Config, layers: int) -> list[bool]:
    """Which layers are attention; the others are convolutions."""
    indices = c.numbers("full_attn_idxs", default=None, low=0, high=MAX_LAYERS)
    types = c.words("layer_types", layers)
    if types is None:
        return [indices is None or layer in indices for layer in range(layers)]
    if unknown := set(types) - {"conv", "full_attention"}:
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0]}'")
    return [kind == "full_attention" for kind in types]
