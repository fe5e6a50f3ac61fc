"""SGLang as a runtime: what one device holds besides the weights for the requests asked for.

- Room: what ``--mem-fraction-static`` gives to weights and pools, and the CUDA context. The rest of a device is left
  free for activations and CUDA graphs, by a rule and not by measure.
- Cache: what the pools take for the tokens of all requests, so with the windows' pool in the ratio that SGLang makes
  it in. State: the slots of all requests, and the one more that is padding.
- Compute: what more the rule leaves free for this model than for any, as on a device of 24 GiB.
- Overhead: the CUDA context. NCCL's buffers of several ranks are left to named devices, see `llmscale.answers.pooled`.

A bare size, a catalogue model of which only the shape was compiled, and what has no cache that is modelled (encoders,
cross-attention) keep the cache and state of the general rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.general import General, cache_lines, state_lines
from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.sglang import SglangSettings, default_of, outside
from llmscale.runtimes.sglang.pools import STATE_RATIO, WINDOW_RATIO, Cells, cells
from llmscale.runtimes.sglang.releases import VERSION
from llmscale.units import GIB

#: Bytes of an element of a cache (``--kv-cache-dtype``).
CACHE_BYTES = {"fp16": 2, "bf16": 2, "fp8": 1}
#: A device of which nothing is known.
SMALL = 24 * GIB


def cache_bytes(work: Workload) -> int:
    """Bytes of an element of K and V.

    Raises:
        UsageError: a cache that SGLang does not have, or that is not modelled.
    """
    if work.kv_v is not None:
        raise UsageError("SGLang keeps K and V in the same format.", "Name one, for example --kv-dtype fp8.")
    if work.kv.id not in CACHE_BYTES:
        raise UsageError(f"No cache of SGLang in {work.kv.name} is modelled.", f"One of: {', '.join(CACHE_BYTES)}.")
    return CACHE_BYTES[work.kv.id]


def settings_of(work: Workload, tensor: int = 1, nvlink: bool = False) -> SglangSettings:
    """What ``sglang.launch_server`` is started with.

    Raises:
        UsageError: a cache that SGLang does not have.
    """
    o = work.options
    return SglangSettings(
        context=work.context,
        tensor=tensor,
        fraction=o.mem_fraction_static,
        chunk=o.chunked_prefill_size,
        max_requests=o.max_running_requests,
        kv_bytes=cache_bytes(work),
        nvlink=nvlink,
    )


@cache
def cached(spec: ModelSpec, tensor: int, kv_bytes: int) -> Cells | None:
    """What the layers of a model cache; None for what is not modelled, and for models that cache nothing."""
    try:
        return cells(spec, tensor, kv_bytes)
    except UnsupportedModelError:
        return None


def reserved(spec: ModelSpec | None, memory: int, visible: int, settings: SglangSettings) -> int:
    """Bytes of one device that the share leaves free for activations and CUDA graphs."""
    fraction = default_of(spec, memory, settings).fraction if settings.fraction is None else settings.fraction
    free = max(0, visible - outside(settings))
    return free - int(free * fraction)


class Sglang:
    """See the module."""

    name = "sglang"
    grain = 1

    def __init__(self) -> None:
        self._general = General(self.name)

    def room(self, devices: DeviceSet, work: Workload) -> int:
        return max(0, devices.visible - reserved(None, devices.each, devices.visible, settings_of(work)))

    def cache(self, subject: Subject, work: Workload) -> int:
        cell = _cell(subject, work)
        return self._general.cache(subject, work) if cell is None else int(work.batch * work.context * cell.pooled)

    def state(self, subject: Subject, work: Workload) -> int:
        cell = _cell(subject, work)
        if cell is None:
            return self._general.state(subject, work)
        return (work.batch * cell.slots + 1) * cell.state if cell.state else 0

    def compute(self, subject: Subject, work: Workload) -> int:
        settings = settings_of(work)
        return max(0, reserved(subject.spec, SMALL, SMALL, settings) - reserved(None, SMALL, SMALL, settings))

    def overhead(self, subject: Subject, work: Workload) -> int:
        return outside(settings_of(work))

    def beyond(self, devices: DeviceSet) -> int:
        return 0

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        cell = _cell(subject, work)
        if cell is None:
            yield from cache_lines(subject, work)
            yield from state_lines(subject.shape, work)
        else:
            windows = f" + {WINDOW_RATIO} x {cell.windowed:,} in windows of {cell.reach:,}" if cell.windowed else ""
            yield (
                f"  KV cache = {work.batch} requests x {work.context:,} tokens x ({cell.token:,}{windows}) bytes = "
                f"{self.cache(subject, work):,} bytes ({subject.known}: SGLang {VERSION})"
            )
        if cell is not None and cell.state:
            yield (
                f"  state = ({work.batch} requests x {cell.slots} slots + 1) x {cell.state:,} bytes = "
                f"{self.state(subject, work):,} bytes; a server makes {STATE_RATIO} bytes of them for each of the cache"
                f" (modelled: SGLang {VERSION})"
            )
        found = default_of(subject.spec, SMALL, settings_of(work))
        left = reserved(subject.spec, SMALL, SMALL, settings_of(work))
        yield (
            f"  compute is not counted: of a device of {SMALL // GIB} GiB {left:,} bytes are left free for activations "
            f"and CUDA graphs, {self.compute(subject, work):,} of them for this model: chunks of {found.chunk:,} "
            f"tokens, batches up to {found.decode_batch} (SGLang {VERSION}'s rule, not measured)"
        )
        yield f"  overhead = {self.overhead(subject, work):,} bytes of CUDA context (measured, tests/truth/sglang.json)"


def _cell(subject: Subject, work: Workload) -> Cells | None:
    kv_bytes = cache_bytes(work)
    return cached(subject.spec, 1, kv_bytes) if subject.spec else None
