"""What of a model decides its memory besides the weights: widths, layers and what each layer caches.

A `Shape` follows from a `ModelSpec`; the compiled catalogue stores it per model, so that a bare size
such as ``7B`` can be compared with the real models around it without reading any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmscale.model.spec import CacheShape, ModelSpec, StateShape
from llmscale.records import NamedTuple


class LayerCache(NamedTuple):
    """`layers` layers that cache alike; see `CacheShape` for the rest."""

    layers: int
    keys: int
    values: int
    window: int | None = None
    source: str = "self"
    every: int = 1
    tokens: int | None = None


class LayerState(NamedTuple):
    """`layers` recurrent layers whose state has so many elements a sequence, however long it grows."""

    layers: int
    elements: int
    bytes_per_element: int


class Shape(NamedTuple):
    """Widths in elements, lengths in tokens.

    Attributes:
        intermediate: widest feed-forward activation of one token, chosen experts together.
        sequence: tokens of a model that always sees the same number; None for a language model.
    """

    layers: int
    hidden: int
    intermediate: int
    vocab: int
    max_context: int | None
    sequence: int | None
    caches: tuple[LayerCache, ...]
    states: tuple[LayerState, ...] = ()

    @property
    def decodes(self) -> bool:
        """Whether it makes one token after another, keeping something between them."""
        return bool(self.caches or self.states)

    @property
    def even(self) -> bool:
        """Whether every layer keeps all tokens of the context, and nothing else: no window, no state, no encoder."""
        plain = all(layer.window is None and layer.source == "self" and layer.every == 1 for layer in self.caches)
        return bool(self.caches) and plain and not self.states

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Shape:
        """Back from what the compiled catalogue stores."""
        shape = cls(*fields)
        return shape._replace(
            caches=tuple(LayerCache(*cache) for cache in shape.caches),
            states=tuple(LayerState(*state) for state in shape.states),
        )


def shape_of(spec: ModelSpec) -> Shape:
    """The shape of a model whose tensors are known."""
    counts: dict[CacheShape, int] = {}
    state_counts: dict[StateShape, int] = {}
    for placed in spec.placed:
        if placed.tower is not None:
            continue
        layers = max(1, len(placed.layers))
        cache = placed.block.cache()
        if cache is not None:
            counts[cache] = counts.get(cache, 0) + layers
        keeps_state = getattr(placed.block, "state", None)
        if keeps_state is not None:
            state = keeps_state()
            state_counts[state] = state_counts.get(state, 0) + layers
    return Shape(
        layers=spec.layers,
        hidden=spec.hidden_size,
        intermediate=spec.intermediate_size,
        vocab=spec.vocab_size,
        max_context=spec.max_context,
        sequence=spec.sequence,
        caches=tuple(LayerCache(n, *c) for c, n in counts.items()),
        states=tuple(LayerState(n, s.elements, s.bytes_per_element) for s, n in state_counts.items()),
    )
