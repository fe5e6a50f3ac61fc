"""Reading multi-head latent attention as DeepSeek's config spells it."""

from __future__ import annotations

from llmscale.model.blocks.attention import LatentAttention
from llmscale.model.families._bounds import MAX_HEADS
from llmscale.model.families._config import Config


def latent_attention(c: Config, hidden: int) -> LatentAttention:
    """MLA; a file without ``q_lora_rank`` makes its queries with one matrix."""
    return LatentAttention(
        hidden,
        heads=c.number("num_attention_heads", high=MAX_HEADS),
        q_rank=c.number("q_lora_rank", default=None),
        kv_rank=c.number("kv_lora_rank"),
        nope=c.number("qk_nope_head_dim", high=MAX_HEADS),
        rope=c.number("qk_rope_head_dim", low=0, high=MAX_HEADS),
        v_head=c.number("v_head_dim", high=MAX_HEADS),
        bias=c.flag("attention_bias"),
    )
