"""DeepSeek V4's attention: a short window of tokens, and what older ones were compressed to.

Sources: DeepSeek-V4's report, sections 2.2 (hyper-connections) and 2.3 (compressed attention), as transformers 5.24
builds and caches it (`models/deepseek_v4/modeling_deepseek_v4.py`). K is also V: one head of `head_dim` elements. Of
every `rate` tokens a compressor makes one entry that is kept; `series` is 2 where neighbouring entries overlap.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import linear
from llmscale.model.blocks.norm import norm
from llmscale.model.spec import CacheShape, Tensor
from llmscale.records import dataclass


@dataclass(frozen=True)
class SharedKeyAttention:
    """Many query heads, one head that is key and value; the output in groups, each of a low rank of its own."""

    hidden: int
    heads: int
    head_dim: int
    q_rank: int
    groups: int
    o_rank: int
    window: int

    def tensors(self) -> Iterator[Tensor]:
        d, inner = self.hidden, self.heads * self.head_dim
        yield Tensor("sinks", "attention.sinks", (self.heads,))
        yield from linear("q_a_proj", "attention.q_a", self.q_rank, d)
        yield from norm("q_a_norm", self.q_rank)
        yield from linear("q_b_proj", "attention.q_b", inner, self.q_rank)
        yield from linear("kv_proj", "attention.kv", self.head_dim, d)
        yield from norm("kv_norm", self.head_dim)
        yield from linear("o_a_proj", "attention.o_a", self.groups * self.o_rank, inner // self.groups)
        yield from linear("o_b_proj", "attention.o", d, self.groups * self.o_rank)

    def cache(self) -> CacheShape:
        return CacheShape(self.head_dim, 0, self.window)


@dataclass(frozen=True)
class Compressor:
    """A gated mean over `rate` tokens, one entry of `width` elements each."""

    hidden: int
    width: int
    rate: int
    series: int

    def tensors(self) -> Iterator[Tensor]:
        made = self.series * self.width
        yield Tensor("position_bias", "attention.compressor", (self.rate, made))
        yield from linear("kv_proj", "attention.compressor", made, self.hidden)
        yield from linear("gate_proj", "attention.compressor", made, self.hidden)
        yield from norm("kv_norm", self.width)

    def cache(self) -> CacheShape:
        return CacheShape(self.width, 0, every=self.rate)


@dataclass(frozen=True)
class CompressedIndexer:
    """Small heads that choose among the compressed entries, by compressed keys of their own."""

    hidden: int
    q_rank: int
    heads: int
    head_dim: int
    rate: int

    def tensors(self) -> Iterator[Tensor]:
        yield from Compressor(self.hidden, self.head_dim, self.rate, 2).tensors()
        yield from linear("q_b_proj", "attention.indexer", self.heads * self.head_dim, self.q_rank)
        yield from linear("scorer.weights_proj", "attention.indexer", self.heads, self.hidden)

    def cache(self) -> CacheShape:
        return CacheShape(self.head_dim, 0, every=self.rate)


@dataclass(frozen=True)
class HyperConnection:
    """How `streams` copies of the residual are mixed before a block and after it (arXiv:2512.24880)."""

    hidden: int
    streams: int

    def tensors(self) -> Iterator[Tensor]:
        mixed = (2 + self.streams) * self.streams
        yield Tensor("fn", "other.hyper_connection", (mixed, self.streams * self.hidden))
        yield Tensor("base", "other.hyper_connection", (mixed,))
        yield Tensor("scale", "other.hyper_connection", (3,))

    def cache(self) -> None:
        return None


@dataclass(frozen=True)
class HyperHead:
    """How the streams become one before the head."""

    hidden: int
    streams: int

    def tensors(self) -> Iterator[Tensor]:
        yield Tensor("hc_fn", "other.hyper_connection", (self.streams, self.streams * self.hidden))
        yield Tensor("hc_base", "other.hyper_connection", (self.streams,))
        yield Tensor("hc_scale", "other.hyper_connection", (1,))

    def cache(self) -> None:
        return None
