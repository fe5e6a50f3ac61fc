"""What vLLM makes of a catalogue model, compiled: its profile run, graphs, and what loading leaves.

On one device the activations are those of `profile`, to the byte; of several each is taken to do an even part. What the
allocator leaves beside the weights, which goes by the format of each tensor, is not looked at, and the cache is that of
layers which keep their blocks apart; where some slide or keep states vLLM pads and groups them, see `cache`. Of
settings that put anything elsewhere the general rule stands in, which is further off.
"""

from __future__ import annotations

from math import ceil
from typing import Any

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError
from llmscale.model.derived import by_tensors
from llmscale.model.shape import LayerCache
from llmscale.quantity import Quantity
from llmscale.records import NamedTuple
from llmscale.runtimes.general import Memory, compute_bytes, known
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.paging import BLOCK
from llmscale.runtimes.parallel.planes import MXFP4
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.placed import UNKNOWN, Off
from llmscale.runtimes.subject import Exact, Summary
from llmscale.runtimes.vllm.cache import kinds
from llmscale.runtimes.vllm.loaded import deepstack, left_loaded
from llmscale.runtimes.vllm.overhead import GraphLayers, graph_bytes, graph_layers, outside_torch
from llmscale.runtimes.vllm.placement import step_limits
from llmscale.runtimes.vllm.profile import StepWidths, activation_peak, encoder_inputs, step_widths
from llmscale.runtimes.vllm.releases import Batch, release
from llmscale.runtimes.vllm.started import card_of

#: Bytes of an activation, and of an element of the cache, that a model is compiled at.
WIDTH = 2
#: How far off a screening may be: by the general rule or on several devices, and on one; the most that was seen, and
#: some (tests/fit/test_screens.py).
RULED, DRAWN = Off(0.55, 1.0), Off(0.08, 0.08)
#: Options that change nothing but the step or the share.
NEARLY = {"gpu_memory_utilization", "max_num_batched_tokens", "max_num_seqs"}


class Compiled(NamedTuple):
    """What is kept of a model.

    Attributes:
        step: its widths.
        graphs: what its CUDA graphs go by.
        left: bytes that loading leaves beside the weights.
        buffers: elements of a token of a step that are kept for the tower's outputs.
    """

    step: StepWidths
    graphs: GraphLayers
    left: int
    buffers: int


def summarise(subject: Exact) -> Any:
    """`Compiled`; None of a model whose cache is not modelled."""
    spec = subject.spec
    try:
        if not kinds(spec, ALONE, kv_bytes=WIDTH, state_bytes=WIDTH):
            return None
    except UnsupportedModelError:
        return None
    buffers = deepstack(spec) * spec.hidden_size
    return Compiled(step_widths(spec), graph_layers(spec), left_loaded(spec, WIDTH), buffers)


def error(summary: Summary, work: Workload, devices: DeviceSet) -> Off:
    """How far off `memory` may be, as a share of what is used; unknown of what is derived from tensors
    alone, and where more than memory decides: vLLM needs a block of recurrent state for each sequence of a step."""
    shape = summary.widths
    apart = any(layer.source != "self" or layer.every > 1 for layer in shape.caches)
    if shape.states or by_tensors(summary.family) or apart:
        return UNKNOWN
    return DRAWN if summary.exact and _as_started(work) and devices.count == 1 else RULED


def memory(summary: Summary, rule: Memory, work: Workload, devices: DeviceSet, version: str) -> Memory:
    """What a model takes of one device."""
    card, rules, batch = card_of(devices), release(version), step_limits(work, devices, version)
    basis, ranks = known(summary), devices.count
    if not summary.exact or not _as_started(work):
        return rule._replace(compute=Quantity.exactly(compute_bytes(summary.widths, work, batch.tokens), basis))
    if summary.compiled is None:
        return rule
    step, graphs, left, buffers = summary.compiled
    model, rank = StepWidths(*step), GraphLayers(*graphs)
    model = model._replace(
        widest=model.widest // ranks, scratch=model.scratch // ranks, unpacked=model.unpacked // ranks
    )
    compute = activation_peak(
        model,
        batch,
        rules,
        context=work.context,
        device=card.device,
        expert_scratch=MXFP4 not in summary.quant.rules.values(),
        encoder_bytes=encoder_inputs(model, batch),
    )
    compute += graph_bytes(rank._replace(experts=rank.experts / ranks), batch) if rules.graphs_counted else 0
    loaded = left + buffers * batch.tokens * WIDTH
    return Memory(
        weights=Quantity.sum([summary.weights, Quantity.exactly(ranks * loaded, basis)]),
        cache=Quantity.exactly(_cache(summary.widths.caches, work, batch), basis),
        state=rule.state,
        compute=Quantity.exactly(compute, basis),
        overhead=outside_torch(rules, Parallel(ranks), card.device, basis),
    )


def _as_started(work: Workload) -> bool:
    """Whether vLLM is started in 16 bits and as it starts by default, but for the step and the share."""
    return work.activation_bytes == WIDTH and all(name in NEARLY for name, _ in work.options)


def _cache(layers: tuple[LayerCache, ...], work: Workload, batch: Batch) -> int:
    """Bytes of as many requests, in whole blocks."""
    k, v = work.kv, work.value_format
    return sum(
        layer.layers * work.batch * (k.size((tokens, layer.keys)) + v.size((tokens, layer.values)))
        for layer in layers
        for tokens in [_kept(layer, work.context, batch)]
    )


def _kept(layer: LayerCache, context: int, batch: Batch) -> int:
    kept = context if layer.window is None else min(layer.window - 1 + batch.tokens, context)
    return ceil(kept / BLOCK) * BLOCK
