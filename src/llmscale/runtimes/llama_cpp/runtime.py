"""llama.cpp as a runtime: all layers on one CUDA device, as llama-server starts with ``-ngl 99`` and its defaults.

Where the tensors are at hand the figures are those of the simulated allocator (`buffers`); for a catalogue model whose
`Sketch` was compiled the cache is the same to the byte and the compute buffer lies on a line between the contexts that
were simulated; of a bare size's peers likewise. What has no graph (encoders of images) takes the general rule.

The process besides: 160 MiB, what nvidia-smi shows above the sum of the buffers: 167 and 153 MiB for two processes on
one 8 GB card (tests/truth/llamacpp_gpu_logs.json). Larger cards are said to show more; that was not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.formats.layout import Format
from llmscale.runtimes.general import General
from llmscale.runtimes.interface import DEFAULTS, Subject, Workload
from llmscale.runtimes.llama_cpp.buffers import Buffers, buffers, refusal
from llmscale.runtimes.llama_cpp.cells import CELLS, Settings, cells
from llmscale.runtimes.llama_cpp.facts import Facts
from llmscale.runtimes.llama_cpp.place import Place
from llmscale.runtimes.llama_cpp.read import facts_of
from llmscale.shape import Sketch
from llmscale.spec import ModelSpec
from llmscale.units import MIB

#: Whose sources the figures follow.
COMMIT = "0c1e57098"
#: Measured, see the module.
PROCESS = 160 * MIB
#: What llama.cpp calls the formats that a cache can be kept in (common/arg.cpp, `kv_cache_types`).
CACHE_TYPES = {
    "fp32": "f32",
    "fp16": "f16",
    "bf16": "bf16",
    "q8_0": "q8_0",
    "q5_1": "q5_1",
    "q5_0": "q5_0",
    "q4_1": "q4_1",
    "q4_0": "q4_0",
    "iq4_nl": "iq4_nl",
}
#: Everything on one CUDA device.
ONE = Place(devices=1)


def settings_of(work: Workload) -> Settings:
    """What llama-server is started with: a slot for each sequence, logits of one token a slot.

    Raises:
        UsageError: a cache type that llama.cpp does not have.
    """
    o, defaults = work.options, Settings()
    return Settings(
        n_ctx=work.context * work.batch,
        n_ubatch=o.ubatch or defaults.n_ubatch,
        n_seq=work.batch,
        unified=bool(o.unified_kv),
        swa_full=bool(o.swa_full),
        flash_attention=o.flash_attn is not False,
        type_k=cache_type(work.kv),
        type_v=cache_type(work.value_format),
        n_outputs_max=work.batch,
        kv_offload=o.kv_offload is not False,
    )


def cache_type(form: Format) -> str:
    """llama.cpp's name of a cache format."""
    if form.id not in CACHE_TYPES:
        raise UsageError(f"llama.cpp keeps no cache in {form.name}.", f"One of: {', '.join(CACHE_TYPES)}.")
    return CACHE_TYPES[form.id]


@cache
def facts(spec: ModelSpec) -> Facts:
    """What llama.cpp makes of the model, read once."""
    return facts_of(spec)


@cache
def taken(spec: ModelSpec, settings: Settings, place: Place = ONE) -> Buffers:
    """The buffers of a model.

    Raises:
        UsageError: settings that llama.cpp refuses, in its words.
    """
    known = facts(spec)
    if why := refusal(known, settings):
        raise UsageError(f"llama.cpp refuses these settings for {spec.name}: {why}.", "Change --kv-dtype.")
    return buffers(known, settings, place)


class Line(NamedTuple):
    """A point of a compiled sketch."""

    context: int
    size: int


