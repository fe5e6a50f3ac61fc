"""What of a model decides its memory besides the weights: widths, layers and what each layer caches.

A `Shape` follows from a `ModelSpec`; the compiled catalogue stores it per model, so that a bare size
such as ``7B`` can be compared with the real models around it without reading any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from llmscale.model.spec import CacheShape, ModelSpec, StateShape


class LayerCache(NamedTuple):
    """`layers` layers that cache alike; see `CacheShape` for the rest."""

    layers: int
    keys: int
    values: int
    window: int | None = None
    source: str = "self"


class LayerState(NamedTuple):
    """`layers` recurrent layers whose state has so many elements a sequence, however long it grows."""

    layers: int
    elements: int
    bytes_per_element: int


class Sketch(NamedTuple):
    """What llama.cpp makes of a model, computed when the catalogue was compiled; see `llmscale.runtimes.llama_cpp`.

    Attributes:
        cells: layers, elements of K and of V that one cell holds, and whether a sliding window bounds the cells.
        window: tokens of that window; 0 for none.
        state: bytes of recurrent state of one sequence.
        compute: contexts, and the bytes of the compute buffer there.
    """

    cells: tuple[tuple[int, int, int, bool], ...]
    window: int
    state: int
    compute: tuple[tuple[int, int], ...]


class Shape(NamedTuple):
    """Widths in elements, lengths in tokens.

    Attributes:
        intermediate: widest feed-forward activation of one token, chosen experts together.
        sequence: tokens of a model that always sees the same number; None for a language model.
        llama_cpp: only in the compiled catalogue, of models that llama.cpp can load.
        transformers: contexts, and what one sequence of 16 bits has alive there besides weights and cache, of models
            whose forward pass is traced; see `llmscale.runtimes.transformers`.
    """

    layers: int
    hidden: int
    intermediate: int
    vocab: int
    max_context: int | None
    sequence: int | None
    caches: tuple[LayerCache, ...]
    states: tuple[LayerState, ...] = ()
    llama_cpp: Sketch | None = None
    transformers: tuple[tuple[int, int], ...] = ()

    @property
    def decodes(self) -> bool:
        """Whether it makes one token after another, keeping something between them."""
        return bool(self.caches or self.states)

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> Shape:
        """Back from what the compiled catalogue stores."""
        shape = cls(*fields)
        drawn = shape.llama_cpp
        if drawn is not None:
            cells, window, state, compute = drawn
            drawn = Sketch(tuple(map(tuple, cells)), window, state, tuple(map(tuple, compute)))  # type: ignore[arg-type]
        return shape._replace(
            caches=tuple(LayerCache(*cache) for cache in shape.caches),
            states=tuple(LayerState(*state) for state in shape.states),
            llama_cpp=drawn,
            transformers=tuple((at, size) for at, size in shape.transformers),
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
        caches=tuple(LayerCache(n, c.keys, c.values, c.window, c.source) for c, n in counts.items()),
        states=tuple(LayerState(n, s.elements, s.bytes_per_element) for s, n in state_counts.items()),
    )
