"""What every runtime answers: the bytes it takes besides the weights, for one shape and one workload."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from llmscale.formats.layout import Format
from llmscale.shape import Shape


class Workload(NamedTuple):
    """What is asked of the model.

    Attributes:
        context: tokens of one sequence, prompt and answer together.
        batch: sequences at once.
        kv: format of the KV cache.
        activation_bytes: bytes of one activation, which the weights' format decides.
    """

    context: int
    batch: int
    kv: Format
    activation_bytes: int


class Runtime(Protocol):
    """One runtime's memory besides the weights, in bytes.

    `cache` and `compute` must be sums of linear pieces in the context between the `bends`, so that the largest
    context can be solved for.
    """

    @property
    def name(self) -> str:
        """What `--runtime` calls it."""
        ...

    def cache(self, shape: Shape, work: Workload) -> int:
        """KV cache."""
        ...

    def state(self, shape: Shape, work: Workload) -> int:
        """State of recurrent layers, the same at any context."""
        ...

    def compute(self, shape: Shape, work: Workload) -> int:
        """Activations and scratch buffers of one forward step."""
        ...

    def overhead(self) -> int:
        """What the framework itself takes on each device."""
        ...

    def bends(self, shape: Shape) -> list[int]:
        """Contexts at which `cache` or `compute` change their slope."""
        ...
