"""What llama.cpp makes of a catalogue model, compiled: its cells, its state, the bends of its compute buffer.

With one sequence, a cache in F16 and no other setting the figures of one device are those of `placement`, to the byte.
Of other sequences, caches and steps, and of several devices, which `placement` gives whole layers, they are a little
off; of settings that put anything elsewhere they say nothing.
"""

from __future__ import annotations

from math import inf

from llmscale.devices.sets import DeviceSet
from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple
from llmscale.runtimes.curve import from_json, interpolated
from llmscale.runtimes.general import Memory, cache_bytes, compute_bytes, known, state_bytes
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.llama_cpp.process import MIDDLE, fixed, pool
from llmscale.runtimes.placed import CACHE, COMPUTE, STATE, WEIGHTS, LayerSplit, Placement, Usage, gathered
from llmscale.runtimes.subject import Summary

CELLS, UBATCH = 256, 512
PLAIN = "fp16"
#: How far off a screening of other settings may be, as a share of what is used: the most that was seen, and some.
ELSEWHERE = 0.25
#: Options that put nothing elsewhere.
NEARLY = {"ubatch", "ram_bandwidth"}


class Compiled(NamedTuple):
    """What is kept of a model.

    Attributes:
        cells: layers, elements of K and of V that one cell holds, and whether a sliding window bounds the cells.
        window: tokens of that window; 0 for none.
        state: bytes of recurrent state of one sequence.
        activations: values that one token's widest multiplication reads.
        output: bytes of the buffer that the logits of one sequence are handed over in.
        compute: cells, and the bytes of the compute buffers of the device and of the host there; straight between them.
    """

    cells: list[tuple[int, int, int, bool]]
    window: int
    state: int
    activations: int
    output: int
    compute: list[tuple[int, int, int]]


def memory(summary: Summary, work: Workload) -> Memory:
    """What a model takes of one device; by the general rule where nothing was compiled of it."""
    tokens = min(work.context * work.batch, work.option("ubatch") or UBATCH)
    widths, sized, basis = summary.widths, summary.sized, known(summary)
    stored = sized.total.basis
    if summary.compiled is None:
        widest = max(widths.hidden, widths.intermediate)
        cache, state = cache_bytes(widths, work), state_bytes(widths, work)
        compute, besides = compute_bytes(widths, work), 0
    else:
        compiled = Compiled(*summary.compiled)
        widest = compiled.activations
        cache, state = _cache(compiled, work), work.batch * compiled.state
        sequences = work.batch if compiled.cells or compiled.state else 1  # an encoder's step holds no more for several
        compute, besides = interpolated(from_json(compiled.compute), -(-work.context // CELLS) * sequences)
        besides += work.batch * compiled.output
    return Memory(
        weights=Quantity.exactly(sized.device, stored),
        cache=Quantity.exactly(cache, summary.basis),
        state=Quantity.exactly(state, basis),
        compute=Quantity.exactly(compute, basis),
        overhead=Quantity.exactly(fixed(MIDDLE) + pool(widest, tokens), Basis.MODELLED),
        host=((WEIGHTS, Quantity.exactly(sized.host, stored)), (COMPUTE, Quantity.exactly(besides, basis))),
    )


def error(summary: Summary, work: Workload, devices: DeviceSet) -> float:
    """How far off `memory` may be: not at all where all is as it was compiled for."""
    if any(name not in NEARLY for name, _ in work.options):
        return inf
    elsewhere = ELSEWHERE if summary.widths.decodes else inf
    if summary.compiled is None:
        return elsewhere
    last = Compiled(*summary.compiled).compute[-1][0] * CELLS
    plain = work.batch == 1 and not work.options and work.kv.id == PLAIN and work.kv_v is None
    whole = work.context % CELLS == 0 and work.context >= UBATCH and work.context <= last
    return 0.0 if plain and whole and devices.count == 1 else elsewhere


def on_host(summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
    """All of it in RAM, with the compute buffers of a device, which are no smaller, for those of the processor."""
    found = memory(summary, work)
    host = dict(found.host)
    weights = Quantity.sum((found.weights, host[WEIGHTS]))
    compute = Quantity.sum((found.compute, host[COMPUTE]))
    parts = gathered(((WEIGHTS, weights), (CACHE, found.cache), (STATE, found.state), (COMPUTE, compute)))
    return Placement((Usage(devices.usable, parts),), layers=LayerSplit(0, summary.widths.layers + 1))


def _cache(compiled: Compiled, work: Workload) -> int:
    k, v = work.kv, work.value_format
    full = -(-work.context // CELLS) * CELLS
    reach = compiled.window + min(work.option("ubatch") or UBATCH, work.context)
    some = min(full, -(-reach // CELLS) * CELLS)
    return work.batch * sum(
        layers * (some if windowed else full) * (k.row(keys) + v.row(values))
        for layers, keys, values, windowed in compiled.cells
    )
