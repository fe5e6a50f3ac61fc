"""What vLLM takes on each device at start-up, and what it leaves for the KV cache.

`startup` joins the parts: weights (`loaded`), the profile run (`profile`), what is measured (`overhead`), the cache
(`cache`), with the rules of a release (`releases`). The sum is vLLM's own (``determine_available_memory`` in
``vllm/v1/worker/gpu_worker.py``)::

    memory x utilization - weights - activation peak - outside PyTorch [- CUDA graphs, from 0.20] = KV cache
"""

from __future__ import annotations

from llmscale.errors import UsageError
from llmscale.model.prediction import predicting, projection
from llmscale.model.spec import ModelSpec
from llmscale.quantity import Quantity
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.paging import BLOCK, CacheLayout, request_bytes
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.parallel.shards import PlaneBytes
from llmscale.runtimes.vllm.cache import CacheCapacity, capacity, kinds, layout
from llmscale.runtimes.vllm.loaded import loaded_bytes, shards
from llmscale.runtimes.vllm.lora import Adapters, lora_bytes
from llmscale.runtimes.vllm.overhead import graph_bytes, graph_layers, outside_torch
from llmscale.runtimes.vllm.profile import H100, DeviceTraits, activation_peak, encoder_inputs, step_widths
from llmscale.runtimes.vllm.refusals import refuse_impossible
from llmscale.runtimes.vllm.releases import MEASURED, Batch, default_batch, release


class VllmSettings(NamedTuple):
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
        cache_bytes: ``--kv-cache-memory-bytes`` of each rank, which then stands for the share.
        adapters: room for LoRA.
        offloaded: ``--cpu-offload-gb``: bytes of each rank's weights in host memory, up to a parameter more.
        speculated: tokens that the model's own layer speculates at once; 0 without.
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
    cache_bytes: int | None = None
    offloaded: int = 0
    adapters: Adapters = Adapters()
    speculated: int = 0


class Card(NamedTuple):
    """A device of the group; all are alike.

    Attributes:
        memory: bytes as CUDA reports them.
        a100, gb10: whether it is one, which have defaults of their own.
    """

    memory: int
    device: DeviceTraits = H100
    a100: bool = False
    gb10: bool = False


class StageBytes(NamedTuple):
    """Bytes on one rank of a pipeline stage.

    Attributes:
        outside: outside PyTorch, between its ends.
        missing: what lacks where nothing is left for the cache, or less than was named.
        offloaded: weights in host memory.
    """

    weights: int
    activations: int
    outside: Quantity
    graphs: int
    kv_cache: int = 0
    missing: int = 0
    offloaded: int = 0

    @property
    def non_torch(self) -> int:
        """Outside PyTorch."""
        return self.outside.value

    @property
    def uncertain(self) -> bool:
        """Whether what is outside PyTorch may be more or less."""
        return self.outside.low != self.outside.high

    def left(self, *, high: bool) -> int:
        """What is left for the cache where most or least is outside PyTorch; negative when missing."""
        end = self.outside.high if high else self.outside.low
        return self.kv_cache - self.missing + self.outside.value - end

    def taken(self, *, graphs: bool) -> int:
        """All but the cache, with the CUDA graphs or without."""
        return self.weights + self.activations + self.non_torch + (self.graphs if graphs else 0)


class Startup(NamedTuple):
    """What vLLM reports at start-up.

    Attributes:
        plan: how the cache is laid out.
        stages: one entry a pipeline stage; the tensor parallel ranks of one are alike.
        request_bytes: bytes that one request of the whole context takes on a rank of the first stage.
    """

    batch: Batch
    utilization: float
    stages: tuple[StageBytes, ...]
    capacity: CacheCapacity
    request_bytes: int
    plan: CacheLayout


class StartPlan(NamedTuple):
    """What of a start does not depend on how much memory a device has; `StageBytes.kv_cache` is 0 here."""

    batch: Batch
    stages: tuple[StageBytes, ...]
    layout: CacheLayout


