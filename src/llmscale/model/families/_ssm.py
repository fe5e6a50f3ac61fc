"""Reading what state-space models have in common."""

from __future__ import annotations

from llmscale.model.blocks.recurrent import Mamba2
from llmscale.model.families._bounds import MAX_HEADS, MAX_WIDTH
from llmscale.model.families._config import Config

#: Keys about how the steps of time start, in which pieces a sequence is scanned and by which kernel.
HARMLESS = (
    *("time_step_min", "time_step_max", "time_step_floor", "time_step_limit", "time_step_scale"),
    *("time_step_init_scheme", "rescale_prenorm_residual", "residual_in_fp32", "fused_add_norm", "rms_norm"),
    *("chunk_size", "mamba_chunk_size", "use_mambapy", "use_falcon_mambapy", "use_associative_scan"),
    *("use_mamba_kernels", "use_mem_eff_path", "num_logits_to_keep", "mamba_norm_before_gate", "norm_before_gate"),
    *("mamba_dt_min", "mamba_dt_max", "mamba_dt_limit", "mamba_dt_init_floor", "mamba_ssm_cache_dtype"),
)


def dt_rank(c: Config, key: str, hidden: int) -> int:
    """Rank of Mamba's step size: a number, or "auto" for a sixteenth of the hidden size."""
    if c.get(key) in (None, "auto"):
        return -(-hidden // 16)
    return c.number(key)


def mamba2(
    c: Config, hidden: int, *, inner: int | None = None, gated_norm: bool = True, out_bias: bool | None = None
) -> Mamba2:
    """Mamba-2 as Bamba, Granite and Falcon-H1 spell it; `inner` channels, else ``mamba_expand`` x hidden."""
    c.ignore(*HARMLESS)
    inner = inner or c.number("mamba_expand", default=2) * hidden
    heads = c.number("mamba_n_heads", default=128, high=MAX_HEADS)
    head_dim = inner // heads
    if c.get("mamba_d_head") != "auto":
        head_dim = c.number("mamba_d_head", default=head_dim, high=MAX_WIDTH)
    if heads * head_dim != inner:
        raise c.error(f"has {heads} Mamba heads of {head_dim} channels, which do not make {inner}")
    return Mamba2(
        hidden,
        heads,
        head_dim,
        groups=c.number("mamba_n_groups", default=1, high=MAX_HEADS),
        state_size=c.number("mamba_d_state", default=256),
        conv=c.number("mamba_d_conv", default=4),
        bias=c.flag("mamba_proj_bias"),
        out_bias=out_bias,
        conv_bias=c.flag("mamba_conv_bias", default="mamba_conv_bias" not in c.data),
        gated_norm=gated_norm,
    )
