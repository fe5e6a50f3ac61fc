"""Mamba (arXiv:2312.00752), Falcon-Mamba (arXiv:2410.05355) and Mamba-2 (arXiv:2405.21060): a mixer a layer, no MLP.

Defaults are those of transformers 5.23 `MambaConfig`, `FalconMambaConfig` and `Mamba2Config`. Falcon-Mamba normalises
the step size, B and C without weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Mamba, Mamba2
from llmscale.model.families import _ssm
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, text_spec
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("mamba", "falcon_mamba", "mamba2")
NAMES = Names(base="backbone", embed="embeddings", norm="norm_f")


def read(c: Config) -> ModelSpec:
    """Read a Mamba, Falcon-Mamba or Mamba-2 config."""
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    second = c.model_type == "mamba2"
    mixer = _mamba2(c, hidden) if second else _mamba(c, hidden)
    c.ignore(*_ssm.HARMLESS, "d_model", "d_inner", "n_layer", "ssm_cfg", "pad_vocab_size_multiple")

    def blocks(_: None) -> Iterator[Named]:
        yield "norm", Norm(hidden)
        yield "mixer", mixer

    tied = c.flag("tie_word_embeddings", default=not second)
    placed = decoder(c, [None] * layers, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=tied, names=NAMES)
    return text_spec(c, placed, layers=layers, hidden=hidden, intermediate=0, vocab=vocab, context=c.positions())


def _mamba(c: Config, hidden: int) -> Mamba:
    expand = c.number("expand", default=2)
    return Mamba(
        hidden,
        inner=c.number("intermediate_size", default=expand * hidden),
        state_size=c.number("state_size", default=16),
        conv=c.number("conv_kernel", default=4),
        dt_rank=_ssm.dt_rank(c, "time_step_rank", hidden),
        bias=c.flag("use_bias"),
        conv_bias=c.flag("use_conv_bias", default=True),
    )


def _mamba2(c: Config, hidden: int) -> Mamba2:
    heads = c.number("num_heads", default=128, high=MAX_HEADS)
    head_dim = c.number("head_dim", default=64, high=MAX_HEADS)
    if heads * head_dim != c.number("expand", default=2) * hidden:
        raise c.error(f"has {heads} heads of {head_dim} channels, which do not make expand x hidden_size")
    c.ignore("intermediate_size", "time_step_rank")
    return Mamba2(
        hidden,
        heads,
        head_dim,
        groups=c.number("n_groups", default=8, high=MAX_HEADS),
        state_size=c.number("state_size", default=128),
        conv=c.number("conv_kernel", default=4),
        bias=c.flag("use_bias"),
        conv_bias=c.flag("use_conv_bias", default=True),
    )
