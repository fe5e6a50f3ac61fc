"""What vLLM takes on each device at start-up, and what it leaves for the KV cache.

`startup` joins the parts: weights (`shards`), the profile run (`profile`), what is measured (`overhead`), the cache
(`cache`), with the rules of a release (`releases`). The sum is vLLM's own (``determine_available_memory`` in
``vllm/v1/worker/gpu_worker.py``)::

    memory x utilization - weights - activation peak - outside PyTorch [- CUDA graphs, from 0.20] = KV cache
"""

from __future__ import annotations

from typing import NamedTuple

from llmscale.model.spec import ModelSpec
from llmscale.runtimes.vllm.cache import BLOCK, Capacity, Layout, capacity, kinds, layout, request_bytes
from llmscale.runtimes.vllm.overhead import graph_bytes, non_torch_bytes
from llmscale.runtimes.vllm.profile import H100, Device, activation_peak, encoder_inputs, tower_peak
from llmscale.runtimes.vllm.releases import MEASURED, Batch, default_batch, release
from llmscale.runtimes.vllm.shards import (
    ALONE,
    Parallel,
    PlaneBytes,
    refuse_impossible,
    resident_bytes,
    weights_per_rank,
)


class Settings(NamedTuple):
    """Options as ``vllm serve`` has them; None for its own default.

    Attributes:
        context: ``--max-model-len``.
        kv_bytes: bytes of an element of the cache: 2, or 1 with ``--kv-cache-dtype fp8``; 4 with ``--dtype float32``.
        state_bytes: the same of recurrent states, see `llmscale.runtimes.vllm.cache.kinds`.
        element_bytes: of an activation and of what is not quantised: 2, or 4 with ``--dtype float32``.
        offline: ``LLM()`` rather than a server, which has other defaults.
        expert_scratch: False for experts in MXFP4, see `llmscale.runtimes.vllm.profile.activation_peak`.
        encoder_bytes: images of a step, 0 without them; `llmscale.runtimes.vllm.profile.encoder_inputs` when None.
        version: release whose rules hold.
    """

    context: int
    parallel: Parallel = ALONE
    utilization: float | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    kv_bytes: int = 2
    state_bytes: int = 2
    element_bytes: int = 2
    eager: bool = False
    offline: bool = False
    prefix_caching: bool | None = None
    block_size: int = BLOCK
    expert_scratch: bool = True
    encoder_bytes: int | None = None
    version: str = MEASURED


class Card(NamedTuple):
    """A device of the group; all are alike.

    Attributes:
        memory: bytes as CUDA reports them.
        a100, gb10: whether it is one, which have defaults of their own.
    """

    memory: int
    device: Device = H100
    a100: bool = False
    gb10: bool = False


class Stage(NamedTuple):
    """Bytes on one rank of a pipeline stage; `missing` is what lacks where nothing is left for the cache."""

    weights: int
    activations: int
    non_torch: int
    graphs: int
    kv_cache: int
    missing: int = 0


class Startup(NamedTuple):
    """What vLLM reports at start-up.

    Attributes:
        plan: how the cache is laid out.
        stages: one entry a pipeline stage; the tensor parallel ranks of one are alike.
        request_bytes: bytes that one request of the whole context takes on a rank of the first stage.
    """

    batch: Batch
    utilization: float
    stages: tuple[Stage, ...]
    capacity: Capacity
    request_bytes: int
    plan: Layout


class Plan(NamedTuple):
    """What of a start does not depend on how much memory a device has; `Stage.kv_cache` is 0 here."""

    batch: Batch
    stages: tuple[Stage, ...]
    layout: Layout


def startup(spec: ModelSpec, planes: PlaneBytes, card: Card, settings: Settings) -> Startup:
    """What one replica of `spec` takes on `settings.parallel` devices like `card`.

    Args:
        planes: bytes of a rank's part of a tensor, see `llmscale.runtimes.vllm.formats.planes_of`.

    Raises:
        UsageError: what vLLM refuses.
        UnsupportedModelError: a cache that is not modelled.
    """
    return on(planned(spec, planes, card.device, settings, limits(card, settings)), card, settings)


def limits(card: Card, settings: Settings) -> Batch:
    """The limits of a step."""
    default = default_batch(
        card.memory,
        release(settings.version),
        settings.context,
        offline=settings.offline,
        a100=card.a100,
        gb10=card.gb10,
    )
    tokens = settings.max_num_batched_tokens or default.tokens
    return Batch(tokens, min(settings.max_num_seqs or default.sequences, tokens))


def planned(spec: ModelSpec, planes: PlaneBytes, device: Device, settings: Settings, batch: Batch) -> Plan:
    """What the ranks of each stage hold, and how the cache is laid out; raises as `startup` does."""
    parallel, rules = settings.parallel, release(settings.version)
    refuse_impossible(spec, parallel)
    images = settings.encoder_bytes
    if images is None:
        images = encoder_inputs(spec, batch, settings.element_bytes)
    stages = []
    for stage in range(parallel.pipeline):
        loaded = weights_per_rank(spec, planes, parallel, stage)
        loaded += resident_bytes(spec, planes, parallel, stage, settings.element_bytes, tokens=batch.tokens)
        activations = activation_peak(
            spec,
            batch,
            rules,
            parallel,
            context=settings.context,
            element_bytes=settings.element_bytes,
            device=device,
            expert_scratch=settings.expert_scratch,
            encoder_bytes=images if stage == 0 else 0,
            tower_bytes=tower_peak(spec, batch, parallel, settings.element_bytes) if stage == 0 and images else 0,
            samples=stage == parallel.pipeline - 1,
        )
        outside = non_torch_bytes(rules, parallel, device)
        graphs = graph_bytes(spec, parallel, eager=settings.eager, batch=batch)
        stages.append(Stage(loaded, activations, outside, graphs, 0))
    plan = layout(
        spec,
        kinds(spec, parallel, kv_bytes=settings.kv_bytes, state_bytes=settings.state_bytes),
        settings.context,
        batch,
        rules,
        parallel,
        block_size=settings.block_size,
        prefix_caching=settings.prefix_caching,
    )
    return Plan(batch, tuple(stages), plan)


def on(plan: Plan, card: Card, settings: Settings) -> Startup:
    """The start that `plan` makes on devices like `card`."""
    rules = release(settings.version)
    utilization = rules.utilization if settings.utilization is None else settings.utilization
    stages = []
    for stage in plan.stages:
        taken = stage.weights + stage.activations + stage.non_torch + (stage.graphs if rules.graphs_counted else 0)
        left = int(card.memory * utilization) - taken
        stages.append(stage._replace(kv_cache=max(0, left), missing=max(0, -left)))
    found = capacity([stage.kv_cache for stage in stages], plan.layout, settings.context, rules)
    return Startup(plan.batch, utilization, tuple(stages), found, request_bytes(plan.layout), plan.layout)
