"""What Qwen3-Next, Qwen3.5 and Qwen4-Exp are made of: attention with an output gate, delta nets and mixtures."""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.linear import Linear
from llmscale.model.blocks.linear_attention import GatedDeltaNet
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts, PackedExperts
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named
from llmscale.model.spec import Block


def attention(c: Config, hidden: int) -> Attention:
    """Attention whose query makes its output's gate too."""
    heads, kv_heads, head_dim = c.heads(hidden, kv_default=4 if c.model_type == "qwen3_5_text" else 2, head_dim=256)
    bias, norms = c.flag("attention_bias"), (head_dim, head_dim)
    if not c.flag("attn_output_gate", default=True):
        raise c.unsupported("switches attn_output_gate off")
    return Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=norms, query_gate=True)


def delta(c: Config, hidden: int) -> GatedDeltaNet:
    """The delta net of a layer without attention."""
    return GatedDeltaNet(
        hidden,
        c.number("linear_num_key_heads", default=16, high=MAX_HEADS),
        c.number("linear_num_value_heads", default=32, high=MAX_HEADS),
        c.number("linear_key_head_dim", default=128, high=MAX_HEADS),
        c.number("linear_value_head_dim", default=128, high=MAX_HEADS),
        c.number("linear_conv_kernel_dim", default=4, high=MAX_HEADS),
        fused=c.model_type == "qwen3_next",
    )


def mixture(c: Config, hidden: int) -> tuple[list[Named], int]:
    """The blocks of a mixture, and how wide one token finds it."""
    experts = c.number("num_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", high=experts)
    width, shared = c.hidden("moe_intermediate_size"), c.hidden("shared_expert_intermediate_size")
    routed: Block
    if c.model_type == "qwen3_next":
        routed = MixtureOfExperts(hidden, width, experts, used)
    else:
        gate_up = ("experts.gate_up_proj", "gate_up", (2 * width, hidden))
        down = ("experts.down_proj", "down", (hidden, width))
        routed = PackedExperts(hidden, experts, used, (gate_up, down), router="gate")
    blocks: list[Named] = [
        ("mlp", routed),
        ("mlp.shared_expert", GatedMlp(hidden, shared, component="shared_experts")),
        ("mlp.shared_expert_gate", Linear("router.shared_gate", 1, hidden)),
    ]
    return blocks, used * width + shared
