"""What mlx-lm takes on Metal.

- Cache: K and V as they are when a prompt was read: whole steps of 256 tokens, windows and a chunk more where the
  family has a rotating cache. Quantised ones from 5,000 tokens on.
- State: the general rule's.
- Compute: the most that is held besides while the last chunk of the prompt is read, see `llmscale.runtimes.mlx.graph`.
  Of contexts between the powers of two it lies on the line between them, and it never falls as a context grows.
- Overhead: none on the GPU's share of the memory.

A bare size, and a catalogue model of which only the shape was compiled, have heads of 128 elements and their share of
the residual stream each.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from llmscale.errors import UsageError
from llmscale.formats.catalogue import format_of
from llmscale.formats.layout import Format
from llmscale.model.shape import LayerCache
from llmscale.model.spec import ModelSpec
from llmscale.quantity import NOTHING, Quantity
from llmscale.runtimes.general import Memory, known, state_bytes
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.mlx.chunk import Chunk, kept
from llmscale.runtimes.mlx.layers import assumed, layers_of, rotating
from llmscale.runtimes.mlx.parts import Latent, Layer
from llmscale.runtimes.mlx.prompt import besides
from llmscale.runtimes.mlx.rules import CHUNK, PROMPTS, QUANTISED_FROM
from llmscale.runtimes.subject import Exact, Summary

#: Formats of 16 bits, and those that ``--kv-bits`` makes.
PLAIN, QUANTISED = ("fp16", "bf16"), ("mlx8", "mlx6", "mlx5", "mlx4", "mlx3", "mlx2")
#: Layers that are built: no more are under way at once.
LAYERS = 8
#: Bits of a weight where the format is not known.
BITS = 4.5
#: The least context that is simulated.
LEAST = 256


def memory(subject: Exact | Summary, work: Workload) -> Memory:
    """What `subject` takes of the GPU's share of the memory.

    Raises:
        UsageError: a cache that MLX does not have.
    """
    basis = known(subject)
    return Memory(
        weights=subject.weights,
        cache=Quantity.exactly(cached(subject, work), subject.basis),
        state=Quantity.exactly(state_bytes(subject.widths, work), basis),
        compute=Quantity.exactly(compute(subject, work), basis),
        overhead=NOTHING,
    )


def cached(subject: Exact | Summary, work: Workload) -> int:
    """Bytes of the KV cache; it is not quantised before so many tokens are in it."""
    form = cache_format(subject, work)
    size = _cached(form, subject, work)
    if form.id in PLAIN:
        return size
    plain = _cached(format_of("bf16"), subject, work._replace(context=min(work.context, QUANTISED_FROM)))
    return max(size, plain) if work.context >= QUANTISED_FROM else plain


def compute(subject: Exact | Summary, work: Workload) -> int:
    """Bytes under way at once while the last chunk of the prompt is read."""
    form = cache_format(subject, work)
    layers, bits = _layers(subject)
    return reading(
        layers,
        subject.widths.hidden,
        subject.widths.sequence or work.context,
        chunk_of(work),
        min(work.batch, PROMPTS),
        bits,
        form.id if form.id in QUANTISED and work.context >= QUANTISED_FROM else "",
    )


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


def _layers(subject: Exact | Summary) -> tuple[tuple[Layer, ...], float]:
    """Its last layers, and bits of a weight."""
    if isinstance(subject, Summary):
        return assumed(subject.widths, LAYERS), BITS
    return _described(subject.spec), subject.quant.bits


def chunk_of(work: Workload) -> int:
    """Tokens of a prompt that are read at once."""
    return int(work.option("prefill_step_size") or CHUNK)


def _cached(form: Format, subject: Exact | Summary, work: Workload) -> int:
    return sum(
        part.layers * work.batch * (form.size((tokens, part.keys)) + form.size((tokens, part.values)))
        for part, tokens in parts(subject, work)
    )


def _rotates(subject: Exact | Summary) -> bool:
    """Whether windows have a rotating cache."""
    return isinstance(subject, Summary) or rotating(subject.spec)


def parts(subject: Exact | Summary, work: Workload) -> Iterator[tuple[LayerCache, int]]:
    """Layers that cache alike, and the tokens that each has room for."""
    rotates = _rotates(subject)
    for part in subject.widths.caches:
        yield part, kept(work.context, part.window if rotates else None, min(chunk_of(work), work.context))


def cache_format(subject: Exact | Summary, work: Workload) -> Format:
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
    if any(part.window for part in subject.widths.caches) and (_rotates(subject)):
        raise UsageError("MLX does not quantise the cache of a sliding window.", "Leave out --kv-dtype.")
    if any(isinstance(mixer, Latent) for layer in layers for mixer in layer.mixers):
        raise UsageError("MLX does not quantise the cache of latent attention.", "Leave out --kv-dtype.")
    return work.kv
