"""vLLM as a runtime: what one device holds besides the weights for the requests asked for.

Which release is modelled: the newest whose every part was measured (`llmscale.runtimes.vllm.releases.MEASURED`). Its
parts here, without a named device, are those of a card below 70 GiB, which has other default limits of a step than a
larger one; what vLLM does with a named device is `llmscale.answers.serve`'s.

- Cache and state: whole blocks of 16 tokens (longer ones for hybrid models) of each group of layers, for every request.
- Compute: the activation peak of the profile run, and the CUDA graphs.
- Overhead: memory outside PyTorch, of a rank alone.

A bare size, a catalogue model of which only the shape was compiled, and what has no cache that is modelled (encoders,
cross-attention) take the general rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.model.inventory import TensorGroup, inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.general import General
from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.parallel.blocks import CacheKind
from llmscale.runtimes.parallel.paging import BLOCK, CacheLayout
from llmscale.runtimes.parallel.ranks import ALONE, Parallel
from llmscale.runtimes.vllm import VllmSettings
from llmscale.runtimes.vllm.cache import kinds, layout
from llmscale.runtimes.vllm.formats import keeps_scratch
from llmscale.runtimes.vllm.overhead import graph_bytes, non_torch_bytes
from llmscale.runtimes.vllm.profile import activation_peak, encoder_inputs, tower_peak
from llmscale.runtimes.vllm.releases import MEASURED, Batch, default_batch, release
from llmscale.units import GIB

#: Bytes of an element of a cache (``CacheDType`` in vllm/config/cache.py); FP32 with ``--dtype float32`` alone.
CACHE_BYTES = {"fp16": 2, "bf16": 2, "fp8": 1}
#: Bytes of an element of a recurrent state by what a config says (``MambaDType`` there).
STATE_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
#: A device of which nothing is known takes the limits of a small one.
SMALL = 24 * GIB


def cache_bytes(work: Workload) -> int:
    """Bytes of an element of K and V.

    Raises:
        UsageError: a cache that vLLM does not have.
    """
    if work.kv_v is not None:
        raise UsageError("vLLM keeps K and V in the same format.", "Name one, for example --kv-dtype fp8.")
    known = CACHE_BYTES | ({"fp32": 4} if work.activation_bytes == 4 else {})
    if work.kv.id not in known:
        raise UsageError(f"vLLM keeps no cache in {work.kv.name}.", f"One of: {', '.join(known)}.")
    return known[work.kv.id]


def state_bytes(spec: ModelSpec | None, work: Workload) -> int:
    """Bytes of an element of a recurrent state with ``--mamba-ssm-cache-dtype auto``."""
    return STATE_BYTES.get(spec.state_dtype if spec else "", work.activation_bytes)


def settings_of(subject: Subject, work: Workload, parallel: Parallel = ALONE) -> VllmSettings:
    """What ``vllm serve`` is started with.

    Raises:
        UsageError: a cache that vLLM does not have.
    """
    o = work.options
    groups = groups_of(subject.spec) if subject.spec else ()
    return VllmSettings(
        context=work.context,
        parallel=parallel,
        utilization=o.gpu_memory_utilization,
        max_num_seqs=o.max_num_seqs,
        max_num_batched_tokens=o.max_num_batched_tokens,
        kv_bytes=cache_bytes(work),
        state_bytes=state_bytes(subject.spec, work),
        element_bytes=work.activation_bytes,
        eager=bool(o.enforce_eager),
        expert_scratch=keeps_scratch(subject.quant, groups) if subject.quant else True,
    )


@cache
def groups_of(spec: ModelSpec) -> tuple[TensorGroup, ...]:
    """The tensors of a model, counted once."""
    return tuple(inventory(spec).groups)


@cache
def cached(spec: ModelSpec, parallel: Parallel, kv_bytes: int, state_bytes: int) -> tuple[CacheKind, ...] | None:
    """What the layers of a model cache; None for what is not modelled, and for models that cache nothing."""
    try:
        return tuple(kinds(spec, parallel, kv_bytes=kv_bytes, state_bytes=state_bytes)) or None
    except UnsupportedModelError:
        return None


class Request(NamedTuple):
    """Bytes of one request of the whole context on a device."""

    cache: int
    state: int


class Vllm:
    """See the module."""

    name = "vllm"
    grain = BLOCK

    def __init__(self) -> None:
        self._general = General(self.name)

    def room(self, devices: DeviceSet, work: Workload) -> int:
        share = work.options.gpu_memory_utilization
        return int(devices.visible * (release().utilization if share is None else share))

    def cache(self, subject: Subject, work: Workload) -> int:
        found = request(subject, work)
        return work.batch * found.cache if found else self._general.cache(subject, work)

    def state(self, subject: Subject, work: Workload) -> int:
        found = request(subject, work)
        return work.batch * found.state if found else self._general.state(subject, work)

    def compute(self, subject: Subject, work: Workload) -> int:
        spec = subject.spec
        if spec is None or request(subject, work) is None:
            return self._general.compute(subject, work)
        return peak(subject, work) + graphs(spec, work)

    def overhead(self, subject: Subject, work: Workload) -> int:
        if subject.spec is None or request(subject, work) is None:
            return self._general.overhead(subject, work)
        return non_torch_bytes(release())

    def beyond(self, devices: DeviceSet) -> int:
        return 0

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        found = planned(subject, work)
        if found is None or subject.spec is None:
            yield from self._general.explain(subject, work)
            return
        plan, limits = found, limits_of(work)
        for group in plan.groups:
            size = f"blocks of {group.block_size} tokens" if group.block_size else "blocks of one state"
            total = work.batch * group.request_blocks * plan.stage_block_bytes[0]
            yield (
                f"  KV cache: {len(group.layers)} layers in one group, {work.batch} requests x {group.request_blocks} "
                f"{size} x {plan.stage_block_bytes[0]:,} bytes = {total:,} bytes (modelled: vLLM {MEASURED})"
            )
        yield (
            f"  compute = {peak(subject, work):,} bytes of activations in a profile run of {limits.tokens:,} tokens "
            f"and {limits.sequences:,} sequences (modelled: vLLM {MEASURED}, within 1 % of 30 logs) + "
            f"{graphs(subject.spec, work):,} bytes of CUDA graphs (fitted to H100: 8 % off in the middle, "
            "37 % at most, on models left out; 38 % in the middle on other cards)"
        )
        yield (
            f"  overhead = {self.overhead(subject, work):,} bytes outside PyTorch: cuBLAS, Triton, NCCL (measured, "
            "tests/truth/vllm.json)"
        )


def graphs(spec: ModelSpec, work: Workload) -> int:
    """Bytes of the CUDA graphs on a device of which nothing is known."""
    return graph_bytes(spec, eager=bool(work.options.enforce_eager), batch=limits_of(work))


def limits_of(work: Workload) -> Batch:
    """The limits of a step on a device of which nothing is known."""
    default, o = default_batch(SMALL, release(), work.context), work.options
    tokens = o.max_num_batched_tokens or default.tokens
    return Batch(tokens, min(o.max_num_seqs or default.sequences, tokens))


def peak(subject: Subject, work: Workload) -> int:
    """The activation peak on a device of which nothing is known."""
    assert subject.spec is not None
    settings, limits = settings_of(subject, work), limits_of(work)
    return activation_peak(
        subject.spec,
        limits,
        release(),
        context=work.context,
        element_bytes=settings.element_bytes,
        expert_scratch=settings.expert_scratch,
        encoder_bytes=encoder_inputs(subject.spec, limits, settings.element_bytes),
        tower_bytes=tower_peak(subject.spec, limits, element_bytes=settings.element_bytes),
    )


def planned(subject: Subject, work: Workload) -> CacheLayout | None:
    """How a device alone lays out the cache; None where that is not modelled."""
    spec = subject.spec
    found = cached(spec, ALONE, cache_bytes(work), state_bytes(spec, work)) if spec else None
    if spec is None or found is None:
        return None
    return layout(spec, list(found), work.context, limits_of(work), release())


def request(subject: Subject, work: Workload) -> Request | None:
    """What one request takes, its recurrent states apart; None where that is not modelled."""
    plan = planned(subject, work)
    if plan is None:
        return None
    page = plan.stage_block_bytes[0]
    return Request(
        sum(page * group.request_blocks for group in plan.groups if group.block_size),
        sum(page * group.request_blocks for group in plan.groups if not group.block_size),
    )
