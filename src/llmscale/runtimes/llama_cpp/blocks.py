"""What a block of a model means to llama.cpp: the facts of one part of a layer.

A block that has no entry here (`block_facts.registry`) takes no memory of its own, or stands in no graph that is known.
"""

from __future__ import annotations

from enum import Enum
from functools import singledispatch
from typing import Any, Union

from llmscale.errors import UnsupportedModelError
from llmscale.model.blocks.attention import Attention, BlockIndexer, Indexer, LatentAttention, PoolIndexer
from llmscale.model.blocks.compressed import SharedKeyAttention
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.linear_attention import GatedDeltaNet, KimiDeltaAttention
from llmscale.model.blocks.mlp import (
    GatedMlp,
    MergedExperts,
    MixtureOfExperts,
    Mlp,
    PackedExperts,
    StackedExperts,
)
from llmscale.model.blocks.recurrent import Mamba, Mamba2, ShortConvolution
from llmscale.model.spec import Block
from llmscale.records import NamedTuple
from llmscale.runtimes.llama_cpp.facts import (
    AttentionFacts,
    DeltaNetFacts,
    ExpertsFacts,
    IndexerFacts,
    KimiDeltaFacts,
    LatentAttentionFacts,
    Mamba2Facts,
    MambaFacts,
    MlpFacts,
    ShortConvFacts,
)
from llmscale.runtimes.llama_cpp.styles import Style

#: Cells that sparse attention sees (`index_topk` of DeepSeek-V3.2 and of GLM-5, the only models that have it).
TOP = 2048


class SelfAttention(NamedTuple):
    """Attention to the model's own tokens; `window` is the published one."""

    facts: AttentionFacts
    window: int | None


class SharedExpert(NamedTuple):
    """A shared expert that stands beside its mixture as a block of its own."""

    width: int


class Mark(Enum):
    """A parameter that changes what stands beside it."""

    SINKS = "sinks"
    SHARED_GATE = "shared_gate"


Recurrence = Union[MambaFacts, Mamba2Facts, DeltaNetFacts, KimiDeltaFacts, ShortConvFacts]
BlockFacts = Union[
    SelfAttention, LatentAttentionFacts, IndexerFacts, Recurrence, MlpFacts, ExpertsFacts, SharedExpert, Mark
]


@singledispatch
def block_facts(block: Block, style: Style) -> BlockFacts | None:
    """What of a block decides llama.cpp's buffers; None for one that takes no memory of its own."""
    return None


@block_facts.register(Attention)
def _(a: Attention, style: Style) -> SelfAttention | None:
    if a.source != "self" or not a.cached:
        return None
    norm = ""
    if a.qk_norm and any(a.qk_norm):
        norm = "head" if max(a.qk_norm) <= a.head_dim else "row"
    fields: dict[str, Any] = {"norm": norm, "sinks": a.sinks, "gate": "query" if a.query_gate else ""}
    fields |= style.attention
    if not norm and fields["norm"] == "late":
        fields["norm"] = ""
    if len(a.names) == 3:
        fields["values"] = "key"
    value = a.v_head_dim or a.head_dim
    return SelfAttention(
        AttentionFacts(a.heads, a.kv_heads, a.head_dim, value, borrowed=not a.owns_kv, **fields), a.window
    )


@block_facts.register(LatentAttention)
def _(a: LatentAttention, style: Style) -> LatentAttentionFacts:
    return LatentAttentionFacts(a.heads, a.q_rank or 0, a.kv_rank, a.rope, a.nope, a.v_head, style.unrotated != 1)


@block_facts.register(Indexer)
def _(i: Indexer, style: Style) -> IndexerFacts:
    return IndexerFacts(i.heads, i.head_dim, TOP)


@block_facts.register(SharedKeyAttention)
@block_facts.register(BlockIndexer)
@block_facts.register(PoolIndexer)
def _(block: Block, style: Style) -> None:
    raise UnsupportedModelError(
        f"What llama.cpp keeps of {type(block).__name__} between tokens is not modelled.", "Name another --runtime."
    )


@block_facts.register(Parameter)
def _(p: Parameter, style: Style) -> Mark | None:
    return Mark.SINKS if p.role == "attention.sinks" else None


@block_facts.register(Mamba)
def _(m: Mamba, style: Style) -> MambaFacts:
    return MambaFacts(m.inner, m.state_size, m.conv, m.dt_rank, m.inner_norms or style.normed_steps)


@block_facts.register(Mamba2)
def _(m: Mamba2, style: Style) -> Mamba2Facts:
    return Mamba2Facts(m.heads, m.head_dim, m.groups, m.state_size, m.conv, m.gated_norm)


@block_facts.register(GatedDeltaNet)
def _(m: GatedDeltaNet, style: Style) -> DeltaNetFacts:
    return DeltaNetFacts(m.key_heads, m.value_heads, m.value_dim, m.conv, m.fused)


@block_facts.register(KimiDeltaAttention)
def _(m: KimiDeltaAttention, style: Style) -> KimiDeltaFacts:
    return KimiDeltaFacts(m.heads, m.head_dim, m.conv)


@block_facts.register(ShortConvolution)
def _(m: ShortConvolution, style: Style) -> ShortConvFacts:
    return ShortConvFacts(m.hidden, m.conv)


@block_facts.register(GatedMlp)
def _(m: GatedMlp, style: Style) -> MlpFacts | SharedExpert:
    if m.component == "shared_experts":
        return SharedExpert(m.intermediate)
    return MlpFacts(m.intermediate, style.ffn or "gated")


@block_facts.register(Mlp)
def _(m: Mlp, style: Style) -> MlpFacts:
    return MlpFacts(m.intermediate, "plain")


@block_facts.register(MixtureOfExperts)
def _(m: MixtureOfExperts, style: Style) -> ExpertsFacts:
    fields: dict[str, Any] = {
        "biased": m.correction_bias is not None,
        "shared": m.shared,
        "shared_gate": style.shared_gate if m.shared_gate is not None else "",
        "gated": m.gated,
        "latent": m.latent or 0,
    }
    return ExpertsFacts(m.experts, m.used, m.intermediate, **(fields | dict(style.experts)))


@block_facts.register(StackedExperts)
def _(m: StackedExperts, style: Style) -> ExpertsFacts:
    return ExpertsFacts(m.experts, m.used, m.intermediate, bias=True, **style.experts)


@block_facts.register(MergedExperts)
def _(m: MergedExperts, style: Style) -> ExpertsFacts:
    return ExpertsFacts(m.experts, m.used, m.intermediate, **style.experts)


@block_facts.register(PackedExperts)
def _(m: PackedExperts, style: Style) -> ExpertsFacts:
    down = next(shape for _, kind, shape in m.matrices if kind == "down")
    return ExpertsFacts(m.experts, m.used, down[0] * down[1] // m.hidden, **style.experts)


@block_facts.register(Linear)
def _(m: Linear, style: Style) -> Mark | None:
    return Mark.SHARED_GATE if m.role == "router.shared_gate" else None
