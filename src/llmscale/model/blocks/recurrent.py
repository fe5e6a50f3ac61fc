"""Blocks whose state is a vector: some elements a channel per sequence, in place of keys and values that grow with it.

Sources: Mamba, arXiv:2312.00752; Mamba-2, arXiv:2405.21060; RG-LRU, arXiv:2402.19427 (Griffin); RWKV-4,
arXiv:2305.13048; LFM2's gated short convolution, arXiv:2511.23404. States have the shapes of transformers 5.23's cache
layers: a convolution keeps as many inputs as its kernel is wide. States that are matrices: `linear_attention`.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import convolution
from llmscale.model.blocks.linear import linear
from llmscale.model.blocks.norm import norm
from llmscale.model.spec import StateShape, Tensor
from llmscale.records import dataclass


@dataclass(frozen=True)
class Mamba:
    """Mamba's selective state space: every channel has a state of its own and its own step size.

    Attributes:
        inner: channels, usually twice the hidden size.
        state_size: elements of one channel's state.
        dt_rank: rank of the step size's low-rank factor.
        bias, conv_bias: whether the projections and the convolution carry one (the step size always does).
        inner_norms: whether the step size, B and C are normalised by learned scales (Jamba).
        heads: groups of channels that have step sizes, B and C of their own (Zamba); 0 where all share them.
    """

    hidden: int
    inner: int
    state_size: int
    conv: int
    dt_rank: int
    bias: bool = False
    conv_bias: bool = True
    inner_norms: bool = False
    heads: int = 0

    def tensors(self) -> Iterator[Tensor]:
        d, inner, n, rank = self.hidden, self.inner, self.state_size, self.dt_rank
        yield from linear("in_proj", "recurrent.in", 2 * inner, d, self.bias)
        yield from convolution("conv1d", inner, self.conv, self.conv_bias)
        if self.heads:
            yield from self._by_head(self.heads, inner // self.heads)
            yield from linear("out_proj", "recurrent.out", d, inner, self.bias)
            return
        yield from linear("x_proj", "recurrent.x", rank + 2 * n, inner)
        if self.inner_norms:
            yield from norm("dt_layernorm", rank)
            yield from norm("b_layernorm", n)
            yield from norm("c_layernorm", n)
        yield from linear("dt_proj", "recurrent.dt", inner, rank, bias=True)
        yield Tensor("A_log", "recurrent.a", (inner, n))
        yield Tensor("D", "recurrent.d", (inner,))
        yield from linear("out_proj", "recurrent.out", d, inner, self.bias)

    def _by_head(self, heads: int, channels: int) -> Iterator[Tensor]:
        """Parameters of no linear layer, which nobody's quantisation reaches."""
        n, rank = self.state_size, self.dt_rank
        yield Tensor("x_proj_weight", "recurrent.a", (heads, rank + 2 * n, channels))
        yield Tensor("dt_proj_weight", "recurrent.a", (heads, channels, rank))
        yield Tensor("dt_proj_bias", "recurrent.d", (heads, channels))
        yield Tensor("A_log", "recurrent.a", (heads, channels, n))
        yield Tensor("D", "recurrent.d", (heads, channels))

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        return StateShape(self.inner * self.conv + self.inner * self.state_size)


@dataclass(frozen=True)
class Mamba2:
    """Mamba-2: heads of `head_dim` channels share one decay, groups of heads share B and C.

    Attributes:
        state_size: elements of one channel's state.
        out_bias: whether the projection back carries a bias, where `bias` speaks of the one in alone.
        gated_norm: whether the output is normalised before it is projected back.
    """

    hidden: int
    heads: int
    head_dim: int
    groups: int
    state_size: int
    conv: int
    bias: bool = False
    out_bias: bool | None = None
    conv_bias: bool = True
    gated_norm: bool = True

    @property
    def _convolved(self) -> int:
        return self.heads * self.head_dim + 2 * self.groups * self.state_size

    def tensors(self) -> Iterator[Tensor]:
        inner = self.heads * self.head_dim
        yield from linear("in_proj", "recurrent.in", inner + self._convolved + self.heads, self.hidden, self.bias)
        yield from convolution("conv1d", self._convolved, self.conv, self.conv_bias)
        yield Tensor("dt_bias", "recurrent.dt", (self.heads,))
        yield Tensor("A_log", "recurrent.a", (self.heads,))
        yield Tensor("D", "recurrent.d", (self.heads,))
        if self.gated_norm:
            yield from norm("norm", inner)
        bias = self.bias if self.out_bias is None else self.out_bias
        yield from linear("out_proj", "recurrent.out", self.hidden, inner, bias)

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        return StateShape(self._convolved * self.conv + self.heads * self.head_dim * self.state_size)


