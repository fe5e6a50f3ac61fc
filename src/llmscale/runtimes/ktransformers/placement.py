"""Where KTransformers puts a model: SGLang's ranks with few of the routed experts, all of them in host memory.

The sum of a device is SGLang's (`llmscale.runtimes.sglang.startup`) with that much less loaded. A prompt longer than
``--kt-gpu-prefill-token-threshold`` is read by the devices, which take all experts of one layer for it: these come out
of what SGLang leaves free, and where that is less, the answer is maybe.
"""

from __future__ import annotations

from functools import lru_cache

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.notes import note
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.ktransformers.experts import experts_of, host_bytes, layer_bytes, on_devices
from llmscale.runtimes.ktransformers.info import NATIVE
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.parallel.requests import fewer
from llmscale.runtimes.placed import UNLIMITED, WEIGHTS, Limit, Placement, Usage, Verdict, modelled
from llmscale.runtimes.sglang.placement import SMALL, budget, capacity_of, rank_of, settings_of
from llmscale.runtimes.sglang.startup import SglangSettings, Started, outside, start
from llmscale.runtimes.subject import Exact

#: ``--kt-num-gpu-experts`` where it is not named: what the tutorials name for the largest models.
ON_GPU = 1


class Held(NamedTuple):
    """The experts.

    Attributes:
        on_gpu: those of each layer on the devices.
        host: bytes of all in host memory.
        layer: bytes of those of one layer on a rank, in the format of the devices.
    """

    on_gpu: int
    host: int
    layer: int


def method_of(subject: Exact, work: Workload) -> str:
    """``--kt-method``, by itself the one that shares the devices' weights.

    Raises:
        UsageError: the format of another checkpoint.
    """
    own, asked = NATIVE[subject.quant.id], work.option("kt_method")
    if asked in NATIVE.values() and asked != own:
        raise UsageError(
            f"--kt-method {asked.upper()} shares the weights of another checkpoint than {subject.quant.name}.",
            f"For this one {own.upper()}, AMXINT8 or AMXINT4.",
        )
    return str(asked or own)


def held_of(subject: Exact, work: Workload) -> Held:
    """The experts of a model.

    Raises:
        UsageError, UnsupportedModelError: a model without any, and more on devices than it has.
    """
    spec, experts = subject.spec, experts_of(subject.spec)
    if not experts:
        raise UnsupportedModelError(
            f"{spec.name} has no routed experts to keep in host memory.", "Try --runtime sglang."
        )
    named = work.option("kt_num_gpu_experts")
    on_gpu = ON_GPU if named is None else named
    if on_gpu > experts:
        raise UsageError(f"--kt-num-gpu-experts {on_gpu} of {experts} experts are not possible.")
    layer = layer_bytes(spec, planes_of(subject.quant)) // (work.option("tp") or 1)
    return Held(on_gpu, host_bytes(spec, method_of(subject, work)), layer)


@lru_cache(maxsize=4096)
def _start(subject: Exact, on_gpu: int, memory: int, visible: int, settings: SglangSettings) -> Started:
    sizes = on_devices(planes_of(subject.quant), on_gpu, experts_of(subject.spec))
    return start(subject.spec, sizes, memory, visible, settings)


def started(subject: Exact, work: Workload, devices: DeviceSet, engine: str) -> Started:
    """SGLang's start beside the experts that the devices have.

    Raises:
        UsageError, UnsupportedModelError: what SGLang refuses, and a cache that is not modelled.
    """
    memory = SMALL if devices.unnamed else devices.each
    settings = settings_of(work, devices, engine)
    return _start(subject, held_of(subject, work).on_gpu, memory, devices.visible, settings)


def place(subject: Exact, work: Workload, devices: DeviceSet, engine: str) -> Placement:
    """The ranks on `devices`, and the experts in host memory.

    Args:
        engine: the release of SGLang whose rules hold.

    Raises:
        UsageError, UnsupportedModelError: what is refused, and what is not modelled.
    """
    held, found = held_of(subject, work), started(subject, work, devices, engine)
    settings, ram = settings_of(work, devices, engine), work.option("ram")
    each = budget(work, devices, engine, subject)
    host = Usage(UNLIMITED if ram is None else ram, modelled(((WEIGHTS, held.host),)))
    rank = rank_of(found, work, each, outside(settings))
    ranks = (*[rank] * settings.tensor, *[Usage(each)] * (devices.count - settings.tensor))
    if devices.unnamed:
        return Placement(ranks, host)
    limits = tuple(limit for limit in (fewer(found.concurrency, work.batch), _prefill(held, found, work)) if limit)
    return Placement(ranks, host, capacity=capacity_of(found), limits=limits)


def _prefill(held: Held, found: Started, work: Workload) -> Limit | None:
    """Whether what SGLang leaves free may not hold the experts of a layer for a long prompt."""
    threshold = work.option("kt_gpu_prefill_token_threshold")
    if threshold is None or work.context <= threshold or held.layer <= found.slack:
        return None
    return Limit(note("layer_beyond_rest", layer=held.layer, rest=found.slack), Verdict.MAYBE)
