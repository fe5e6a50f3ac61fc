"""Nemotron-H (arXiv:2504.03624) and Nemotron 3 (transformers 5.23 `NemotronHConfig`): one block a layer, of four kinds.

``hybrid_override_pattern`` or ``layers_block_type`` names them: Mamba-2, attention, a plain MLP, or a mixture of plain
MLPs with a shared one, whose routed experts may work in a narrower latent space. Names as in the published checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.mlp import MixtureOfExperts, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.families import _ssm
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, Names, decoder, prediction_layers, text_spec
from llmscale.model.spec import Block, ModelSpec

MODEL_TYPES = ("nemotron_h",)
#: how patterns, NVIDIA and transformers call each kind
KINDS = {
    "M": "mamba",
    "linear_attention": "mamba",
    "*": "attention",
    "full_attention": "attention",
    "-": "mlp",
    "E": "moe",
}


def read(c: Config) -> ModelSpec:
    """Read a Nemotron-H or Nemotron 3 config."""
    hidden, vocab = c.hidden(), c.vocab()
    kinds = _kinds(c)
    mixers = {kind: _mixer(c, kind, hidden) for kind in sorted(set(kinds))}
    c.ignore(*_ssm.HARMLESS, "expand", "time_step_rank", "mamba_proj_bias", "intermediate_size", "norm_eps")
    c.ignore("mlp_hidden_act", "mamba_hidden_act", "moe_shared_expert_overlap", "num_experts_per_tok")
    c.ignore("moe_intermediate_size", "moe_shared_expert_intermediate_size", "n_routed_experts", "n_shared_experts")
    c.ignore("mtp_layers_block_type", "mtp_hybrid_override_pattern", "moe_latent_size")

    def blocks(kind: str) -> Iterator[Named]:
        yield "norm", Norm(hidden)
        yield "mixer", mixers[kind]

    placed = decoder(
        c,
        kinds,
        blocks,
        vocab=vocab,
        hidden=hidden,
        norm=Norm(hidden),
        # The class of transformers ties nothing; what code of the file's own does is what the file says.
        tied=c.flag("tie_word_embeddings") and c.own_code,
        names=Names(base="backbone", embed="embeddings", norm="norm_f"),
    )
    moe, mlp = mixers.get("moe"), mixers.get("mlp")
    widest = max(
        moe.used * moe.intermediate + moe.shared if isinstance(moe, MixtureOfExperts) else 0,
        mlp.intermediate if isinstance(mlp, Mlp) else 0,
    )
    return text_spec(
        c,
        placed,
        layers=len(kinds),
        hidden=hidden,
        intermediate=widest,
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )


def _kinds(c: Config) -> list[str]:
    """What each layer is."""
    types = c.get("layers_block_type", "layer_types") or list(c.text("hybrid_override_pattern"))
    layers = c.number("num_hidden_layers", default=None, high=MAX_LAYERS)
    if not isinstance(types, list) or not 0 < len(types) <= MAX_LAYERS:
        raise c.error("names no layers, neither in layers_block_type nor in hybrid_override_pattern")
    if layers not in (None, len(types)):
        raise c.error(f"names {len(types)} layers but has num_hidden_layers = {layers}")
    kinds = [KINDS.get(str(kind), str(kind)) for kind in types]
    if unknown := set(kinds) - set(KINDS.values()):
        raise c.unsupported(f"has layers of type '{sorted(unknown)[0][:40]}'")
    return kinds


def _mixer(c: Config, kind: str, hidden: int) -> Block:
    """The block of one kind of layer."""
    bias = c.flag("mlp_bias")
    if kind == "mamba":
        return Mamba2(
            hidden,
            c.number("mamba_num_heads", high=MAX_HEADS),
            c.number("mamba_head_dim", default=64, high=MAX_HEADS),
            groups=c.number("n_groups", "mamba_n_groups", default=8, high=MAX_HEADS),
            state_size=c.number("ssm_state_size", default=128),
            conv=c.number("conv_kernel", "mamba_d_conv", default=4),
            bias=c.flag("use_bias"),
            conv_bias=c.flag("use_conv_bias", "mamba_conv_bias", default=True),
        )
    if kind == "attention":
        if c.flag("attention_bias"):
            raise c.unsupported("has biases in attention, which NVIDIA's code and transformers' read differently")
        default = c.number("attention_head_dim", default=128, high=MAX_HEADS)
        heads, kv_heads, head_dim = c.heads(hidden, kv_default=8, head_dim=default)
        window = c.number("sliding_window", default=None, high=MAX_POSITIONS)
        return Attention(hidden, heads, kv_heads, head_dim, window=window)
    if kind == "mlp":
        return Mlp(hidden, c.hidden("intermediate_size"), bias=bias)
    if bias:
        raise c.unsupported("has biases in its experts")
    if c.number("n_shared_experts", default=1, low=0) != 1:
        raise c.unsupported("has another number of shared experts than one")
    experts = c.number("n_routed_experts", high=MAX_EXPERTS)
    return MixtureOfExperts(
        hidden,
        c.hidden("moe_intermediate_size"),
        experts,
        c.number("num_experts_per_tok", high=experts),
        c.hidden("moe_shared_expert_intermediate_size"),
        correction_bias="gate.e_score_correction_bias",
        gated=False,
        latent=c.number("moe_latent_size", default=None),
    )
