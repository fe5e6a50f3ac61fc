"""Words about a model: its scale tier, its kind of attention."""

from __future__ import annotations

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.spec import ModelSpec
from llmscale.records import dataclass


@dataclass(frozen=True)
class ScaleTier:
    """A class of sizes, with the Chinese word that papers and press use for it."""

    at_least: int
    id: str
    name: str
    zh: str


#: Below 1 B a model counts as small; from 1 B it is a "large model" (大模型).
TIERS = (
    ScaleTier(10**12, "trillion", "trillion-scale large model", "万亿级大模型"),
    ScaleTier(10**11, "hundred-billion", "hundred-billion-scale large model", "千亿级大模型"),
    ScaleTier(10**10, "ten-billion", "ten-billion-scale large model", "百亿级大模型"),
    ScaleTier(10**9, "billion", "billion-scale large model", "十亿级大模型"),
    ScaleTier(10**8, "hundred-million", "hundred-million-scale small model", "亿级小模型"),
    ScaleTier(10**7, "ten-million", "ten-million-scale small model", "千万级小模型"),
    ScaleTier(0, "million", "million-scale small model", "百万级小模型"),
)


def tier(parameters: int) -> ScaleTier:
    """The scale tier of so many parameters."""
    return next(t for t in TIERS if parameters >= t.at_least)


def attention(spec: ModelSpec) -> str | None:
    """``MHA 32``, ``GQA 32:8``, ``MQA 32:1``, ``MLA 512+64`` (latent and rotary key); None when nothing attends.

    Where layers slide, their window and how many of them do follow.
    """
    plain = [(p, p.block) for p in spec.placed if isinstance(p.block, Attention) and p.tower is None]
    latent = [p.block for p in spec.placed if isinstance(p.block, LatentAttention)]
    if latent:
        return f"MLA {latent[0].kv_rank}+{latent[0].rope}"
    if not plain:
        return None
    first = plain[0][1]
    if first.kv_heads == first.heads:
        kind = f"MHA {first.heads}"
    elif first.kv_heads == 1:
        kind = f"MQA {first.heads}:1"
    else:
        kind = f"GQA {first.heads}:{first.kv_heads}"
    windows = {block.window for _, block in plain if block.window}
    if not windows:
        return kind
    sliding = sum(len(placed.layers) for placed, block in plain if block.window)
    layers = sum(len(placed.layers) for placed, _ in plain)
    return f"{kind}, window {max(windows):,} in {sliding}/{layers}"
