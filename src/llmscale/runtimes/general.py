"""One simple rule for every runtime, after Hugging Face transformers with PyTorch.

- KV cache: `DynamicCache` and its sliding-window layers: every layer keeps ``min(context, window)`` tokens of K and V
  (exact in elements; transformers keeps one token less than the window, which is ignored here).
- State: what recurrent layers keep a sequence, in FP32 as their blocks say.
- Compute: one forward step over the whole prompt. Alive together at the widest point of a layer are the residual and
  its normalised copy (2 x hidden) and gate, up and their product (3 x intermediate) of each token; after the last
  layer one row of FP32 logits a sequence. Attention is SDPA's, which keeps no score matrix.
- Overhead: CUDA context, kernels and cuBLAS workspace, 0.5 GiB a device.

The compute rule and the overhead are modelled, not measured; a later version replaces them by measured models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmscale.model.shape import LayerCache, Shape
from llmscale.runtimes.interface import Subject, Workload
from llmscale.units import GIB

if TYPE_CHECKING:
    from llmscale.devices.sets import DeviceSet

FRAMEWORK = GIB // 2
LOGIT_BYTES = 4


@dataclass(frozen=True)
class General:
    """See the module."""

    name: str

    grain: int = 1

    def room(self, devices: DeviceSet, work: Workload) -> int:
        return devices.usable

    def cache(self, subject: Subject, work: Workload) -> int:
        return sum(
            layer.layers
            * work.batch
            * (work.kv.size((tokens, layer.keys)) + work.value_format.size((tokens, layer.values)))
            for layer in subject.shape.caches
            for tokens in [kept(layer, work.context)]
        )

    def state(self, subject: Subject, work: Workload) -> int:
        states = subject.shape.states
        return sum(work.batch * layer.layers * layer.elements * layer.bytes_per_element for layer in states)

    def compute(self, subject: Subject, work: Workload) -> int:
        shape = subject.shape
        tokens = work.batch * (shape.sequence or work.context)
        widest = 2 * shape.hidden + 3 * shape.intermediate
        logits = work.batch * shape.vocab * LOGIT_BYTES if shape.decodes else 0
        return tokens * widest * work.activation_bytes + logits

    def overhead(self, subject: Subject, work: Workload) -> int:
        return FRAMEWORK

    def beyond(self, devices: DeviceSet) -> int:
        return 0

    def explain(self, subject: Subject, work: Workload) -> Iterator[str]:
        yield from cache_lines(subject, work)
        yield from state_lines(subject.shape, work)
        if not subject.shape.decodes:
            yield "  KV cache = 0: an encoder keeps nothing between tokens (exact)"
        shape, tokens = subject.shape, work.batch * (subject.shape.sequence or work.context)
        yield (
            f"  compute = {tokens:,} tokens x (2 x {shape.hidden:,} hidden + 3 x {shape.intermediate:,} intermediate) "
            f"x {work.activation_bytes} bytes + logits of {work.batch} x {shape.vocab if shape.decodes else 0:,} x 4 "
            f"bytes = {self.compute(subject, work):,} bytes (modelled: one forward step over the prompt)"
        )
        yield overhead_line(self.overhead(subject, work))


def kept(layer: LayerCache, context: int) -> int:
    """Tokens that a layer keeps; the encoder's side of a cross-attention is taken to be as long as the decoder's."""
    return min(context, layer.window) if layer.window else context


def cache_lines(subject: Subject, work: Workload) -> Iterator[str]:
    """The cache of each kind of layer, for ``--explain``."""
    for layer in subject.shape.caches:
        tokens = kept(layer, work.context)
        window = f" (window of {layer.window:,})" if layer.window else ""
        side = " of the encoder" if layer.source == "cross" else ""
        total = work.kv.size((tokens, layer.keys)) + work.value_format.size((tokens, layer.values))
        yield (
            f"  KV cache = {layer.layers} layers x {work.batch} sequences x {tokens:,} tokens{side}{window} x "
            f"({layer.keys:,} + {layer.values:,}) elements in {work.kv.name} = "
            f"{layer.layers * work.batch * total:,} bytes ({subject.known})"
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
