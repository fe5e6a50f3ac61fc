"""Jamba (arXiv:2403.19887; transformers 5.23 `JambaConfig`): Mamba, in one layer of eight attention, half mixtures.

Jamba normalises the step size, B and C inside its Mamba layers. A model with one expert is dense throughout.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Mamba
from llmscale.model.families import _ssm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("jamba",)


def read(c: Config) -> ModelSpec:
    """Read a Jamba config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=8)
    width = c.hidden("intermediate_size")
    experts = c.number("num_experts", "num_local_experts", default=16, high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", default=2, high=max(experts, 2))
    mamba = _mamba(c, hidden)
    c.ignore("calc_logits_for_entire_prompt", "n_ctx")

    def blocks(kind: tuple[bool, bool]) -> Iterator[Named]:
        attends, sparse = kind
        yield "input_layernorm", Norm(hidden)
        if attends:
            yield "self_attn", Attention(hidden, heads, kv_heads, head_dim)
        else:
            yield "mamba", mamba
        yield "pre_ff_layernorm", Norm(hidden)
        if sparse:
            yield "feed_forward", MixtureOfExperts(hidden, width, experts, used, router="router")
        else:
            yield "feed_forward", GatedMlp(hidden, width)

    attends = _each(c, "attn", layers, period=8, offset=4)
    sparse = [experts > 1 and each for each in _each(c, "expert", layers, period=2, offset=1)]
    placed = decoder(
        c,
        list(zip(attends, sparse, strict=True)),
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        tied=c.flag("tie_word_embeddings"),
        names=Names(norm="final_layernorm"),
    )
    widest = used * width if any(sparse) else width
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=widest, vocab=vocab, context=c.positions())


def _mamba(c: Config, hidden: int) -> Mamba:
    if not c.flag("mamba_inner_layernorms", default=True):
        raise c.unsupported("switches mamba_inner_layernorms off")
    c.ignore(*_ssm.HARMLESS)
    return Mamba(
        hidden,
        inner=c.number("mamba_expand", default=2) * hidden,
        state_size=c.number("mamba_d_state", default=16),
        conv=c.number("mamba_d_conv", default=4),
        dt_rank=_ssm.dt_rank(c, "mamba_dt_rank", hidden),
        bias=c.flag("mamba_proj_bias"),
        conv_bias=c.flag("mamba_conv_bias", default=True),
        inner_norms=True,
    )


def _each(c: Config, kind: str, layers: int, period: int, offset: int) -> list[bool]:
    """Whether each layer is the one of its period."""
    period = c.number(f"{kind}_layer_period", default=period, high=MAX_LAYERS)
    offset = c.number(f"{kind}_layer_offset", default=offset, low=0, high=MAX_LAYERS)
    if offset >= period:
        raise c.error(f"has {kind}_layer_offset = {offset}, not below its period of {period}")
    return [layer % period == offset for layer in range(layers)]
