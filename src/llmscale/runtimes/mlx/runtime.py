"""MLX as a runtime: mlx-lm on Metal.

- Cache: K and V as they are when a prompt was read: whole steps of 256 tokens, windows and a chunk more where the
  family has a rotating cache. Quantised ones from 5,000 tokens on.
- State: the general rule's.
- Compute: the most that is held besides while the last chunk of the prompt is read, see `llmscale.runtimes.mlx.prompt`.
  Of contexts between the powers of two it lies on the line between them, and it never falls as a context grows.
- Overhead: none on the GPU's share of the memory.

A bare size, and a catalogue model of which only the shape was compiled, have heads of 128 elements and their share of
the residual stream each.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from llmscale.devices.sets import DeviceSet
from llmscale.errors import UsageError
from llmscale.formats.catalogue import format_of
from llmscale.formats.layout import Format
from llmscale.model.shape import LayerCache
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.general import General, state_lines
from llmscale.runtimes.interface import Subject, Workload
from llmscale.runtimes.mlx import CHUNK, PROMPTS, QUANTISED_FROM, STEP, VERSION
from llmscale.runtimes.mlx.chunk import Chunk, kept
from llmscale.runtimes.mlx.layers import assumed, layers_of, rotating
from llmscale.runtimes.mlx.parts import Latent, Layer
from llmscale.runtimes.mlx.prompt import besides

#: Formats of 16 bits, and those that ``--kv-bits`` makes.
PLAIN, QUANTISED = ("fp16", "bf16"), ("mlx8", "mlx6", "mlx5", "mlx4", "mlx3", "mlx2")
#: Layers that are built: no more are under way at once.
LAYERS = 8
#: Bits of a weight where the format is not known.
BITS = 4.5
#: The least context that is simulated.
LEAST = 256


class Mlx:
    """See the module."""

    name = "mlx"
    grain = STEP

    def __init__(self) -> None:
        self._general = General(self.name)

    def room(self, devices: DeviceSet, work: Workload) -> int:
        return devices.usable

    def cache(self, subject: Subject, work: Workload) -> int:
        form = _form(subject, work)
        size = _cached(form, subject, work)
        if form.id in PLAIN:
            return size
        # It is not quantised before so many tokens are in it.
        plain = _cached(format_of("bf16"), subject, work._replace(context=min(work.context, QUANTISED_FROM)))
        return max(size, plain) if work.context >= QUANTISED_FROM else plain

    def state(self, subject: Subject, work: Workload) -> int:
        return self._general.state(subject, work)

    def compute(self, subject: Subject, work: Workload) -> int:
        form = _form(subject, work)
        layers, bits = _layers(subject)
        return reading(
            layers,
            subject.shape.hidden,
            subject.shape.sequence or work.context,
            _chunk(work),
            min(work.batch, PROMPTS),
            bits,
            form.id if form.id in QUANTISED and work.context >= QUANTISED_FROM else "",
        )

    def overhead(self, subject: Subject, work: Workload) -> int:
        return 0

    def beyond(self, devices: DeviceSet) -> int:
        return 0

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        form = _form(subject, work)
        for part, tokens in _parts(subject, work):
            size = form.size((tokens, part.keys)) + form.size((tokens, part.values))
            window = f" (window of {part.window:,})" if part.window else ""
            yield (
                f"  KV cache = {part.layers} layers x {work.batch} sequences x {tokens:,} tokens{window} x "
                f"({part.keys:,} + {part.values:,}) elements in {form.name} = "
                f"{part.layers * work.batch * size:,} bytes ({subject.known}: mlx-lm {VERSION})"
            )
        if form.id in QUANTISED:
            yield (
                f"  KV cache is quantised from {QUANTISED_FROM:,} tokens on and no less than 16 bits for so many: "
                f"{self.cache(subject, work):,} bytes (mlx-lm {VERSION})"
            )
        yield from state_lines(subject.shape, work)
        prompts = min(work.batch, PROMPTS)
        yield (
            f"  compute = {self.compute(subject, work):,} bytes under way at once while {prompts} x "
            f"{min(_chunk(work), subject.shape.sequence or work.context):,} tokens of the prompt are read (simulated: "
            f"mlx {VERSION} on a Max or an Ultra)"
        )
        yield "  overhead = 0 bytes of the GPU's share of the memory (modelled)"


def reading(
    layers: tuple[Layer, ...], hidden: int, context: int, longest: int, sequences: int, bits: float, quantised: str
) -> int:
    """What reading a prompt of so many tokens takes besides weights and caches, in chunks of `longest`."""

    def at(tokens: int) -> int:
        chunk = min(longest, tokens)
        return besides(layers, hidden, Chunk(sequences, chunk, tokens - chunk, bits, quantised))

    below, most = 0, 0
    above = LEAST
    while above < context:
        below, most = above, max(most, at(above))
        above *= 2
    highest = max(most, at(above))
    return most + (highest - most) * (context - below) // (above - below)


@cache
def _described(spec: ModelSpec) -> tuple[Layer, ...]:
    return layers_of(spec, LAYERS)


def _layers(subject: Subject) -> tuple[tuple[Layer, ...], float]:
    """Its last layers, and bits of a weight."""
    spec = subject.spec
    if spec is None or not spec.shape_known:
        return assumed(subject.shape, LAYERS), BITS
    return _described(spec), subject.quant.bits if subject.quant else BITS


def _chunk(work: Workload) -> int:
    """Tokens of a prompt that are read at once."""
    return work.options.prefill_step_size or CHUNK


def _cached(form: Format, subject: Subject, work: Workload) -> int:
    return sum(
        part.layers * work.batch * (form.size((tokens, part.keys)) + form.size((tokens, part.values)))
        for part, tokens in _parts(subject, work)
    )


def _parts(subject: Subject, work: Workload) -> Iterator[tuple[LayerCache, int]]:
    """Layers that cache alike, and the tokens that each has room for."""
    rotates = subject.spec is None or rotating(subject.spec)
    for part in subject.shape.caches:
        yield part, kept(work.context, part.window if rotates else None, min(_chunk(work), work.context))


def _form(subject: Subject, work: Workload) -> Format:
    """The format of the cache.

    Raises:
        UsageError: MLX has none such, or not for this model.
    """
    if work.kv_v is not None:
        raise UsageError("MLX keeps K and V in the same format.", "Name one, for example --kv-dtype mlx8.")
    if work.kv.id in PLAIN:
        return work.kv
    if work.kv.id not in QUANTISED:
        known = ", ".join((*PLAIN, *QUANTISED))
        raise UsageError(f"MLX keeps no cache in {work.kv.name}.", f"One of: {known}.")
    if work.batch > 1:
        raise UsageError("MLX quantises the cache of one sequence only.", "Leave out --kv-dtype or --batch.")
    layers, _ = _layers(subject)
    if any(part.window for part in subject.shape.caches) and (subject.spec is None or rotating(subject.spec)):
        raise UsageError("MLX does not quantise the cache of a sliding window.", "Leave out --kv-dtype.")
    if any(isinstance(mixer, Latent) for layer in layers for mixer in layer.mixers):
        raise UsageError("MLX does not quantise the cache of latent attention.", "Leave out --kv-dtype.")
    return work.kv
