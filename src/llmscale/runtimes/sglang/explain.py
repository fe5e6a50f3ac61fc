"""The formulas behind SGLang's figures with the numbers put in, for ``--explain``."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.devices.sets import DeviceSet, counted
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.placed import CACHE, STATE, Placement
from llmscale.runtimes.sglang.placement import settings_of, started
from llmscale.runtimes.sglang.pools import STATE_RATIO, WINDOW_RATIO
from llmscale.runtimes.sglang.startup import outside
from llmscale.runtimes.subject import Exact


def explain(subject: Exact, work: Workload, placed: Placement, devices: DeviceSet, release: str) -> Iterator[str]:
    """Cache, state and overhead of a rank, then the sum that leaves so much for the pools."""
    found, name = started(subject, work, devices), counted(devices.id, devices.count)
    if found is None:
        if not devices.unnamed:
            yield f"  {name}: SGLang's cache of this model is not modelled; the general rule is taken"
        return
    cell, ranks = found.cell, work.option("tp") or 1
    windows = f" + {WINDOW_RATIO} x {cell.windowed:,} in windows of {cell.reach:,}" if cell.windowed else ""
    yield (
        f"  KV cache = {work.batch} requests x {work.context:,} tokens x ({cell.token:,}{windows}) bytes on each rank; "
        f"{placed.of(CACHE).value:,} bytes on {ranks} ({subject.basis.value}: SGLang {release})"
    )
    if cell.state:
        yield (
            f"  state = ({work.batch} requests x {cell.slots} slots + 1) x {cell.state:,} bytes on each rank; "
            f"{placed.of(STATE).value:,} bytes on {ranks}; a server makes {STATE_RATIO} bytes of them for each of the "
            f"cache (modelled: SGLang {release})"
        )
    default = found.default
    yield (
        f"  compute is not counted: {found.slack:,} bytes of a device are left free for activations and CUDA graphs: "
        f"chunks of {default.chunk:,} tokens, batches up to {default.decode_batch} (SGLang {release}'s rule, not "
        "measured)"
        if not devices.unnamed
        else f"  compute is not counted: what is left of a device for activations and CUDA graphs depends on it "
        f"(SGLang {release}'s rule, not measured)"
    )
    taken = outside(settings_of(work, devices))
    yield f"  overhead = {taken:,} bytes of CUDA context and process group (measured, tests/truth/sglang.json)"
    if devices.unnamed:
        return
    window = f", {found.pools.window_tokens:,} of windows" if found.pools.window_tokens else ""
    states = f", {found.pools.states:,} slots of state" if found.pools.states else ""
    yield (
        f"  {name}: SGLang {release}, tensor {ranks}, chunks of {default.chunk:,} tokens; on each device "
        f"{found.free:,} free x {found.fraction:.4g} - {found.loaded:,} loaded = {found.left:,} bytes for pools = "
        f"{found.pools.tokens:,} tokens{window}{states} = {found.concurrency:,.1f} requests of {work.context:,}; "
        f"{found.slack:,} bytes are left for activations and CUDA graphs (modelled)"
    )
