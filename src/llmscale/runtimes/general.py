"""One simple rule for what nobody modelled, after Hugging Face transformers with PyTorch; every runtime may start here.

- KV cache: `DynamicCache` and its sliding-window layers: every layer keeps ``min(context, window)`` tokens of K and V
  (exact in elements; transformers keeps one token less than the window, which is ignored here).
- State: what recurrent layers keep a sequence, in FP32 as their blocks say.
- Compute: one forward step over the whole prompt. Alive together at the widest point of a layer are the residual and
  its normalised copy (2 x hidden) and gate, up and their product (3 x intermediate) of each token; after the last
  layer one row of FP32 logits a sequence. Attention is SDPA's, which keeps no score matrix.
- Overhead: CUDA context, kernels and cuBLAS workspace, 0.5 GiB a device.

Weights, cache and state are dealt out to several devices, so that all are full alike; compute and overhead are on each.
The compute rule and the overhead are modelled, not measured.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from llmscale.devices.sets import DeviceSet
from llmscale.model.shape import LayerCache, Shape
from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import ModelName, PaceSetting, RuntimeInfo, StepRoom, Workload
from llmscale.runtimes.placed import (
    CACHE,
    COMPUTE,
    OVERHEAD,
    PRECISE,
    STATE,
    UNLIMITED,
    WEIGHTS,
    Off,
    Placement,
    Usage,
    gathered,
)
from llmscale.runtimes.subject import Exact, Summary
from llmscale.units import GIB

FRAMEWORK = GIB // 2
LOGIT_BYTES = 4


class Memory(NamedTuple):
    """What a model takes of one device that holds all of it.

    Attributes:
        weights: those that lie on the device.
        host: what lies in host memory even so, by what it is for.
    """

    weights: Quantity
    cache: Quantity
    state: Quantity
    compute: Quantity
    overhead: Quantity
    host: tuple[tuple[str, Quantity], ...] = ()


class GeneralRuntime:
    """See the module. A runtime that knows better replaces `memory`, `place`, or any other method."""

    def __init__(self, info: RuntimeInfo, release: str) -> None:
        self.info = info
        self.release = release

    def in_own_words(self, work: Workload, *, named: bool) -> Workload:
        return work

    def settle(self, subject: Exact | Summary, work: Workload, devices: DeviceSet) -> Workload:
        return work

    def place(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement:
        return spread(self.memory(subject, work), self.budgets(work, devices), self.further(devices))

    def partly(self, subject: Exact, work: Workload, devices: DeviceSet) -> Placement | None:
        return None

    def screen(self, summary: Summary, work: Workload, devices: DeviceSet) -> Placement:
        return spread(self.memory(summary, work), self.budgets(work, devices), self.further(devices))

    def screen_error(self, summary: Summary, work: Workload, devices: DeviceSet) -> Off:
        return PRECISE

    def screens_alike(self, work: Workload, devices: DeviceSet) -> tuple[Hashable, int] | None:
        if devices.members or type(self).screen is not GeneralRuntime.screen:
            return None
        return devices.count, self.further(devices)[0]

    def summarise(self, subject: Exact) -> Any:
        return None

    def context(self, devices: Sequence[DeviceSet]) -> int | None:
        return None

    def bounded(self, subject: Exact) -> bool:
        return True

    @property
    def measured_as(self) -> str:
        return self.info.name

    def granularity(self, work: Workload) -> int:
        return 1

    def ranks(self, work: Workload) -> int:
        return 1

    def pace(self, work: Workload) -> PaceSetting | None:
        return PaceSetting(self.info.engine or self.info.name)

    def step_room(self, work: Workload, devices: DeviceSet) -> StepRoom | None:
        return None

    def launch(self, subject: Exact | Summary, work: Workload, placed: Placement, called: ModelName) -> str | None:
        return None

    def memory(self, subject: Exact | Summary, work: Workload) -> Memory:
        """What `subject` takes of one device."""
        widths = subject.widths
        return Memory(
            weights=subject.weights,
            cache=Quantity.exactly(cache_bytes(widths, work), subject.basis),
            state=Quantity.exactly(state_bytes(widths, work), known(subject)),
            compute=Quantity.exactly(compute_bytes(widths, work), known(subject)),
            overhead=Quantity.exactly(FRAMEWORK, Basis.MODELLED),
        )

    def budgets(self, work: Workload, devices: DeviceSet) -> Sequence[int]:
        """Bytes that may be used of each device."""
        return devices.budgets

    def further(self, devices: DeviceSet) -> Sequence[int]:
        """What each device's overhead is more than that of a device without a name."""
        return (0,) * devices.count

    def explain(self, subject: Exact, work: Workload, placed: Placement, devices: DeviceSet) -> Iterator[str]:
        yield from cache_lines(subject, work)
        yield from state_lines(subject.widths, work)
        if not subject.widths.decodes:
            yield "  KV cache = 0: an encoder keeps nothing between tokens (exact)"
        shape = subject.widths
        tokens = work.batch * (shape.sequence or work.context)
        yield (
            f"  compute = {tokens:,} tokens x (2 x {shape.hidden:,} hidden + 3 x {shape.intermediate:,} intermediate) "
            f"x {work.activation_bytes} bytes + logits of {work.batch} x {shape.vocab if shape.decodes else 0:,} x 4 "
            f"bytes = {compute_bytes(shape, work):,} bytes (modelled: one forward step over the prompt)"
        )
        yield overhead_line(FRAMEWORK)


