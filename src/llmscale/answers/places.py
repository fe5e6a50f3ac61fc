"""What is known of a model once its runtime has put it on devices; filled by one module for each runtime."""

from __future__ import annotations

from typing import NamedTuple


class Aside(NamedTuple):
    """Shares of all layers, and of all routed experts, that lie in RAM."""

    layers: float
    experts: float


class Placed(NamedTuple):
    """The fields of `DeviceFit` that only a runtime knows; None where it does not.

    Attributes:
        fits, may_fit, headroom_bytes: what the runtime's own layout says, where it is more than a sum over all devices.
        max_context: 0 for none.
        ranks: of one tensor, where the runtime says so in its command.
        max_batch: sequences of the context at once; 0 for none.
    """

    fits: bool | None = None
    may_fit: bool | None = None
    headroom_bytes: int | None = None
    max_context: int | None = None
    max_batch: int | None = None
    gpu_layers: int | None = None
    layers: int | None = None
    cpu_moe: int | None = None
    weights_bytes: int | None = None
    kv_cache_bytes: int | None = None
    overhead_bytes: int | None = None
    ram_bytes: int | None = None
    kv_cache_tokens: int | None = None
    max_concurrency: float | None = None
    tokens_per_second: float | None = None
    tokens_per_second_range: tuple[float, float] | None = None
    first_token_seconds: float | None = None
    first_token_seconds_range: tuple[float, float] | None = None
    command: str | None = None
    ranks: int | None = None
