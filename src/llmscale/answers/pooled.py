"""SGLang on named devices: how many ranks, what each holds, and the pools that are left."""

from __future__ import annotations

from llmscale.answers.model import Model
from llmscale.answers.places import Placed
from llmscale.devices.sets import DeviceSet
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.fit.largest import LONGEST
from llmscale.formats.recipe import Quant
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.parallel.planes import planes_of
from llmscale.runtimes.sglang import Started, start
from llmscale.runtimes.sglang.pools import longest
from llmscale.runtimes.sglang.releases import VERSION
from llmscale.runtimes.sglang.runtime import cached, settings_of
from llmscale.speed.classes import HBM


def ranks(work: Workload, count: int) -> list[int]:
    """How many of `count` devices may be ranks of one tensor, best first: as named, else the most that divide.

    Raises:
        UsageError: more ranks than devices.
    """
    asked = work.options.tp
    if asked and asked > count:
        raise UsageError(f"--tp asks for {asked} devices, and {count} are named.", f"For example --gpu '{asked}x ...'.")
    return [asked] if asked else [number for number in range(count, 0, -1) if count % number == 0]


def started(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> tuple[int, Started] | None:
    """The ranks and one of them after SGLang's start on `devices`; None where its cache is not modelled.

    Raises:
        UsageError: what SGLang refuses.
    """
    spec, refused = model.spec, None
    assert spec is not None
    for tensor in ranks(work, devices.count):
        settings = settings_of(work, tensor, nvlink=HBM.match(devices.id) is not None)
        if cached(spec, tensor, settings.kv_bytes) is None:
            return None
        try:
            return tensor, start(spec, planes_of(quant), devices.each, devices.visible, settings)
        except UsageError as error:
            refused = refused or error
        except UnsupportedModelError:
            return None
    raise refused or UsageError(f"SGLang cannot lay out {spec.name} on {devices.count} devices.")


def pooled(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> Placed:
    """What SGLang does with `devices`.

    Raises:
        UsageError: what SGLang refuses.
    """
    start = started(model, quant, work, devices)
    if start is None:
        return Placed()
    tensor, found = start
    asked = int(work.batch * work.context * found.cell.pooled)
    asked += (work.batch * found.cell.slots + 1) * found.cell.state if found.cell.state else 0
    fits = not found.pools.missing and found.concurrency >= work.batch
    limit = work.options.max_running_requests
    return Placed(
        fits=fits,
        may_fit=fits,
        headroom_bytes=found.left - asked,
        max_context=longest(found.pools, found.cell, work.batch, model.limit or LONGEST, limit),
        weights_bytes=found.loaded,
        kv_cache_bytes=found.pools.bytes,
        kv_cache_tokens=found.pools.tokens if found.cell.pooled else None,
        max_concurrency=found.concurrency,
        max_batch=int(found.concurrency),
        ranks=tensor,
    )


def explain_pooled(model: Model, quant: Quant, work: Workload, devices: DeviceSet) -> str:
    """The sum that leaves so much for the pools, with the numbers put in."""
    name = devices.id if devices.count == 1 else f"{devices.count}x {devices.id}"
    start = started(model, quant, work, devices)
    if start is None:
        return f"  {name}: SGLang's cache of this model is not modelled; the general rule is taken"
    tensor, found = start
    window = f", {found.pools.window_tokens:,} of windows" if found.pools.window_tokens else ""
    states = f", {found.pools.states:,} slots of state" if found.pools.states else ""
    return (
        f"  {name}: SGLang {VERSION}, tensor {tensor}, chunks of {found.default.chunk:,} tokens; on each device "
        f"{found.free:,} free x {found.fraction:.4g} - {found.loaded:,} loaded = {found.left:,} bytes for pools = "
        f"{found.pools.tokens:,} tokens{window}{states} = {found.concurrency:,.1f} requests of {work.context:,}; "
        f"{found.slack:,} bytes are left for activations and CUDA graphs (modelled)"
    )