def startup(spec: ModelSpec, planes: PlaneBytes, card: Card, settings: VllmSettings) -> Startup:
    """What one replica of `spec` takes on `settings.parallel` devices like `card`.

    Args:
        planes: bytes of a rank's part of a tensor, see `llmscale.runtimes.parallel.planes.planes_of`.

    Raises:
        UsageError: what vLLM refuses.
        UnsupportedModelError: a cache that is not modelled.
    """
    return on(planned(spec, planes, card.device, settings, limits(card, settings)), card, settings)


def limits(card: Card, settings: VllmSettings) -> Batch:
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


def planned(
    spec: ModelSpec, planes: PlaneBytes, device: DeviceTraits, settings: VllmSettings, batch: Batch
) -> StartPlan:
    """What the ranks of each stage hold, and how the cache is laid out; raises as `startup` does."""
    parallel, rules, more = settings.parallel, release(settings.version), settings.speculated
    if more:
        if parallel.pipeline > 1:
            raise UsageError("--speculative-config with pipeline stages is not modelled.", "Leave --pp away.")
        spec = predicting(spec)
    refuse_impossible(spec, parallel)
    stages = tuple(_stage(spec, planes, device, settings, batch, stage) for stage in range(parallel.pipeline))
    plan = layout(
        spec,
        kinds(spec, parallel, kv_bytes=settings.kv_bytes, state_bytes=settings.state_bytes, speculated=more),
        settings.context,
        batch,
        rules,
        parallel,
        speculated=more,
        block_size=settings.block_size,
        prefix_caching=settings.prefix_caching,
    )
    return StartPlan(batch, stages, plan)


def _stage(
    spec: ModelSpec, planes: PlaneBytes, device: DeviceTraits, settings: VllmSettings, batch: Batch, stage: int
) -> StageBytes:
    """What a rank of one pipeline stage holds but for the cache; images are seen by the first."""
    parallel, rules, element_bytes = settings.parallel, release(settings.version), settings.element_bytes
    loaded = loaded_bytes(spec, planes, parallel, stage, element_bytes, batch.tokens)
    loaded += projection(spec) * element_bytes if settings.speculated else 0
    loaded += lora_bytes(shards(spec, parallel, stage), settings.adapters, element_bytes)
    images, model = 0, step_widths(spec, parallel)
    if stage == 0:
        given = settings.encoder_bytes
        images = encoder_inputs(model, batch, element_bytes) if given is None else given
    activations = activation_peak(
        model,
        batch,
        rules,
        context=settings.context,
        element_bytes=element_bytes,
        device=device,
        expert_scratch=settings.expert_scratch,
        encoder_bytes=images,
        samples=stage == parallel.pipeline - 1,
        speculates=settings.speculated > 0,
    )
    graphs = 0 if settings.eager else graph_bytes(graph_layers(spec, parallel), batch)
    offloaded = min(settings.offloaded, loaded)
    outside = outside_torch(rules, parallel, device)
    return StageBytes(loaded - offloaded, activations, outside, graphs, offloaded=offloaded)


def on(plan: StartPlan, card: Card, settings: VllmSettings) -> Startup:
    """The start that `plan` makes on devices like `card`."""
    rules = release(settings.version)
    utilization = rules.utilization if settings.utilization is None else settings.utilization
    stages = []
    for stage in plan.stages:
        taken, named = stage.taken(graphs=rules.graphs_counted), settings.cache_bytes
        left = int(card.memory * utilization) - taken if named is None else named
        missing = -left if named is None else taken + named - card.memory
        stages.append(stage._replace(kv_cache=max(0, left), missing=max(0, missing)))
    found = capacity([stage.kv_cache for stage in stages], plan.layout, settings.context, rules)
    return Startup(plan.batch, utilization, tuple(stages), found, request_bytes(plan.layout), plan.layout)
