"""Attention: multi-head, multi-query and grouped-query in one block, and multi-head latent attention.

Sources: Vaswani et al. 2017 (MHA), Shazeer 2019 (MQA), Ainslie et al. 2023 (GQA),
DeepSeek-V2 (arXiv:2405.04434, section 2.1) for MLA.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.linear import linear
from llmscale.model.blocks.norm import norm
from llmscale.model.spec import CacheShape, Tensor
from llmscale.records import dataclass

#: How LLaMA and most since name the four projections.
QKVO = ("q_proj", "k_proj", "v_proj", "o_proj")


@dataclass(frozen=True)
class Attention:
    """Softmax attention with `heads` query heads that share `kv_heads` key/value heads.

    Attributes:
        hidden: width of the residual stream.
        head_dim: elements of one head; ``heads * head_dim`` need not equal `hidden`.
        names: (q, k, v, o), or (qkv, o) when the checkpoint stores the three fused, or (q, k, o) when the values are
            what k makes (Gemma 4): no matrix of their own, but cached like any.
        qkv_bias, k_bias, out_bias: which projections carry a bias (Whisper's K has none).
        qk_norm: elements each of the Q norm and the K norm, when they exist; 0 for one that does not.
        qk_norm_names: their names.
        qk_norm_bias: whether they are LayerNorms rather than RMSNorms.
        transposed: weights stored (in, out), as GPT-2 does.
        window: tokens of the sliding window; None for full attention.
        cached: False in an encoder, which keeps nothing between tokens.
        source: ``cross`` when K and V come from an encoder.
        source_tokens: what that makes, where it is always as much: 30 seconds of sound, one image; None for text.
        relative_bias: (buckets, heads) of T5's relative position bias, in the layer that owns it.
        sinks: whether each head has a learned sink logit (gpt-oss).
        owns_kv: False where K and V are another layer's (cross-layer attention): no matrices, no cache.
        input: width of what is projected, where that is not `hidden` (Zamba 2 adds the embedding to it).
        query_gate: whether the query's projection also makes a gate for the output, as wide again (Qwen3-Next).
    """

    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    v_head_dim: int | None = None
    names: tuple[str, ...] = QKVO
    qkv_bias: bool = False
    k_bias: bool | None = None
    out_bias: bool = False
    qk_norm: tuple[int, int] | None = None
    qk_norm_names: tuple[str, str] = ("q_norm", "k_norm")
    qk_norm_bias: bool = False
    transposed: bool = False
    window: int | None = None
    cached: bool = True
    source: str = "self"
    source_tokens: int | None = None
    relative_bias: tuple[int, int] | None = None
    sinks: bool = False
    owns_kv: bool = True
    query_gate: bool = False
    input: int | None = None

    def tensors(self) -> Iterator[Tensor]:
        q = self.heads * self.head_dim
        k = self.kv_heads * self.head_dim
        v = self.kv_heads * (self.v_head_dim or self.head_dim)
        o = self.heads * (self.v_head_dim or self.head_dim)
        d, bias, t = self.input or self.hidden, self.qkv_bias, self.transposed
        if len(self.names) == 2:
            yield from linear(self.names[0], "attention.qkv", q + k + v, d, bias, t)
        else:
            yield from linear(self.names[0], "attention.q", 2 * q if self.query_gate else q, d, bias, t)
        if len(self.names) > 2 and self.owns_kv:
            yield from linear(self.names[1], "attention.k", k, d, bias if self.k_bias is None else self.k_bias, t)
        if len(self.names) == 4 and self.owns_kv:
            yield from linear(self.names[2], "attention.v", v, d, bias, t)
        yield from linear(self.names[-1], "attention.o", self.hidden, o, self.out_bias, t)
        if self.qk_norm:
            for name, size in zip(self.qk_norm_names, self.qk_norm, strict=True):
                yield from norm(name, size, self.qk_norm_bias) if size else ()
        if self.relative_bias:
            yield Tensor("relative_attention_bias.weight", "attention.relative_bias", self.relative_bias)
        if self.sinks:
            yield Tensor("sinks", "attention.sinks", (self.heads,))

    def cache(self) -> CacheShape | None:
        if not (self.cached and self.owns_kv):
            return None
        keys = self.kv_heads * self.head_dim
        values = self.kv_heads * (self.v_head_dim or self.head_dim)
        return CacheShape(keys, values, self.window, self.source, tokens=self.source_tokens)


@dataclass(frozen=True)
class LatentAttention:
    """Multi-head latent attention (MLA): K and V are rebuilt from one small latent per token.

    Attributes:
        q_rank: rank of the query's low-rank factor; None when the query is one matrix (V2-Lite).
        kv_rank: elements of the latent that is cached.
        nope, rope: elements of a query/key head without and with rotary position.
        v_head: elements of a value head.
    """

    hidden: int
    heads: int
    q_rank: int | None
    kv_rank: int
    nope: int
    rope: int
    v_head: int
    bias: bool = False

    def tensors(self) -> Iterator[Tensor]:
        d, h = self.hidden, self.heads
        if self.q_rank is None:
            yield from linear("q_proj", "attention.q", h * (self.nope + self.rope), d)
        else:
            yield from linear("q_a_proj", "attention.q_a", self.q_rank, d, self.bias)
            yield from norm("q_a_layernorm", self.q_rank)
            yield from linear("q_b_proj", "attention.q_b", h * (self.nope + self.rope), self.q_rank)
        yield from linear("kv_a_proj_with_mqa", "attention.kv_a", self.kv_rank + self.rope, d, self.bias)
        yield from norm("kv_a_layernorm", self.kv_rank)
        yield from linear("kv_b_proj", "attention.kv_b", h * (self.nope + self.v_head), self.kv_rank)
        yield from linear("o_proj", "attention.o", d, h * self.v_head, self.bias)

    def cache(self) -> CacheShape:
        return CacheShape(self.kv_rank, self.rope)


@dataclass(frozen=True)
class Indexer:
    """DeepSeek's lightning indexer (sparse attention): small heads that choose which tokens MLA attends to.

    All its heads share one key per token, which is cached.

    Attributes:
        q_rank: rank of the query's low-rank factor, which MLA has made.
    """

    hidden: int
    q_rank: int
    heads: int
    head_dim: int

    def tensors(self) -> Iterator[Tensor]:
        yield from linear("wq_b", "attention.indexer", self.heads * self.head_dim, self.q_rank)
        yield from linear("wk", "attention.indexer", self.head_dim, self.hidden)
        yield from norm("k_norm", self.head_dim, bias=True)
        yield from linear("weights_proj", "attention.indexer", self.heads, self.hidden)

    def cache(self) -> CacheShape:
        return CacheShape(self.head_dim, 0)


@dataclass(frozen=True)
class BlockIndexer:
    """MiniMax-M3's indexer: small heads with norms that choose blocks of tokens; one key per token is cached.

    Attributes:
        fused: whether queries and the key are one matrix, as Qwen4-Exp has them.
    """

    hidden: int
    heads: int
    head_dim: int
    fused: bool = False

    def tensors(self) -> Iterator[Tensor]:
        if self.fused:
            yield from linear("index_qk_proj", "attention.indexer", (self.heads + 1) * self.head_dim, self.hidden)
            yield from norm("q_layernorm", self.head_dim)
            yield from norm("k_layernorm", self.head_dim)
            return
        yield from linear("q_proj", "attention.indexer", self.heads * self.head_dim, self.hidden)
        yield from linear("k_proj", "attention.indexer", self.head_dim, self.hidden)
        yield from norm("q_norm", self.head_dim)
        yield from norm("k_norm", self.head_dim)

    def cache(self) -> CacheShape:
        return CacheShape(self.head_dim, 0)


@dataclass(frozen=True)
class PoolIndexer:
    """GLM-5.3-Flash's indexer: DeepSeek's, which scores pools of `pool` tokens that a gate has averaged.

    transformers 5.24 caches each token's key, its gate and whether it is there (`Glm5NextTextIndexer.forward`).
    """

    hidden: int
    q_rank: int
    heads: int
    head_dim: int
    pool: int

    def tensors(self) -> Iterator[Tensor]:
        yield from Indexer(self.hidden, self.q_rank, self.heads, self.head_dim).tensors()
        yield Tensor("index_kpool_compress_ape", "attention.indexer", (self.pool, self.head_dim))
        yield Tensor("index_kpool_compress_gate", "attention.indexer", (self.head_dim, self.hidden))

    def cache(self) -> CacheShape:
        return CacheShape(2 * self.head_dim + 1, 0)


@dataclass(frozen=True)
class AttentionMixture:
    """JetMoE's mixture of attention heads: experts project the query and the output, all share K and V.

    Attributes:
        heads: KV heads, and query heads of one expert.
    """

    hidden: int
    heads: int
    head_dim: int
    experts: int
    used: int

    def tensors(self) -> Iterator[Tensor]:
        d, inner = self.hidden, self.heads * self.head_dim
        yield from linear("experts.router.layer", "router.weight", self.experts, d)
        yield Tensor("experts.input_linear.weight", "attention.q", (inner, d), self.experts, self.used)
        yield from linear("kv_proj", "attention.kv", 2 * inner, d)
        yield Tensor("experts.output_linear.weight", "attention.o", (d, inner), self.experts, self.used)
        yield Tensor("experts.bias", "attention.o", (d,))

    def cache(self) -> CacheShape:
        return CacheShape(self.heads * self.head_dim, self.heads * self.head_dim)
