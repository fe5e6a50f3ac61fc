"""What the fullest device of a layout holds: weights, gradients, states and what micro-batches in flight keep.

Sources: Korthikanti et al. 2022 (arXiv:2205.05198): with 1F1B the first stage holds PP micro-batches, interleaved
1 + (PP - 1) / (PP x VP) times as much; Rajbhandari et al. 2020 for what each ZeRO stage divides. FSDP2 gathers a layer
while the one before is computed, so two are whole at once; in a pipeline weights stay whole between micro-batches, and
so do gradients, in fp32, until the last (torchtitan ``parallelize.py`` does not reshard then; torch
``distributed/pipelining/stage.py`` puts off the sync; both from memory). How much an engine keeps differs with fused
kernels, 8-bit inputs and what it recomputes: half to a quarter more is the range of activations, assumed.
"""

from __future__ import annotations

from math import ceil

from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import OVERHEAD, WEIGHTS, Part, Usage
from llmscale.training.device import ACTIVATIONS, GRADIENTS, OPTIMIZER, overhead
from llmscale.training.parallel.kept import FP32, HALF
from llmscale.training.parallel.layout import Batch, Layout
from llmscale.training.parallel.sizes import Sizes

LEAST_KEPT, MOST_KEPT = 0.5, 1.25
#: Bytes a token and entry of the vocabulary at the loss: 16-bit logits, in fp32, their gradient; the fewest are those
#: of a fused loss that works in place.
LOGITS, FEWEST_LOGITS = HALF + 2 * FP32, HALF


class Bytes(NamedTuple):
    """Of one parameter: weight, gradient, master copy and states, and of a gathered weight."""

    weight: float
    gradient: float
    states: float
    gathered: float = HALF


class Stage(NamedTuple):
    """Bytes on a device of a pipeline's stage; the last two are the ends of `moving`."""

    weights: float
    gradients: float
    states: float
    moving: float
    low: float
    high: float

    @property
    def tensors(self) -> float:
        """All of them."""
        return self.weights + self.gradients + self.states + self.moving


def fullest(sizes: Sizes, layout: Layout, batch: Batch, each: Bytes, budget: int) -> Usage:
    """The device with most on it: one of the first stage, or of the last."""
    full = _stage(sizes, layout, batch, each, True)
    if layout.pp > 1:
        full = max(full, _stage(sizes, layout, batch, each, False), key=lambda stage: stage.tensors)
    moving = Quantity(round(full.moving), round(full.low), round(full.high), Basis.MODELLED)
    return Usage(
        budget,
        (
            Part(WEIGHTS, Quantity.exactly(round(full.weights), Basis.MODELLED)),
            Part(GRADIENTS, Quantity.exactly(round(full.gradients), Basis.MODELLED)),
            Part(OPTIMIZER, Quantity.exactly(round(full.states), Basis.MODELLED)),
            Part(ACTIVATIONS, moving),
            Part(OVERHEAD, overhead(moving.value)),
        ),
    )


def _stage(sizes: Sizes, layout: Layout, batch: Batch, each: Bytes, first: bool) -> Stage:
    both = layout.pp == 1
    layers = ceil(sizes.layers / layout.pp)
    share = layers / sizes.layers
    ends = sizes.ends(first=first or both, last=both or not first)
    dense, routed = (sizes.dense * share + ends) / layout.tp, sizes.routed * share / layout.ep
    gathered = 0.0
    if layout.zero == 3 and layout.shards > 1:
        gathered = (dense + routed) * (each.gathered + FP32) if layout.pp > 1 else _layer(sizes, layout, ends, each)
    kept = _kept(sizes, layout, batch, layers, first and not both)
    tokens = batch.one * layout.micro / layout.cp / layout.tp
    loss = tokens * sizes.vocab if batch.logits and (both or not first) else 0.0
    return Stage(
        _divided(dense, routed, each.weight, layout, 3),
        _divided(dense, routed, each.gradient, layout, 2),
        _divided(dense, routed, each.states, layout, 1),
        kept + LOGITS * loss + gathered,
        kept * LEAST_KEPT + FEWEST_LOGITS * loss + gathered,
        kept * MOST_KEPT + LOGITS * loss + gathered,
    )


def _divided(dense: float, routed: float, width: float, layout: Layout, stage: int) -> float:
    """Bytes of parameters that ZeRO divides from `stage` on."""
    if layout.zero < stage:
        return width * (dense + routed)
    return width * (dense / layout.shards + routed / layout.expert_shards)


def _layer(sizes: Sizes, layout: Layout, ends: int, each: Bytes) -> float:
    """Two layers whole, with the gradient of one, and what stands outside the layers."""
    layer = sizes.dense / sizes.layers / layout.tp + sizes.routed / sizes.layers / layout.ep
    return layer * (2 * each.gathered + (each.gathered if each.gradient else 0)) + ends / layout.tp * each.gathered


def _kept(sizes: Sizes, layout: Layout, batch: Batch, layers: int, first: bool) -> float:
    tokens = batch.one * layout.micro / layout.cp / layout.tp
    each = HALF * sizes.hidden if layout.recompute else sizes.kept
    flight: float = min(batch.micro_batches(layout) or layout.pp, layout.pp) if first else 1
    if first and layout.vp > 1:
        flight *= 1 + (layout.pp - 1) / (layout.pp * layout.vp)
    return tokens * (each * layers * flight + (sizes.kept if layout.recompute else 0))
