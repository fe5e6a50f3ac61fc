"""What SGLang takes on each device at start-up, and what it leaves for the KV cache.

`start` joins the parts: the share of a device that weights and cache may take (`static`), what loading takes
(`loaded`), the pools (`pools`). The sum is SGLang's own (``_profile_available_bytes`` in
``sglang/srt/mem_cache/kv_cache_configurator.py``, 0.5.23)::

    free after loading - free before loading x (1 - mem_fraction_static) [- cache of images] = KV cache and states

Activations and CUDA graphs are not measured: they get the share that is left.
"""

from __future__ import annotations

from llmscale.errors import UnsupportedModelError
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.check import refuse_undivided
from llmscale.runtimes.parallel.ranks import Parallel
from llmscale.runtimes.parallel.shards import PlaneBytes, is_latent
from llmscale.runtimes.sglang.loaded import IMAGE_CACHE, loaded_bytes, vision
from llmscale.runtimes.sglang.pools import Cells, Pools, cells, pools, requests
from llmscale.runtimes.sglang.static import CONTEXT, NVLINK_GROUP, Defaults, defaults, kv_cache_bytes

#: What is said, and what to try, of each thing that ranks cannot share.
WORDS = {
    "heads": (
        "Total number of attention heads ({number}) must be divisible by tensor parallel size ({ranks}).",
        "Take a tensor parallel size that divides it.",
    ),
    "kv_heads": (
        "{number} KV heads can neither be divided over nor repeated on {ranks} ranks.",
        "Take a tensor parallel size that divides them or is a multiple of them.",
    ),
    "layers": ("{number} layers cannot be dealt out to {ranks} stages.", ""),
}


class SglangSettings(NamedTuple):
    """Options as ``sglang.launch_server`` has them; None for its own default.

    Attributes:
        context: tokens of a request.
        tensor: ``--tp-size``.
        fraction: ``--mem-fraction-static``.
        chunk: ``--chunked-prefill-size``.
        max_requests: ``--max-running-requests``.
        kv_bytes: bytes of an element of the cache.
        nvlink: whether the ranks are devices with NVLink.
    """

    context: int
    tensor: int = 1
    fraction: float | None = None
    chunk: int | None = None
    max_requests: int | None = None
    kv_bytes: int = 2
    nvlink: bool = False


class Started(NamedTuple):
    """One rank after the start.

    Attributes:
        free: bytes that are free before the model is loaded.
        loaded: what loading takes.
        left: bytes for the pools; negative when the weights take more than the share.
        slack: bytes outside the share, for activations and CUDA graphs.
    """

    default: Defaults
    free: int
    fraction: float
    loaded: int
    left: int
    slack: int
    cell: Cells
    pools: Pools
    concurrency: float


def default_of(spec: ModelSpec | None, memory: int, settings: SglangSettings) -> Defaults:
    """The defaults of a server of `spec` on devices of `memory` bytes as the driver reports them."""
    return defaults(
        memory,
        tensor=settings.tensor,
        mla=spec is not None and is_latent(spec),
        chunk=settings.chunk,
        requests=settings.max_requests,
        vision=vision(spec) if spec else None,
    )


def outside(settings: SglangSettings) -> int:
    """Bytes of one rank that are taken before the model is loaded."""
    return CONTEXT + (NVLINK_GROUP if settings.tensor > 1 and settings.nvlink else 0)


def start(
    spec: ModelSpec, sizes: PlaneBytes, memory: int, visible: int, settings: SglangSettings, free: int | None = None
) -> Started:
    """What one server of `spec` takes on `settings.tensor` devices.

    Args:
        memory, visible: bytes of one device as the driver reports them, and as CUDA does.
        free: bytes that are free before the model is loaded, where that was measured.

    Raises:
        UsageError: a number of ranks that the heads do not divide into.
        UnsupportedModelError: a cache that is not modelled.
    """
    refuse_undivided(spec, Parallel(settings.tensor), WORDS)
    cell = cells(spec, settings.tensor, settings.kv_bytes)
    if cell is None:
        raise UnsupportedModelError(f"{spec.name} caches nothing.")
    default = default_of(spec, memory, settings)
    fraction = default.fraction if settings.fraction is None else settings.fraction
    free = max(0, visible - outside(settings)) if free is None else free
    loaded = loaded_bytes(spec, sizes, settings.tensor)
    images = IMAGE_CACHE if vision(spec) else 0
    left = int(free * fraction) - loaded - images
    found = pools(kv_cache_bytes(free, loaded + images, fraction), cell)
    return Started(
        default,
        free,
        fraction,
        loaded,
        left,
        free - int(free * fraction),
        cell,
        found,
        requests(found, cell, settings.context, settings.max_requests),
    )