@dataclass(frozen=True)
class Griffin:
    """Griffin's recurrent block (RecurrentGemma): a convolution and a gated linear recurrence, the RG-LRU.

    Its convolution keeps one input fewer than its kernel is wide.

    Attributes:
        width: channels of the recurrence, one element of state each.
        heads: blocks that the gates' matrices fall into.
    """

    hidden: int
    width: int
    heads: int
    conv: int

    def tensors(self) -> Iterator[Tensor]:
        d, w, h = self.hidden, self.width, self.heads
        yield from linear("linear_y", "recurrent.gate", w, d, bias=True)
        yield from linear("linear_x", "recurrent.in", w, d, bias=True)
        yield from convolution("conv_1d", w, self.conv, bias=True)
        for gate in ("input_gate", "recurrent_gate"):
            yield Tensor(f"rg_lru.{gate}_weight", "recurrent.dt", (h, w // h, w // h))
            yield Tensor(f"rg_lru.{gate}_bias", "recurrent.dt", (h, w // h))
        yield Tensor("rg_lru.recurrent_param", "recurrent.a", (w,))
        yield from linear("linear_out", "recurrent.out", d, w, bias=True)

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        return StateShape(self.width * (self.conv - 1) + self.width)


@dataclass(frozen=True)
class RwkvTimeMix:
    """RWKV-4's time mixing: a decaying average of values per channel; `width` channels.

    Its state is the last input and, per channel, a numerator, a denominator and a running maximum.
    """

    hidden: int
    width: int

    def tensors(self) -> Iterator[Tensor]:
        d, w = self.hidden, self.width
        yield Tensor("time_decay", "recurrent.a", (w,))
        yield Tensor("time_first", "recurrent.a", (w,))
        for part in ("key", "value", "receptance"):
            yield Tensor(f"time_mix_{part}", "recurrent.mix", (1, 1, d))
        for part in ("key", "value", "receptance"):
            yield from linear(part, f"recurrent.{part}", w, d)
        yield from linear("output", "recurrent.out", d, w)

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        return StateShape(self.hidden + 3 * self.width)


@dataclass(frozen=True)
class RwkvChannelMix:
    """RWKV-4's feed-forward: two matrices and a gate, mixed with the last input, which is its state."""

    hidden: int
    intermediate: int

    def tensors(self) -> Iterator[Tensor]:
        d, ff = self.hidden, self.intermediate
        yield Tensor("time_mix_key", "mlp.mix", (1, 1, d))
        yield Tensor("time_mix_receptance", "mlp.mix", (1, 1, d))
        yield from linear("key", "mlp.up", ff, d)
        yield from linear("receptance", "mlp.gate", d, d)
        yield from linear("value", "mlp.down", d, ff)

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        return StateShape(self.hidden)


@dataclass(frozen=True)
class ShortConvolution:
    """LFM2's gated convolution over the last `conv` tokens; its state is those tokens."""

    hidden: int
    conv: int
    bias: bool = False

    def tensors(self) -> Iterator[Tensor]:
        d = self.hidden
        yield from linear("in_proj", "recurrent.in", 3 * d, d, self.bias)
        yield from convolution("conv", d, self.conv, self.bias)
        yield from linear("out_proj", "recurrent.out", d, d, self.bias)

    def cache(self) -> None:
        return None

    def state(self) -> StateShape:
        return StateShape(self.hidden * self.conv)