def known(subject: Exact | Summary) -> Basis:
    """How what a runtime makes of the layers is known."""
    return Basis.MODELLED if subject.basis is Basis.EXACT else subject.basis


def spread(memory: Memory, budgets: Sequence[int], further: Sequence[int]) -> Placement:
    """Weights, cache and state dealt out to devices so that all are full alike, all else on each of them.

    A device that has no room for anything beside what each one needs is left out.
    """
    shares = _shares(memory, budgets, further)
    return dealt_out(memory, budgets, further, shares, shares)


def dealt_out(
    memory: Memory, budgets: Sequence[int], further: Sequence[int], shares: Sequence[int], layers: Sequence[int]
) -> Placement:
    """Weights dealt out by `shares`, cache and state by `layers`, all else on each device that has a share."""
    if not any(layers):
        layers = shares
    dealt = [memory.weights.split(shares), memory.cache.split(layers), memory.state.split(layers)]
    usages = []
    for share, budget, more, weights, cache, state in zip(shares, budgets, further, *dealt, strict=True):
        if not share:
            usages.append(Usage(budget))
            continue
        overhead = memory.overhead.plus(more)
        parts = ((WEIGHTS, weights), (CACHE, cache), (STATE, state), (COMPUTE, memory.compute), (OVERHEAD, overhead))
        usages.append(Usage(budget, gathered(parts)))
    return Placement(tuple(usages), Usage(UNLIMITED, gathered(memory.host)))


def _shares(memory: Memory, budgets: Sequence[int], further: Sequence[int]) -> list[int]:
    """What each device has for weights, cache and state; alike where none has anything."""
    own = memory.compute.high + memory.overhead.high
    left = [max(0, budget - own - more) for budget, more in zip(budgets, further, strict=True)]
    return left if any(left) else [1] * len(left)


def kept(layer: LayerCache, context: int) -> int:
    """Entries that a layer keeps; of an encoder of text, as many as of the decoder."""
    if layer.tokens is not None:
        return layer.tokens
    return min(context, layer.window) if layer.window else context // layer.every


def cache_bytes(shape: Shape, work: Workload) -> int:
    """Bytes of the KV cache."""
    k, v = work.kv, work.value_format
    return sum(
        layer.layers * work.batch * (k.size((tokens, layer.keys)) + v.size((tokens, layer.values)))
        for layer in shape.caches
        for tokens in [kept(layer, work.context)]
    )


def state_bytes(shape: Shape, work: Workload) -> int:
    """Bytes of recurrent state, the same at any context."""
    return sum(work.batch * layer.layers * layer.elements * layer.bytes_per_element for layer in shape.states)


def compute_bytes(shape: Shape, work: Workload, step: int | None = None) -> int:
    """Bytes of activations of one forward step, which reads all prompts whole, or `step` tokens of a decoder's."""
    tokens = work.batch * (shape.sequence or work.context)
    if step is not None and shape.decodes:
        tokens = min(tokens, step)
    widest = 2 * shape.hidden + 3 * shape.intermediate
    logits = work.batch * shape.vocab * LOGIT_BYTES if shape.decodes else 0
    return tokens * widest * work.activation_bytes + logits


def cache_lines(subject: Exact, work: Workload) -> Iterator[str]:
    """The cache of each kind of layer, for ``--explain``."""
    for layer in subject.widths.caches:
        tokens = kept(layer, work.context)
        window = f" (window of {layer.window:,})" if layer.window else ""
        side = " of the encoder" if layer.source == "cross" else f" of {layer.every}" if layer.every > 1 else ""
        total = work.kv.size((tokens, layer.keys)) + work.value_format.size((tokens, layer.values))
        yield (
            f"  KV cache = {layer.layers} layers x {work.batch} sequences x {tokens:,} tokens{side}{window} x "
            f"({layer.keys:,} + {layer.values:,}) elements in {work.kv.name} = "
            f"{layer.layers * work.batch * total:,} bytes ({subject.basis.value})"
        )


def state_lines(shape: Shape, work: Workload) -> Iterator[str]:
    """The state of each kind of recurrent layer, for ``--explain``."""
    for state in shape.states:
        total = work.batch * state.layers * state.elements * state.bytes_per_element
        yield (
            f"  state = {state.layers} layers x {work.batch} sequences x {state.elements:,} elements x "
            f"{state.bytes_per_element} bytes = {total:,} bytes at any context (modelled: FP32)"
        )


def overhead_line(size: int) -> str:
    """The overhead, for ``--explain``."""
    return f"  overhead = {size:,} bytes for the CUDA context and libraries of one process (modelled)"
