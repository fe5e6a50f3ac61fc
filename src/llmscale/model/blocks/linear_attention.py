"""Linear attention: the state is a matrix (key, value) per head, however long the sequence grows.

Sources: Gated DeltaNet, arXiv:2412.06464; Kimi Delta Attention, arXiv:2510.26692; lightning attention, arXiv:2501.08313
(MiniMax-01). States have the shapes of transformers 5.23's cache layers, as in `recurrent`.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import convolution
from llmscale.model.blocks.linear import linear
from llmscale.model.blocks.norm import norm
from llmscale.model.spec import StateShape, Tensor
from llmscale.records import dataclass


@dataclass(frozen=True)
class GatedDeltaNet:
    """Linear attention with a gated delta rule (Qwen3-Next): a matrix (key, value) per value head.

    Attributes:
        key_dim, value_dim: elements of one head.
        fused: whether the input projections are stored as two tensors (Qwen3-Next) or four (Qwen3.5).
    """

    hidden: int
    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    conv: int
    fused: bool = True

    @property
    def _convolved(self) -> int:
        return 2 * self.key_heads * self.key_dim + self.value_heads * self.value_dim

    def tensors(self) -> Iterator[Tensor]:
        d, h, v = self.hidden, self.value_heads, self.value_heads * self.value_dim
        if self.fused:
            yield from linear("in_proj_qkvz", "recurrent.in", self._convolved + v, d)
            yield from linear("in_proj_ba", "recurrent.dt", 2 * h, d)
        else:
            yield from linear("in_proj_qkv", "recurrent.in", self._convolved, d)
            yield from linear("in_proj_z", "recurrent.in", v, d)
            yield from linear("in_proj_b", "recurrent.dt", h, d)
            yield from linear("in_proj_a", "recurrent.dt", h, d)
        yield from convolution("conv1d", self._convolved, self.conv, bias=False)
        yield Tensor("dt_bias", "recurrent.dt", (h,))
        yield Tensor("A_log", "recurrent.a", (h,))
        yield from norm("norm", self.value_dim)
        yield from linear("out_proj", "recurrent.out", d, v)

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        return StateShape(self._convolved * self.conv + self.value_heads * self.key_dim * self.value_dim)


@dataclass(frozen=True)
class KimiDeltaAttention:
    """Kimi Linear's delta rule with a decay per channel (arXiv:2510.26692); Q, K and V are convolved apart.

    Attributes:
        low_rank_decay, low_rank_gate: whether two matrices make it; one where not (Ling 3, the gate of Kimi K3).
        decays: the shape of the decays, one a head.
    """

    hidden: int
    heads: int
    head_dim: int
    conv: int
    low_rank_decay: bool = True
    low_rank_gate: bool = True
    decays: tuple[int, ...] = ()

    def tensors(self) -> Iterator[Tensor]:
        d, inner, rank = self.hidden, self.heads * self.head_dim, self.head_dim
        for part in ("q", "k", "v"):
            yield from linear(f"{part}_proj", "recurrent.in", inner, d)
            yield from convolution(f"{part}_conv1d", inner, self.conv, bias=False)
        if self.low_rank_decay:
            yield from linear("f_a_proj", "recurrent.dt", rank, d)
            yield from linear("f_b_proj", "recurrent.dt", inner, rank)
        else:
            yield from linear("f_proj", "recurrent.dt", inner, d)
        yield Tensor("dt_bias", "recurrent.dt", (inner,))
        yield Tensor("A_log", "recurrent.a", self.decays or (1, 1, self.heads, 1))
        yield from linear("b_proj", "recurrent.dt", self.heads, d)
        if self.low_rank_gate:
            yield from linear("g_a_proj", "recurrent.gate", rank, d)
            yield from linear("g_b_proj", "recurrent.gate", inner, rank)
        else:
            yield from linear("g_proj", "recurrent.gate", inner, d)
        yield from norm("o_norm", self.head_dim)
        yield from linear("o_proj", "recurrent.out", d, inner)

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        inner = self.heads * self.head_dim
        return StateShape(3 * inner * self.conv + inner * self.head_dim)


@dataclass(frozen=True)
class LightningAttention:
    """MiniMax-01's linear attention with a fixed decay per head: a matrix (head_dim, head_dim) per head."""

    hidden: int
    heads: int
    head_dim: int

    def tensors(self) -> Iterator[Tensor]:
        inner = self.heads * self.head_dim
        yield from linear("qkv_proj", "recurrent.in", 3 * inner, self.hidden)
        yield from norm("norm", inner)
        yield from linear("output_gate", "recurrent.gate", inner, self.hidden)
        yield from linear("out_proj", "recurrent.out", self.hidden, inner)

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        return StateShape(self.heads * self.head_dim * self.head_dim)
