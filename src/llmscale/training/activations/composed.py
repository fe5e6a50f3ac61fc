"""Attention where torch takes no fused kernel for what sdpa is given: its own composition of single operations.

Source: torch 2.13.0 ``aten/src/ATen/native/transformers/attention.cpp`` (``_scaled_dot_product_attention_math``): all
in FP32, queries and keys each times the root of the scale, the mask added, softmax, dropout. On the CPU that is what
heads of unlike widths and a mask that is learnt come to; on CUDA the memory-efficient kernel takes both.
"""

from __future__ import annotations

from llmscale.model.blocks.attention import LatentAttention
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.training.activations.graph import Graph, Undo, Value, alias, gradient, work
from llmscale.training.activations.ops import FP32, Setting, cast, copy, heads, needed, scale
from llmscale.training.activations.style import STYLES


def composes(spec: ModelSpec) -> bool:
    """Whether sdpa takes attention apart on the CPU: for heads of unlike widths, and for a bias that is learnt."""
    unlike = (
        isinstance(placed.block, LatentAttention) and placed.block.nope + placed.block.rope != placed.block.v_head
        for placed in spec.placed
    )
    return STYLES[spec.family].translates or any(unlike)


class Parts(NamedTuple):
    """What attention is made of.

    Attributes:
        heads: queries' heads, as many as keys' and values' here.
        width: elements of a head of the values.
        asked: tokens that are attended to.
        scattered: whether queries and keys lie token by token, so that a product of several sequences copies them, as
            it does with values.
        mask: what is added to the scores, and elements of it that have a gradient.
        drops: whether shares are dropped at random.
    """

    heads: int
    width: int
    asked: int
    scattered: bool
    mask: Value
    drops: bool = False


def composed(graph: Graph, q: Value, k: Value, v: Value, parts: Parts, setting: Setting) -> Value:
    """Queries, keys and values by single operations; the result token by token."""
    several, squares = setting.batch > 1, setting.rows * parts.heads * parts.asked
    wide = [cast(graph, each, FP32) for each in (q, k, heads(graph, v))]
    asking, asked, values = scale(graph, wide[0]), scale(graph, wide[1]), wide[2]
    left, right = (copy(graph, each) if several and parts.scattered else each for each in (asking, asked))
    still = [*wide, asking]
    both = [gradient(0), gradient(1)]
    raw = graph.make([left, right], squares, FP32, keeps=needed(left, right), undo=both, holds=[*still, asked])
    undo = [alias(0), *_to_mask(parts.mask, setting)]
    added = graph.make([raw, parts.mask], squares, FP32, undo=undo, holds=still)
    shares = graph.make([added], squares, FP32, undo=[gradient()], keeps_output=True)
    shares = dropped(graph, shares) if parts.drops else shares
    narrow = cast(graph, shares, q.width)
    values = copy(graph, values) if several else values
    elements = setting.rows * parts.heads * parts.width
    made = graph.make([shares, values], elements, FP32, keeps=needed(shares, values), undo=both)
    result = cast(graph, made, q.width)
    graph.hold(*still, narrow, parts.mask)
    return copy(graph, result)


def _to_mask(mask: Value, setting: Setting) -> list[Undo]:
    """The gradient of a mask that all sequences share: their sum in FP32, then in its own format."""
    if not mask.grad:
        return []
    return [work(mask.elements * FP32), gradient(1)] if setting.batch > 1 else [gradient(1)]


def dropped(graph: Graph, x: Value) -> Value:
    """`x` times a random table of its own format, which is kept."""
    table = graph.make([], x.elements, x.width)
    return graph.make([x, table], x.elements, x.width, keeps=[table], undo=[gradient()])
