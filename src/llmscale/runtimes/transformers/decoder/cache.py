"""Bytes that all layers of a decoder keep: K and V of their tokens, and recurrent states."""

from __future__ import annotations

from llmscale.runtimes.transformers.blocks import state_bytes
from llmscale.runtimes.transformers.decoder.model import Decoder
from llmscale.runtimes.transformers.ops import Step


def settled_bytes(decoder: Decoder, step: Step) -> int:
    """The KV cache that stays after the step, windows cut to their size, and recurrent states."""
    return sum(decoder.of_layers(lambda layer: layer.cached_bytes(step, _settled))) + state_of(decoder, step)


def _settled(window: int | None, step: Step) -> int:
    return min(step.seen, window) if window else step.seen


def state_of(decoder: Decoder, step: Step) -> int:
    """The states of recurrent layers."""
    return sum(decoder.of_layers(lambda layer: sum(state_bytes(part, step) for part in layer.mixers)))