class LlamaCpp:
    """See the module."""

    name = "llama.cpp"
    grain = CELLS

    def __init__(self) -> None:
        self._general = General(self.name)

    def room(self, devices: DeviceSet, work: Workload) -> int:
        return devices.usable

    def cache(self, subject: Subject, work: Workload) -> int:
        if subject.spec:
            return taken(subject.spec, settings_of(work)).cache[0]
        sketch = subject.shape.llama_cpp
        if sketch is None:
            return self._general.cache(subject, work)
        k, v = work.kv, work.value_format
        full = -(-work.context // CELLS) * CELLS
        ubatch = work.options.ubatch or Settings().n_ubatch
        some = min(full, -(-(sketch.window + min(ubatch, work.context)) // CELLS) * CELLS)
        return work.batch * sum(
            layers * (some if windowed else full) * (k.size((keys,)) + v.size((values,)))
            for layers, keys, values, windowed in sketch.cells
        )

    def state(self, subject: Subject, work: Workload) -> int:
        if subject.spec:
            return taken(subject.spec, settings_of(work)).state[0]
        sketch = subject.shape.llama_cpp
        return self._general.state(subject, work) if sketch is None else work.batch * sketch.state

    def compute(self, subject: Subject, work: Workload) -> int:
        if subject.spec:
            return taken(subject.spec, settings_of(work)).compute[0]
        sketch = subject.shape.llama_cpp
        if sketch is None:
            return self._general.compute(subject, work)
        return between([Line(*point) for point in sketch.compute], work.context * work.batch)

    def overhead(self, subject: Subject, work: Workload) -> int:
        return PROCESS

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        if subject.spec is None:
            yield from self._general.explain(subject, work)
            return
        known, settings = facts(subject.spec), settings_of(work)
        count = cells(known, settings).full
        yield (
            f"  KV cache = {self.cache(subject, work):,} bytes: {sum(any(layer.cached()) for layer in known.layers)} "
            f"layers, {settings.streams} streams x {count:,} cells (a multiple of {CELLS}), windows fewer, K in "
            f"{settings.type_k}, V in {settings.type_v} ({subject.known}: llama.cpp {COMMIT})"
        )
        if state := self.state(subject, work):
            yield f"  state = {state:,} bytes for {work.batch} sequences ({subject.known}: llama.cpp {COMMIT})"
        yield (
            f"  compute = {self.compute(subject, work):,} bytes: its graph allocator, simulated for steps of "
            f"{settings.ubatch:,} tokens (modelled: llama.cpp {COMMIT})"
        )
        yield f"  overhead = {PROCESS:,} bytes of the process besides (measured, tests/truth/llamacpp_gpu_logs.json)"


def between(points: list[Line], context: int) -> int:
    """The value at `context` on the lines between `points`, and on the last one beyond them."""
    right = next((number for number, point in enumerate(points) if point.context >= context), len(points) - 1)
    if right == 0:
        return points[0].size
    a, b = points[right - 1], points[right]
    return max(a.size, a.size + (b.size - a.size) * (context - a.context) // (b.context - a.context))


#: Contexts at which the compute buffer is simulated for the compiled catalogue.
SAMPLED = (256, 2048, 8192, 32_768, 131_072, 1_048_576)


def sketch_of(spec: ModelSpec) -> Sketch:
    """What `LlamaCpp` needs of a model when there is no time to simulate: its cells, its state, some buffers."""
    known = facts_of(spec)
    counts: dict[tuple[int, int, bool], int] = {}
    for layer in known.layers:
        keys, values = layer.cached()
        if keys or values:
            kind = (keys, values, layer.windowed and known.window > 0)
            counts[kind] = counts.get(kind, 0) + 1
    state = 4 * sum(sum(layer.state()) for layer in known.layers)
    compute = []
    for context in SAMPLED:
        settings = settings_of(Workload(context, 1, _F16, 2, None, DEFAULTS))
        compute.append((context, buffers(known, settings, ONE).compute[0]))
    cells = tuple((number, keys, values, windowed) for (keys, values, windowed), number in counts.items())
    return Sketch(cells, known.window, state, tuple(compute))


#: Only its name is asked for.
_F16 = Format("fp16", "FP16", 16, [], "")
